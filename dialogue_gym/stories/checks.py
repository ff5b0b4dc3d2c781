"""Checks of stories, alone and against a domain."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Sequence

from dialogue_gym._files import Problem
from dialogue_gym._text import nearest, quoted
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    Event,
    SlotSet,
    UserUttered,
    Value,
)
from dialogue_gym.conversation.slot_filling import named_value, slots_filled
from dialogue_gym.domain import Domain
from dialogue_gym.domain.default_names import DEFAULT_SLOTS, known_actions, known_intents
from dialogue_gym.domain.model import MAX_NAMES
from dialogue_gym.domain.slot import OTHER, Slot
from dialogue_gym.stories.contradictions import contradictions_of_plain
from dialogue_gym.stories.expansion import expansion
from dialogue_gym.stories.incomplete_rules import refused_rules
from dialogue_gym.stories.model import (
    Either,
    OtherEvent,
    Place,
    Story,
    StoryCheckpoint,
)
from dialogue_gym.stories.rulebook import RuleBook

_MAX_COMPARED = 3_000_000
"""The budget for finding nearest names, in pairs of characters; once it is spent, errors have no hints."""


def check_stories(domain: Domain | None, stories: Sequence[Story]) -> list[Problem]:
    """Return the problems of stories, sorted by place.

    Errors are names that the domain does not have. Warnings are values that it does not list, unconnected
    checkpoints, duplicate names, stories without an action, contradictions, rules that Rasa refuses, and
    checkpoints and ORs that are too many, so that only a sample is used. Without a domain, only checks of the
    stories alone are made.
    """
    hints = _Hints()
    problems = [*_names(stories), *_checkpoints(stories, hints)]
    if domain:
        words = _NameChecker(domain, hints)
        problems += (problem for story in stories for problem in words.check(story))
        problems += _contradictions(domain, stories)
        problems += refused_rules(domain, stories)
    return sorted(dict.fromkeys(problems))


class _Hints:
    """Finder of nearest names, each once, until the budget for it is spent."""

    def __init__(self, most: int = _MAX_COMPARED) -> None:
        self._known: dict[tuple[str, str], str] = {}
        self._left = most

    def nearest(self, what: str, name: str, valid: Collection[str]) -> str:
        """Return a clause with the valid name nearest to an unknown one; empty once the budget is spent."""
        if (hint := self._known.get((what, name))) is None:
            self._left -= len(name) * sum(map(len, valid))
            hint = self._known[what, name] = f"; {nearest(name, valid)}" if self._left > 0 else ""
        return hint


def _error(place: Place, message: str) -> Problem:
    return Problem(place.file, place.line, message)


def _warning(place: Place, message: str) -> Problem:
    return Problem(place.file, place.line, message, is_error=False)


def _events(story: Story) -> Iterator[tuple[Event | OtherEvent | StoryCheckpoint, Place]]:
    """Yield every event of a story, those of each alternative too, with its place."""
    for index, step in enumerate(story.steps):
        options = step.options if isinstance(step, Either) else ((step,),)
        for option in options:
            for event in option:
                yield event, story.place_of(index)


def _names(stories: Iterable[Story]) -> Iterator[Problem]:
    first: dict[tuple[str, bool], Story] = {}
    for story in stories:
        known = first.setdefault((story.name, story.is_rule), story)
        if known is not story:
            yield _warning(story.place, f"duplicate name {quoted(story.name)}, first used at {known.place}")
        if not any(isinstance(event, (ActionExecuted, BotUttered)) for event, _ in _events(story)):
            yield _warning(story.place, f"the story {quoted(story.name)} has no action")


def _checkpoints(stories: Iterable[Story], hints: _Hints) -> Iterator[Problem]:
    begun: dict[str, Place] = {}
    ended: dict[str, Place] = {}
    for story in stories:
        others = [index for index, step in enumerate(story.steps) if not isinstance(step, StoryCheckpoint)]
        first, last = (others[0], others[-1]) if others else (len(story.steps), 0)
        for index, step in enumerate(story.steps):
            if not isinstance(step, StoryCheckpoint):
                continue
            if index < last or index < first:
                begun.setdefault(step.name, story.place_of(index))
            if index > first:
                ended.setdefault(step.name, story.place_of(index))
    for does, these, those in (("ends", begun, ended), ("begins", ended, begun)):
        for name, place in these.items():
            if name not in those:
                hint = hints.nearest(does, name, those)
                yield _warning(place, f"no story {does} with the checkpoint {quoted(name)}{hint}")


class _NameChecker:
    """Check of the names and values of stories against a domain."""

    def __init__(self, domain: Domain, hints: _Hints) -> None:
        self._domain = domain
        self._hints = hints
        self._actions = known_actions(domain)
        self._intents = known_intents(domain)
        self._entities = frozenset(domain.known_entities)
        self._slots = {slot.name: slot for slot in domain.slots}

    def check(self, story: Story) -> Iterator[Problem]:
        for event, place in _events(story):
            if isinstance(event, UserUttered):
                yield from self._message(event, place)
            elif isinstance(event, ActionExecuted):
                yield from self._action(event.name, "action", place)
            elif isinstance(event, SlotSet) and event.is_named_only and event.name in self._slots:
                yield from self._named(self._slots[event.name], place)
            elif isinstance(event, SlotSet):
                yield from self._slot(event.name, event.value, place)
            elif isinstance(event, StoryCheckpoint):
                for name, value in event.slots.items():
                    yield from self._slot(name, value, place)
            elif isinstance(event, ActiveLoop) and event.name:
                yield from self._action(event.name, "form", place)

    def _message(self, message: UserUttered, place: Place) -> Iterator[Problem]:
        intent = message.intent
        if intent is None:
            yield _warning(place, "this message has no intent, so the bot cannot understand it")
        elif not {intent, intent.partition("/")[0]} & self._intents:
            yield self._unknown("intent", intent, self._domain.intents, place)
        for entity in message.entities:
            if entity.name not in self._entities:
                yield self._unknown("entity", entity.name, self._domain.known_entities, place)
        for name, value in slots_filled(self._domain, message).items():
            yield from self._value(self._slots[name], value, place)

    def _action(self, name: str, what: str, place: Place) -> Iterator[Problem]:
        if name not in self._actions:
            yield self._unknown(what, name, self._domain.actions, place)

    def _slot(self, name: str, value: Value, place: Place) -> Iterator[Problem]:
        database = self._domain.database
        if slot := self._slots.get(name):
            yield from self._value(slot, value, place)
        elif database and name == database.name:
            if value is not None and database.venue(str(value)) is None:
                yield self._unknown(name, str(value), database.names, place)
        elif name not in DEFAULT_SLOTS:
            yield self._unknown("slot", name, self._slots, place)

    def _named(self, slot: Slot, place: Place) -> Iterator[Problem]:
        """Warn of a slot without a value, which only a text or a list can go without."""
        if slot.is_observed and named_value(slot) is None:
            message = f"the {slot.type} slot {quoted(slot.name)} needs a value: it is only named here"
            yield _warning(place, message)

    def _unknown(self, what: str, name: str, valid: Collection[str], place: Place) -> Problem:
        hint = self._hints.nearest("action" if what == "form" else what, name, valid)
        return _error(place, f"unknown {what} {quoted(name)}{hint}")

    def _value(self, slot: Slot, value: Value, place: Place) -> Iterator[Problem]:
        """Warn of a value that a categorical slot does not list; an empty value stands for any."""
        text = slot.text_of(value)
        if slot.type == "categorical" and text and slot.labels[slot.label(text)] == OTHER:
            hint = self._hints.nearest(f"value of {slot.name}", text, slot.values)
            yield _warning(place, f"the slot {slot.name!r} does not list the value {quoted(text)}{hint}")


def _contradictions(domain: Domain, stories: Sequence[Story]) -> Iterator[Problem]:
    """Yield contradictions, and a warning if only a sample of the stories is searched for them."""
    expanded = expansion(stories, domain)
    if after := expanded.sampled:
        message = (
            f"the checkpoints and ORs after {quoted(after.name)} make too many stories: "
            f"a random sample of {len(expanded.stories)} is used"
        )
        yield _warning(after.place, message)
    extended = _with_unknown(domain, expanded.stories)
    has_room = max(len(extended.intents), len(extended.actions), len(extended.slots)) < MAX_NAMES
    problems = _NameChecker(extended, _Hints(0))
    playable = [
        story
        for story in expanded.stories
        if has_room or not any(problem.is_error for problem in problems.check(story))
    ]
    for found in contradictions_of_plain(extended, playable):
        yield _warning(found.second.place, str(found))
    for conflict in RuleBook(extended, stories).conflicts(playable):
        yield _warning(conflict.place, str(conflict))


def _with_unknown(domain: Domain, stories: Iterable[Story]) -> Domain:
    """Return a domain with the unknown names of stories added, as far as there is room for them.

    Unknown names are reported on their own, and must not hide other problems of the same story.
    """
    intents, actions = dict.fromkeys(domain.intents), dict.fromkeys(domain.actions)
    slots = {slot.name: slot for slot in domain.slots}
    venues = domain.database and domain.database.name
    for step in (step for story in stories for step in story.steps):
        if isinstance(step, UserUttered) and step.intent:
            if step.intent.partition("/")[0] not in intents:
                intents.setdefault(step.intent)
        elif isinstance(step, ActionExecuted):
            actions.setdefault(step.name)
        elif isinstance(step, SlotSet) and step.name not in (venues, *slots):
            slots[step.name] = Slot(step.name, "any")
    return dataclasses.replace(
        domain,
        intents=tuple(intents)[:MAX_NAMES],
        actions=tuple(actions)[:MAX_NAMES],
        slots=tuple(slots.values())[:MAX_NAMES],
    )
