"""Forms: they ask for their slots in order until all are filled, as Rasa's do.

Sources: https://legacy-docs-oss.rasa.com/docs/rasa/forms for their behaviour, and Rasa 3.6.21 for the order
of their events. No input or output: the caller runs the actions that ask and validate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    Event,
    SlotSet,
    Value,
)
from dialogue_gym.conversation.slot_filling import LoopState, slots_filled
from dialogue_gym.domain import Domain
from dialogue_gym.domain.default_names import known_actions
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.domain.slot import REQUESTED_SLOT, Form

Run = Callable[[str, Conversation], Sequence[Event]]
"""Runs an action at the end of a conversation, and returns its events."""


def form_of(domain: Domain, name: str | None) -> Form | None:
    """Return the form of a name; None if the domain has no such form."""
    return next((form for form in domain.forms if form.name == name), None)


def form_actions(domain: Domain, form: Form) -> Iterator[str]:
    """Yield the actions that a form runs: its validation, and its questions."""
    if (validation := _validation(form)) in domain.actions:
        yield validation
    for slot in form.required_slots:
        if question := question_of(domain, form, slot):
            yield question


def question_of(domain: Domain, form: Form, slot: str) -> str | None:
    """Return the action that asks for a slot; None without any."""
    known = known_actions(domain)
    return next((name for name in form.questions(slot) if name in known), None)


def loop_action(conversation: Conversation) -> str | None:
    """Return the next action while a form is active: the form, or listening after its question.

    None if no form is active, or if it declines the last message: the bot then decides as usual. A form with
    a validation can only decline once it has been run.
    """
    loop = conversation.loop
    if (form := form_of(conversation.domain, loop.name)) is None:
        return None
    if conversation.last_action == form.name:
        return LISTEN
    is_validated = _validation(form) in conversation.domain.actions
    declines = loop.is_rejected or (loop.is_unanswered and not is_validated)
    return None if declines else form.name


def form_events(form: Form, conversation: Conversation, run: Run) -> tuple[Event, ...]:
    """Return the events of a form that is run at the end of a conversation.

    On activation it takes the values that are known already. It asks for the first empty slot, or ends. If it
    has a validation that finds nothing in an answer, it declines, unless it is run once more.
    """
    domain, loop = conversation.domain, conversation.loop
    is_active = loop.name == form.name
    is_answer = is_active and conversation.last_action == LISTEN and not loop.is_rejected
    events: list[Event] = []
    if is_active:
        requested = loop.requested_slot
        wanted = {*form.required_slots, requested}
        found = {name: value for name, value in conversation.extracted.items() if name in wanted}
        candidates = found if is_answer else {}
    else:
        requested = None
        extraction = _extraction(form, conversation)
        events += [ActiveLoop(form.name), *extraction]
        slots = conversation.slots | {event.name: event.value for event in extraction}
        candidates = {name: slots[name] for name in form.required_slots if slots.get(name) is not None}
    if (validation := _validation(form)) in domain.actions:
        validated = run(validation, _candidate(form, conversation, requested, candidates))
        events += validated
        is_set = any(isinstance(event, SlotSet) and event.name != REQUESTED_SLOT for event in validated)
        is_missed = is_answer and requested is not None and not candidates and not is_set
        if is_missed or any(isinstance(event, ActionExecutionRejected) for event in validated):
            return (ActionExecutionRejected(form.name),)
    return (*events, *_further(form, conversation, events, run))


def _validation(form: Form) -> str:
    return f"validate_{form.name}"


def _extraction(form: Form, conversation: Conversation) -> list[SlotSet]:
    """Return the slots that the last message fills, or fills otherwise, because the form is now active.

    As in Rasa, its values hold in the place of those that actions have set since.
    """
    if (message := conversation.latest_message) is None:
        return []
    known = conversation.slots
    found = slots_filled(conversation.domain, message, LoopState(form.name))
    return [SlotSet(name, value) for name, value in found.items() if known[name] != value]


def _candidate(
    form: Form, conversation: Conversation, requested: str | None, candidates: dict[str, Value]
) -> Conversation:
    """Return the conversation that a validation sees: it ends with the slots to validate."""
    slots = [SlotSet(name, value) for name, value in candidates.items()]
    return _after(conversation, (SlotSet(REQUESTED_SLOT, requested), ActionExecuted(form.name), *slots))


def _further(form: Form, conversation: Conversation, events: Sequence[Event], run: Run) -> Iterator[Event]:
    """Yield the next question of a form, or its end, after the events so far."""
    requests = [one for one in events if isinstance(one, SlotSet) and one.name == REQUESTED_SLOT]
    loops = [one for one in events if isinstance(one, ActiveLoop)]
    slot = requests[-1].value if requests else None
    has_ended = (bool(requests) and slot is None) or loops[-1:] == [ActiveLoop(None)]
    so_far = _after(conversation, (ActionExecuted(form.name), *events))
    if not has_ended and slot is None:
        slot = _first_empty(form, so_far)
    if has_ended or slot is None:
        yield SlotSet(REQUESTED_SLOT, None)
        yield ActiveLoop(None)
        return
    if not requests:
        so_far.append(SlotSet(REQUESTED_SLOT, slot))
        yield SlotSet(REQUESTED_SLOT, slot)
    if question := question_of(conversation.domain, form, slot):
        yield from run(question, so_far)


def _first_empty(form: Form, conversation: Conversation) -> str | None:
    slots = conversation.slots
    return next((name for name in form.required_slots if slots.get(name) is None), None)


def _after(conversation: Conversation, events: Iterable[Event]) -> Conversation:
    record = Conversation(conversation.domain, conversation.events, conversation.sender_id)
    record.extend(events)
    return record
