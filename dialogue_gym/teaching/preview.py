"""Previews of actions: the text that an action would say now. No input or output."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dialogue_gym._text import visible
from dialogue_gym.conversation.events import BotUttered, Event
from dialogue_gym.conversation.transcripts import first_text
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.teaching.pending import Option, Proposal
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


def preview_of(domain: Domain, action: str, events: Iterable[Event] | None) -> ActionPreview:
    """Return the preview of an action.

    Args:
        domain: the domain of the conversation.
        action: the action.
        events: the events that it would have now; None if code would have to run for them.
    """
    if action == LISTEN:
        return ActionPreview(first_text(domain, action), runs_code=False)
    if events is None:
        return ActionPreview("", runs_code=True)
    texts = [event.text for event in events if isinstance(event, BotUttered) and event.text]
    return ActionPreview(visible(" ".join(texts)), runs_code=False)


def proposal_preview(session: Session, proposal: Proposal, action: str) -> ActionPreview:
    """Return the preview of an action at a proposal: of its texts, the one that would be said."""
    return preview_of(session.domain, action, session.foresee(proposal, action))


def choices(session: Session, proposal: Proposal, is_wizard: bool) -> list[tuple[Option, ActionPreview]]:
    """Return the actions to choose from, in the order in which every teacher sees them.

    The most probable one comes first. A wizard sees no probabilities, so the order is that of the domain.
    """
    options = proposal.options
    if is_wizard:
        by_name = {option.action: option for option in options}
        options = tuple(by_name[name] for name in session.actions)
    return [(option, proposal_preview(session, proposal, option.action)) for option in options]
