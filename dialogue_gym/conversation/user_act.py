"""A user's act in words, read from a row of the rules."""

from __future__ import annotations

from dataclasses import dataclass, field

from dialogue_gym.conversation.events import Entity, UserUttered, entity_values
from dialogue_gym.conversation.slot_filling import entity_for
from dialogue_gym.conversation.wording import act_text
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import ATTRIBUTE
from dialogue_gym.domain.observation import slot_codes
from dialogue_gym.rules import Row, Tables, attribute_columns
from dialogue_gym.rules.tables import HEARD_ATTRIBUTES, HEARD_INTENT, SAID_ATTRIBUTES, SAID_INTENT


@dataclass(frozen=True, slots=True)
class UserAct:
    """The meaning of a user's message.

    Attributes:
        intent: its intent.
        told: values by slot.
        asked: the attributes that the user asks for.
        domain: the domain of these names.
    """

    intent: str
    told: dict[str, str]
    asked: tuple[str, ...]
    domain: Domain = field(repr=False, compare=False)

    @property
    def entities(self) -> tuple[Entity, ...]:
        """The values and attributes as entities."""
        asked = (Entity(ATTRIBUTE, name) for name in self.asked)
        return (*slot_entities(self.told, self.domain), *asked)

    def __str__(self) -> str:
        """The act in the fixed format."""
        return act_text(self.intent, entity_values(self.entities))


def slot_entities(told: dict[str, str], domain: Domain) -> tuple[Entity, ...]:
    """Return values by slot as the entities that tell them."""
    return tuple(entity_for(domain.slot(name), value) for name, value in told.items())


def act_of(message: UserUttered, domain: Domain) -> UserAct:
    """Return the act that a fake user's message was understood as; its entities lead back to slots."""
    told: dict[str, str] = {}
    for entity in message.entities:
        for slot in domain.slots:
            if entity.name != ATTRIBUTE and entity_for(slot, entity.value) == entity:
                told.setdefault(slot.name, str(entity.value))
    asked = tuple(str(entity.value) for entity in message.entities if entity.name == ATTRIBUTE)
    return UserAct(message.intent or "", told, asked, domain)


class ActReader:
    """Reader of the acts that lie in rows of a domain."""

    def __init__(self, domain: Domain, tables: Tables) -> None:
        """Prepare to read rows of these tables."""
        self._domain = domain
        self._tables = tables
        self._codes = slot_codes(domain)
        self._attributes = attribute_columns(domain) if tables.is_search else ()

    def said(self, row: Row) -> UserAct:
        """Return the act that the user meant."""
        return self._act(row, SAID_INTENT, self._tables.told, SAID_ATTRIBUTES)

    def heard(self, row: Row) -> UserAct:
        """Return the act that the bot understood under noise."""
        return self._act(row, HEARD_INTENT, self._tables.heard, HEARD_ATTRIBUTES)

    def rivals(self, row: Row) -> tuple[Entity, ...]:
        """Return the second values that the bot understood beside those of the act that it heard."""
        return slot_entities(self._slots(row, self._tables.others), self._domain)

    def _act(self, row: Row, intent: int, block: int, attributes: int) -> UserAct:
        told = self._slots(row, block)
        bits = row[attributes] if self._attributes else 0
        asked = tuple(name for bit, name in enumerate(self._attributes) if bits >> bit & 1) if bits else ()
        return UserAct(self._domain.intents[row[intent] - 1], told, asked, self._domain)

    def _slots(self, row: Row, block: int) -> dict[str, str]:
        values = enumerate(row[block : block + len(self._codes)])
        return {self._codes[i].slot.name: str(self._codes[i].decode(value)) for i, value in values if value}
