"""Tabular Q-learning: a table with the value of each action in each observation.

The simplest agent that learns; read it from top to bottom. After a step, the value of its action moves
towards the reward plus the best known value in the next observation.

Source: Watkins and Dayan 1992, Q-learning; Sutton and Barto 2018, Reinforcement Learning, section 6.5.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from dialogue_gym.envs import unwrapped_dialogue
from dialogue_gym.policies import ActionMask


class QTable:
    """A table of values by observation and action, with the `predict` of Stable-Baselines3.

    Untried actions start with a high value, so that they are tried.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        *,
        seed: int | None = None,
        learning_rate: float = 0.5,
        gamma: float = 1.0,
        exploration: float = 0.2,
        optimism: float = 5.0,
        use_mask: bool = True,
    ) -> None:
        """Begin with an empty table.

        Args:
            env: a dialogue environment.
            seed: seeds the environment and the exploration.
            learning_rate: initial step size of updates, from 0 to 1; it falls to 0.
            gamma: the discount factor, from 0 to 1.
            exploration: initial chance of a random action; it falls to 0 in the course of learning.
            optimism: initial value of an untried action.
            use_mask: leave out impossible actions, instead of learning that they fail.
        """
        dialogue = unwrapped_dialogue(env)
        self.env = env
        self.num_timesteps = 0
        self.values: dict[bytes, npt.NDArray[np.float64]] = {}
        self._mask = ActionMask(dialogue)
        self._dtype = dialogue.observation_space.dtype
        self._random = np.random.default_rng(seed)
        self._seed = seed
        self._optimism, self._use_mask = optimism, use_mask
        self._learning_rate, self._gamma, self._exploration = learning_rate, gamma, exploration

    def learn(self, steps: int, on_dialogue: Callable[[int, float, bool], object]) -> None:
        """Play `steps` steps, and learn from each finished dialogue, from its last step to its first.

        (In this order the final reward reaches the first step at once.)

        Args:
            steps: the number of steps to play.
            on_dialogue: called after each dialogue as `on_dialogue(steps, return_, is_success)`.
        """
        observation, info = self.env.reset(seed=self._seed)
        dialogue: list[tuple[bytes, int, float, bytes | None]] = []
        for step in range(1, steps + 1):
            remaining = 1 - step / steps
            action = self._choose(observation, remaining * self._exploration)
            next_observation, reward, terminated, truncated, info = self.env.step(action)
            following = None if terminated else next_observation.tobytes()
            dialogue.append((observation.tobytes(), action, float(reward), following))
            observation = next_observation
            self.num_timesteps += 1
            if terminated or truncated:
                for state, action, reward, next_state in reversed(dialogue):
                    best = 0.0 if next_state is None else self._row(next_state).max()
                    values = self._row(state)
                    target = reward + self._gamma * best
                    values[action] += remaining * self._learning_rate * (target - values[action])
                on_dialogue(
                    self.num_timesteps, sum(reward for _, _, reward, _ in dialogue), info["is_success"]
                )
                dialogue.clear()
                observation, info = self.env.reset()

    def _row(self, key: bytes) -> npt.NDArray[np.float64]:
        """Return the values of an observation's actions; those of impossible ones are -inf."""
        if key not in self.values:
            observation = np.frombuffer(key, self._dtype)
            possible = self._mask(observation[None])[0] | (not self._use_mask)
            self.values[key] = np.where(possible, self._optimism, -np.inf)
        return self.values[key]

    def _choose(self, observation: npt.NDArray[Any], exploration: float) -> int:
        values = self._row(observation.tobytes())
        if self._random.random() < exploration:
            return int(self._random.choice(np.flatnonzero(values > -np.inf)))
        return int(self._random.choice(np.flatnonzero(values == values.max())))

    def predict(
        self,
        observation: npt.NDArray[Any],
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = True,
        action_masks: npt.NDArray[Any] | None = None,
    ) -> tuple[npt.NDArray[np.int64], Any]:
        """Return the best actions for one observation or a batch of them, and the state unchanged.

        Args:
            observation: shape `(components,)` or `(n, components)`.
            state: not used.
            episode_start: not used.
            deterministic: not used; choices are always deterministic.
            action_masks: shape `(actions,)` or `(n, actions)`, in place of
                the mask derived from the observation.
        """
        batch = np.atleast_2d(observation).astype(self._dtype)
        values = np.array([self._row(one.tobytes()) for one in batch])
        if action_masks is not None:
            values = np.where(np.atleast_2d(action_masks) != 0, values, -np.inf)
        actions = values.argmax(axis=1)
        return (actions if np.ndim(observation) > 1 else actions[0]), state

    def save(self, path: str | Path) -> None:
        """Write the table as an archive of NumPy arrays."""
        keys = np.array([np.frombuffer(key, self._dtype) for key in self.values])
        with open(path, "wb") as file:
            np.savez_compressed(file, observations=keys, values=np.array(list(self.values.values())))

    def load(self, path: str | Path) -> None:
        """Read a table that `save` wrote.

        Raises:
            ValueError: the table in the file is for another environment.
        """
        with np.load(path) as archive:
            observations, values = archive["observations"], archive["values"]
        if observations.shape[1:] != self.env.observation_space.shape or values.shape[1:] != (
            self._mask.actions,
        ):
            raise ValueError("the table is for another environment")
        self.values = {
            one.astype(self._dtype).tobytes(): row for one, row in zip(observations, values, strict=True)
        }
