"""What is wrong with stories, or may not be meant: by themselves, and in a domain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dialogue_gym.conversation import value_text
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import LISTEN, OTHER, Slot
from dialogue_gym.domain.reader import nearest, shorten
from dialogue_gym.events import ActionExecuted, BotUttered, Event, SlotSet, UserUttered, Value
from dialogue_gym.problems import Problem
from dialogue_gym.stories.answers import contradictions_of_plain, replay
from dialogue_gym.stories.expansion import expand
from dialogue_gym.stories.model import (
    OWN_ACTIONS,
    OWN_INTENTS,
    OWN_SLOTS,
    Checkpoint,
    Either,
    OtherEvent,
    Place,
    Story,
    StoryError,
)


def check_stories(domain: Domain | None, stories: Sequence[Story]) -> list[Problem]:
    """Return what is wrong with stories, in the order of their places.

    Errors are names that the domain does not have; warnings are values that it does not list, checkpoints
    that lead nowhere, names that stand twice, stories without an action, and contradictions. Without a
    domain only what the stories themselves show is found.
    """
    problems = [*_names(stories), *_checkpoints(stories)]
    if rules := [story for story in stories if story.is_rule]:
        message = f"rules (here: {len(rules)}) are checked, but not learnt from: they begin at any point"
        problems.append(_warning(rules[0].place, message))
    if domain:
        words = _Words(domain)
        problems += (problem for story in stories for problem in words.check(story))
        problems += _contradictions(domain, stories)
    return sorted(dict.fromkeys(problems))


def _error(place: Place, message: str) -> Problem:
    return Problem(place.file, place.line, message)


def _warning(place: Place, message: str) -> Problem:
    return Problem(place.file, place.line, message, is_error=False)


def _events(story: Story) -> Iterator[tuple[Event | OtherEvent | Checkpoint, Place]]:
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


def _checkpoints(stories: Iterable[Story]) -> Iterator[Problem]:
    begun: dict[str, Place] = {}
    ended: dict[str, Place] = {}
    for story in stories:
        are_first = True
        for index, step in enumerate(story.steps):
            if not isinstance(step, Checkpoint):
                are_first = False
                continue
            is_last = all(isinstance(after, Checkpoint) for after in story.steps[index:])
            if are_first or not is_last:
                begun.setdefault(step.name, story.place_of(index))
            if not are_first:
                ended.setdefault(step.name, story.place_of(index))
    for name in begun.keys() - ended.keys():
        hint = nearest(name, ended)
        yield _warning(begun[name], f"no story ends with the checkpoint {shorten(name)}; {hint}")
    for name in ended.keys() - begun.keys():
        hint = nearest(name, begun)
        yield _warning(ended[name], f"no story begins with the checkpoint {shorten(name)}; {hint}")


class _Words:
    """Checks names and values against a domain; each finding is made once for every name."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
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
            elif isinstance(event, Checkpoint):
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
            yield _unknown("intent", intent, self._domain.intents, OWN_INTENTS, place)
        for entity in message.entities:
            if entity.name not in self._entities:
                yield _unknown("entity", entity.name, self._domain.entities, (), place)
            elif slot := self._filled.get(entity.name):
                yield from _value(slot, entity.value, place)

    def _action(self, name: str, what: str, place: Place) -> Iterator[Problem]:
        if name not in self._actions and name != LISTEN:
            yield _unknown(what, name, self._domain.actions, OWN_ACTIONS, place)

    def _slot(self, name: str, value: Value, place: Place) -> Iterator[Problem]:
        if slot := self._slots.get(name):
            yield from _value(slot, value, place)
        elif name not in OWN_SLOTS:
            yield _unknown("slot", name, list(self._slots), (), place)


def _unknown(what: str, name: str, valid: Sequence[str], own: Sequence[str], place: Place) -> Problem:
    if name in own:
        return _warning(
            place, f"{name!r} is Rasa's own {what}: list it in the domain for the bot to learn it"
        )
    return _error(place, f"{shorten(name)} is no {what} of the domain; {nearest(name, valid)}")


def _value(slot: Slot, value: Value, place: Place) -> Iterator[Problem]:
    """Warn of a value that a categorical slot does not list; an empty one stands for any."""
    text = value_text(slot, value)
    if slot.type == "categorical" and text and slot.labels[slot.label(text)] == OTHER:
        hint = nearest(text, slot.values)
        yield _warning(place, f"the slot {slot.name!r} does not list the value {shorten(text)}; {hint}")


def _contradictions(domain: Domain, stories: Sequence[Story]) -> Iterator[Problem]:
    """Yield contradictions of those stories that can be played."""
    try:
        expanded = expand(stories, domain)
    except StoryError as error:
        yield _error(stories[0].place, str(error))
        return
    playable = []
    for story in expanded:
        try:
            replay(domain, story)
        except StoryError:
            continue  # its unknown names are told already
        playable.append(story)
    for found in contradictions_of_plain(domain, playable):
        yield _warning(found.second.place, str(found))
