"""Dialogue environments under wrappers."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from dialogue_gym.envs.dialogue import DialogueEnv


def inner_of(env: Any) -> Any:
    """Return what is under all wrappers.

    Raises:
        TypeError: it is not an environment.
    """
    if isinstance(env, str):
        raise TypeError(f"an environment is needed, not its id: gymnasium.make({env!r}) makes one")
    if not hasattr(env, "unwrapped"):
        raise TypeError(f"a dialogue environment is needed, not {type(env).__name__}")
    return env.unwrapped


def unwrapped_dialogue(env: gym.Env[Any, Any]) -> DialogueEnv:
    """Return the dialogue environment under all wrappers.

    Raises:
        TypeError: the environment is of another kind, or not made yet, but an id.
    """
    dialogue = inner_of(env)
    if not isinstance(dialogue, DialogueEnv):
        raise TypeError(f"a dialogue environment is needed, not {type(dialogue).__name__}")
    return dialogue


def horizon_of(env: gym.Env[Any, Any]) -> int:
    """Return the number of steps after which a dialogue environment, wrapped or not, is truncated.

    If it never is, this is the usual number for its turn taking.

    Raises:
        TypeError: the environment is of another kind.
    """
    dialogue = unwrapped_dialogue(env)
    limit = None if env.spec is None else env.spec.max_episode_steps
    return limit or dialogue.tables.step_limit
