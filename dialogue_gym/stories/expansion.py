"""From stories with checkpoints, ORs and undone steps to plain ones: events only, from a dialogue's start."""

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
from dialogue_gym.stories.story_state import Moment, Moments

MAX_EXPANDED = 10_000
"""How many stories checkpoints and ORs may add."""
_WORK = 25_000
_WORK_PER_STEP = 20
"""How many steps may be gone through for that: some, and more for each step that was given."""
_LONG = 20
"""After how many parts a random way ends where there are several to go on with, if it is the user's turn."""
_TRIES = 20
"""How often in a row a random way may be one that is known, or lead nowhere, until no more are looked for."""


@dataclass(frozen=True)
class Expansion:
    """Plain stories, and the story after which there were too many for all of them to be here."""

    stories: list[Story]
    sampled: Story | None = None


def expand(stories: Iterable[Story], domain: Domain | None = None, limit: int = MAX_EXPANDED) -> list[Story]:
    """Return stories with every checkpoint and OR resolved, as events only.

    A story that ends with a checkpoint goes on with each one that begins with it, whose slots are set so at
    that point; in one dialogue no part comes twice, so that loops end. A story that begins with a checkpoint
    which nothing ends with is left out; rules too, since they say nothing of what went before. Messages and
    actions that a `rewind` or `undo` takes back are left out. `domain` says which slots entities fill, and
    with what a dialogue begins; without it an entity fills the slot of its name.

    Where these would be more than `limit` stories beyond those that were given, or far more steps, they are a
    random sample of them, which is always the same one.
    """
    return expansion(stories, domain, limit).stories


def expansion(stories: Iterable[Story], domain: Domain | None = None, limit: int = MAX_EXPANDED) -> Expansion:
    """Return what `expand` does, and whether it is a sample."""
    ways = _Ways([part for story in stories if not story.is_rule for part in _parts(story)], domain)
    work = _WORK + _WORK_PER_STEP * sum(len(part.steps) for part in ways.parts)
    budget = _Budget(limit, work)
    found: dict[int, list[_Way]] = {}
    sampled = None
    for start in ways.starts:
        found[start] = ways.all_of(start, budget)
        if budget.is_spent:
            sampled = ways.parts[start].story
            found = _shared(ways, _Budget(limit, work))
            break
    expanded = [
        story
        for start, ended in found.items()
        for story in _numbered([ways.told(start, way) for way in ended])
    ]
    return Expansion(expanded, sampled)


def _shared(ways: _Ways, budget: _Budget) -> dict[int, list[_Way]]:
    """Return ways from every start, which share what can be spent: all of them, or else some at random."""
    generator = random.Random(0)
    found: dict[int, list[_Way]] = {}
    left = sum(map(ways.has_choices, ways.starts))
    for start in ways.starts:
        if not ways.has_choices(start):
            found[start] = ways.all_of(start, _Budget(0, len(ways.parts[start].steps)))
            continue
        share, rest = budget.part(left), budget.part(left)
        found[start] = ways.all_of(start, rest)
        if rest.is_spent:
            found[start] = ways.some_of(start, budget, share, generator)
        else:
            budget.spend(*share.less(rest))
        left -= 1
    return found


class _Budget:
    """What can be spent on ways: stories that come of them, and steps that are gone through."""

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
    """What stands between the checkpoints at which it begins and at which it ends."""

    story: Story
    begins: tuple[StoryCheckpoint, ...]
    steps: tuple[tuple[Step, Place], ...]
    ends: tuple[StoryCheckpoint, ...]

    @property
    def is_of_user(self) -> bool:
        """Whether it is the user who begins."""
        for step, _ in self.steps:
            if isinstance(step, (UserUttered, ActionExecuted)):
                return isinstance(step, UserUttered)
            if isinstance(step, Either):
                return isinstance(step.options[0][0], UserUttered)
        return False


def _parts(story: Story) -> Iterator[_Part]:
    """Cut a story at the checkpoints in its midst."""
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
"""A part to go on with, or one thing of an OR."""


class _Way(NamedTuple):
    """A way through parts, up to a step of one of them.

    `visited` has a bit for each part, since a set would take far longer to copy; `trail` the parts in order,
    the last one first.
    """

    part: int
    step: int
    now: Moment
    visited: int
    trail: tuple[Any, int] | None

    @property
    def size(self) -> int:
        """How long it takes to tell it, and to replay it: a dialogue takes as long as five steps to begin."""
        return 5 + self.now.length + self.visited.bit_count()


