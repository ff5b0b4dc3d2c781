"""Additions to a domain while it is taught: actions, intents, slots, and edits. No input or output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dialogue_gym.domain.edits import with_entity, with_texts, with_type, with_values
from dialogue_gym.domain.model import Domain
from dialogue_gym.domain.observation import is_search

ACTION, INTENT, SLOT = "action", "intent", "slot"
RESPONSE, EXAMPLE, TYPE, VALUES, ENTITY = "response", "example", "type", "values", "entity"
EDITS = (RESPONSE, EXAMPLE, TYPE, VALUES, ENTITY)
"""Edits: of the texts of a response, the examples of an intent; of a slot's type, its values, its entity."""
KINDS = (ACTION, INTENT, SLOT, *EDITS)


@dataclass(frozen=True)
class Addition:
    """An action, intent or slot to add to a domain, or an edit of one.

    An edit puts `texts` in the place of `was` (`edits.edited`). Where others have changed those meanwhile, as
    in the domain's file, it changes nothing.

    Attributes:
        add: one of `KINDS`.
        name: of the action, intent or slot; with an edit, of the response, intent or slot.
        texts: of an action's response; with an edit, everything that is new.
        type: of a slot, which the entity of its name fills.
        values: of a categorical slot.
        was: with an edit, everything that goes.
    """

    add: str
    name: str
    texts: tuple[str, ...] = ()
    type: str = "text"
    values: tuple[str, ...] = ()
    was: tuple[str, ...] = ()

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Addition:
        """Return the addition that a journal entry's content describes."""
        texts, values, was = (tuple(content.get(key, ())) for key in ("texts", "values", "was"))
        return cls(content["add"], content["name"], texts, content.get("type", "text"), values, was)

    def content(self) -> dict[str, Any]:
        """Return the content of a journal entry for this addition."""
        about: dict[str, Any] = {"add": self.add, "name": self.name}
        if self.add == ACTION:
            return about | {"texts": list(self.texts)}
        if self.add in EDITS:
            return about | {"was": list(self.was), "texts": list(self.texts)}
        if self.add == SLOT and self.type != "text":
            return about | {"type": self.type, "values": list(self.values)}
        return about

    def is_in(self, domain: Domain) -> bool:
        """Return whether a domain already has it; the examples of intents are not in a domain.

        The venue on offer is set like a slot, and is none.
        """
        if self.add in EDITS:
            return self.added_to(domain) == domain
        if self.add == SLOT:
            venues = domain.database.name if domain.database and is_search(domain) else None
            return self.name == venues or any(self.name == slot.name for slot in domain.slots)
        return self.name in (domain.actions if self.add == ACTION else domain.intents)

    def added_to(self, domain: Domain) -> Domain:
        """Return a copy of a domain with this addition.

        Raises:
            DomainError: the name cannot be one, or is taken. An edit raises none.
        """
        if self.add in _EDITED:
            return _EDITED[self.add](domain, self.name, self.was, self.texts)
        if self.add == EXAMPLE:
            return domain
        if self.add == ACTION:
            return domain.with_action(self.name, self.texts)
        if self.add == INTENT:
            return domain.with_intent(self.name)
        return domain.with_slot(self.name, self.type, self.values)


_EDITED = {RESPONSE: with_texts, TYPE: with_type, VALUES: with_values, ENTITY: with_entity}


def extend(domain: Domain, additions: Iterable[Addition]) -> Domain:
    """Return a copy of a domain with all additions.

    Raises:
        DomainError: a name cannot be one, or is taken.
    """
    for one in additions:
        domain = one.added_to(domain)
    return domain
