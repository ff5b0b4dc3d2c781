"""Dialogue environments under wrappers."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from dialogue_gym.envs.dialogue import DialogueEnv


def unwrapped_dialogue(env: gym.Env[Any, Any]) -> DialogueEnv:
    """Return the dialogue environment under all wrappers.

    Raises:
        TypeError: the environment is of another kind.
    """
    dialogue = env.unwrapped
    if not isinstance(dialogue, DialogueEnv):
        raise TypeError(f"a dialogue environment is needed, not {type(dialogue).__name__}")
    return dialogue


def horizon_of(env: gym.Env[Any, Any]) -> int:
    """Return the number of steps after which a dialogue environment, wrapped or not, is truncated.

    If it never is, this is the usual number for its turn taking.

    Raises:
        TypeError: the environment is of another kind.
    """
    limit = None if env.spec is None else env.spec.max_episode_steps
    return limit or unwrapped_dialogue(env).tables.step_limit
