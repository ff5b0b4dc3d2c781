"""The pending questions of a teaching session."""

from __future__ import annotations

from dataclasses import dataclass

from dialogue_gym._text import nearest, quoted
from dialogue_gym.domain.additions import Addition

NEW, OLD, BOTH = "new", "old", "both"
"""Ways to resolve a contradiction: the new answer is right, the old one is, or both are."""


class SessionError(ValueError):
    """An answer that does not fit the pending question. The message is one line."""


@dataclass(frozen=True)
class Option:
    """A possible next action of the bot.

    Attributes:
        action: the name of the action.
        probability: the probability that it is right, by the bot's estimate.
        is_possible: whether its precondition holds.
        taught: the number of answers in which it was right, in this very situation.
        in_stories: whether imported stories have it here; as they are joined into dialogues, their number
            would tell nothing.
        ruling: the rule or form that always holds here, in words; None without one.
    """

    action: str
    probability: float
    is_possible: bool
    taught: int = 0
    in_stories: bool = False
    ruling: str | None = None

    @property
    def evidence(self) -> str:
        """The reason for the probability, in words."""
        if self.ruling:
            return self.ruling
        if not self.taught:
            return "from stories" if self.in_stories else "not taught here yet"
        times = "once" if self.taught == 1 else f"{self.taught:,} times"
        return f"taught {times}" + ", also in stories" * self.in_stories


@dataclass(frozen=True)
class AwaitsMessage:
    """The user's next message is expected; the teacher types it."""


@dataclass(frozen=True)
class Proposal:
    """The bot proposes its next action.

    Attributes:
        options: every action, the proposed one first, then the most probable ones.
        is_closing: the user has everything they wanted, and this is the bot's last action.
    """

    options: tuple[Option, ...]
    is_closing: bool = False

    @property
    def best(self) -> Option:
        """The most probable action."""
        return self.options[0]


@dataclass(frozen=True)
class PendingContradiction:
    """Other actions were right in this situation before: which holds?

    Attributes:
        action: the new answer.
        before: the actions that were right.
        new: additions to the domain if the new answer is right.
    """

    action: str
    before: tuple[str, ...]
    new: tuple[Addition, ...] = ()

    def resolved(self, which: str) -> tuple[str, tuple[str, ...], tuple[Addition, ...]]:
        """Return the action to choose, all right actions, and the additions that they need.

        If the old answer is right, the bot chooses the first of its actions.

        Raises:
            SessionError: the resolution is none of `NEW`, `OLD` and `BOTH`.
        """
        if which not in (NEW, OLD, BOTH):
            raise SessionError(f"unknown resolution {quoted(which)}; {nearest(which, (NEW, OLD, BOTH))}")
        if which == OLD:
            return self.before[0], self.before, ()
        return self.action, (self.action,) if which == NEW else (*self.before, self.action), self.new


@dataclass(frozen=True)
class MissingResult:
    """An action was chosen, and its result is missing: run it, or continue without it?"""

    action: str


Pending = AwaitsMessage | Proposal | PendingContradiction | MissingResult


@dataclass(frozen=True)
class Change:
    """The effect of a correction: the bot's choice before and after, and all right actions."""

    before: Option
    after: Option
    right: tuple[str, ...]
