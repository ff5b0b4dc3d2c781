"""A dialogue with the fake user as a chat, for people to read."""

from __future__ import annotations

from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import CONFIDENCES
from dialogue_gym.observation import slot_codes
from dialogue_gym.rules import Row, Tables
from dialogue_gym.rules.tables import (
    FAILURE,
    HEARD_CONFIDENCE,
    HEARD_INTENT,
    INVALID,
    RANDOM,
    SAID_INTENT,
    STEPS,
    SUCCESS,
    TRUNCATED,
    TURN,
)
from dialogue_gym.words import Speaker, act_text, line


class Transcript:
    """Collects the lines of one dialogue after another."""

    def __init__(self, domain: Domain) -> None:
        """Prepare to put dialogues of this domain into words."""
        self._domain = domain
        self._codes = slot_codes(domain)
        self._lines: list[str] = []
        self._shown = 0
        self._known: list[int] = []

    def begin(self, row: Row, tables: Tables) -> None:
        """Start anew with the user's opening."""
        # The choice of words follows the dialogue's chance without touching it.
        self._speaker = Speaker(self._domain, row[RANDOM])
        self._lines = []
        self._shown = 0
        self._add_user(row, tables)
        self._remember(row, tables)

    def add(self, row: Row, tables: Tables, action: int, events: int) -> None:
        """Add what the bot did, and what the user said if the turn was handed over."""
        name = self._domain.actions[action]
        meaning = name
        if events & INVALID:
            meaning += " (not possible here)"
        else:
            for effect in tables.effects[action]:
                self._known[tables.effect_slot[effect]] = tables.effect_value[effect]
        # What the bot said, it said with what it knew before the user answered.
        known = {code.slot.name: code.decode(self._known[i]) for i, code in enumerate(self._codes)}
        self._lines.append(line("bot", self._speaker.bot(name, known), meaning))
        user_left = tables.is_agenda and events & SUCCESS
        if events & TURN and not user_left:
            self._add_user(row, tables)
        self._remember(row, tables)
        if events & (SUCCESS | FAILURE | TRUNCATED):
            end = "success" if events & SUCCESS else "the user hangs up" if events & FAILURE else "cut off"
            self._lines.append(f"--- {end} after {row[STEPS]} {'step' if row[STEPS] == 1 else 'steps'} ---")

    def _remember(self, row: Row, tables: Tables) -> None:
        self._known = list(row[tables.values : tables.values + tables.slots])

    def _add_user(self, row: Row, tables: Tables) -> None:
        intent, told = self._domain.intents[row[SAID_INTENT] - 1], self._slots(row, tables.told)
        act = meaning = self._act_text(intent, told)
        if tables.is_noisy:
            intent_heard = self._domain.intents[row[HEARD_INTENT] - 1]
            heard = self._act_text(intent_heard, self._slots(row, tables.heard))
            if heard != act:
                meaning += f" heard as {heard}"
            meaning += f" ({CONFIDENCES[row[HEARD_CONFIDENCE]]} confidence)"
        self._lines.append(line("user", self._speaker.user(intent, told, act), meaning))

    def _slots(self, row: Row, block: int) -> dict[str, str]:
        return {
            code.slot.name: str(code.decode(row[block + i]))
            for i, code in enumerate(self._codes)
            if row[block + i]
        }

    def _act_text(self, intent: str, told: dict[str, str]) -> str:
        entities = {self._domain.slot(name).entity or name: value for name, value in told.items()}
        return act_text(intent, entities)

    def take_new(self) -> list[str]:
        """Return the lines that were not taken before."""
        new = self._lines[self._shown :]
        self._shown = len(self._lines)
        return new

    def text(self) -> str:
        """Return the dialogue so far."""
        return "\n".join(self._lines)
