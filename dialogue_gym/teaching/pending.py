"""What a teaching session can be waiting for."""

from __future__ import annotations

from dataclasses import dataclass

from dialogue_gym.domain.additions import Addition


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
class PendingContradiction:
    """For what is known here other actions were right before: which holds?

    Attributes:
        action: the new answer.
        before: what was right.
        new: what the domain grows by if the new answer is right.
    """

    action: str
    before: tuple[str, ...]
    new: tuple[Addition, ...] = ()


@dataclass(frozen=True)
class MissingResult:
    """An action was decided on, and nothing says whether it was run: run it, or go on without?"""

    action: str


Pending = AwaitsMessage | Proposal | PendingContradiction | MissingResult


@dataclass(frozen=True)
class Change:
    """What a correction changed: what the bot would have done here, what it does now, all that is right."""

    before: Option
    after: Option
    right: tuple[str, ...]
