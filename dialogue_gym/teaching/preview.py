"""Previews of actions: the text that an action would say now. No input or output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dialogue_gym.conversation.transcript import text_to_say
from dialogue_gym.teaching.pending import Proposal
from dialogue_gym.teaching.session import Session

RUNS_CODE = "runs code"


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
