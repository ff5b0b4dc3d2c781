"""Tabular Q-learning: a table with the value of each action in each observation.

The simplest agent that learns; read it from top to bottom. After a step, the value of its action moves
towards the reward plus the best known value in the next observation.

Source: Watkins and Dayan 1992, Q-learning; Sutton and Barto 2018, Reinforcement Learning, section 6.5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from dialogue_gym.policies.base import Policy
from dialogue_gym.policies.mask import ActionMask, need_fields

Array = npt.NDArray[Any]


class QTable(Policy):
    """A table of values by observation and action.

    Untried actions start with a high value, so that they are tried.

    Attributes:
        values: the values of the actions, shape (actions,), by the bytes of the observation.
        num_timesteps: the number of steps learned from.
        optimism: the initial value of an untried action.
        is_masked: whether impossible actions are left out.
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
        super().__init__(env, seed)
        self._played = env
        need_fields(self.env, type(self).__name__)
        self.num_timesteps = 0
        self.values: dict[bytes, npt.NDArray[np.float64]] = {}
        self.optimism, self.is_masked = optimism, use_mask
        self._mask = ActionMask(self.env)
        self._dtype = self.env.observation_space.dtype
        self._seed = seed
        self._learning_rate, self._gamma, self._exploration = learning_rate, gamma, exploration

    def learn(self, steps: int, on_dialogue: Callable[[int, float, bool], object]) -> None:
        """Play `steps` steps, and learn from each finished dialogue, from its last step to its first.

        (In this order the final reward reaches the first step at once.) A further call plays other dialogues;
        the step size and the exploration begin and fall anew.

        Args:
            steps: the number of steps to play.
            on_dialogue: called after each dialogue as `on_dialogue(steps, return_, is_success)`; the return
                is without shaping.
        """
        observation, info = self._played.reset(seed=None if self.num_timesteps else self._seed)
        dialogue: list[tuple[bytes, int, float, bytes | None]] = []
        plain = 0.0
        for step in range(1, steps + 1):
            remaining = 1 - step / steps
            action = self._explore(observation, remaining * self._exploration)
            next_observation, reward, terminated, truncated, info = self._played.step(action)
            following = None if terminated else next_observation.tobytes()
            dialogue.append((observation.tobytes(), action, float(reward), following))
            plain += float(reward)
            if self.env.settings.shaping:
                plain -= float(info["reward_terms"]["shaping"])
            observation = next_observation
            self.num_timesteps += 1
            if terminated or truncated:
                for state, action, reward, next_state in reversed(dialogue):
                    best = 0.0 if next_state is None else self._row(next_state).max()
                    values = self._row(state)
                    target = reward + self._gamma * best
                    values[action] += remaining * self._learning_rate * (target - values[action])
                on_dialogue(self.num_timesteps, plain, info["is_success"])
                dialogue.clear()
                plain = 0.0
                observation, info = self._played.reset()

    def _row(self, key: bytes) -> npt.NDArray[np.float64]:
        """Return the values of an observation's actions, to be changed; impossible ones have -inf."""
        if key not in self.values:
            self.values[key] = self._untried(key)
        return self.values[key]

    def _untried(self, key: bytes) -> npt.NDArray[np.float64]:
        """Return the initial values of an observation's actions."""
        observation = np.frombuffer(key, self._dtype)
        possible = self._mask(observation[None])[0] | (not self.is_masked)
        return np.where(possible, self.optimism, -np.inf)

    def _explore(self, observation: Array, exploration: float) -> int:
        values = self._row(observation.tobytes())
        if self._random.random() < exploration:
            return int(self._random.choice(np.flatnonzero(values > -np.inf)))
        return int(self._random.choice(np.flatnonzero(values == values.max())))

    def choose(self, observation: Array, mask: Array | None, deterministic: bool) -> int:
        """Return the best action, the first one of several; choices are always deterministic."""
        values = self.numbers(observation)[1]
        return int(values.argmax() if mask is None else np.where(np.asarray(mask), values, -np.inf).argmax())

    def numbers(self, observation: Array, mask: Array | None = None) -> tuple[bool, Array]:
        """Return False, as these are not probabilities, and the value of each action."""
        key = np.asarray(observation).astype(self._dtype).tobytes()
        values = self.values.get(key)  # acting alone does not let the table grow
        return False, self._untried(key) if values is None else values

    def arrays(self) -> dict[str, Array]:
        """Return the table as arrays: `observations` and `values`, a row for each known observation."""
        width = len(self.env.observation_fields)
        known = [np.frombuffer(key, self._dtype) for key in self.values]
        return {
            "observations": np.array(known, self._dtype).reshape(-1, width),
            "values": np.array(list(self.values.values())).reshape(-1, len(self.env.action_names)),
        }

    def load(self, observations: Array, values: Array) -> None:
        """Take the rows of a table.

        Raises:
            ValueError: they are for another environment.
        """
        shapes = [own.shape[1:] for own in self.arrays().values()]
        if [observations.shape[1:], values.shape[1:]] != shapes or len(observations) != len(values):
            raise ValueError("the table is for another environment")
        self.values = {
            one.astype(self._dtype).tobytes(): row.copy()
            for one, row in zip(observations, values, strict=True)
        }
