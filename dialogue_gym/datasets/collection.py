"""Recording of dialogues that policies play with the fake user."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from dialogue_gym.datasets.behaviour import BehaviourPolicy, draw
from dialogue_gym.datasets.episode import Episode

CHANCES, POLICY = "chances", "policy"
"""The names of what is recorded beside the `info` of the environment."""


def collect(
    env: gym.Env[Any, Any],
    behaviours: Sequence[BehaviourPolicy],
    dialogues: int,
    seed: int,
    progress: Callable[[int, float], object] = lambda done, success: None,
) -> Iterator[Episode]:
    """Play dialogues in which policies take turns, and yield each.

    `env.reset(seed=episode.seed)` begins a dialogue again. Its `infos` are those that the environment gives
    at each step and reset (not those of wrappers at the end alone, such as statistics), and:

    - `chances`: the chance that each action had, shape (n + 1, actions), float64; after the last step 0.
    - `policy`: the number of the policy, from 0 on, shape (n + 1,), int64.

    Args:
        env: a dialogue environment.
        behaviours: the policies; dialogue i is that of policy i modulo their number.
        dialogues: number of dialogues.
        seed: the seed of the choices, and of the seeds of the dialogues.
        progress: called with the number of dialogues so far and their success rate.

    Raises:
        ValueError: there are no policies.
    """
    if not behaviours:
        raise ValueError("behaviours: at least one policy is needed")
    random = np.random.default_rng(seed)
    successes = 0
    for number in range(dialogues):
        who = number % len(behaviours)
        own = int(random.integers(2**32))
        observation, info = env.reset(seed=own)
        observations, actions, rewards = [observation], [], []
        infos = {name: [value] for name, value in info.items()}
        dealt = []
        terminated = truncated = False
        while not (terminated or truncated):
            chances = behaviours[who].chances(observation, info["action_mask"])
            action = draw(random, chances)
            dealt.append(chances)
            observation, reward, terminated, truncated, info = env.step(action)
            observations.append(observation)
            actions.append(action)
            rewards.append(float(reward))
            for name, values in infos.items():
                values += [info[name]] if name in info else []
        infos = {name: values for name, values in infos.items() if len(values) == len(observations)}
        infos[CHANCES] = [*dealt, np.zeros_like(dealt[0])]
        infos[POLICY] = [np.int64(who)] * len(observations)
        successes += bool(info["is_success"])
        progress(number + 1, successes / (number + 1))
        yield Episode(
            np.array(observations),
            np.array(actions, np.int64),
            np.array(rewards),
            truncated and not terminated,
            {name: np.array([np.asarray(one) for one in values]) for name, values in infos.items()},
            own,
        )
