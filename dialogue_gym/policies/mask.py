"""Action masks of observations: the preconditions of `rules.bot.blocked`, tabulated by observation."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.envs.observation_form import FieldCodes
from dialogue_gym.envs.wrapping import unwrapped_dialogue


def need_fields(env: DialogueEnv, who: str) -> None:
    """Raise ValueError if an environment does not show the codes of the fields, which someone reads."""
    if not isinstance(env.observation_form, FieldCodes):
        raise ValueError(f"observation: must be 'fields' for {who}")


class ActionMask:
    """The actions that are possible in an observation, for learners that have only observations.

    The result equals `env.unwrapped.action_masks()` in the state of the observation. At least one action is
    always possible: a restart has no precondition.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        """Tabulate the preconditions of a dialogue environment's domain.

        Raises:
            TypeError: the environment is of another kind.
        """
        env = unwrapped_dialogue(env)
        tables = env.tables
        newest = len(env.fields) * (env.max_history - 1)
        preconditions = tables.precondition[env.first_action :]
        self.actions = len(preconditions)
        self.blocked: list[tuple[int, list[list[bool]]]] = [
            (newest + field, [[bool(bits & own) for own in preconditions] for bits in blocks])
            for field, blocks in zip(tables.clause_field, tables.clause_blocks, strict=True)
        ]
        """Components of an observation, each with the actions that its values block, by value and action."""

    def __call__(self, observations: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Return the masks of observations, as codes: shape `(n, components)` to `(n, actions)`, bool."""
        possible = np.ones((len(observations), self.actions), np.bool_)
        for component, blocked in self.blocked:
            possible &= ~np.array(blocked)[observations[:, component]]
        return possible
