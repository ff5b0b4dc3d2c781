"""Dialogues played by a policy in the single environment, and the share of them that succeeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from dialogue_gym.envs.wrapping import inner_of

Choose = Callable[[npt.NDArray[Any], npt.NDArray[np.int8]], int]
"""A choice of the next action, given an observation and the action mask."""


class DialogueStep(NamedTuple):
    """One step of a dialogue."""

    observation: npt.NDArray[Any]
    action: int
    reward: float
    next_observation: npt.NDArray[Any]
    terminated: bool
    truncated: bool
    info: dict[str, Any]
    """The info that the environment returned."""


def play(env: gym.Env[Any, Any], choose: Choose, seed: int | None = None) -> Iterator[DialogueStep]:
    """Play one dialogue, yielding each step as it is made.

    Args:
        env: a dialogue environment, wrapped or not.
        choose: chooses the actions.
        seed: the seed of the dialogue; None continues the environment's random stream.
    """
    inner_of(env)  # reports an id
    observation, info = env.reset(seed=seed)
    is_over = False
    while not is_over:
        action = choose(observation, info["action_mask"])
        following, reward, terminated, truncated, info = env.step(action)
        yield DialogueStep(observation, action, float(reward), following, terminated, truncated, info)
        observation, is_over = following, terminated or truncated


def success_rate(env: gym.Env[Any, Any], choose: Choose, seeds: Iterable[int]) -> float:
    """Return the share of dialogues that succeed, from 0 to 1.

    Args:
        env: a dialogue environment, wrapped or not.
        choose: chooses the actions.
        seeds: one dialogue is played for each.

    Raises:
        ValueError: there are no seeds.
    """
    outcomes = []
    for seed in seeds:
        *_, last = play(env, choose, seed)
        outcomes.append(bool(last.info["is_success"]))
    if not outcomes:
        raise ValueError("seeds: at least one is needed")
    return sum(outcomes) / len(outcomes)
