"""What a domain grows by while it is taught: actions, intents and slots. No input or output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dialogue_gym.domain import Domain
from dialogue_gym.entries import DOMAIN, EVENT, LABEL, RESULT, Entry, entry_events
from dialogue_gym.events import ActionExecuted, SlotSet

ACTION, INTENT, SLOT = "action", "intent", "slot"


@dataclass(frozen=True)
class Growth:
    """Something that a domain is to have.

    Attributes:
        add: `"action"`, `"intent"` or `"slot"`.
        name: what it is called.
        texts: what an action says.
        type: of a slot, which the entity of its name fills.
        values: of a categorical slot.
    """

    add: str
    name: str
    texts: tuple[str, ...] = ()
    type: str = "text"
    values: tuple[str, ...] = ()

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Growth:
        """Return what the content of an entry says."""
        texts, values = (tuple(content.get(key, ())) for key in ("texts", "values"))
        return cls(content["add"], content["name"], texts, content.get("type", "text"), values)

    def content(self) -> dict[str, Any]:
        """Return the content of an entry that says so."""
        about: dict[str, Any] = {"add": self.add, "name": self.name}
        if self.add == ACTION:
            return about | {"texts": list(self.texts)}
        if self.add == SLOT and self.type != "text":
            return about | {"type": self.type, "values": list(self.values)}
        return about

    def is_in(self, domain: Domain) -> bool:
        """Return whether a domain has something of this name by now."""
        if self.add == SLOT:
            return any(self.name == slot.name for slot in domain.slots)
        return self.name in (domain.actions if self.add == ACTION else domain.intents)

    def added_to(self, domain: Domain) -> Domain:
        """Return a domain with it.

        Raises:
            DomainError: the name cannot be one, or is taken.
        """
        if self.add == ACTION:
            return domain.with_action(self.name, self.texts)
        if self.add == INTENT:
            return domain.with_intent(self.name)
        return domain.with_slot(self.name, self.type, self.values)


def grown(domain: Domain, growth: Iterable[Growth]) -> Domain:
    """Return a domain with all that is added to it.

    Raises:
        DomainError: a name cannot be one, or is taken.
    """
    for one in growth:
        domain = one.added_to(domain)
    return domain


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
    undone: dict[tuple[str, str], Growth] = {}
    for entry in entries:
        growth = Growth.read(entry.content)
        if entry.conversation and entry.id not in counting:
            undone[growth.add, growth.name] = growth
        elif not growth.is_in(domain):
            domain = growth.added_to(domain)
    for add, name in dict.fromkeys(pair for entry in in_effect for pair in _named(entry)):
        growth = undone.get((add, name), Growth(add, name))
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
