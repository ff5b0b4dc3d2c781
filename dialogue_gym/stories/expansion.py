"""Expansion of stories with checkpoints, ORs and undone steps to plain ones: whole dialogues of events."""

from __future__ import annotations

import dataclasses
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from dialogue_gym.conversation.events import ActionExecuted, Event, UserUttered, Value
from dialogue_gym.domain import Domain
from dialogue_gym.stories.model import Either, Place, Step, Story, StoryCheckpoint
from dialogue_gym.stories.story_state import StoryState, StoryStates

MAX_EXPANDED = 10_000
"""The most stories that checkpoints and ORs may add."""
_WORK = 25_000
_WORK_PER_STEP = 20
"""The budget of steps for that: `_WORK`, and `_WORK_PER_STEP` for each step of the stories."""
_LONG = 20
"""The length, in parts, beyond which a random path may end although it could continue."""
_ATTEMPTS = 20
"""The number of random paths in a row that are known or lead nowhere, after which the search ends."""


@dataclass(frozen=True)
class Expansion:
    """Plain stories; `sampled` is the story from which on there were too many, so that these are a sample."""

    stories: list[Story]
    sampled: Story | None = None


def expand(stories: Iterable[Story], domain: Domain | None = None, limit: int = MAX_EXPANDED) -> list[Story]:
    """Return stories with every checkpoint and OR resolved, as events alone.

    A story that ends with a checkpoint continues with each story that begins with it and whose slot
    conditions hold at that point. No part comes twice in one dialogue, so loops end. Stories that begin with
    a checkpoint without a predecessor are left out, and so are rules, since they do not tell the beginning of
    a dialogue. Messages and actions that a `rewind` or `undo` takes back are left out too. The domain
    determines the slots that entities fill and their initial values; without it, an entity fills the slot of
    its own name.

    If this adds more than `limit` stories, or far more steps, the result is a random sample, always the same.
    """
    return expansion(stories, domain, limit).stories


def expansion(stories: Iterable[Story], domain: Domain | None = None, limit: int = MAX_EXPANDED) -> Expansion:
    """Expand stories as `expand` does, and report whether the result is a sample."""
    paths = _Paths([part for story in stories if not story.is_rule for part in _parts(story)], domain)
    work = _WORK + _WORK_PER_STEP * sum(len(part.steps) for part in paths.parts)
    budget = _Budget(limit, work)
    found: dict[int, list[_Path]] = {}
    sampled = None
    for start in paths.starts:
        found[start] = paths.all_of(start, budget)
        if budget.is_spent:
            sampled = paths.parts[start].story
            found = _shared(paths, _Budget(limit, work))
            break
    expanded = [
        story
        for start, ended in found.items()
        for story in _numbered(_distinct(paths.story(start, path) for path in ended))
    ]
    return Expansion(expanded, sampled)


def _shared(paths: _Paths, budget: _Budget) -> dict[int, list[_Path]]:
    """Return paths from every start within a shared budget: all of them, or else a random sample."""
    generator = random.Random(0)
    found: dict[int, list[_Path]] = {}
    left = sum(map(paths.has_choices, paths.starts))
    for start in paths.starts:
        if not paths.has_choices(start):
            found[start] = paths.all_of(start, _Budget(0, len(paths.parts[start].steps)))
            continue
        share, rest = budget.part(left), budget.part(left)
        found[start] = paths.all_of(start, rest)
        if rest.is_spent:
            found[start] = paths.some_of(start, budget, share, generator)
        else:
            budget.spend(*share.less(rest))
        left -= 1
    return found


