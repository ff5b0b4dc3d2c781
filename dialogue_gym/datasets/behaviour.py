"""Policies that make data sets: each knows the exact chance of its choices."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from dialogue_gym.envs.wrapping import unwrapped_dialogue
from dialogue_gym.policies.agent import POLICIES, load_agent
from dialogue_gym.policies.base import Policy
from dialogue_gym.policies.mask import ActionMask, need_fields
from dialogue_gym.policies.saved import AgentError

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BehaviourPolicy:
    """A policy that explores.

    Attributes:
        name: its name in the data set, such as `expert:0.5`.
        policy: the policy.
        exploration: the share of the steps at which any possible action is taken instead, all equally likely.
    """

    name: str
    policy: Policy
    exploration: float = 0.0

    def chances(self, observation: Array, mask: Array) -> Floats:
        """Return the chance of each action for one observation, shape (actions,); they sum to one.

        Args:
            observation: shape (components,).
            mask: shape (actions,), nonzero for possible actions.
        """
        possible = np.asarray(mask) != 0
        own = self.policy.probabilities(observation, possible)
        # Those of somebody's own policy may be sums of float32.
        return np.asarray(
            (1 - self.exploration) * own / own.sum() + self.exploration * possible / possible.sum()
        )


def find_behaviours(
    names: str | Sequence[str], env: gym.Env[Any, Any], seed: int = 0
) -> list[BehaviourPolicy]:
    """Return policies by their names.

    Args:
        names: each is `random`, `expert`, `pretrained` or the folder of a trained agent; after a colon stands
            the share of steps with any possible action, as in `expert:0.5`.
        env: the environment that they are for.
        seed: the seed of the policies.

    Raises:
        ValueError: there is no such policy, it is for another environment, or the share is not one.
    """
    dialogue = unwrapped_dialogue(env)
    need_fields(dialogue, "a data set")
    return [_behaviour(name, dialogue, seed) for name in one_or_many(names)]


def one_or_many(names: str | Sequence[str]) -> Sequence[str]:
    """Return names as a list; a single text is one of them."""
    return [names] if isinstance(names, str) else names


def _behaviour(word: str, env: Any, seed: int) -> BehaviourPolicy:
    # The name of a folder may have a colon of its own, such as that of a time or of a drive.
    name, colon, share = ("", "", "") if os.path.isdir(word) else word.rpartition(":")
    name, exploration = (name, _share(word, share)) if colon else (word, 0.0)
    if not name:
        raise ValueError(f"{word!r}: a policy is needed, such as random or expert:0.5")
    if name in POLICIES:
        return BehaviourPolicy(word, POLICIES[name](env, seed), exploration)
    agent = load_agent(name, env.domain)
    assert agent is not None  # it has a name
    if agent.env.observation_space != env.observation_space or agent.env.action_names != env.action_names:
        raise AgentError(f"{name}: the agent was trained on other observations or actions")
    return BehaviourPolicy(word, agent.policy, exploration)


def _share(word: str, text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"{word!r}: after the colon stands the share of random steps, from 0 to 1")
    return share


class PolicyMixture:
    """A policy that draws one of several at the beginning of each dialogue, all equally likely.

    It is as good as their data are, and has the `predict` of Stable-Baselines3.
    """

    def __init__(self, behaviours: Sequence[BehaviourPolicy], env: gym.Env[Any, Any], seed: int = 0) -> None:
        """Set up the mixture for a dialogue environment."""
        self._behaviours = tuple(behaviours)
        self._mask = ActionMask(env)
        self._random = np.random.default_rng(seed)

    def predict(
        self,
        observation: Array,
        state: Any = None,
        episode_start: npt.NDArray[np.bool_] | None = None,
        deterministic: bool = False,
        action_masks: Array | None = None,
    ) -> tuple[npt.NDArray[np.int64], Any]:
        """Return the actions for one observation or a batch of them, and the policies in use.

        Args:
            observation: shape `(components,)` or `(n, components)`.
            state: the number of the policy in use for each observation, shape (n,); None before the first.
            episode_start: whether each is the first of its dialogue, shape (n,); without it each is
                where there is no state, and none otherwise.
            deterministic: not used: choices are always drawn.
            action_masks: shape `(actions,)` or `(n, actions)`, in place of the mask of the observation.
        """
        batch = np.atleast_2d(observation)
        drawn = self._random.integers(len(self._behaviours), size=len(batch))
        begins = False if episode_start is None else np.atleast_1d(episode_start)
        used = drawn if state is None else np.where(begins, drawn, state)
        masks = self._mask(batch) if action_masks is None else np.atleast_2d(action_masks)
        actions = np.array(
            [
                draw(self._random, self._behaviours[number].chances(one, mask))
                for number, one, mask in zip(used.tolist(), batch, masks, strict=True)
            ],
            np.int64,
        )
        return (actions if np.ndim(observation) > 1 else actions[0]), used


def draw(random: np.random.Generator, chances: Floats) -> int:
    """Return an action that is drawn with these chances."""
    return int(random.choice(len(chances), p=chances))
