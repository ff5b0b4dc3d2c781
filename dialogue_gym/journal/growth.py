"""The domain of a journal: what its entries add."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dialogue_gym.conversation.events import ActionExecuted, SlotSet
from dialogue_gym.domain import Domain
from dialogue_gym.domain.additions import ACTION, SLOT, Addition
from dialogue_gym.journal.entry import DOMAIN, EVENT, LABEL, RESULT, Entry, entry_events


def with_growth(domain: Domain, entries: Iterable[Entry], in_effect: Iterable[Entry]) -> Domain:
    """Return a domain with what entries add to it, and with what has to be there to read those in effect.

    What came with an answer stands in its conversation, and counts where it is in effect itself; what belongs
    to no conversation always does. What the domain has by now is left alone. An action or a slot that is
    named in effect and that nothing adds any more, as the file has lost it or what added it was undone
    elsewhere, comes last.

    Args:
        domain: as its file has it.
        entries: all that add something.
        in_effect: the steps of all conversations, and what they grew by, in their order.

    Raises:
        DomainError: something cannot be added.
    """
    entries, in_effect = list(entries), list(in_effect)
    counting = {entry.id for entry in in_effect if entry.kind == DOMAIN}
    undone: dict[tuple[str, str], Addition] = {}
    for entry in entries:
        growth = Addition.read(entry.content)
        if entry.conversation and entry.id not in counting:
            undone[growth.add, growth.name] = growth
        elif not growth.is_in(domain):
            domain = growth.added_to(domain)
    for add, name in dict.fromkeys(pair for entry in in_effect for pair in _named(entry)):
        growth = undone.get((add, name), Addition(add, name))
        if not growth.is_in(domain):
            domain = growth.added_to(domain)
    return domain


def _named(entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield the actions and slots that a conversation cannot be read without."""
    if entry.kind == LABEL:
        yield from ((ACTION, name) for name in [entry.content["action"], *entry.content["right"]])
    elif entry.kind in (RESULT, EVENT):
        for event in entry_events(entry):
            if isinstance(event, ActionExecuted):
                yield ACTION, event.name
            elif isinstance(event, SlotSet):
                yield SLOT, event.name
