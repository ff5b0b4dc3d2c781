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


class _Separate:
    """The users of environments that stand side by side, each with dialogues of its own.

    They are a `VectorEnv` of Gymnasium or a `VecEnv` of Stable-Baselines3, perhaps in other processes.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    @property
    def patience(self) -> int:
        return int(self._inner.get_attr("patience")[0])

    @patience.setter
    def patience(self, turns: int) -> None:
        if hasattr(self._inner, "env_method"):  # its `set_attr` would reach the outermost wrapper alone
            self._inner.env_method("set_wrapper_attr", "patience", turns)
        else:
            self._inner.set_attr("patience", turns)


def _users_of(env: Any) -> PatientUsers:
    """Return the users of an environment, in wrappers or without.

    Raises:
        TypeError: it is not a dialogue environment.
    """
    inner: Any = getattr(env, "unwrapped", env)
    users: PatientUsers = inner if hasattr(inner, "patience") else _Separate(inner)
    try:
        users.patience  # noqa: B018
    except AttributeError:
        raise TypeError(f"a dialogue environment is needed, not {type(inner).__name__}") from None
    return users


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
            users: a dialogue environment, single or vectorized, of Gymnasium or of Stable-Baselines3, in
                wrappers or without.

        Raises:
            TypeError: the environment is of another kind.
        """
        self._users = _users_of(users)
        self._own = self._users.patience
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
