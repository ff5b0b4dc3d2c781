"""The bot's answer to a message of a person."""

from __future__ import annotations

from dataclasses import dataclass

from dialogue_gym.conversation.events import BotUttered, Event
from dialogue_gym.live.transitions import Trace


@dataclass(frozen=True)
class Reply:
    """The bot's answer to a message, and the state of the conversation after it.

    Attributes:
        conversation: the person's conversation from now on.
        events: the bot's actions and messages.
        notes: the problems, one line each.
        ended: the conversation that has ended, if one has; it can be rated now.
        outcome: the outcome of the ended conversation: `"success"`, `"failure"` or `"truncated"`.
        decision: the id of the entry of the bot's last decision, by which it can be rated later.
        person: the name of the person there.
        late: messages that a teacher sent since the message before, which the person may not have seen.
    """

    conversation: str
    events: tuple[Event, ...] = ()
    notes: tuple[str, ...] = ()
    ended: str | None = None
    outcome: str | None = None
    decision: int | None = None
    person: str = ""
    late: tuple[BotUttered, ...] = ()

    @classmethod
    def at(
        cls,
        trace: Trace,
        events: tuple[Event, ...] = (),
        notes: tuple[str, ...] = (),
        late: tuple[BotUttered, ...] = (),
    ) -> Reply:
        """Return a reply at the end of a conversation so far."""
        name, outcome = trace.conversation.sender_id, trace.conversation.outcome
        ended = name if outcome else None
        return cls(name, events, notes, ended, outcome, trace.last_decision, trace.person, late)

    @property
    def messages(self) -> list[BotUttered]:
        """The bot's messages."""
        return [event for event in self.events if isinstance(event, BotUttered)]
