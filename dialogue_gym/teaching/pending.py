"""What a teaching session can be waiting for."""

from __future__ import annotations

from dataclasses import dataclass


class SessionError(ValueError):
    """An answer that does not fit what the session waits for. The message is one line."""


@dataclass(frozen=True)
class Option:
    """An action that the bot could do next, how probable it is, and whether its precondition holds."""

    action: str
    probability: float
    is_possible: bool


@dataclass(frozen=True)
class AwaitsMessage:
    """The user is to say something: the person who teaches, in their place."""


@dataclass(frozen=True)
class Proposal:
    """The bot proposes its next action.

    Attributes:
        options: every action, the proposed one first, then the most probable ones.
        is_closing: the user has what they wanted, and this is what the bot does last.
    """

    options: tuple[Option, ...]
    is_closing: bool = False

    @property
    def best(self) -> Option:
        """What the bot would do."""
        return self.options[0]


@dataclass(frozen=True)
class Contradiction:
    """For what is known here other actions were right before: which holds?"""

    action: str
    before: tuple[str, ...]


@dataclass(frozen=True)
class MissingResult:
    """An action was decided on, and nothing says whether it was run: run it, or go on without?"""

    action: str


Pending = AwaitsMessage | Proposal | Contradiction | MissingResult


@dataclass(frozen=True)
class Change:
    """What a correction changed: what the bot would have done here, and what it does now."""

    before: Option
    after: Option
