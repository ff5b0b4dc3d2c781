"""Previews of proposed actions, and remarks for a teacher who approves by habit. No input or output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted, UserUttered
from dialogue_gym.conversation.transcript import text_to_say
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.journal.history import History
from dialogue_gym.teaching.pending import Proposal
from dialogue_gym.teaching.session import Session

RUNS_CODE = "runs code"
HABIT, HASTE = 6, 1.0
"""So many approvals in a row, each within so many seconds, are a habit."""


@dataclass(frozen=True)
class ActionPreview:
    """The text that an action would say; whether it runs code instead, whose text is not known before."""

    text: str
    runs_code: bool

    def __str__(self) -> str:
        """The preview in one phrase; empty for a silent action."""
        return RUNS_CODE if self.runs_code else self.text


def previews(session: Session, proposal: Proposal) -> Callable[[str], ActionPreview]:
    """Return a function from an action to its preview at the current point of the conversation."""
    conversation = session.conversation

    def preview(action: str) -> ActionPreview:
        if session.runs_code(proposal, action):
            return ActionPreview("", runs_code=True)
        return ActionPreview(text_to_say(conversation, action), runs_code=False)

    return preview


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
