"""The choices of a policy by observation, asked for once each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.policies.base import as_trained
from dialogue_gym.policies.mask import ActionMask

Observed = tuple[int, ...]
"""The codes of the observations that a policy sees at once, the oldest first."""
_ASKED_AT_LEAST = 64
"""Answers that are compared with the first ones, to find out whether a policy is deterministic."""
_BATCH = 4096


class NotDeterministic(ValueError):
    """A policy whose choices do not follow from the observation alone.

    Attributes:
        is_random: whether they follow from nothing, so that no dialogue can be played again.
    """

    def __init__(self, message: str, is_random: bool = False) -> None:
        """Describe the policy."""
        super().__init__(message)
        self.is_random = is_random


class Choices:
    """The choices of a policy in the observations of an environment.

    Attributes:
        env: the environment.
        observed: the observations that the policy was asked about, in order.
        actions: its choice in each, by the action's index in the domain.
    """

    def __init__(self, env: DialogueEnv, policy: Any, uses_masks: bool) -> None:
        """Prepare to ask a policy: anything with the `predict` of Stable-Baselines3."""
        self.env = env
        self.observed: list[Observed] = []
        self.actions: list[int] = []
        self._policy = policy
        self._index: dict[Observed, int] = {}
        self._mask = ActionMask(env)
        self._uses_masks = uses_masks

    def indices(self, observed: Sequence[Observed]) -> list[int]:
        """Return the place of each observation in `observed`; the policy is asked about new ones.

        Raises:
            NotDeterministic: the policy keeps a memory, or chooses otherwise when it is asked again.
        """
        new = list(dict.fromkeys(one for one in observed if one not in self._index))
        if new:
            actions = self._ask(new)
            if not self.actions:
                again = -(-_ASKED_AT_LEAST // len(new))
                if self._ask(new * again) != actions * again:
                    raise NotDeterministic("the policy chooses otherwise when it is asked again", True)
            for one, action in zip(new, actions, strict=True):
                self._index[one] = len(self.observed)
                self.observed.append(one)
                self.actions.append(action)
        return [self._index[one] for one in observed]

    def of(self, observed: Iterable[Iterable[int]]) -> list[int]:
        """Return the choices in observations, by the action's index in the domain."""
        places = self.indices([tuple(one) for one in observed])
        return [self.actions[place] for place in places]

    def _ask(self, observed: Sequence[Observed]) -> list[int]:
        actions: list[int] = []
        for start in range(0, len(observed), _BATCH):
            actions += self._ask_batch(observed[start : start + _BATCH])
        return actions

    def _ask_batch(self, observed: Sequence[Observed]) -> list[int]:
        env = self.env
        codes = np.array(observed, env.observation_form.code_dtype)
        newest = codes[:, -len(env.fields) :]
        seen = np.stack([
            env.observation_form.encode(list(map(int, one)), list(map(int, row)), env.tables)
            for one, row in zip(codes, newest, strict=True)
        ])  # fmt: skip
        masks = {"action_masks": self._mask(codes)} if self._uses_masks else {}
        begins = np.ones(len(seen), np.bool_)
        chosen, state = self._policy.predict(
            as_trained(self._policy, seen), state=None, episode_start=begins, deterministic=True, **masks
        )
        if state is not None:
            raise NotDeterministic("the policy keeps a memory of the dialogue")
        return [int(action) + env.first_action for action in np.asarray(chosen).tolist()]
