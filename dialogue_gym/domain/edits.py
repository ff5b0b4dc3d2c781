"""Edits of a domain's responses and slots: texts, types, values and entities in the place of others."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Sequence

from dialogue_gym.domain.model import Domain, Response, Variation
from dialogue_gym.domain.slot import CUSTOM, FROM_ENTITY, Slot, SlotMapping


def edited(known: Iterable[str], was: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Return texts after an edit, which has no text both in `was` and in `texts`.

    >>> edited(["a", "b"], ["a"], ["c"]), edited(["a", "b"], ["b"], []), edited(["a"], [], ["b"])
    (['c', 'b'], ['a'], ['a', 'b'])

    Each text of `was` is replaced by the one at its place in `texts`; further ones of `was` are removed, and
    further ones of `texts` come last. A text that is not there any more, or there already, changes nothing.
    """
    result = list(known)
    for old, new in itertools.zip_longest(was, texts):
        if old is None:
            result += [] if new in result else [new]
        elif old in result:
            place = result.index(old)
            result[place : place + 1] = [] if new is None or new in result else [new]
    return result


def action_of(response: str) -> str:
    """Return the action that says a response.

    >>> action_of("utter_faq/pets"), action_of("utter_greet")
    ('utter_faq', 'utter_greet')
    """
    return response.partition("/")[0]


def with_texts(domain: Domain, name: str, was: Sequence[str], texts: Sequence[str]) -> Domain:
    """Return a copy in which a response says other texts; conditions, channels and buttons stay.

    The texts that the simulation declares for an action become a response. The last text is never removed.
    `utter_faq/pets` is a response of the action `utter_faq`, possibly a new one.
    """
    if action_of(name) not in domain.actions and all(name != one.name for one in domain.responses):
        return domain
    said = list(domain.variations(name))
    for old, new in itertools.zip_longest(was, texts):
        has_new = any(one.text == new for one in said)
        if old is None:
            said += [] if has_new else [Variation(new)]
        elif new is None or has_new:
            said = [one for one in said if one.text != old]
        else:
            said = [dataclasses.replace(one, text=new) if one.text == old else one for one in said]
    if not said or tuple(said) == domain.variations(name):
        return domain
    response = Response.of(name, said)
    responses = [response if one.name == name else one for one in domain.responses]
    if response not in responses:
        responses.append(response)
    return dataclasses.replace(domain, responses=tuple(responses))


def with_type(domain: Domain, name: str, was: Sequence[str], texts: Sequence[str]) -> Domain:
    """Return a copy in which a slot is of another type."""

    def change(slot: Slot) -> Slot:
        if [slot.type] != [*was] or len(texts) != 1:
            return slot
        default = Slot(name)
        return dataclasses.replace(
            slot, type=texts[0], values=(), min_value=default.min_value, max_value=default.max_value
        )

    return _with_slot(domain, name, change)


def with_values(domain: Domain, name: str, was: Sequence[str], texts: Sequence[str]) -> Domain:
    """Return a copy in which a categorical slot has other values."""

    def change(slot: Slot) -> Slot:
        if slot.type != "categorical":
            return slot
        return dataclasses.replace(slot, values=tuple(edited(slot.values, was, texts)))

    return _with_slot(domain, name, change)


def with_entity(domain: Domain, name: str, was: Sequence[str], texts: Sequence[str]) -> Domain:
    """Return a copy in which another entity fills a slot, or none does."""

    def change(slot: Slot) -> Slot:
        if entities_of(slot) != [*was] or not has_plain_mapping(slot):
            return slot
        entity = texts[0] if texts else None
        mappings: tuple[SlotMapping, ...] = ()
        if has_mappings(domain):
            mappings = (SlotMapping(FROM_ENTITY, entity) if entity else SlotMapping(CUSTOM),)
        return dataclasses.replace(slot, entity=entity, mappings=mappings)

    changed = _with_slot(domain, name, change)
    new = [entity for entity in texts if changed is not domain and entity not in domain.entities]
    return dataclasses.replace(changed, entities=(*domain.entities, *new)) if new else changed


def entities_of(slot: Slot) -> list[str]:
    """Return the entity that fills a slot, in a list; an empty one if none does."""
    return [slot.entity] if slot.entity else []


def has_mappings(domain: Domain) -> bool:
    """Return whether slots have mappings, as in Rasa 3; otherwise the entity of its name fills a slot."""
    return any(slot.mappings for slot in domain.slots)


def has_plain_mapping(slot: Slot) -> bool:
    """Return whether a slot is filled by every mention of one entity, or by no message."""
    own = SlotMapping(FROM_ENTITY, slot.entity) if slot.entity else SlotMapping(CUSTOM)
    return slot.mappings in ((), (own,))


def _with_slot(domain: Domain, name: str, change: Callable[[Slot], Slot]) -> Domain:
    slots = tuple(change(slot) if slot.name == name else slot for slot in domain.slots)
    return domain if slots == domain.slots else dataclasses.replace(domain, slots=slots)
