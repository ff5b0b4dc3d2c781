"""Dialogues under the rules, set up by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dialogue_gym import rules
from dialogue_gym.conversation.wording import act_text
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.observation import observation_fields
from dialogue_gym.rules.tables import (
    AGENDA,
    RANDOM,
    Settings,
    Tables,
)

RESTAURANT = load_domain("restaurant")
CONCERT = load_domain("concert")


class Play:
    """One dialogue under the rules, spoken of by names."""

    def __init__(self, domain: Domain, draw: Callable[..., int] = rules.draw, **settings: Any) -> None:
        self.domain = domain
        self.tables: Tables = rules.build_tables(domain, Settings(**settings))
        self.draw = draw
        self.row = [0] * self.tables.size
        self.row[RANDOM] = rules.mix(1)
        self.slots = [slot.name for slot in domain.slots]
        rules.begin(self.row, self.tables, draw)

    def set(self, block: str, **codes: int) -> None:
        for name, code in codes.items():
            self.row[getattr(self.tables, block) + self.slots.index(name)] = code

    def know(self, **codes: int) -> None:
        """Let the bot know these values and no others, for certain."""
        rules.forget(self.row, self.tables)
        for name, code in codes.items():
            rules.set_slot(self.row, self.tables, self.slots.index(name), code, 3)

    def do(self, action: str) -> int:
        return rules.step(self.row, self.tables, self.domain.actions.index(action), self.draw)

    def heard(self) -> str:
        block = self.tables.heard if self.tables.is_noisy else self.tables.told
        entities = {
            name: str(self.row[block + i]) for i, name in enumerate(self.slots) if self.row[block + i]
        }
        return act_text(self.domain.intents[self.row[self.tables.intent] - 1], entities)

    def sees(self, field: str) -> str:
        fields = observation_fields(self.domain)
        index = [f.name for f in fields].index(field)
        return fields[index].labels[self.row[index]]


def restaurant(**settings: Any) -> Play:
    """A user who wants the first of everything and opens with the cuisine; the bot knows nothing yet."""
    play = Play(RESTAURANT, **({"indecisiveness": 0.0} | settings))
    play.set("goal", cuisine=1, people=1, location=1, price=1)
    play.set("opening", cuisine=1, people=0, location=0, price=0)
    play.know()
    return play


def concert(path: list[str], **settings: Any) -> Play:
    assert CONCERT.fake_user
    play = Play(CONCERT, **settings)
    paths = [[item.intent for item in agenda.items] for agenda in CONCERT.fake_user.agendas]
    while paths[play.row[AGENDA]] != path:
        rules.begin(play.row, play.tables, play.draw)
    return play
