"""The recorder: turns the steps of an environment into a conversation in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.effects import simulated_events
from dialogue_gym.conversation.events import ActionExecuted, Entity, Event, SlotSet, UserUttered, Value
from dialogue_gym.conversation.user_act import ActReader
from dialogue_gym.conversation.wording import Speaker
from dialogue_gym.domain import Domain
from dialogue_gym.domain.observation import confidence_value
from dialogue_gym.rules import Row, Tables, rival_score
from dialogue_gym.rules.tables import (
    FAILURE,
    HEARD_CONFIDENCE,
    ON_OFFER,
    RANDOM,
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
        self._reader = ActReader(domain, tables)
        self._notes: list[tuple[int, int, list[int], tuple[SlotSet, ...]]] = []
        self._stored: tuple[SlotSet, ...] = ()
        self._is_replaced = False

    def begin(self, row: Row) -> None:
        """Start anew with the user's opening."""
        self._notes = [(0, TURN, list(row), ())]
        self._stored = ()
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

    def store(self, values: Mapping[str, Value]) -> None:
        """Record values that the bot knows from now on, by slot."""
        self._stored += tuple(SlotSet(name, value) for name, value in values.items())

    def add(self, row: Row, action: int, events: int) -> None:
        """Record a step: the bot's action, and the user's message if the turn was handed over."""
        is_kept = events & TURN or self._tables.is_search  # which venue is offered lies in the row
        self._notes.append((action, events, list(row) if is_kept else [], self._stored))
        self._stored = ()

    @property
    def conversation(self) -> Conversation:
        """The dialogue so far; it continues with the environment until the next reset."""
        if self._written == 0:
            self._conversation = Conversation(self._domain)
            # The choice of words follows the dialogue's chance without touching it.
            self._speaker = Speaker(self._domain, self._notes[0][2][RANDOM])
            self._add_user(self._notes[0][2])
            self._written = 1
        for action, events, row, stored in self._notes[self._written :]:
            self._conversation.extend(stored)
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
        tables, reader = self._tables, self._reader
        meant = reader.said(row)
        text = self._speaker.user(meant.intent, meant.told, meant, meant.asked)
        if not tables.is_noisy:
            self._conversation.append(UserUttered(text, meant.intent, meant.entities))
            return
        heard = reader.heard(row)
        others: tuple[Entity, ...] = ()
        if tables.is_search:
            confidence = row[HEARD_CONFIDENCE] / 100
            rival = rival_score(row[HEARD_CONFIDENCE]) / 100
            others = tuple(dataclasses.replace(one, confidence=rival) for one in reader.rivals(row))
        else:
            confidence = confidence_value(row[HEARD_CONFIDENCE])
        message = UserUttered(text, heard.intent, heard.entities, confidence, str(meant), alternatives=others)
        self._conversation.append(message)
