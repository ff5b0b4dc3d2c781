"""Policies without learning: random, and the domain's expert.

They have the `predict` of Stable-Baselines3, so its evaluation functions accept them as well.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from dialogue_gym.domain import DomainError
from dialogue_gym.domain.model import ExpertRule
from dialogue_gym.domain.observation import Clause, compile_condition, holds
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.envs.wrapping import unwrapped_dialogue
from dialogue_gym.rules.tables import LISTENING, RESTARTING

Actions = npt.NDArray[np.int64]


def as_trained(policy: Any, observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return observations as a policy knows them.

    Those of an agent of Stable-Baselines3 with a `VecNormalize` around its environment are normalized.
    """
    normalizer_of = getattr(policy, "get_vec_normalize_env", None)
    normalizer = normalizer_of() if normalizer_of else None
    return observations if normalizer is None else np.asarray(normalizer.normalize_obs(observations))


def check_actions(policy: Any, env: DialogueEnv) -> None:
    """Raise `ValueError` if a policy is for other actions than an environment's, as far as it tells."""
    known = env.action_names
    if isinstance(policy, Policy):
        fits = policy.env.action_names == known
    else:
        fits = getattr(getattr(policy, "action_space", None), "n", len(known)) == len(known)
    if not fits:
        kind = type(policy).__name__
        raise ValueError(f"{kind}: it is for other actions than the environment's, as of another turn taking")


class Policy(abc.ABC):
    """A policy for one environment; subclasses choose an action for one observation."""

    def __init__(self, env: gym.Env[Any, Any], seed: int | None = None) -> None:
        """Set up a policy for a dialogue environment (wrapped or not).

        Raises:
            TypeError: the environment is not a dialogue.
        """
        dialogue = unwrapped_dialogue(env)
        self.env = dialogue
        self._random = np.random.default_rng(seed)
        self._frame = len(dialogue.fields)
        index = {field.name: i for i, field in enumerate(dialogue.fields)}
        self._spoken, self._done = index["spoken"], index["done"]

    def _must_listen(self, newest: Sequence[int] | npt.NDArray[Any]) -> bool:
        """Return whether it is the user's turn: with explicit turn taking, after a message or a restart."""
        is_explicit = self.env.first_action == LISTENING
        return is_explicit and bool(newest[self._spoken] or newest[self._done] == RESTARTING)

    @abc.abstractmethod
    def choose(
        self, observation: npt.NDArray[Any], mask: npt.NDArray[Any] | None, deterministic: bool
    ) -> int:
        """Return the action for one observation, given the action mask or None."""

    def probabilities(
        self, observation: npt.NDArray[Any], mask: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the probability of each action for one observation, shape (actions,)."""
        chances = np.zeros(len(self.env.action_names))
        chances[self.choose(observation, mask, True)] = 1.0
        return chances

    def numbers(
        self, observation: npt.NDArray[Any], mask: npt.NDArray[Any] | None = None
    ) -> tuple[bool, npt.NDArray[Any]]:
        """Return whether the numbers are probabilities, and the number of each action, shape (actions,)."""
        return True, self.probabilities(observation, mask)

    def predict(
        self,
        observation: npt.NDArray[Any],
        state: Any = None,
        episode_start: npt.NDArray[np.bool_] | None = None,
        deterministic: bool = False,
        action_masks: npt.NDArray[Any] | None = None,
    ) -> tuple[Actions, Any]:
        """Return the actions for one observation or a batch of them, and the state unchanged.

        Args:
            observation: shape `(components,)` or `(n, components)`.
            state: not used.
            episode_start: not used.
            deterministic: always choose the same action for the same observation.
            action_masks: shape `(actions,)` or `(n, actions)`; nonzero for possible actions.

        Returns:
            The actions, int64, of shape `()` or `(n,)`, and `state`.
        """
        observation = self.env.codes(observation)
        if observation.ndim == 1:
            return np.array(self.choose(observation, action_masks, deterministic), dtype=np.int64), state
        masks = [None] * len(observation) if action_masks is None else np.asarray(action_masks)
        chosen = [self.choose(one, mask, deterministic) for one, mask in zip(observation, masks, strict=True)]
        return np.array(chosen, dtype=np.int64), state


class RandomPolicy(Policy):
    """Any possible action, uniformly, even where a deterministic choice is asked for."""

    def choose(
        self, observation: npt.NDArray[Any], mask: npt.NDArray[Any] | None, deterministic: bool
    ) -> int:
        """Return a random action among those that the mask allows, or among all without a mask."""
        if mask is None:
            return int(self._random.integers(len(self.env.action_names)))
        possible = np.flatnonzero(mask)
        return int(self._random.choice(possible))

    def probabilities(
        self, observation: npt.NDArray[Any], mask: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return equal probabilities for all actions that the mask allows, shape (actions,)."""
        possible = np.ones(len(self.env.action_names)) if mask is None else np.asarray(mask) != 0
        return np.asarray(possible / possible.sum())


class ExpertPolicy(Policy):
    """The hand-written policy of the domain's key `expert`.

    It reads only the newest observation. With explicit turn taking it listens once it has spoken.
    """

    def __init__(self, env: gym.Env[Any, Any], seed: int | None = None) -> None:
        """Compile the expert rules of the environment's domain.

        Raises:
            DomainError: the domain has no expert.
        """
        super().__init__(env, seed)
        domain = self.env.domain
        if not domain.expert:
            raise DomainError(f"{domain.name}: this domain has no expert policy (the key 'expert')")
        self._rules = [self._compile(rule) for rule in domain.expert]
        self._right: dict[bytes, tuple[int, ...]] = {}

    def _compile(self, rule: ExpertRule) -> tuple[tuple[Clause, ...], list[tuple[tuple[Clause, ...], int]]]:
        domain = self.env.domain
        choices = [
            (compile_condition(domain, choice.when), domain.actions.index(choice.action))
            for choice in rule.then
        ]
        return compile_condition(domain, rule.when), choices

    def right_actions(self, observation: npt.NDArray[Any]) -> tuple[int, ...]:
        """Return every action of the environment that is right in an observation, the preferred one first.

        The codes of its fields will do in the place of the observation.
        """
        given = np.asarray(observation)
        codes = given if given.dtype.kind in "iu" else self.env.codes(given)  # one-hot vectors are floats
        newest = codes[-self._frame :]
        key = newest.tobytes()
        if key not in self._right:
            actions = self._actions_for([int(code) for code in newest])
            self._right[key] = tuple(action - self.env.first_action for action in actions)
        return self._right[key]

    def _actions_for(self, observation: list[int]) -> list[int]:
        if self._must_listen(observation):
            return [LISTENING]
        for when, choices in self._rules:
            right = [action for clauses, action in choices if holds((*when, *clauses), observation)]
            if right:
                return list(dict.fromkeys(right))
        raise AssertionError("a domain's last rule always applies")

    def choose(
        self, observation: npt.NDArray[Any], mask: npt.NDArray[Any] | None, deterministic: bool
    ) -> int:
        """Return the preferred right action, or a random right one unless it must be deterministic."""
        right = self.right_actions(observation)
        return right[0] if deterministic else int(self._random.choice(right))

    def probabilities(
        self, observation: npt.NDArray[Any], mask: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return equal probabilities for all right actions, shape (actions,)."""
        right = list(self.right_actions(observation))
        chances = np.zeros(len(self.env.action_names))
        chances[right] = 1 / len(right)
        return chances
