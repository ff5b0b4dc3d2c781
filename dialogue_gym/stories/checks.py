"""What is wrong with stories, or may not be meant: by themselves, and in a domain."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Sequence

from dialogue_gym._files import Problem
from dialogue_gym._text import nearest, shorten
from dialogue_gym.conversation.conversation import value_text
from dialogue_gym.conversation.events import ActionExecuted, BotUttered, Event, SlotSet, UserUttered, Value
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import LISTEN, MAX_NAMES, OTHER, Slot
from dialogue_gym.stories.contradictions import contradictions_of_plain
from dialogue_gym.stories.expansion import expansion
from dialogue_gym.stories.model import (
    OWN_ACTIONS,
    OWN_INTENTS,
    OWN_SLOTS,
    Either,
    OtherEvent,
    Place,
    Story,
    StoryCheckpoint,
)

_MAX_COMPARED = 3_000_000
"""How much is compared to find the nearest names, characters times characters, until errors do without."""


def check_stories(domain: Domain | None, stories: Sequence[Story]) -> list[Problem]:
    """Return what is wrong with stories, in the order of their places.

    Errors are names that the domain does not have; warnings are values that it does not list, checkpoints
    that lead nowhere, names that stand twice, stories without an action, checkpoints and ORs of which only
    a sample is used, and contradictions. Without a domain only what the stories themselves show is found.
    """
    hints = _Hints()
    problems = [*_names(stories), *_checkpoints(stories, hints)]
    if rules := [story for story in stories if story.is_rule]:
        message = f"rules (here: {len(rules)}) are checked, but not learnt from: they begin at any point"
        problems.append(_warning(rules[0].place, message))
    if domain:
        words = _NameChecker(domain, hints)
        problems += (problem for story in stories for problem in words.check(story))
        problems += _contradictions(domain, stories)
    return sorted(dict.fromkeys(problems))


class _Hints:
    """Finds the nearest names, each once, and not any more when it would take long."""

    def __init__(self, most: int = _MAX_COMPARED) -> None:
        self._known: dict[tuple[str, str], str] = {}
        self._left = most

    def nearest(self, what: str, name: str, valid: Collection[str]) -> str:
        """Return a clause about a name of some kind, to stand after what is wrong with it."""
        if (hint := self._known.get((what, name))) is None:
            self._left -= len(name) * sum(map(len, valid))
            hint = self._known[what, name] = f"; {nearest(name, valid)}" if self._left > 0 else ""
        return hint


def _error(place: Place, message: str) -> Problem:
    return Problem(place.file, place.line, message)


def _warning(place: Place, message: str) -> Problem:
    return Problem(place.file, place.line, message, is_error=False)


def _events(story: Story) -> Iterator[tuple[Event | OtherEvent | StoryCheckpoint, Place]]:
    """Yield all that may happen in a story, and where it says so."""
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
            yield _warning(story.place, f"the name {shorten(story.name)} stands at {known.place} already")
        if not any(isinstance(event, (ActionExecuted, BotUttered)) for event, _ in _events(story)):
            yield _warning(story.place, f"the story {shorten(story.name)} has no action")


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
                yield _warning(place, f"no story {does} with the checkpoint {shorten(name)}{hint}")


class _NameChecker:
    """Checks names and values against a domain; each finding is made once for every name."""

    def __init__(self, domain: Domain, hints: _Hints) -> None:
        self._domain = domain
        self._hints = hints
        self._actions = frozenset(domain.actions)
        self._intents = frozenset(domain.intents)
        self._entities = frozenset(domain.entities)
        self._slots = {slot.name: slot for slot in domain.slots}
        self._filled = {slot.entity: slot for slot in domain.slots if slot.entity}

    def check(self, story: Story) -> Iterator[Problem]:
        for event, place in _events(story):
            if isinstance(event, UserUttered):
                yield from self._message(event, place)
            elif isinstance(event, ActionExecuted):
                yield from self._action(event.name, "action", place)
            elif isinstance(event, SlotSet):
                yield from self._slot(event.name, event.value, place)
            elif isinstance(event, StoryCheckpoint):
                for name, value in event.slots.items():
                    yield from self._slot(name, value, place)
            elif not isinstance(event, OtherEvent):
                continue
            elif event.name in ("form", "active_loop") and (form := event.parameters.get("name")):
                yield from self._action(str(form), "form", place)

    def _message(self, message: UserUttered, place: Place) -> Iterator[Problem]:
        intent = message.intent
        if intent is None:
            yield _warning(place, "a message without an intent means nothing to the bot")
        elif not {intent, intent.partition("/")[0]} & self._intents:
            yield self._unknown("intent", intent, self._domain.intents, OWN_INTENTS, place)
        for entity in message.entities:
            if entity.name not in self._entities:
                yield self._unknown("entity", entity.name, self._domain.entities, (), place)
            elif slot := self._filled.get(entity.name):
                yield from self._value(slot, entity.value, place)

    def _action(self, name: str, what: str, place: Place) -> Iterator[Problem]:
        if name not in self._actions and name != LISTEN:
            yield self._unknown(what, name, self._domain.actions, OWN_ACTIONS, place)

    def _slot(self, name: str, value: Value, place: Place) -> Iterator[Problem]:
        if slot := self._slots.get(name):
            yield from self._value(slot, value, place)
        elif name not in OWN_SLOTS:
            yield self._unknown("slot", name, self._slots, (), place)

    def _unknown(
        self, what: str, name: str, valid: Collection[str], own: Sequence[str], place: Place
    ) -> Problem:
        if name in own:
            return _warning(
                place, f"{name!r} is Rasa's own {what}: list it in the domain for the bot to learn it"
            )
        hint = self._hints.nearest("action" if what == "form" else what, name, valid)
        return _error(place, f"{shorten(name)} is no {what} of the domain{hint}")

    def _value(self, slot: Slot, value: Value, place: Place) -> Iterator[Problem]:
        """Warn of a value that a categorical slot does not list; an empty one stands for any."""
        text = value_text(slot, value)
        if slot.type == "categorical" and text and slot.labels[slot.label(text)] == OTHER:
            hint = self._hints.nearest(f"value of {slot.name}", text, slot.values)
            yield _warning(place, f"the slot {slot.name!r} does not list the value {shorten(text)}{hint}")


def _contradictions(domain: Domain, stories: Sequence[Story]) -> Iterator[Problem]:
    """Yield contradictions, and whether there is too much to look for all of them."""
    expanded = expansion(stories, domain)
    if after := expanded.sampled:
        message = (
            f"the checkpoints and ORs after {shorten(after.name)} make too many stories: "
            f"a random sample of {len(expanded.stories)} is used"
        )
        yield _warning(after.place, message)
    grown = _with_unknown(domain, expanded.stories)
    has_room = max(len(grown.intents), len(grown.actions), len(grown.slots)) < MAX_NAMES
    problems = _NameChecker(grown, _Hints(0))
    playable = (
        story
        for story in expanded.stories
        if has_room or not any(problem.is_error for problem in problems.check(story))
    )
    for found in contradictions_of_plain(grown, playable):
        yield _warning(found.second.place, str(found))


def _with_unknown(domain: Domain, stories: Iterable[Story]) -> Domain:
    """Return a domain with the names of stories that it lacks, as far as there is room for them.

    They are errors of their own, which would hide what else is wrong with a story.
    """
    intents, actions = dict.fromkeys(domain.intents), dict.fromkeys(domain.actions)
    slots = {slot.name: slot for slot in domain.slots}
    for step in (step for story in stories for step in story.steps):
        if isinstance(step, UserUttered) and step.intent:
            if step.intent.partition("/")[0] not in intents:
                intents.setdefault(step.intent)
        elif isinstance(step, ActionExecuted):
            actions.setdefault(step.name)
        elif isinstance(step, SlotSet) and step.name not in slots:
            slots[step.name] = Slot(step.name, "any")
    return dataclasses.replace(
        domain,
        intents=tuple(intents)[:MAX_NAMES],
        actions=tuple(actions)[:MAX_NAMES],
        slots=tuple(slots.values())[:MAX_NAMES],
    )
