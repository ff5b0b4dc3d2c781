"""A live conversation at one moment, for pages and programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dialogue_gym.conversation.events import Event
from dialogue_gym.journal.entry import BOT
from dialogue_gym.live.dialogue_manager import DialogueManager
from dialogue_gym.live.transitions import TRUNCATED


@dataclass(frozen=True)
class Snapshot:
    """A conversation at one moment.

    Attributes:
        conversation: the name of the conversation.
        events: the messages, actions and slots set, in order.
        slots: the values of the slots, by name.
        decisions: the ids of the entries of the decisions, one for each action among the events.
        own_words: the ids of the entries with teachers' own words, one for each such message.
        ratings: the person's own ratings, by the id of the rated entry.
        end: the id of the entry that ended the conversation; None while it goes on.
        is_cut_off: whether it ended because the person was silent for too long.
        waits: `"bot"` or a teacher's name, if the person waits for them; None if it is the person's turn.
    """

    conversation: str
    events: tuple[Event, ...]
    slots: dict[str, Any]
    decisions: tuple[int, ...]
    own_words: tuple[int, ...]
    ratings: dict[int, float]
    end: int | None
    is_cut_off: bool
    waits: str | None


def snapshot_of(manager: DialogueManager, conversation: str) -> Snapshot:
    """Return a conversation, open or not, as it is now.

    Raises:
        LiveError: no live conversation has this name.
    """
    known = manager.conversations
    is_open, trace = known.is_open(conversation), known.find(conversation)
    waits = None
    if is_open and known.is_busy(conversation):
        waits = BOT
    elif is_open and manager.awaits_teacher(conversation):
        waits = trace.teacher
    tracked = trace.conversation
    return Snapshot(
        conversation,
        tracked.events,
        dict(tracked.slots),
        trace.decisions,
        tuple(trace.own_words),
        dict(trace.ratings),
        trace.end.id if trace.end else None,
        tracked.outcome == TRUNCATED,
        waits,
    )
