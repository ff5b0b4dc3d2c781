"""A curriculum of users: those who hardly ever hang up first, then those of the domain."""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

import gymnasium as gym

from dialogue_gym.domain.fake_user import MAX_PATIENCE

SHAPING = 1.0
"""The shaping that a curriculum brings along: patient users alone do not show the way to success."""
DIALOGUES = 300
"""The last dialogues that must go well, more than most trainings play at a time."""
ENOUGH = 0.8


class PatientUsers(Protocol):
    """An environment, single or vectorized, the patience of whose next users can be set."""

    patience: int


class Curriculum:
    """The patience of the users in training, which falls as the agent succeeds.

    If success takes as many turns as users have patience for useless ones, nearly every dialogue of a new
    agent ends in a hang-up, and the sooner the cheaper. So the first users have the largest patience. It
    halves, down to the domain's own, each time that 80% of the last 300 dialogues have succeeded.

    Source: Bengio et al. 2009, Curriculum learning.

    Attributes:
        stages: the steps after which each patience began, with that patience.
    """

    def __init__(self, users: PatientUsers | gym.Env[Any, Any]) -> None:
        """Give the users of an environment the largest patience; the one that they have is their own.

        Args:
            users: a dialogue environment, single, vectorized or a `DialogueVecEnv`, in wrappers or without.
        """
        inner: Any = getattr(users, "unwrapped", users)
        self._users, self._own = inner, inner.patience
        self._last: deque[bool] = deque(maxlen=DIALOGUES)
        self.stages: list[tuple[int, int]] = []
        self._begin(0, MAX_PATIENCE)

    def add(self, steps: int, is_success: bool) -> None:
        """Take the outcome of a training dialogue that ended after `steps` steps of training."""
        self._last.append(is_success)
        if self._users.patience > self._own and sum(self._last) >= ENOUGH * DIALOGUES:
            self._begin(steps, max(self._own, self._users.patience // 2))

    def _begin(self, steps: int, patience: int) -> None:
        self._users.patience = patience
        self.stages.append((steps, patience))
        self._last.clear()
