"""The narrator: puts the steps of an environment into words."""

from __future__ import annotations

import dataclasses
from typing import Any

from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.effects import simulated_events
from dialogue_gym.conversation.events import ActionExecuted, Entity, Event, SlotSet, UserUttered, Value
from dialogue_gym.conversation.user_act import ActReader
from dialogue_gym.conversation.wording import Speaker
from dialogue_gym.domain import Domain
from dialogue_gym.domain.observation import confidence_value
from dialogue_gym.rules import Row, Tables, rival_score
from dialogue_gym.rules.tables import FAILURE, HEARD_CONFIDENCE, ON_OFFER, RANDOM, SUCCESS, TRUNCATED, TURN

Note = tuple[int, int, list[int], tuple[tuple[str, Value], ...]]
"""A step: the action, the events, the row where words need it, and the values stored before it, by slot."""


class Narrator:
    """A dialogue in words, which grows with the steps of an environment.

    Attributes:
        conversation: the dialogue so far.
    """

    def __init__(self, domain: Domain, tables: Tables, opening: Row) -> None:
        """Begin with the user's opening."""
        self.conversation = Conversation(domain)
        # The choice of words follows the dialogue's chance without touching it.
        self._speaker = Speaker(domain, opening[RANDOM])
        self._domain = domain
        self._tables = tables
        self._reader = ActReader(domain, tables)
        self._add_user(opening)

    def get_state(self) -> tuple[Any, ...]:
        """Return the words so far, for `set_state`."""
        return self.conversation.events, self.conversation.outcome, self._speaker.copy()

    def set_state(self, state: tuple[Any, ...]) -> None:
        """Continue from words that `get_state` returned."""
        events, outcome, speaker = state
        self.conversation = Conversation(self._domain, events)
        self.conversation.outcome = outcome
        self._speaker = speaker.copy()

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
        self.conversation = Conversation(self._domain, (*conversation.events[:-1], message))
        self.conversation.outcome = conversation.outcome

    def add(self, note: Note) -> None:
        """Add a step."""
        action, events, row, stored = note
        conversation = self.conversation
        conversation.extend(SlotSet(name, value) for name, value in stored)
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

    def _add_user(self, row: Row) -> None:
        tables, reader = self._tables, self._reader
        meant = reader.said(row)
        text = self._speaker.user(meant.intent, meant.told, meant, meant.asked)
        if not tables.is_noisy:
            self.conversation.append(UserUttered(text, meant.intent, meant.entities))
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
        self.conversation.append(message)
