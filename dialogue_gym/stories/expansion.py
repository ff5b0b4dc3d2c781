"""From stories with checkpoints, ORs and undone steps to plain ones: events only, from a dialogue's start."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from dialogue_gym.conversation import slots_filled
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import RESTART
from dialogue_gym.domain.reader import shorten
from dialogue_gym.events import ActionExecuted, Event, Restarted, SessionStarted, SlotSet, UserUttered, Value
from dialogue_gym.stories.model import OWN_SLOTS, Checkpoint, Either, OtherEvent, Place, Step, Story

MAX_EXPANDED = 10_000
"""How many stories checkpoints and ORs may add."""
_EMPTYING = (ActionExecuted(RESTART), OtherEvent("reset_slots"))
_MAX_WORK = 5_000_000
"""How many steps may be gone through for that."""


@dataclass(frozen=True)
class _Part:
    """What stands between the checkpoints at which it begins and at which it ends."""

    story: Story
    begins: tuple[Checkpoint, ...]
    steps: tuple[tuple[Step, Place], ...]
    ends: tuple[Checkpoint, ...]

    @property
    def is_of_user(self) -> bool:
        """Whether it is the user who begins."""
        for step, _ in self.steps:
            if isinstance(step, (UserUttered, ActionExecuted)):
                return isinstance(step, UserUttered)
            if isinstance(step, Either):
                return isinstance(step.options[0][0], UserUttered)
        return False


@dataclass(frozen=True)
class _Path:
    """A way through parts: the events so far, what the slots are then, and which parts it went through."""

    names: tuple[str, ...] = ()
    events: tuple[tuple[Event | OtherEvent, Place], ...] = ()
    parts: frozenset[int] = frozenset()


def expand(stories: Iterable[Story], domain: Domain | None = None, limit: int = MAX_EXPANDED) -> list[Story]:
    """Return stories with every checkpoint and OR resolved, as events only.

    A story that ends with a checkpoint goes on with each one that begins with it, whose slots are set so at
    that point; in one dialogue no part comes twice, so that loops end. A story that begins with a checkpoint
    which nothing ends with is left out; rules too, since they say nothing of what went before. Messages and
    actions that a `rewind` or `undo` takes back are left out. `domain` says which slots entities fill, and
    with what a dialogue begins; without it an entity fills the slot of its name.

    Raises:
        StoryError: this would be more than `limit` stories beyond those that were given.
    """
    parts = [part for story in stories if not story.is_rule for part in _parts(story)]
    following: dict[str, list[tuple[int, _Part, Checkpoint]]] = {}
    for index, part in enumerate(parts):
        for checkpoint in part.begins:
            following.setdefault(checkpoint.name, []).append((index, part, checkpoint))
    budget = _Budget(limit)
    expanded = []
    for index, part in enumerate(parts):
        if not part.begins:
            found = [
                _story(path, part.story, domain) for path in _paths(index, part, following, domain, budget)
            ]
            budget.spend_stories(len(found) - 1, part.story)
            expanded += _numbered(found)
    return expanded


class _Budget:
    def __init__(self, limit: int) -> None:
        self._limit = self._stories = limit
        self._work = _MAX_WORK

    def spend_stories(self, count: int, story: Story) -> None:
        self._stories -= count
        self._check(story)

    def spend_work(self, steps: int, story: Story) -> None:
        self._work -= steps
        self._check(story)

    def _check(self, story: Story) -> None:
        if self._stories < 0 or self._work < 0:
            raise story.place.error(
                f"the checkpoints and ORs after {shorten(story.name)} make more than {self._limit} stories; "
                "use fewer of them"
            )


def _parts(story: Story) -> Iterator[_Part]:
    """Cut a story at the checkpoints in its midst."""
    placed = [(step, story.place_of(index)) for index, step in enumerate(story.steps)]
    groups: list[tuple[bool, list[tuple[Step, Place]]]] = []
    for step, place in placed:
        is_checkpoint = isinstance(step, Checkpoint)
        if not groups or groups[-1][0] != is_checkpoint:
            groups.append((is_checkpoint, []))
        groups[-1][1].append((step, place))
    begins: tuple[Checkpoint, ...] = ()
    for index, (is_checkpoint, group) in enumerate(groups):
        if is_checkpoint:
            begins = tuple(step for step, _ in group if isinstance(step, Checkpoint))
            continue
        after = groups[index + 1][1] if index + 1 < len(groups) else ()
        yield _Part(story, begins, tuple(group), tuple(s for s, _ in after if isinstance(s, Checkpoint)))


def _paths(
    first: int,
    part: _Part,
    following: Mapping[str, list[tuple[int, _Part, Checkpoint]]],
    domain: Domain | None,
    budget: _Budget,
) -> Iterator[_Path]:
    """Yield every way through parts from a first one on."""
    found = 0
    open_paths = [(first, part, _Path())]
    while open_paths:
        index, part, before = open_paths.pop()
        goes_on: list[tuple[int, _Part, _Path]] = []
        for events in _alternatives(part, before, budget):
            path = _Path((*before.names, part.story.name), events, before.parts | {index})
            nexts = [(end, *follower) for end in part.ends for follower in following.get(end.name, ())]
            slots = (
                _slots(events, domain) if any(end.slots or begin.slots for end, _, _, begin in nexts) else {}
            )
            taken = [
                (number, after)
                for end, number, after, begin in nexts
                if number not in path.parts and _are_set(end.slots, slots) and _are_set(begin.slots, slots)
            ]
            goes_on += ((number, after, path) for number, after in dict(taken).items())
            # Where a loop leaves nothing that is new, the dialogue may end if it is the user's turn.
            if not nexts or (not taken and all(after.is_of_user for _, _, after, _ in nexts)):
                found += 1
                budget.spend_stories(0 if found == 1 else 1, part.story)
                yield path
        open_paths += reversed(goes_on)


def _alternatives(
    part: _Part, before: _Path, budget: _Budget
) -> list[tuple[tuple[Event | OtherEvent, Place], ...]]:
    """Return the events up to the end of a part, once for every choice of its ORs."""
    ways = [list(before.events)]
    budget.spend_work(len(before.events), part.story)
    for step, place in part.steps:
        if isinstance(step, Either):
            budget.spend_work(len(ways) * len(step.options) * (1 + len(ways[0])), part.story)
            ways = [[*way, *((event, place) for event in option)] for way in ways for option in step.options]
        elif not isinstance(step, Checkpoint):
            for way in ways:
                way.append((step, place))
    budget.spend_work(len(ways) * len(part.steps), part.story)
    return [tuple(way) for way in ways]


def _are_set(wanted: Mapping[str, Value], slots: Mapping[str, Value]) -> bool:
    return all(slots.get(name) == value for name, value in wanted.items())


def _slots(events: Iterable[tuple[Event | OtherEvent, Place]], domain: Domain | None) -> dict[str, Value]:
    """Return what the slots are after events."""
    initial = {slot.name: slot.initial_value for slot in domain.slots} if domain else {}
    slots: dict[str, Value] = dict(initial)
    for event, _ in events:
        if isinstance(event, UserUttered):
            told = {entity.name: entity.value for entity in event.entities}
            slots |= slots_filled(domain, event) if domain else told
        elif isinstance(event, SlotSet):
            slots[event.name] = event.value
        elif isinstance(event, (Restarted, SessionStarted)) or event in _EMPTYING:
            slots = dict(initial)
    return slots


def _story(path: _Path, first: Story, domain: Domain | None) -> Story:
    kept = _done(path.events, domain)
    return Story(
        " + ".join(dict.fromkeys(path.names)),
        tuple(event for event, _ in kept),
        first.file,
        first.line,
        tuple(place for _, place in kept),
    )


def _done(
    events: Iterable[tuple[Event | OtherEvent, Place]], domain: Domain | None
) -> list[tuple[Event, Place]]:
    """Return the events that count: not what was taken back, nor what no observation shows."""
    known = {slot.name for slot in domain.slots} if domain else set()
    kept: list[tuple[Event, Place]] = []
    for event, place in events:
        if not isinstance(event, OtherEvent):
            if not (isinstance(event, SlotSet) and event.name in OWN_SLOTS and event.name not in known):
                kept.append((event, place))
        elif event.name in ("rewind", "undo"):
            kind = UserUttered if event.name == "rewind" else ActionExecuted
            last = max((i for i, (past, _) in enumerate(kept) if isinstance(past, kind)), default=None)
            del kept[last if last is not None else len(kept) :]
        elif event.name == "reset_slots":
            names = dict.fromkeys(past.name for past, _ in kept if isinstance(past, SlotSet))
            kept += ((SlotSet(name), place) for name in names)
    return kept


def _numbered(stories: list[Story]) -> list[Story]:
    """Tell stories of one name apart."""
    counts: dict[str, int] = {}
    numbered = []
    for story in stories:
        count = counts[story.name] = counts.get(story.name, 0) + 1
        numbered.append(story if count == 1 else dataclasses.replace(story, name=f"{story.name} ({count})"))
    return numbered
