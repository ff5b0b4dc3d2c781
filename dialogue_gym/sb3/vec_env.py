"""The vector environment as a `VecEnv` of Stable-Baselines3."""

from __future__ import annotations

import importlib
import time
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.envs.registration import load_env_creator
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvIndices, VecEnvStepReturn

from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.envs.wrapping import inner_of, unwrapped_dialogue
from dialogue_gym.vector.env import DialogueVectorEnv

Array = npt.NDArray[Any]


class DialogueVecEnv(VecEnv):
    """Many dialogues at a time, played by compiled rules, as a `VecEnv` of Stable-Baselines3.

    `PPO("MlpPolicy", DialogueVecEnv("FakeUserRestaurant-v0", 256))` is enough: neither `make_vec_env` nor a
    monitor is needed. The `info` of a lane whose dialogue ended in the step holds
    `terminal_observation`, `TimeLimit.truncated`, `is_success`, `turns` and the statistics `episode`
    (`r` return without shaping, `l` length, `t` seconds since the environment was made); the others are
    empty.
    MaskablePPO gets its masks from `env_method("action_masks")`.

    With seed s (by `seed(s)` or the algorithm's argument `seed`), lane i plays the same dialogues as
    `gymnasium.make(id)` reset with seed s + i.
    """

    def __init__(self, env_id: str, num_envs: int = 1, **settings: Any) -> None:
        """Set up the lanes.

        Args:
            env_id: id of a dialogue environment.
            num_envs: number of lanes.
            settings: the arguments of `gymnasium.make_vec(env_id, ...)`.

        Raises:
            ValueError: the id is of another kind of environment, or a setting is invalid.
            TypeError: an argument is unknown, or an environment was given in the place of its id.
            gymnasium.error.Error: the id is unknown, or Numba is not installed.
        """
        if not isinstance(env_id, str):
            raise TypeError(f"env_id: the id of an environment is needed, not {type(env_id).__name__}")
        if not _is_ours(env_id):
            raise ValueError(f"{env_id!r} is not a dialogue environment")
        for name in ("autoreset_mode", "copy", "vectorization_mode"):
            if name in settings:
                raise ValueError(f"{name}: cannot be set, since Stable-Baselines3 prescribes it")
        lanes = gym.make_vec(
            env_id, num_envs, vectorization_mode="vector_entry_point", autoreset_mode="SameStep", **settings
        )
        assert isinstance(lanes, DialogueVectorEnv)
        self.lanes = lanes
        """The vector environment."""
        self._returns = np.zeros(lanes.num_envs)
        self._lengths = np.zeros(lanes.num_envs, np.int64)
        self._start = time.monotonic()
        self._actions: Array = np.zeros(lanes.num_envs, np.int64)
        super().__init__(lanes.num_envs, lanes.single_observation_space, lanes.single_action_space)

    def reset(self) -> Array:
        """Begin a dialogue in every lane; shape (lanes, components).

        Raises:
            ValueError: `set_options` gave an unknown option, or lanes different ones.
        """
        options = self._options[0]
        if any(other != options for other in self._options):
            raise ValueError("options: must be the same for all lanes")
        observations, _ = self.lanes.reset(seed=self._seeds, options=options)
        self._reset_seeds()
        self._reset_options()
        self._returns[:] = 0
        self._lengths[:] = 0
        return observations

    def step_async(self, actions: Array) -> None:
        """Keep the actions for `step_wait`, shape (lanes,)."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Perform the actions; return observations, rewards (float32), dones (bool) and infos."""
        seen = self.lanes.advance(self._actions)
        self._returns += seen.rewards
        if self.lanes.single.settings.shaping:
            self._returns -= self.lanes.reward_terms()["shaping"]
        self._lengths += 1
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        ended = np.flatnonzero(seen.ended)
        if len(ended):
            final = self.lanes.final(ended)
            seconds = round(time.monotonic() - self._start, 6)
            columns = zip(
                ended.tolist(),
                final.observations,
                final.turns.tolist(),
                seen.successes[ended].tolist(),
                (seen.truncated & ~seen.terminated)[ended].tolist(),
                self._returns[ended].tolist(),
                self._lengths[ended].tolist(),
                strict=True,
            )
            for lane, observation, turns, is_success, is_truncated, total, length in columns:
                infos[lane] = {
                    "terminal_observation": observation,
                    "TimeLimit.truncated": is_truncated,
                    "is_success": is_success,
                    "turns": turns,
                    "episode": {"r": total, "l": length, "t": seconds},
                }
            self._returns[ended] = 0
            self._lengths[ended] = 0
        return seen.observations, seen.rewards.astype(np.float32), seen.ended, infos

    @property
    def patience(self) -> int:
        """Useless turns until a user hangs up; set it for all dialogues that begin afterwards."""
        return self.lanes.patience

    @patience.setter
    def patience(self, turns: int) -> None:
        self.lanes.patience = turns

    def close(self) -> None:
        """Close the lanes."""
        self.lanes.close()

    def has_attr(self, attr_name: str) -> bool:
        """Return whether a name is valid for `get_attr` or `env_method`."""
        return attr_name in self.lanes.attributes.names()

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Return an attribute (the same for all lanes, unless you set it) or a method, one for each lane.

        Raises:
            AttributeError: the attribute is unknown, or exists only for a single dialogue.
        """
        values = self.lanes.attributes.get(attr_name)
        return [values[lane] for lane in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Give lanes an attribute of your own, or all of them the patience of the users from now on.

        Raises:
            AttributeError: the environment has an attribute of this name, which compiled lanes cannot change.
            ValueError: the patience is invalid, or not for all lanes.
        """
        self.lanes.attributes.add(attr_name, dict.fromkeys(self._get_indices(indices), value))

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Return the result of `action_masks()`, `codes(...)` or `describe(observation)` for each lane.

        Raises:
            AttributeError: compiled lanes do not have the method.
        """
        results = self.lanes.attributes.call(method_name, *method_args, **method_kwargs)
        return [results[lane] for lane in self._get_indices(indices)]

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None
    ) -> list[bool]:
        """Return True for `Monitor`, whose statistics the infos contain, and False for others."""
        return [wrapper_class is Monitor for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[Array | None]:
        """Return None for each lane: vector environments do not render."""
        return [None] * self.num_envs


def dialogue_of(env: Any) -> DialogueEnv:
    """Return the dialogue environment behind an id, an environment of Gymnasium, or a `VecEnv`.

    Raises:
        TypeError: the environment is of another kind.
    """
    if isinstance(env, str):
        env = gym.make(env)
    inner = inner_of(env)
    if isinstance(inner, DialogueVecEnv):
        return inner.lanes.single
    if isinstance(inner, VecEnv):
        inner = inner.get_attr("unwrapped")[0]
    return unwrapped_dialogue(inner)


def _is_ours(env_id: str) -> bool:
    module, _, name = env_id.rpartition(":")
    if module:
        importlib.import_module(module)
    entry_point = gym.spec(name).vector_entry_point
    creator: Any = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
    return isinstance(creator, type) and issubclass(creator, DialogueVectorEnv)
