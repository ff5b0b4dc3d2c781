"""Remarks on a proposal that a teacher may approve out of habit. No input or output."""

from __future__ import annotations

from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted, UserUttered
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.journal.history import History
from dialogue_gym.teaching.pending import Proposal

HABIT, HASTE = 6, 1.0
"""So many approvals in a row, each within so many seconds, are a habit."""


def remarks(history: History, conversation: Conversation, proposal: Proposal) -> list[str]:
    """Return lines about a proposal: that it repeats the last action, or that the teacher hardly reads."""
    lines = [repetition(conversation, proposal.best.action), habit(history, conversation.sender_id)]
    return [line for line in lines if line]


def repetition(conversation: Conversation, action: str) -> str:
    """Return a line if the bot's last action was the same; listening does not count."""
    if action == LISTEN:
        return ""
    has_spoken = False
    for event in reversed(conversation.events):
        has_spoken = has_spoken or isinstance(event, UserUttered)
        if isinstance(event, ActionExecuted) and event.name != LISTEN:
            if event.name != action:
                return ""
            since = "before the user's last message" if has_spoken else "in the step before"
            return f"The bot did the same {since}. Has it missed something?"
    return ""


def habit(history: History, conversation: str) -> str:
    """Return a line if the last answers in a conversation were all approvals without time to read."""
    path = history.path(conversation)
    hasty = 0
    for place in range(len(path) - 1, 0, -1):
        entry = path[place]
        if not entry.is_answer:
            continue
        if entry.is_correction or entry.time - path[place - 1].time > HASTE:
            break
        hasty += 1
    if hasty < HABIT:
        return ""
    return (
        f"You approved the last {hasty} steps in under a second each. If they need no reading, let the bot"
        " continue by itself."
    )
