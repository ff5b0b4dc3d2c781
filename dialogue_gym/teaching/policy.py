"""The policy of a taught bot: the learner of a store."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from dialogue_gym.conversation.bot_state import with_user
from dialogue_gym.domain import Domain
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.journal.entry import StoreError
from dialogue_gym.journal.history import History
from dialogue_gym.journal.labels import Label
from dialogue_gym.journal.place import StorePlace
from dialogue_gym.journal.store import Store
from dialogue_gym.policies.agent import Agent
from dialogue_gym.policies.base import Policy
from dialogue_gym.stories import Story
from dialogue_gym.teaching.learner import Learner, rule_book
from dialogue_gym.teaching.mode import turn_taking_of
from dialogue_gym.teaching.story_import import import_stories


class TaughtPolicy(Policy):
    """Policy of labelled actions, which generalizes to observations without a label."""

    def __init__(self, env: gym.Env[Any, Any], labels: list[Label], seed: int | None = None) -> None:
        """Learn labels for an environment."""
        super().__init__(env, seed)
        self._learner = Learner(self.env.domain, self.env.action_names)
        self._learner.learn(labels)

    def choose(
        self, observation: npt.NDArray[Any], mask: npt.NDArray[Any] | None, deterministic: bool
    ) -> int:
        """Return the most probable action, or sample one if `deterministic` is False."""
        chances = self.probabilities(observation, mask)
        return int(chances.argmax() if deterministic else self._random.choice(len(chances), p=chances))

    def probabilities(
        self, observation: npt.NDArray[Any], mask: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the probabilities of the actions for one observation, shape (actions,)."""
        possible = None if mask is None else np.asarray(mask) != 0
        return self._learner.probabilities(observation[-self._frame :], possible)


def taught_agent(place: StorePlace | str, domain: Domain) -> tuple[Domain, Agent]:
    """Return the domain of a store with its additions, and the agent that its labels train.

    Raises:
        StoreError: the store cannot be read, is of another domain, or nothing was taught there.
        DomainError: the domain lacks a name that the journal has.
    """
    with Store(place, create=False, read_only=True) as store:
        store.check_domain(domain)
        entries, place = list(store.entries()), store.place
    history = History(entries)
    extended = history.extended(domain)
    env = DialogueEnv(with_user(extended), turn_taking=turn_taking_of(entries))
    labels = history.labels(extended, env.settings.turn_taking)
    rules = rule_book(history, extended, env.action_names, env.settings.turn_taking)
    if not labels and not rules.rules:
        raise StoreError(f"{place}: nothing was taught or learned here yet, so that it has no agent")
    return extended, Agent(place.name, env, TaughtPolicy(env, labels), rules=rules)


def story_agent(stories: Sequence[Story], domain: Domain) -> tuple[Domain, Agent]:
    """Return the domain with the names that stories use, and the agent that they train.

    Where only rules are known, a `RuleBook` without an agent serves.

    Raises:
        StoryError: the stories do not fit the domain.
    """
    with tempfile.TemporaryDirectory() as folder:
        with Store(Path(folder) / "stories") as store:
            import_stories(store, domain, stories)
        return taught_agent(Path(folder) / "stories", domain)