class _Budget:
    """The stories and steps that paths may still use."""

    def __init__(self, stories: int, steps: int) -> None:
        self.stories = stories
        self.steps = steps

    def spend(self, stories: int, steps: int) -> None:
        self.stories -= stories
        self.steps -= steps

    def part(self, count: int) -> _Budget:
        return _Budget(max(0, self.stories) // count, max(0, self.steps) // count)

    def less(self, other: _Budget) -> tuple[int, int]:
        return self.stories - other.stories, self.steps - other.steps

    @property
    def is_spent(self) -> bool:
        return self.stories < 0 or self.steps < 0


@dataclass(frozen=True)
class _Part:
    """A section of a story, between the checkpoints that begin and end it."""

    story: Story
    begins: tuple[StoryCheckpoint, ...]
    steps: tuple[tuple[Step, Place], ...]
    ends: tuple[StoryCheckpoint, ...]

    @property
    def is_of_user(self) -> bool:
        """Whether the user begins."""
        for step, _ in self.steps:
            if isinstance(step, (UserUttered, ActionExecuted)):
                return isinstance(step, UserUttered)
            if isinstance(step, Either):
                return isinstance(step.options[0][0], UserUttered)
        return False


def _parts(story: Story) -> Iterator[_Part]:
    """Cut a story at its inner checkpoints."""
    placed = [(step, story.place_of(index)) for index, step in enumerate(story.steps)]
    groups: list[tuple[bool, list[tuple[Step, Place]]]] = []
    for step, place in placed:
        is_checkpoint = isinstance(step, StoryCheckpoint)
        if not groups or groups[-1][0] != is_checkpoint:
            groups.append((is_checkpoint, []))
        groups[-1][1].append((step, place))
    begins: tuple[StoryCheckpoint, ...] = ()
    for index, (is_checkpoint, group) in enumerate(groups):
        if is_checkpoint:
            begins = tuple(step for step, _ in group if isinstance(step, StoryCheckpoint))
            continue
        after = groups[index + 1][1] if index + 1 < len(groups) else ()
        yield _Part(story, begins, tuple(group), tuple(s for s, _ in after if isinstance(s, StoryCheckpoint)))


_Choice = int | tuple[tuple[Event, ...], Place]
"""The index of the next part, or one alternative of an OR."""


class _Path(NamedTuple):
    """A path through parts, up to a step of one of them.

    `visited` has a bit for each part, since a set would take far longer to copy; `trail` links the parts, the
    last one first.
    """

    part: int
    step: int
    state: StoryState
    visited: int
    trail: tuple[Any, int] | None

    @property
    def size(self) -> int:
        """The cost of writing and replaying the path, in steps; starting a dialogue costs five."""
        return 5 + self.state.length + self.visited.bit_count()


class _Paths:
    """All paths through parts."""

    def __init__(self, parts: Sequence[_Part], domain: Domain | None) -> None:
        self.parts = parts
        self.starts = [index for index, part in enumerate(parts) if not part.begins]
        self._following: dict[str, list[tuple[int, StoryCheckpoint]]] = {}
        for index, part in enumerate(parts):
            for checkpoint in part.begins:
                self._following.setdefault(checkpoint.name, []).append((index, checkpoint))
        checkpoints = (checkpoint for part in parts for checkpoint in (*part.begins, *part.ends))
        self._states = StoryStates(domain, {name for checkpoint in checkpoints for name in checkpoint.slots})

    def has_choices(self, start: int) -> bool:
        """Return whether there can be more paths than the one that ends with the part itself."""
        part = self.parts[start]
        is_one = not any(isinstance(step, Either) for step, _ in part.steps)
        return not is_one or any(end.name in self._following for end in part.ends)

    def all_of(self, start: int, budget: _Budget) -> list[_Path]:
        """Return the paths from a part that begins a dialogue, in the file's order, within the budget."""
        found: list[_Path] = []
        for path in self._walk(start, budget, lambda choices: choices[::-1]):
            if found:  # the first path replaces the story itself, whose steps are not charged
                budget.spend(1, path.size)
            found.append(path)
        return found

    def some_of(self, start: int, budget: _Budget, share: _Budget, generator: random.Random) -> list[_Path]:
        """Return different random paths within a share of the budget, and at least one if there is any.

        They prefer the parts that were used least so far, so that every part is used soon.
        """
        made: list[int] = []
        uses: Counter[int] = Counter()

        def one(choices: list[_Choice]) -> list[_Choice]:
            if not choices:
                return []
            counts = [uses[choice] if isinstance(choice, int) else 0 for choice in choices]
            least = min(counts)
            index = generator.choice([index for index, count in enumerate(counts) if count == least])
            made.append(index)
            if isinstance(chosen := choices[index], int):
                uses[chosen] += 1
            return [chosen]

        found: dict[tuple[int, ...], _Path] = {}
        floor = _Budget(*budget.less(share))
        failed = 0
        while failed < _ATTEMPTS and budget.steps > floor.steps:
            if found and budget.stories <= floor.stories:
                break
            made.clear()
            path = next(self._walk(start, budget, one, _LONG), None)
            if path is None or tuple(made) in found:
                failed += 1
                continue
            failed = 0
            budget.spend(1 if found else 0, path.size)
            found[tuple(made)] = path
        return list(found.values())

    def _walk(
        self,
        start: int,
        budget: _Budget,
        choose: Callable[[list[_Choice]], list[_Choice]],
        long: int = sys.maxsize,
    ) -> Iterator[_Path]:
        """Yield the complete paths among those chosen at each OR and checkpoint."""
        open_paths = [_Path(start, 0, self._states.first, 1 << start, (None, start))]
        while open_paths and not budget.is_spent:
            path, choices = self._onward(open_paths.pop(), budget, long)
            if choices is None:
                yield path
            else:
                open_paths += (self._following_choice(path, choice) for choice in choose(choices))

    def _onward(self, path: _Path, budget: _Budget, long: int) -> tuple[_Path, list[_Choice] | None]:
        """Advance to the next choice, and return the options; None at the end of a dialogue."""
        part = self.parts[path.part]
        state = path.state
        for index in range(path.step, len(part.steps)):
            step, place = part.steps[index]
            if isinstance(step, Either):
                budget.spend(0, index - path.step + len(step.options))
                return path._replace(step=index + 1, state=state), [
                    (option, place) for option in step.options
                ]
            if not isinstance(step, StoryCheckpoint):
                state = self._states.after(state, step, place)
        nexts = [(end, *following) for end in part.ends for following in self._following.get(end.name, ())]
        budget.spend(0, len(part.steps) - path.step + len(nexts) // 2)
        taken = dict.fromkeys(
            number
            for end, number, begin in nexts
            if not path.visited >> number & 1
            and _are_set(end.slots, state.slots)
            and _are_set(begin.slots, state.slots)
        )
        # A dialogue whose loops lead to no new part may end, if it is the user's turn.
        is_last = not taken or (len(taken) > 1 and path.visited.bit_count() >= long)
        if is_last and all(self.parts[number].is_of_user for _, number, _ in nexts):
            return path._replace(state=state), None
        return path._replace(state=state), list(taken)

    def _following_choice(self, path: _Path, choice: _Choice) -> _Path:
        if isinstance(choice, int):
            return _Path(choice, 0, path.state, path.visited | 1 << choice, (path.trail, choice))
        state = path.state
        for event in choice[0]:
            state = self._states.after(state, event, choice[1])
        return path._replace(state=state)

    def story(self, start: int, path: _Path) -> Story:
        """Return the story of a complete path."""
        names = []
        trail = path.trail
        while trail:
            trail, index = trail
            names.append(self.parts[index].story.name)
        kept = self._states.events(path.state)
        first = self.parts[start].story
        return Story(
            " + ".join(dict.fromkeys(reversed(names))),
            tuple(event for event, _ in kept),
            first.file,
            first.line,
            tuple(place for _, place in kept),
        )


def _are_set(wanted: Mapping[str, Value], slots: Mapping[str, Value]) -> bool:
    return not wanted or all(slots.get(name) == value for name, value in wanted.items())


def _distinct(stories: Iterable[Story]) -> Iterator[Story]:
    """Yield each dialogue once: alternatives can have the same acts in other words."""
    seen: set[str] = set()
    for story in stories:
        acts = repr(
            [
                dataclasses.replace(step, text=None) if isinstance(step, UserUttered) else step
                for step in story.steps
            ]
        )
        if acts not in seen:
            seen.add(acts)
            yield story


def _numbered(stories: Iterable[Story]) -> list[Story]:
    """Number stories that have the same name."""
    counts: dict[str, int] = {}
    numbered = []
    for story in stories:
        count = counts[story.name] = counts.get(story.name, 0) + 1
        numbered.append(story if count == 1 else dataclasses.replace(story, name=f"{story.name} ({count})"))
    return numbered
