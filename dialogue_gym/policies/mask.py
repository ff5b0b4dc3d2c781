"""Action masks of observations: what is possible is a function of what the bot sees."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.envs.dialogue import DialogueEnv


class ActionMask:
    """Says which actions are possible in an observation, for those who have nothing but observations.

    It gives what `env.unwrapped.action_masks()` gives in the state that the observation is of. Something is
    always possible: a restart has no precondition.
    """

    def __init__(self, env: DialogueEnv) -> None:
        """Take the preconditions of an environment's domain."""
        tables = env.tables
        newest = len(env.fields) * (env.max_history - 1)
        preconditions = tables.precondition[env.first_action :]
        self.actions = len(preconditions)
        self.blocked: list[tuple[int, list[list[bool]]]] = [
            (newest + field, [[bool(bits & own) for own in preconditions] for bits in blocks])
            for field, blocks in zip(tables.clause_field, tables.clause_blocks, strict=True)
        ]
        """Components of an observation, each with what its values block: lists by value and action."""

    def __call__(self, observations: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Return the masks of observations: shape `(n, components)` to `(n, actions)`, bool."""
        possible = np.ones((len(observations), self.actions), np.bool_)
        for component, blocked in self.blocked:
            possible &= ~np.array(blocked)[observations[:, component]]
        return possible
