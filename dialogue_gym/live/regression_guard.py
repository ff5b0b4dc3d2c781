"""A guard of the success rate of a learner, by the same dialogues with the fake user each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.policies.base import Policy
from dialogue_gym.policies.evaluation import success_rate

DIALOGUES = 100
FALL = 0.1
_SEED = 1 << 40
"""Far from the seeds that anything is learned with."""


@dataclass
class RegressionGuard:
    """Guard of the success rate of a policy with the fake user.

    Attributes:
        env: the environment of the test dialogues.
        fall: the largest drop below the best rate that is not reported.
        best: the best success rate so far.
        rolls_back: whether a fall brings the best checkpoint back.
    """

    env: DialogueEnv
    fall: float = FALL
    rolls_back: bool = False
    best: float = 0.0

    def success_rate(self, policy: Policy) -> float:
        """Return the share of dialogues that succeed; always the same ones."""

        def choose(observation: npt.NDArray[Any], mask: npt.NDArray[np.int8]) -> int:
            return int(policy.predict(observation, deterministic=True, action_masks=mask)[0])

        return success_rate(self.env, choose, range(_SEED, _SEED + DIALOGUES))

    def has_fallen(self, success_rate: float) -> bool:
        """Return whether a success rate is too far below the best."""
        return success_rate < self.best - self.fall
