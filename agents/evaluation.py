"""Evaluation of a policy over a fixed number of dialogues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from agents.make_env import EVALUATION, stream
from dialogue_gym.vector import DialogueVectorEnv

_LANES = 100


@dataclass(frozen=True)
class Evaluation:
    """Figures of a policy over a number of dialogues; the errors are standard errors of the means."""

    success_rate: float
    mean_return: float
    mean_turns: float
    success_error: float
    return_error: float
    dialogues: int


def evaluate(env: gym.Env[Any, Any], policy: Any, dialogues: int = 1000, seed: int = 0) -> Evaluation:
    """Play dialogues with the deterministic choices of a policy.

    Every lane plays a fixed quota of dialogues: the first ones to finish would be biased towards short ones.
    The random stream is not that of training; the first dialogue of a lane begins alike for every policy.

    Args:
        env: an environment for its id and settings; it is not stepped itself.
        policy: anything with the `predict` of Stable-Baselines3.
        dialogues: number of dialogues, at least 1.
        seed: seed of the run.
    """
    count = min(_LANES, dialogues)
    quota = np.full(count, dialogues // count) + (np.arange(count) < dialogues % count)
    lanes = _lanes(env, count)
    observations, _ = lanes.reset(seed=stream(seed, EVALUATION))
    returns = np.zeros(count)
    results: list[tuple[float, float, float]] = []
    state: Any = None
    begins = np.ones(count, dtype=np.bool_)
    while quota.any():
        actions, state = policy.predict(observations, state=state, episode_start=begins, deterministic=True)
        seen = lanes.advance(actions)
        observations, begins = seen.observations, seen.ended
        returns += seen.rewards
        ended = np.flatnonzero(begins)
        if len(ended):
            turns = lanes.final(ended).turns
            for lane, its_turns in zip(ended.tolist(), turns.tolist(), strict=True):
                if quota[lane]:
                    results.append((float(seen.successes[lane]), returns[lane], its_turns))
                    quota[lane] -= 1
            returns[ended] = 0.0
    lanes.close()
    table = np.array(results)
    success_rate, mean_return, mean_turns = (float(mean) for mean in table.mean(axis=0))
    success_error, return_error, _ = (float(error) for error in table.std(axis=0) / np.sqrt(len(table)))
    return Evaluation(success_rate, mean_return, mean_turns, success_error, return_error, len(table))


def _lanes(env: gym.Env[Any, Any], count: int) -> DialogueVectorEnv:
    assert env.spec is not None
    settings = {key: value for key, value in env.spec.kwargs.items() if key != "render_mode"}
    lanes = gym.make_vec(
        env.spec.id, count, vectorization_mode="vector_entry_point", autoreset_mode="SameStep", **settings
    )
    assert isinstance(lanes, DialogueVectorEnv)
    return lanes
