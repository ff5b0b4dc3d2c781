"""Demonstrations, to learn from before any reward: dialogues of the expert, or the labels of a teacher.

If several actions are equally good, the expert picks one at random, and the label names them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from dialogue_gym.envs.settings import whole_number
from dialogue_gym.envs.wrapping import unwrapped_dialogue
from dialogue_gym.journal.history import History
from dialogue_gym.journal.place import StorePlace
from dialogue_gym.journal.store import Store
from dialogue_gym.policies.base import ExpertPolicy
from dialogue_gym.policies.evaluation import play
from dialogue_gym.policies.mask import ActionMask, need_fields
from dialogue_gym.teaching.learner import right_actions

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Labels:
    """The right actions in some observations; all arrays have one entry for each."""

    observations: Array
    """Shape (labels, components)."""
    masks: npt.NDArray[np.bool_]
    """Shape (labels, actions): every action that is possible."""
    right: npt.NDArray[np.bool_]
    """Shape (labels, actions): every action that is right."""


@dataclass(frozen=True, eq=False)
class Demonstrations(Labels):
    """Steps of dialogues, in order, and their results."""

    actions: npt.NDArray[np.int64]
    rewards: npt.NDArray[np.float64]
    next_observations: Array
    ended: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]

    def returns(self, gamma: float) -> npt.NDArray[np.float64]:
        """Return the discounted sum of rewards from each step to the end of its dialogue, shape (steps,)."""
        result = np.zeros(len(self.rewards))
        total = 0.0
        for step in reversed(range(len(self.rewards))):
            total = self.rewards[step] + gamma * total * (not self.ended[step])
            result[step] = total
        return result


def demonstrate(env: gym.Env[Any, Any], dialogues: int, seed: int) -> Demonstrations:
    """Play dialogues with the domain's expert, and record its actions and all other right ones.

    Raises:
        DomainError: the domain has no expert.
        ValueError: the number of dialogues is not one.
    """
    dialogues = whole_number("dialogues", dialogues, 1)
    expert = ExpertPolicy(env, seed)
    mask = ActionMask(expert.env)
    steps: list[tuple[Any, ...]] = []
    for dialogue in range(dialogues):
        first = None if dialogue else seed
        for step in play(env, lambda observation, _: int(expert.predict(observation)[0]), first):
            right = np.zeros(mask.actions, dtype=np.bool_)
            right[list(expert.right_actions(step.observation))] = True
            is_over = step.terminated or step.truncated
            outcome = step.reward, step.next_observation, is_over, step.truncated and not step.terminated
            steps.append((step.observation, right, step.action, *outcome))
    observations, *others = (np.array(column) for column in zip(*steps, strict=True))
    return Demonstrations(observations, mask(expert.env.codes(observations)), *others)


def taught_labels(env: gym.Env[Any, Any], place: StorePlace) -> Labels:
    """Return the labels in a store: those of teachers, and those of the stories that it started with.

    Raises:
        ValueError: the store cannot be read, is of another domain, or has no labels; or the environment does
            not show the codes of the fields.
    """
    dialogue = unwrapped_dialogue(env)
    need_fields(dialogue, "the labels of a store")
    if dialogue.max_history > 1:
        raise ValueError("max_history: must be 1, since labels are for single observations")
    with Store(place, create=False, read_only=True) as store:
        store.check_domain(dialogue.domain)
        history = History(store.entries())
    memory = right_actions(history, dialogue.domain, dialogue.action_names, dialogue.settings.turn_taking)
    if not memory:
        raise ValueError(f"{place}: the store has no labels")
    observations = np.array([np.frombuffer(key, dialogue.observation_form.code_dtype) for key in memory])
    right = np.array([[name in names for name in dialogue.action_names] for names in memory.values()])
    return Labels(observations, ActionMask(dialogue)(observations) | right, right)
