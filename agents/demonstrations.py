"""Dialogues of the domain's expert, from which an agent can learn before it is rewarded for anything.

Where several actions are equally good the expert picks one at random, and the label names them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from dialogue_gym import ExpertPolicy
from dialogue_gym.masks import ObservationMask

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Demonstrations:
    """Steps of dialogues, in order; all arrays have one entry for each step."""

    observations: Array
    """Shape (steps, components)."""
    masks: npt.NDArray[np.bool_]
    """Shape (steps, actions): every action that is possible."""
    right: npt.NDArray[np.bool_]
    """Shape (steps, actions): every action that is right."""
    actions: npt.NDArray[np.int64]
    rewards: npt.NDArray[np.float64]
    next_observations: Array
    ended: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]

    def returns(self, gamma: float) -> npt.NDArray[np.float64]:
        """Return what came of each step: the discounted rewards from it to the end of its dialogue."""
        result = np.zeros(len(self.rewards))
        total = 0.0
        for step in reversed(range(len(self.rewards))):
            total = self.rewards[step] + gamma * total * (not self.ended[step])
            result[step] = total
        return result


def demonstrate(env: gym.Env[Any, Any], dialogues: int, seed: int) -> Demonstrations:
    """Let the domain's expert play, and write down what it does and what else would have been right.

    Raises:
        DomainError: the domain has no expert.
    """
    expert = ExpertPolicy(env, seed)
    mask = ObservationMask(expert.env)
    steps: list[tuple[Any, ...]] = []
    for dialogue in range(dialogues):
        observation, _ = env.reset(seed=None if dialogue else seed)
        is_over = False
        while not is_over:
            right = np.zeros(mask.actions, dtype=np.bool_)
            right[list(expert.right_actions(observation))] = True
            action = int(expert.predict(observation)[0])
            following, reward, terminated, truncated, _ = env.step(action)
            is_over = terminated or truncated
            steps.append((observation, right, action, float(reward), following, is_over, truncated))
            observation = following
    observations, *others = (np.array(column) for column in zip(*steps, strict=True))
    return Demonstrations(observations, mask(observations), *others)
