"""The horizon: the number of steps after which a dialogue is truncated."""

from __future__ import annotations

import copy

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

NEVER = 1 << 62
"""A horizon that no dialogue reaches."""


def is_wrapped(spec: EnvSpec | None) -> bool:
    """Return whether `gymnasium.make` truncates the dialogues of this specification's id, by `TimeLimit`.

    It does so for ids that are registered with a horizon, and after any number of steps that its caller
    chooses. It does not tell the environment the number.
    """
    registered = None if spec is None else gym.registry.get(spec.id)
    return registered is not None and registered.max_episode_steps is not None


def with_horizon(spec: EnvSpec | None, steps: int) -> EnvSpec | None:
    """Return a copy of a specification that names the number of steps until truncation."""
    if spec is not None:
        spec = copy.copy(spec)
        spec.max_episode_steps = steps
    return spec