class _Ways:
    """All ways through parts."""

    def __init__(self, parts: Sequence[_Part], domain: Domain | None) -> None:
        self.parts = parts
        self.starts = [index for index, part in enumerate(parts) if not part.begins]
        self._following: dict[str, list[tuple[int, StoryCheckpoint]]] = {}
        for index, part in enumerate(parts):
            for checkpoint in part.begins:
                self._following.setdefault(checkpoint.name, []).append((index, checkpoint))
        checkpoints = (checkpoint for part in parts for checkpoint in (*part.begins, *part.ends))
        self._moments = Moments(domain, {name for checkpoint in checkpoints for name in checkpoint.slots})

    def has_choices(self, start: int) -> bool:
        """Return whether there can be more than the one way that ends where a part does."""
        part = self.parts[start]
        is_one = not any(isinstance(step, Either) for step, _ in part.steps)
        return not is_one or any(end.name in self._following for end in part.ends)

    def all_of(self, start: int, budget: _Budget) -> list[_Way]:
        """Return the ways from a part that begins a dialogue, in the file's order, until all is spent."""
        found: list[_Way] = []
        for way in self._walk(start, budget, lambda choices: choices[::-1]):
            if found:  # the first one's steps are paid for, and it stands for what was given
                budget.spend(1, way.size)
            found.append(way)
        return found

    def some_of(self, start: int, budget: _Budget, share: _Budget, generator: random.Random) -> list[_Way]:
        """Return different random ways, until a share of what is there is spent: one if anything is.

        They go on with a part that came least often so far, so that all parts come soon.
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

        found: dict[tuple[int, ...], _Way] = {}
        floor = _Budget(*budget.less(share))
        tries = 0
        while tries < _TRIES and budget.steps > floor.steps:
            if found and budget.stories <= floor.stories:
                break
            made.clear()
            way = next(self._walk(start, budget, one, _LONG), None)
            if way is None or tuple(made) in found:
                tries += 1
                continue
            tries = 0
            budget.spend(1 if found else 0, way.size)
            found[tuple(made)] = way
        return list(found.values())

    def _walk(
        self,
        start: int,
        budget: _Budget,
        choose: Callable[[list[_Choice]], list[_Choice]],
        long: int = sys.maxsize,
    ) -> Iterator[_Way]:
        """Yield the ways that end, of those that are chosen at each OR and checkpoint."""
        open_ways = [_Way(start, 0, self._moments.first, 1 << start, (None, start))]
        while open_ways and not budget.is_spent:
            way, choices = self._onward(open_ways.pop(), budget, long)
            if choices is None:
                yield way
            else:
                open_ways += (self._taking(way, choice) for choice in choose(choices))

    def _onward(self, way: _Way, budget: _Budget, long: int) -> tuple[_Way, list[_Choice] | None]:
        """Go on to where there is a choice, and return what can be chosen; None where a dialogue ends."""
        part = self.parts[way.part]
        now = way.now
        for index in range(way.step, len(part.steps)):
            step, place = part.steps[index]
            if isinstance(step, Either):
                budget.spend(0, index - way.step + len(step.options))
                return way._replace(step=index + 1, now=now), [(option, place) for option in step.options]
            if not isinstance(step, StoryCheckpoint):
                now = self._moments.after(now, step, place)
        nexts = [(end, *following) for end in part.ends for following in self._following.get(end.name, ())]
        budget.spend(0, len(part.steps) - way.step + len(nexts) // 2)
        taken = dict.fromkeys(
            number
            for end, number, begin in nexts
            if not way.visited >> number & 1
            and _are_set(end.slots, now.slots)
            and _are_set(begin.slots, now.slots)
        )
        # Where a loop leaves nothing that is new, the dialogue may end if it is the user's turn.
        is_last = not taken or (len(taken) > 1 and way.visited.bit_count() >= long)
        if is_last and all(self.parts[number].is_of_user for _, number, _ in nexts):
            return way._replace(now=now), None
        return way._replace(now=now), list(taken)

    def _taking(self, way: _Way, choice: _Choice) -> _Way:
        if isinstance(choice, int):
            return _Way(choice, 0, way.now, way.visited | 1 << choice, (way.trail, choice))
        now = way.now
        for event in choice[0]:
            now = self._moments.after(now, event, choice[1])
        return way._replace(now=now)

    def told(self, start: int, way: _Way) -> Story:
        """Return a way that has ended as a story."""
        names = []
        trail = way.trail
        while trail:
            trail, index = trail
            names.append(self.parts[index].story.name)
        kept = self._moments.events(way.now)
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


def _numbered(stories: list[Story]) -> list[Story]:
    """Tell stories of one name apart."""
    counts: dict[str, int] = {}
    numbered = []
    for story in stories:
        count = counts[story.name] = counts.get(story.name, 0) + 1
        numbered.append(story if count == 1 else dataclasses.replace(story, name=f"{story.name} ({count})"))
    return numbered
