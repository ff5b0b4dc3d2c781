"""The reward of steps with people: of the domain, of ratings, and of satisfaction at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import (
    Entry,
)
from dialogue_gym.live.transitions import Transition
from dialogue_gym.raters import Rater


class RatingWeights(Protocol):
    """The weights of raters, which are learned from the ratings in a journal."""

    def of(self, rater: Rater) -> float:
        """Return the present weight of a rater, from 0 to 1."""

    def use_domain(self, domain: Domain) -> None:
        """Go on with a domain that has grown; `begin` follows."""

    def begin(self, after: int, reward: LiveReward) -> list[Transition]:
        """Take in the ratings of a journal up to an entry; return the transitions that count less by them."""

    def take(self, rating: Entry, reward: LiveReward) -> list[Transition]:
        """Take in the next rating that counts; return the transitions whose rewards change by it."""


@dataclass(frozen=True)
class LiveReward:
    """The reward of the bot's steps.

    Attributes:
        step: the reward of every step.
        success: the reward of an end that is rated 1 (or more).
        failure: the reward of an end that is rated -1 (or less); ratings in between are interpolated.
        rating: the reward of a single message that is rated 1.
        actions: additional rewards of single actions, by name.
        counts_outcome: whether an unrated end is rewarded by its outcome. Otherwise it teaches nothing until
            somebody rates it.
        weights: the weights of raters; None if all count alike. With a weight of w a rating of a message
            counts as w times itself. The satisfaction at an end is w parts the rating, and 1 - w parts the
            outcome, or halfway where that is unknown.
    """

    step: float = -1.0
    success: float = 20.0
    failure: float = 0.0
    rating: float = 5.0
    actions: Mapping[str, float] = field(default_factory=dict)
    counts_outcome: bool = False
    weights: RatingWeights | None = None

    @classmethod
    def of(
        cls,
        domain: Domain,
        rating: float = 5.0,
        counts_outcome: bool = False,
        weights: RatingWeights | None = None,
    ) -> LiveReward:
        """Return the reward of a domain, so that fake users and people count alike."""
        rewards = dict(domain.reward)
        own = {name: rewards[name] for name in domain.actions if name in rewards}
        return cls(
            rewards.get("step", 0.0),
            rewards.get("success", 0.0),
            rewards.get("failure", 0.0),
            rating,
            own,
            counts_outcome,
            weights,
        )

    def of_step(self, action: str) -> float:
        """Return the reward of an action, before anyone rates it."""
        return self.step + self.actions.get(action, 0.0)

    def of_end(self, satisfaction: float) -> float:
        """Return the reward of an end with a satisfaction from 0 to 1."""
        return self.failure + satisfaction * (self.success - self.failure)

    def weight(self, rater: Rater) -> float:
        """Return the weight of a rater, from 0 to 1."""
        return 1.0 if self.weights is None else self.weights.of(rater)
