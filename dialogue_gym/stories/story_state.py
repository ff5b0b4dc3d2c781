"""The state of a story at one of its steps, which may take back earlier ones."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from dialogue_gym.conversation.effects import reset_slots
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
    Value,
)
from dialogue_gym.conversation.slot_filling import NO_LOOP, LoopState, named_value, slots_filled
from dialogue_gym.domain import Domain
from dialogue_gym.domain.default_names import DEFAULT_SLOTS
from dialogue_gym.domain.model import RESTART
from dialogue_gym.domain.slot import REQUESTED_SLOT
from dialogue_gym.stories.model import OtherEvent, Place

_RESET = "reset_slots"


class StoryState(NamedTuple):
    """The state after a step of a dialogue, linked to the state before it, which other dialogues may share.

    `slots` has the values of the watched slots. A `rewind` returns to `before_message`, an `undo` to
    `before_action`. `length` counts the events. `loop` is the active form.
    """

    before: StoryState | None
    event: Event | OtherEvent | None
    place: Place | None
    slots: Mapping[str, Value]
    before_message: StoryState | None = None
    before_action: StoryState | None = None
    length: int = 0
    loop: LoopState = NO_LOOP


class StoryStates:
    """Maker of states, each in constant time, however long the dialogue is."""

    def __init__(self, domain: Domain | None, watched: Collection[str]) -> None:
        """Prepare for dialogues of a domain, if it is known, and watch the slots of some names."""
        self._domain = domain
        self._known = {slot.name: slot.initial_value for slot in domain.slots} if domain else {}
        self._watched = frozenset(watched)
        self.first = StoryState(
            None, None, None, {name: value for name, value in self._known.items() if name in self._watched}
        )

    def after(self, state: StoryState, event: Event | OtherEvent, place: Place) -> StoryState:
        """Return the state after an event; an event that no observation shows changes nothing."""
        before_message, before_action = state.before_message, state.before_action
        slots, loop = state.slots, _loop_after(state.loop, event)
        if isinstance(event, SlotSet) and event.is_named_only:
            event = self._with_value(event)
        if isinstance(event, OtherEvent):
            if event.name == "rewind":
                return before_message or state
            if event.name == "undo":
                return before_action or state
            if event.name != _RESET:
                return state
            slots = self.first.slots
        elif isinstance(event, UserUttered):
            before_message = state
            slots = self._with(slots, event, loop)
        elif isinstance(event, SlotSet):
            if event.name in DEFAULT_SLOTS and event.name not in self._known and event.name != REQUESTED_SLOT:
                return state
            if event.name in self._watched:
                slots = {**slots, event.name: event.value}
        elif isinstance(event, ActionExecuted):
            before_action = state
            slots = self.first.slots if event.name == RESTART else slots
        elif isinstance(event, (Restarted, SessionStarted)):
            before_message = before_action = None
            slots = self.first.slots
        return StoryState(state, event, place, slots, before_message, before_action, state.length + 1, loop)

    def _with_value(self, event: SlotSet) -> SlotSet:
        """Return an event that only names a slot with the value that the slot's type gives it."""
        if self._domain is None:
            return event
        slot = next((slot for slot in self._domain.slots if slot.name == event.name), None)
        return SlotSet(event.name, named_value(slot) if slot else event.value)

    def _with(self, slots: Mapping[str, Value], message: UserUttered, loop: LoopState) -> Mapping[str, Value]:
        if not self._watched:
            return slots
        filled = {name: value for name, value in self._filled(message, loop).items() if name in self._watched}
        return {**slots, **filled} if filled else slots

    def _filled(self, message: UserUttered, loop: LoopState) -> Mapping[str, Value]:
        if self._domain:
            return slots_filled(self._domain, message, loop)
        return {entity.name: entity.value for entity in message.entities}

    def events(self, state: StoryState) -> list[tuple[Event, Place]]:
        """Return the events that led to a state, with their places."""
        happened: list[tuple[Event | OtherEvent, Place]] = []
        at: StoryState | None = state
        while at is not None and at.event is not None and at.place is not None:
            happened.append((at.event, at.place))
            at = at.before
        happened.reverse()
        plain = [(event, place) for event, place in happened if not isinstance(event, OtherEvent)]
        return plain if len(plain) == len(happened) else list(self._with_resets(happened))

    def _with_resets(self, happened: list[tuple[Event | OtherEvent, Place]]) -> Iterator[tuple[Event, Place]]:
        """Replace each reset by the slots that it sets, except for those that are empty and stay so."""
        slots, loop = dict(self._known), NO_LOOP
        for event, place in happened:
            loop = _loop_after(loop, event)
            if isinstance(event, OtherEvent):
                names = [SlotSet(name) for name in slots]
                for reset in reset_slots(self._domain) if self._domain else names:
                    if reset.value is not None or slots[reset.name] is not None:
                        yield reset, place
                slots = dict(self._known)
                continue
            if isinstance(event, UserUttered):
                slots |= self._filled(event, loop)
            elif isinstance(event, SlotSet):
                slots[event.name] = event.value
            yield event, place


def _loop_after(loop: LoopState, event: Event | OtherEvent) -> LoopState:
    """Return the active form, and the slot that it has asked for, after an event."""
    if isinstance(event, ActiveLoop):
        return LoopState(event.name)
    if isinstance(event, SlotSet) and event.name == REQUESTED_SLOT:
        return LoopState(loop.name, event.value)
    is_restart = isinstance(event, ActionExecuted) and event.name == RESTART
    return NO_LOOP if is_restart or isinstance(event, (Restarted, SessionStarted)) else loop
