"""Filling of slots: the values that a user's message gives them, by Rasa's rules.

Rasa 3 fills a slot by the first of its mappings that applies (https://rasa.com/docs/rasa/domain#slot-mappings).
Rasa 0 to 2 fill the slot of an entity's name, whatever its role and group.
"""

from __future__ import annotations

from dataclasses import dataclass

from dialogue_gym._text import nearest, quoted
from dialogue_gym.conversation.events import Entity, UserUttered, Value
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import ATTRIBUTE
from dialogue_gym.domain.slot import (
    EMPTY,
    FILLED,
    FROM_ENTITY,
    FROM_INTENT,
    FROM_TEXT,
    FROM_TRIGGER_INTENT,
    OTHER,
    REQUESTED_SLOT,
    Form,
    LoopCondition,
    Slot,
    SlotMapping,
)


@dataclass(frozen=True)
class LoopState:
    """The active form, and its state.

    Attributes:
        name: the name of the form; None without one.
        requested_slot: the slot that it has asked for; None before its first question.
        is_unanswered: whether the last message filled no slot of the form, which has not asked again.
        is_rejected: whether the form was run for the last message, and declined.
    """

    name: str | None = None
    requested_slot: str | None = None
    is_unanswered: bool = False
    is_rejected: bool = False


NO_LOOP = LoopState()


def slots_filled(domain: Domain, message: UserUttered, loop: LoopState = NO_LOOP) -> dict[str, Value]:
    """Return the slots that a message fills: a list gets all values, others the last."""
    values: dict[str, Value] = {}
    for slot in domain.slots:
        if slot.name != REQUESTED_SLOT and (found := _found(domain, slot, message, loop)):
            values[slot.name] = found if slot.type == "list" else found[-1]
    return values


def value_notes(domain: Domain, message: UserUttered, loop: LoopState = NO_LOOP) -> list[str]:
    """Return a sentence for each value in a message that its slot does not list, or cannot read.

    As in Rasa the slot keeps the value; only the bot's view of it is another one. There is also a sentence
    for each attribute that is asked for, and that the domain does not have.
    """
    notes = [
        note
        for name, value in slots_filled(domain, message, loop).items()
        if (note := _value_note(domain.slot(name), value))
    ]
    search = domain.fake_user.search if domain.fake_user else None
    for entity in message.entities if search else ():
        if search and entity.name == ATTRIBUTE and entity.value not in search.attributes:
            asked = str(entity.value)
            notes.append(f"unknown attribute {quoted(asked)}; {nearest(asked, search.attributes)}")
    return notes


def _value_note(slot: Slot, value: Value) -> str | None:
    if not slot.lists(value):
        unlisted = f"the slot {slot.name!r} has no value {quoted(str(value))}"
        seen = "so the bot finds nothing" if slot.is_constraint else f"which to the bot is {OTHER!r}"
        return f"{unlisted}, {seen}; {nearest(str(value), slot.values)}"
    if slot.type in ("bool", "float") and value is not None and not slot.label(value):
        kind = "true or false" if slot.type == "bool" else "a number"
        return f"the slot {slot.name!r} needs {kind}, not {quoted(str(value))}; to the bot it is {EMPTY}"
    return None


def slots_of_entities(domain: Domain, message: UserUttered) -> dict[str, Value]:
    """Return the slots that a message fills when Rasa reads it in a story.

    Its reader knows mappings to entities alone, except those under a form, and heeds no intents.
    """
    values: dict[str, Value] = {}
    for slot in domain.slots:
        mappings = slot.mappings or ((SlotMapping(FROM_ENTITY, slot.entity),) if slot.entity else ())
        found = [
            entity.value
            for mapping in mappings
            if mapping.type == FROM_ENTITY and not (mapping.conditions and mapping.conditions[0].active_loop)
            for entity in message.entities
            if _matches(mapping, entity)
        ]
        if found:
            values[slot.name] = found if slot.type == "list" else found[-1]
    return values


