"""MaskablePPO for callers that pass no masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from sb3_contrib import MaskablePPO

from dialogue_gym.envs.observation_form import ObservationForm
from dialogue_gym.policies.mask import ActionMask
from dialogue_gym.sb3.vec_env import dialogue_of


class ObservingMaskablePPO(MaskablePPO):
    """MaskablePPO of sb3-contrib that derives masks from the observations unless it is given some."""

    observation_form: ObservationForm | None = None
    """The form of its observations; None, in files of earlier versions, stands for codes."""

    def __init__(self, policy: Any, env: Any, **arguments: Any) -> None:
        """Make the agent; the arguments are those of `MaskablePPO`, by name."""
        super().__init__(policy, env, **arguments)
        if env is not None:
            dialogue = dialogue_of(env)
            self.observation_mask, self.observation_form = ActionMask(dialogue), dialogue.observation_form

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
            codes = self._plain(np.atleast_2d(observation))
            if self.observation_form is not None:
                codes = self.observation_form.decode(codes)
            action_masks = self.observation_mask(codes)
        return super().predict(observation, state, episode_start, deterministic, action_masks)

    def _plain(self, observations: Any) -> Any:
        """Return observations as they were before a `VecNormalize` around the environment, if any."""
        normalizer = self.get_vec_normalize_env()
        if normalizer is None or not normalizer.norm_obs:
            return observations
        # Clipped ones cannot be scaled back, but an input of a flat observation has two values only.
        off, on = (
            np.asarray(normalizer.normalize_obs(np.full(observations.shape, value))) for value in (0.0, 1.0)
        )
        return (observations > (off + on) / 2).astype(np.float32)
