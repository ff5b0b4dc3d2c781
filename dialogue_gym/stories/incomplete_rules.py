"""Rules that Rasa's rule policy refuses to train: they say too little about their actions, or hear too much.

An action that sets a slot or a form in one rule has to do so in all of them, or else to say `null`; only
featurized slots count. A rule has one message of the user. Source: Rasa 3.6.21, `RulePolicy`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from dialogue_gym._files import Problem
from dialogue_gym._text import quoted
from dialogue_gym.conversation.events import ActionExecuted, ActiveLoop, Event, SlotSet, UserUttered
from dialogue_gym.conversation.slot_filling import slots_of_entities
from dialogue_gym.domain import Domain
from dialogue_gym.stories.model import Either, OtherEvent, Place, Story, StoryCheckpoint


@dataclass
class _Done:
    """One action of a rule: the slots and forms that it sets, and the slots and the form after it."""

    action: str
    place: Place
    sets: set[str] = field(default_factory=set)
    loops: set[str | None] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    loop: str | None = None
    has_loop: bool = False
    is_open: bool = False
    """Whether anything may follow it, so that nothing is asked of it."""


def refused_rules(domain: Domain, stories: Iterable[Story]) -> Iterator[Problem]:
    """Yield a warning for each place in rules at which Rasa's rule policy refuses them."""
    rules = [story for story in stories if story.is_rule]
    for rule in rules:
        heard = [place for event, place in _events(rule) if isinstance(event, UserUttered)]
        if len(heard) > 1:
            message = f"the rule {quoted(rule.name)} has {len(heard)} messages; Rasa refuses more than one"
            yield Problem(heard[1].file, heard[1].line, message, is_error=False)
    yield from _incomplete([(rule, _done(domain, rule)) for rule in rules])


def _incomplete(rules: Sequence[tuple[Story, list[_Done]]]) -> Iterator[Problem]:
    slots: defaultdict[str, set[str]] = defaultdict(set)
    loops: defaultdict[str, set[str | None]] = defaultdict(set)
    for _, steps in rules:
        for one in steps:
            slots[one.action] |= one.sets
            loops[one.action] |= one.loops
    for _, steps in rules:
        for one in steps:
            if one.is_open:
                continue
            for slot in sorted(slots[one.action] - one.known):
                yield _warning(one, f"the slot {quoted(slot)}", f"slot_was_set: {slot}: null")
            expected = loops[one.action]
            if expected and not (one.has_loop and one.loop in expected):
                yield _warning(one, "active_loop", "active_loop: null")


def _warning(done: _Done, what: str, remedy: str) -> Problem:
    message = (
        f"{done.action} sets {what} in another rule and not here; Rasa refuses such rules"
        f" (say it here as well, or {remedy})"
    )
    return Problem(done.place.file, done.place.line, message, is_error=False)


def _done(domain: Domain, rule: Story) -> list[_Done]:
    """Return the actions of a rule."""
    featurized = {slot.name for slot in domain.slots if slot.is_observed}
    known = {slot.name for slot in domain.slots if slot.is_observed and slot.initial_value is not None}
    loop: str | None = None
    has_loop = False
    found: list[_Done] = []
    current: _Done | None = None
    for event, place in _events(rule):
        if isinstance(event, ActionExecuted):
            current = _Done(event.name, place, known=set(known), loop=loop, has_loop=has_loop)
            found.append(current)
        elif isinstance(event, UserUttered):
            current = None
            known |= featurized & slots_of_entities(domain, event).keys()
        elif isinstance(event, SlotSet) and event.name in featurized:
            known.add(event.name)
            if current:
                current.sets.add(event.name)
                current.known.add(event.name)
        elif isinstance(event, ActiveLoop):
            loop, has_loop = event.name, True
            if current:
                current.loops.add(loop)
                current.loop, current.has_loop = loop, True
    if current and not rule.wait_for_user_input:
        current.is_open = True
    return found


def _events(story: Story) -> Iterator[tuple[Event | OtherEvent | StoryCheckpoint, Place]]:
    """Yield the events of a story; of alternatives the first one."""
    for index, step in enumerate(story.steps):
        events = step.options[0] if isinstance(step, Either) else (step,)
        for event in events:
            yield event, story.place_of(index)
