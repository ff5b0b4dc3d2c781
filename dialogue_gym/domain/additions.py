"""Additions to a domain while it is taught: actions, intents and slots. No input or output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dialogue_gym.domain.model import Domain

ACTION, INTENT, SLOT = "action", "intent", "slot"


@dataclass(frozen=True)
class Addition:
    """An action, intent or slot to add to a domain.

    Attributes:
        add: `"action"`, `"intent"` or `"slot"`.
        name: of the action, intent or slot.
        texts: of an action's response.
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
        """Return the addition that a journal entry's content describes."""
        texts, values = (tuple(content.get(key, ())) for key in ("texts", "values"))
        return cls(content["add"], content["name"], texts, content.get("type", "text"), values)

    def content(self) -> dict[str, Any]:
        """Return the content of a journal entry for this addition."""
        about: dict[str, Any] = {"add": self.add, "name": self.name}
        if self.add == ACTION:
            return about | {"texts": list(self.texts)}
        if self.add == SLOT and self.type != "text":
            return about | {"type": self.type, "values": list(self.values)}
        return about

    def is_in(self, domain: Domain) -> bool:
        """Return whether a domain already has it."""
        if self.add == SLOT:
            return any(self.name == slot.name for slot in domain.slots)
        return self.name in (domain.actions if self.add == ACTION else domain.intents)

    def added_to(self, domain: Domain) -> Domain:
        """Return a copy of a domain with this addition.

        Raises:
            DomainError: the name cannot be one, or is taken.
        """
        if self.add == ACTION:
            return domain.with_action(self.name, self.texts)
        if self.add == INTENT:
            return domain.with_intent(self.name)
        return domain.with_slot(self.name, self.type, self.values)


def extend(domain: Domain, additions: Iterable[Addition]) -> Domain:
    """Return a copy of a domain with all additions.

    Raises:
        DomainError: a name cannot be one, or is taken.
    """
    for one in additions:
        domain = one.added_to(domain)
    return domain
