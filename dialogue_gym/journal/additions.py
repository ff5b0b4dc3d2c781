"""The additions to a domain that the entries of a journal make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dialogue_gym.conversation.events import ActionExecuted, SlotSet, UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.domain.additions import ACTION, EDITS, INTENT, SLOT, Addition, extend
from dialogue_gym.domain.slot import REQUESTED_SLOT
from dialogue_gym.journal.entry import DOMAIN, EVENT, LABEL, MEND, RESULT, USER, Entry, entry_events


def extend_domain(domain: Domain, entries: Iterable[Entry], in_effect: Iterable[Entry]) -> Domain:
    """Return a domain with its additions, and with all names that the steps in effect use.

    An addition for an answer stands before it in its conversation, and counts if it is in effect itself; one
    outside of conversations always counts. Names that the domain already has are left alone. An action or
    slot that is used without an addition comes after them: the file has lost it, or its addition was undone
    elsewhere. So does an intent or slot of messages whose addition was undone elsewhere. Edits come last, in
    their order.

    Args:
        domain: the domain as its file has it.
        entries: all additions.
        in_effect: the steps of all conversations, and their additions, in order.

    Raises:
        DomainError: something cannot be added.
    """
    entries, in_effect = list(entries), list(in_effect)
    counting = {entry.id for entry in in_effect if entry.kind == DOMAIN}
    undone: dict[tuple[str, str], Addition] = {}
    edits: list[Addition] = []
    for entry in entries:
        addition = Addition.read(entry.content)
        is_undone = entry.conversation and entry.id not in counting
        if addition.add in EDITS:
            edits += [] if is_undone else [addition]
        elif is_undone:
            undone[addition.add, addition.name] = addition
        elif not addition.is_in(domain):
            domain = addition.added_to(domain)
    for add, name in dict.fromkeys(pair for entry in in_effect for pair in used_names(entry)):
        addition = undone.get((add, name), Addition(add, name))
        if not addition.is_in(domain):
            domain = addition.added_to(domain)
    for addition in _said(undone, in_effect):
        if not addition.is_in(domain):
            domain = addition.added_to(domain)
    return extend(domain, edits)


def _said(undone: Mapping[tuple[str, str], Addition], in_effect: Iterable[Entry]) -> list[Addition]:
    """Return those of the undone additions whose intents and slots are in messages in effect."""
    if not any(add in (INTENT, SLOT) for add, _ in undone):
        return []
    said = (
        pair
        for entry in in_effect
        if entry.kind in (USER, MEND)
        for message in entry_events(entry)
        if isinstance(message, UserUttered)
        for pair in (
            (INTENT, message.intent or ""),
            (INTENT, (message.intent or "").partition("/")[0]),
            *((SLOT, entity.name) for entity in message.entities),
        )
    )
    return [undone[pair] for pair in dict.fromkeys(said) if pair in undone]


def used_names(entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield the actions and slots without which an entry cannot be read."""
    if entry.kind == LABEL:
        yield from ((ACTION, name) for name in [entry.content["action"], *entry.content["right"]])
    elif entry.kind in (RESULT, EVENT):
        for event in entry_events(entry):
            if isinstance(event, ActionExecuted):
                yield ACTION, event.name
            elif isinstance(event, SlotSet) and event.name != REQUESTED_SLOT:
                yield SLOT, event.name
