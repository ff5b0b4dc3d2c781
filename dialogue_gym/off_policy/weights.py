"""Importance weights of logged decisions, and how far they carry."""

from __future__ import annotations

import numpy as np

from dialogue_gym.off_policy.logs import Floats, Ints, Logs


class Weights:
    """The importance weights of logged decisions under another policy.

    Source: Precup, Sutton and Singh 2000, Eligibility traces for off-policy policy evaluation.

    Attributes:
        until: for each dialogue and step, the product of the ratios of the chances, new to logged, of all
            decisions up to and including that step; after the end of a dialogue its last one. Shape
            (dialogues, steps).
        before: the same without the decision of that step, shape (dialogues, steps).
        whole: the product of all, shape (dialogues,).
        steps: the step of each decision in its dialogue, shape (decisions,).
    """

    def __init__(self, logs: Logs, target: Floats) -> None:
        """Weight logs for a policy, given its chance of each action at each decision."""
        dialogues, starts = logs.dialogues, logs.starts
        self.steps: Ints = np.arange(len(logs.actions)) - starts[dialogues]
        ratios = target[np.arange(len(logs.actions)), logs.actions] / logs.propensities
        table = np.ones((len(logs), int(self.steps.max()) + 1))
        table[dialogues, self.steps] = ratios
        self.until: Floats = table.cumprod(axis=1)
        self.before: Floats = np.hstack([np.ones((len(logs), 1)), self.until[:, :-1]])
        self.whole: Floats = self.until[:, -1]
        self._dialogues = dialogues

    def table(self, values: Floats) -> Floats:
        """Return values of decisions by dialogue and step, shape (dialogues, steps); 0 after the end."""
        found = np.zeros(self.until.shape)
        found[self._dialogues, self.steps] = values
        return found

    @property
    def effective_size(self) -> float:
        """The number of dialogues with equal weights that would be worth as much (Kish 1965)."""
        total = self.whole.sum()
        return float(total**2 / (self.whole**2).sum()) if total else 0.0


TRIES, HABIT = 10.0, 0.5
"""The logs speak of an action in a situation if the logged policies, taken together, had to be expected to
choose it there so many times, or in such a share of their decisions there."""


def spoken_of(logs: Logs, target: Floats, situations: Ints) -> Floats:
    """Return a policy's chances with 0 for all that the logs hardly speak of, shape (decisions, actions).

    The few dialogues with a rare decision would have huge weights, and most logs would not have one at all.
    Nor do they speak of an action at a decision that could not take it, even if others in this situation
    could: there the bot did not explore yet, or no more. Its dialogue has no weight, and stands for none.

    Args:
        logs: the logged dialogues.
        target: the policy's chance of each action at each decision, shape (decisions, actions).
        situations: the number of the situation of each decision, shape (decisions,).
    """
    expected = np.zeros((int(situations.max()) + 1, target.shape[1]))
    np.add.at(expected, situations, logs.chances)
    speaks = (expected >= TRIES) | (expected >= HABIT * np.bincount(situations)[:, None])
    return np.where(speaks[situations] & (logs.chances > 0), target, 0.0)


def missing_share(target: Floats, spoken: Floats, weights: Weights) -> float:
    """Return the estimated share of a policy's dialogues with a decision that the logs do not speak of.

    Args:
        target: the policy's chance of each action at each decision, shape (decisions, actions).
        spoken: the same without what the logs do not speak of; see `spoken_of`.
        weights: the weights of `spoken`.
    """
    lost = (target - spoken).sum(axis=1)
    return min(1.0, float((weights.before * weights.table(lost)).sum() / len(weights.whole)))
