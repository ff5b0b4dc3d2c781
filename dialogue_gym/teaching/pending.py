"""The answers that a teaching session can wait for."""

from __future__ import annotations

from dataclasses import dataclass

from dialogue_gym.domain.additions import Addition


class SessionError(ValueError):
    """An answer that the session does not wait for. The message is one line."""


@dataclass(frozen=True)
class Option:
    """An action that the bot could do next, how probable it is, and whether its precondition holds."""

    action: str
    probability: float
    is_possible: bool


@dataclass(frozen=True)
class AwaitsMessage:
    """The user's next message, which the teacher types in their place."""


@dataclass(frozen=True)
class Proposal:
    """The bot proposes its next action.

    Attributes:
        options: every action, the proposed one first, then the most probable ones.
        is_closing: the user has reached their goal, and this is the bot's last action.
    """

    options: tuple[Option, ...]
    is_closing: bool = False

    @property
    def best(self) -> Option:
        """The proposed action."""
        return self.options[0]


@dataclass(frozen=True)
class PendingContradiction:
    """An answer that differs from an earlier one for the same observation.

    Attributes:
        action: the new answer.
        before: the actions that were right.
        new: additions to the domain if the new answer is right.
    """

    action: str
    before: tuple[str, ...]
    new: tuple[Addition, ...] = ()


@dataclass(frozen=True)
class MissingResult:
    """A decided action without a result: run it, or continue without it?"""

    action: str


Pending = AwaitsMessage | Proposal | PendingContradiction | MissingResult


@dataclass(frozen=True)
class Change:
    """The effect of a correction: the bot's choice before and after it, and all right actions."""

    before: Option
    after: Option
    right: tuple[str, ...]
