"""A dialogue in words, and the bot's decisions in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.conversation.bot_state import BotState
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActionExecutionRejected,
    Event,
    Restarted,
    SessionStarted,
    UserUttered,
    Value,
)
from dialogue_gym.conversation.search_state import (
    SearchState,
    Service,
)
from dialogue_gym.conversation.slot_filling import LoopState
from dialogue_gym.domain import Domain
from dialogue_gym.domain.default_names import known_actions
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.rules.tables import (
    MAX_UNHEARD,
)


class Conversation:
    """The record of a dialogue: a list of events, from which the slots and the last act follow.

    `outcome` is how it ended, if it did: `"success"`, `"failure"` or `"truncated"`.
    """

    def __init__(self, domain: Domain, events: Iterable[Event] = (), sender_id: str = "default") -> None:
        """Replay events.

        Raises:
            DomainError: an event names an action or a slot that the domain does not have.
        """
        self.domain = domain
        self.sender_id = sender_id
        self.outcome: str | None = None
        self._events: list[Event] = []
        self._state = BotState(domain)
        self.extend(events)

    def append(self, event: Event) -> None:
        """Append an event.

        Raises:
            DomainError: it names an action or a slot that the domain does not have; nothing is appended.
        """
        self._state.apply(event)
        self._events.append(event)

    def extend(self, events: Iterable[Event]) -> None:
        """Append events."""
        for event in events:
            self.append(event)

    @property
    def events(self) -> tuple[Event, ...]:
        """All events so far."""
        return tuple(self._events)

    def __copy__(self) -> Conversation:
        """Return a conversation with the same events, which grows independently of this one."""
        other = Conversation(self.domain, self._events, self.sender_id)
        other.outcome = self.outcome
        return other

    def __len__(self) -> int:
        """The number of events."""
        return len(self._events)

    def __eq__(self, other: object) -> bool:
        """Whether the events and the domain are equal."""
        return isinstance(other, Conversation) and (self.domain, self._events) == (
            other.domain,
            other._events,
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def slots(self) -> dict[str, Value]:
        """The value of every slot, None if it is empty."""
        return dict(self._state.slots)

    @property
    def loop(self) -> LoopState:
        """The active form, and its state."""
        return self._state.loop

    @property
    def extracted(self) -> dict[str, Value]:
        """The slots that were set since the last message, by it or by actions."""
        return dict(self._state.extracted)

    @property
    def last_action(self) -> str | None:
        """The last action that was not rejected; listening after a message, None at the start."""
        return self._state.last_action

    @property
    def venue(self) -> dict[str, str | None]:
        """The venue on offer, its cells by column; empty if there is none."""
        return self._state.venue

    @property
    def search(self) -> SearchState | None:
        """The search as the bot knows it; None if the users of the domain do not search."""
        return self._state.search

    def service(self, action: str) -> Service | None:
        """Return the service of an action to a user who searches, if it were done now; else None."""
        return self._state.service(action)

    @property
    def latest_message(self) -> UserUttered | None:
        """The user's last message; None after a restart."""
        for event in reversed(self._events):
            if isinstance(event, UserUttered):
                return event
            if isinstance(event, (Restarted, SessionStarted)):
                return None
        return None

    @property
    def latest_action(self) -> str | None:
        """The bot's last action."""
        for event in reversed(self._events):
            if isinstance(event, ActionExecuted):
                return event.name
        return None

    @property
    def bot_half(self) -> list[int]:
        """The bot's half of a row of the rules: the observation, and the code of each slot's value."""
        return self._state.row

    def is_possible(self, action: str) -> bool:
        """Return whether the precondition of an action holds now.

        Raises:
            DomainError: there is no such action.
        """
        return self._state.is_possible(action)

    def action_mask(self, actions: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Return whether the precondition of each action holds now, shape `(actions,)`.

        Raises:
            DomainError: there is no such action.
        """
        return self._state.action_mask(actions)

    def observation(self, turn_taking: str = "auto", max_history: int = 1) -> npt.NDArray[Any]:
        """Return the environment's observation now, shape `(components * max_history,)`."""
        if max_history == 1:
            return self._state.observation
        made = decisions(self, turn_taking, is_finished=False)
        frames = [decision.observation for decision in made][-max_history + 1 :]
        frames.append(self._state.observation)
        missing = max_history - len(frames)
        return np.concatenate([np.zeros_like(frames[0])] * missing + frames)


@dataclass(frozen=True, eq=False)
class Decision:
    """The bot's choice at one point of a conversation.

    `observation`, shape (components,), is the bot's knowledge; `event` is the index of the action's event, or
    of the one in its place if the bot listened and no event says so.
    """

    observation: npt.NDArray[Any]
    action: str
    event: int


def is_rejected(events: Sequence[Event], index: int) -> bool:
    """Return whether an event is an action that declined."""
    event, following = events[index], events[index + 1 : index + 2]
    return isinstance(event, ActionExecuted) and [*following] == [ActionExecutionRejected(event.name)]


def decisions(
    conversation: Conversation, turn_taking: str = "auto", is_finished: bool = True
) -> Iterator[Decision]:
    """Yield every choice that the bot made, in order.

    With automatic turn taking those to listen are left out. With explicit turn taking they are put in where
    no event says so, as stories have it: before a user's message, and at the end if the conversation is
    finished.
    """
    state = BotState(conversation.domain)
    listed = frozenset(conversation.domain.actions)
    is_explicit = turn_taking == "explicit"
    has_listened = True  # a dialogue begins with the user
    unheard = 0
    index = -1
    for index, event in enumerate(conversation.events):
        if is_rejected(conversation.events, index):
            pass
        elif isinstance(event, ActionExecuted):
            is_listed = event.name not in known_actions(conversation.domain) or event.name in listed
            if is_listed and (is_explicit or event.name != LISTEN):
                yield Decision(state.observation, event.name, index)
            has_listened = event.name == LISTEN
            unheard += 1
        elif isinstance(event, UserUttered):
            if is_explicit and not has_listened and unheard < MAX_UNHEARD:
                yield Decision(state.observation, LISTEN, index)
            has_listened = False
            unheard = 0
        elif isinstance(event, SessionStarted):
            has_listened = True
        state.apply(event)
    if is_explicit and is_finished and not has_listened:
        yield Decision(state.observation, LISTEN, index + 1)
