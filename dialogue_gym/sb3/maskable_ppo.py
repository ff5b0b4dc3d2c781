"""MaskablePPO for callers that pass no masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from sb3_contrib import MaskablePPO

from dialogue_gym.policies.mask import ActionMask
from dialogue_gym.sb3.vec_env import dialogue_of


class ObservingMaskablePPO(MaskablePPO):
    """MaskablePPO of sb3-contrib that derives masks from the observations unless it is given some."""

    def __init__(self, policy: Any, env: Any, **arguments: Any) -> None:
        """Make the agent; the arguments are those of `MaskablePPO`, by name."""
        super().__init__(policy, env, **arguments)
        if env is not None:
            self.observation_mask = ActionMask(dialogue_of(env))

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
        action_masks: Any = None,
    ) -> tuple[Any, Any]:
        """Return the actions for one observation or a batch of them, and the state unchanged."""
        if action_masks is None:
            action_masks = self.observation_mask(np.atleast_2d(observation))
        return super().predict(observation, state, episode_start, deterministic, action_masks)
