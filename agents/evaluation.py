"""Measure a policy over a fixed number of dialogues."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from agents.environments import EVALUATION, stream

_LANES = 20


@dataclass(frozen=True)
class Evaluation:
    """Figures of a policy over a number of dialogues; the errors are standard errors of the means."""

    success_rate: float
    mean_return: float
    mean_turns: float
    success_error: float
    return_error: float
    dialogues: int


def evaluate(
    make_env: Callable[[], gym.Env[Any, Any]], policy: Any, dialogues: int = 1000, seed: int = 0
) -> Evaluation:
    """Play dialogues with the deterministic choices of a policy.

    Every lane plays a fixed quota of dialogues: the first ones to finish would be the easy ones. The
    dialogues for a seed are the same for every policy, and none of them occurs in training with it.

    Args:
        make_env: makes one lane.
        policy: anything with the `predict` of Stable-Baselines3.
        dialogues: how many, at least 1.
        seed: of the run.
    """
    lanes = min(_LANES, dialogues)
    quota = [dialogues // lanes + (lane < dialogues % lanes) for lane in range(lanes)]
    envs = [make_env() for _ in range(lanes)]
    first = stream(seed, EVALUATION)
    observations = [env.reset(seed=first + lane)[0] for lane, env in enumerate(envs)]
    returns = [0.0] * lanes
    results: list[tuple[float, float, float]] = []
    active = list(range(lanes))
    while active:
        batch = np.stack([observations[lane] for lane in active])
        actions, _ = policy.predict(batch, deterministic=True)
        for lane, action in zip(list(active), actions, strict=True):
            observation, reward, terminated, truncated, info = envs[lane].step(action)
            returns[lane] += float(reward)
            if terminated or truncated:
                results.append((float(info["is_success"]), returns[lane], info["turns"]))
                returns[lane] = 0.0
                quota[lane] -= 1
                if not quota[lane]:
                    active.remove(lane)
                    continue
                observation, _ = envs[lane].reset()
            observations[lane] = observation
    for env in envs:
        env.close()
    table = np.array(results)
    success_rate, mean_return, mean_turns = (float(mean) for mean in table.mean(axis=0))
    success_error, return_error, _ = (float(error) for error in table.std(axis=0) / np.sqrt(len(table)))
    return Evaluation(success_rate, mean_return, mean_turns, success_error, return_error, len(table))