def _found(domain: Domain, slot: Slot, message: UserUttered, loop: LoopState) -> list[Value]:
    if not slot.mappings:
        if slot.entity is None:
            return []
        return [entity.value for entity in message.entities if entity.name == slot.entity]
    form = next((form for form in domain.forms if form.name == loop.name), None)
    for mapping in slot.mappings:
        found = _values(mapping, message, loop)
        if found and _applies(domain, slot, mapping, message, loop, form):
            return found
    return []


def _values(mapping: SlotMapping, message: UserUttered, loop: LoopState) -> list[Value]:
    """Return the values that a mapping finds in a message, if it applies."""
    if mapping.type == FROM_ENTITY:
        return [entity.value for entity in message.entities if _matches(mapping, entity)]
    if mapping.type == FROM_TEXT:
        return [] if message.text is None else [message.text]
    if mapping.type == FROM_INTENT:
        return [mapping.value]
    return [mapping.value] if mapping.type == FROM_TRIGGER_INTENT else []


def _matches(mapping: SlotMapping, entity: Entity) -> bool:
    """Return whether an entity has the name, role and group of a mapping; no role matches only none."""
    wanted = (mapping.entity, mapping.role, mapping.group)
    return (entity.name, entity.role, entity.group) == wanted


def _applies(
    domain: Domain, slot: Slot, mapping: SlotMapping, message: UserUttered, loop: LoopState, form: Form | None
) -> bool:
    return (
        _takes_intent(mapping, message, loop, form)
        and _holds(mapping, loop)
        and not _is_ambiguous(domain, slot, mapping, loop, form)
    )


def _takes_intent(mapping: SlotMapping, message: UserUttered, loop: LoopState, form: Form | None) -> bool:
    """Return whether a mapping is for messages of this intent.

    The intents of the mapping decide if it names any; else those that it or the form ignores fill nothing.
    """
    intents = {message.intent, (message.intent or "").partition("/")[0]}
    if mapping.intents:
        return not intents.isdisjoint(mapping.intents)
    ignored = form.ignored_intents if form and _is_of_loop(mapping, loop) else ()
    return intents.isdisjoint((*mapping.not_intents, *ignored))


def _is_of_loop(mapping: SlotMapping, loop: LoopState) -> bool:
    conditions = mapping.conditions
    return not conditions or any(condition.active_loop == loop.name for condition in conditions)


def _holds(mapping: SlotMapping, loop: LoopState) -> bool:
    """Return whether one of a mapping's conditions on the active form holds."""
    if mapping.type == FROM_TRIGGER_INTENT:  # the message that begins a form: nothing is requested yet
        loops = [condition.active_loop for condition in mapping.conditions if condition.active_loop]
        return loop.name is not None and (not loops or loop.name in loops)
    if not mapping.conditions:
        return True
    return any(_condition_holds(condition, loop) for condition in mapping.conditions)


def _condition_holds(condition: LoopCondition, loop: LoopState) -> bool:
    if condition.active_loop != loop.name:
        return False
    if loop.name is None:
        return True
    return condition.requested_slot in (None, loop.requested_slot)


def _is_ambiguous(
    domain: Domain, slot: Slot, mapping: SlotMapping, loop: LoopState, form: Form | None
) -> bool:
    """Return whether a form has asked for another slot, and several of its slots have this mapping."""
    if mapping.type != FROM_ENTITY or form is None or loop.requested_slot == slot.name:
        return False
    asked = [other for other in domain.slots if other.name in form.required_slots]
    return slot in asked and sum(mapping in other.mappings for other in asked) > 1


def named_value(slot: Slot) -> Value:
    """Return the value of a slot that a story only names: a filled text or list, None for other types."""
    return {"text": FILLED, "list": [FILLED]}.get(slot.type)


def stored_value(slot: Slot, value: Value) -> Value:
    """Return a value as a slot stores it: a list slot wraps a single one in a list, unless it is empty."""
    return [value] if slot.type == "list" and value and not isinstance(value, list) else value


def entity_for(slot: Slot, value: Value) -> Entity:
    """Return the entity in which a user tells the value of a slot, with the role and group that it needs."""
    for mapping in slot.mappings:
        if mapping.type == FROM_ENTITY:
            return Entity(str(mapping.entity), value, role=mapping.role, group=mapping.group)
    return Entity(slot.entity or slot.name, value)
