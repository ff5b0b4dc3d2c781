"""Logged dialogues as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class CannotSay(ValueError):
    """Logs that do not suffice for a figure. The message is one line."""


@dataclass(frozen=True, eq=False)
class Logs:
    """Dialogues that have ended, each with the decisions of the policy that was in use, one after the other.

    Attributes:
        observations: the observation at each decision, shape (decisions, components), integers.
        actions: the chosen action, shape (decisions,).
        chances: the chance of each action at each decision, shape (decisions, actions); those that could not
            be chosen have 0.
        rewards: the reward of each decision, with that of the end for the last one, shape (decisions,).
        ends: for each dialogue, the index after its last decision, shape (dialogues,). No dialogue is empty.
        successes: whether each dialogue was a success, shape (dialogues,).
    """

    observations: npt.NDArray[Any]
    actions: Ints
    chances: Floats
    rewards: Floats
    ends: Ints
    successes: Bools

    def __post_init__(self) -> None:
        """Check that the arrays fit each other.

        Raises:
            ValueError: they do not.
            CannotSay: there are no dialogues, or the chance of a chosen action is 0 or unknown.
        """
        if not len(self.ends):
            raise CannotSay("no logged dialogue can be used")
        count = len(self.actions)
        sizes = {len(self.observations), len(self.chances), len(self.rewards), int(self.ends[-1])}
        if sizes != {count} or len(self.successes) != len(self.ends):
            raise ValueError("the arrays of the logs have different numbers of decisions or dialogues")
        if (np.diff(self.ends, prepend=0) <= 0).any():
            raise ValueError("a dialogue without a decision")
        if not (self.propensities > 0).all():
            raise CannotSay("the logs lack the chance of some chosen actions")

    def __len__(self) -> int:
        """Return the number of dialogues."""
        return len(self.ends)

    @property
    def propensities(self) -> Floats:
        """The chance of each chosen action, shape (decisions,)."""
        return np.asarray(self.chances[np.arange(len(self.actions)), self.actions])

    @property
    def starts(self) -> Ints:
        """The index of the first decision of each dialogue, shape (dialogues,)."""
        return np.concatenate([[0], self.ends[:-1]]).astype(np.int64)

    @property
    def dialogues(self) -> Ints:
        """The dialogue of each decision, shape (decisions,)."""
        return np.repeat(np.arange(len(self)), self.ends - self.starts)

    @property
    def returns(self) -> Floats:
        """The sum of the rewards of each dialogue, shape (dialogues,)."""
        return np.bincount(self.dialogues, self.rewards, len(self)).astype(np.float64)

    @property
    def success_rewards(self) -> Floats:
        """Rewards whose sum is 1 for a success and 0 otherwise, shape (decisions,)."""
        rewards = np.zeros(len(self.actions))
        rewards[self.ends - 1] = self.successes
        return rewards
