"""What a domain grows by while it is taught: actions, intents and slots. No input or output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dialogue_gym.domain.model import Domain

ACTION, INTENT, SLOT = "action", "intent", "slot"


@dataclass(frozen=True)
class Addition:
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
    def read(cls, content: Mapping[str, Any]) -> Addition:
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


def extend(domain: Domain, growth: Iterable[Addition]) -> Domain:
    """Return a domain with all that is added to it.

    Raises:
        DomainError: a name cannot be one, or is taken.
    """
    for one in growth:
        domain = one.added_to(domain)
    return domain
