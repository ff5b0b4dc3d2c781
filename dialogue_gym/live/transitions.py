"""Transitions of conversations, as a learner takes them, and the outcomes of conversations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

SUCCESS, FAILURE, TRUNCATED = "success", "failure", "truncated"
"""Outcomes: the user has what they wanted; they left or restarted; unknown, after a long silence."""


@dataclass(frozen=True, eq=False)
class Transition:
    """One step of the bot, and its consequences.

    Attributes:
        entry: the id of the decision's entry, by which it is known: a rating that comes late gives the same
            transition again, with another reward.
        observation: the observation at the decision, shape (components,).
        action: the name of the action.
        reward: the reward, with the ratings so far.
        next_observation: the observation at the next decision, or at the end, shape (components,).
        terminated: whether the conversation ended instead of reaching a next decision.
        version: the version of the weights that decided.
        satisfaction: the person's satisfaction at the end, from 0 to 1; None before the end.
        only_amends: whether it only changes the reward of one that was learned, if that is still remembered.
    """

    entry: int
    observation: npt.NDArray[Any]
    action: str
    reward: float
    next_observation: npt.NDArray[Any]
    terminated: bool
    version: int
    satisfaction: float | None = None
    only_amends: bool = False
