"""The recorder: turns the steps of an environment into a conversation in words."""

from __future__ import annotations

import dataclasses
from typing import Any

from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.effects import simulated_events
from dialogue_gym.conversation.events import ActionExecuted, Entity, Event, UserUttered, entity_values
from dialogue_gym.conversation.slot_filling import entity_for
from dialogue_gym.conversation.wording import Speaker, act_text
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import ATTRIBUTE
from dialogue_gym.domain.observation import confidence_value, slot_codes
from dialogue_gym.rules import Row, Tables, attribute_columns, rival_score
from dialogue_gym.rules.tables import (
    FAILURE,
    HEARD_ATTRIBUTES,
    HEARD_CONFIDENCE,
    HEARD_INTENT,
    ON_OFFER,
    RANDOM,
    SAID_ATTRIBUTES,
    SAID_INTENT,
    SUCCESS,
    TRUNCATED,
    TURN,
)


class Recorder:
    """Record of the steps of a dialogue, which are put into words on demand.

    (Words cost more than the step itself.)
    """

    def __init__(self, domain: Domain, tables: Tables) -> None:
        """Prepare to record dialogues of this domain."""
        self._domain = domain
        self._tables = tables
        self._codes = slot_codes(domain)
        self._notes: list[tuple[int, int, list[int]]] = []
        self._is_replaced = False

    def begin(self, row: Row) -> None:
        """Start anew with the user's opening."""
        self._notes = [(0, TURN, list(row))]
        self._written, self._is_replaced = 0, False

    def get_state(self) -> tuple[Any, ...]:
        """Return the record so far, for `set_state`; words are left out where they follow from the steps."""
        if not self._is_replaced:
            return (*self._notes,), None
        conversation = self.conversation
        return (*self._notes,), (conversation.events, conversation.outcome, self._speaker.copy())

    def set_state(self, state: tuple[Any, ...]) -> None:
        """Continue from a record that `get_state` returned."""
        notes, words = state
        self._notes = list(notes)
        self._written, self._is_replaced = 0, words is not None
        if words is not None:
            events, outcome, speaker = words
            self._conversation = Conversation(self._domain, events)
            self._conversation.outcome = outcome
            self._speaker = speaker.copy()
            self._written = len(notes)

    def add(self, row: Row, action: int, events: int) -> None:
        """Record a step: the bot's action, and the user's message if the turn was handed over."""
        is_kept = events & TURN or self._tables.is_search  # which venue is offered lies in the row
        self._notes.append((action, events, list(row) if is_kept else []))

    @property
    def conversation(self) -> Conversation:
        """The dialogue so far; it continues with the environment until the next reset."""
        if self._written == 0:
            self._conversation = Conversation(self._domain)
            # The choice of words follows the dialogue's chance without touching it.
            self._speaker = Speaker(self._domain, self._notes[0][2][RANDOM])
            self._add_user(self._notes[0][2])
            self._written = 1
        for action, events, row in self._notes[self._written :]:
            self._add_step(action, events, row)
        self._written = len(self._notes)
        return self._conversation

    def foresee(self, action: str, venue: int | None = None) -> tuple[Event, ...]:
        """Return the events that an action would have now, with the text that it would say.

        `venue` is the number of the venue that would be on offer then, + 1; 0 for none.
        """
        return simulated_events(action, self.conversation, self._speaker.copy(), venue)

    def replace_last_message(self, message: UserUttered) -> None:
        """Replace the user's last message.

        Raises:
            ValueError: the last event is not a message of the user.
        """
        conversation = self.conversation
        if not isinstance(conversation.events[-1], UserUttered):
            raise ValueError("no message to replace: the last event is not a message of the user")
        other = Conversation(self._domain, (*conversation.events[:-1], message))
        other.outcome = conversation.outcome
        self._conversation, self._is_replaced = other, True

    def _add_step(self, action: int, events: int, row: list[int]) -> None:
        conversation = self._conversation
        name = self._domain.actions[action]
        venue = row[self._tables.search + ON_OFFER] if self._tables.is_search else None
        effects = simulated_events(name, conversation, self._speaker, venue)
        conversation.append(ActionExecuted(name))
        conversation.extend(effects)
        user_left = (self._tables.is_agenda or self._tables.is_search) and events & SUCCESS
        if events & TURN and not user_left:
            self._add_user(row)
        for outcome, bit in (("success", SUCCESS), ("failure", FAILURE), ("truncated", TRUNCATED)):
            if events & bit:
                conversation.outcome = outcome

    def _add_user(self, row: list[int]) -> None:
        tables = self._tables
        intent, told = self._domain.intents[row[SAID_INTENT] - 1], self._slots(row, tables.told)
        asked = self._asked(row, SAID_ATTRIBUTES)
        said = (*self._entities(told), *asked)
        meant = act_text(intent, entity_values(said))
        text = self._speaker.user(intent, told, meant, [entity.value for entity in asked])
        if not tables.is_noisy:
            self._conversation.append(UserUttered(text, intent, said))
            return
        heard = (*self._entities(self._slots(row, tables.heard)), *self._asked(row, HEARD_ATTRIBUTES))
        intent = self._domain.intents[row[HEARD_INTENT] - 1]
        others: tuple[Entity, ...] = ()
        if tables.is_search:
            confidence = row[HEARD_CONFIDENCE] / 100
            rival = rival_score(row[HEARD_CONFIDENCE]) / 100
            alternatives = self._entities(self._slots(row, tables.others))
            others = tuple(dataclasses.replace(one, confidence=rival) for one in alternatives)
        else:
            confidence = confidence_value(row[HEARD_CONFIDENCE])
        message = UserUttered(text, intent, heard, confidence, meant, alternatives=others)
        self._conversation.append(message)

    def _asked(self, row: list[int], place: int) -> tuple[Entity, ...]:
        """Return the attributes that a message asks for, whose bits lie at a place of the row."""
        if not self._tables.is_search:
            return ()
        columns = attribute_columns(self._domain)
        return tuple(Entity(ATTRIBUTE, name) for bit, name in enumerate(columns) if row[place] >> bit & 1)

    def _slots(self, row: list[int], block: int) -> dict[str, str]:
        return {
            code.slot.name: str(code.decode(row[block + i]))
            for i, code in enumerate(self._codes)
            if row[block + i]
        }

    def _entities(self, told: dict[str, str]) -> tuple[Entity, ...]:
        return tuple(entity_for(self._domain.slot(name), value) for name, value in told.items())
