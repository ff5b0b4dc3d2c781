"""Conversations with people, for tests."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym import DialogueEnv, ExpertPolicy, load_domain
from dialogue_gym.actions import ActionRunner
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.journal.store import Store
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.decision import LiveDecision
from dialogue_gym.live.follower import unlearned
from dialogue_gym.live.reward import LiveReward
from dialogue_gym.live.transitions import Transition
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter

DOMAINS = {name: load_domain(name) for name in ("restaurant", "concert")}
RESTAURANT = DOMAINS["restaurant"]
CUISINE, YES = '/inform{"cuisine": "french"}', "/affirm"


class Chance:
    """Acts at random, or with a given share as an expert does, and keeps its decisions."""

    def __init__(self, env: DialogueEnv, seed: int, expert: float = 0.0) -> None:
        self._names = env.action_names
        self._expert, self._share = ExpertPolicy(env), expert
        self._random = random.Random(seed)
        self.decided: list[str] = []
        self.masks: list[npt.NDArray[np.bool_]] = []

    def decide(self, observation: npt.NDArray[Any], possible: npt.NDArray[np.bool_]) -> LiveDecision:
        action = self._random.choice(range(len(self._names)))
        if self._random.random() < self._share:
            action = self._expert.choose(observation, possible, True)
        self.decided.append(self._names[action])
        self.masks.append(possible)
        return LiveDecision(self.decided[-1], len(self.decided))


class Plan:
    """Does one action after the other, over and over."""

    def __init__(self, *actions: str) -> None:
        self._actions = actions
        self.made = 0

    def decide(self, observation: npt.NDArray[Any], possible: npt.NDArray[np.bool_]) -> LiveDecision:
        self.made += 1
        return LiveDecision(self._actions[(self.made - 1) % len(self._actions)])


class Learned:
    """Collects the transitions that the bot passes on, as a trainer would."""

    def __init__(self) -> None:
        self.transitions: list[Transition] = []
        self.last_entry = 0
        self._seen = 0

    def __call__(self, transitions: Sequence[Transition], last_entry: int, is_boundary: bool) -> None:
        assert last_entry > self.last_entry
        self.transitions += transitions
        self.last_entry = last_entry

    def new(self) -> list[Transition]:
        """Return the transitions since the last call."""
        found = self.transitions[self._seen :]
        self._seen = len(self.transitions)
        return found


def message() -> UserUttered:
    return FixedFormatInterpreter(RESTAURANT).parse(CUISINE).message


def talking(
    store: Store, decider: Any = None, runner: ActionRunner | None = None, **arguments: Any
) -> LiveBot:
    decider = decider or Plan("utter_ask_location")
    interpreter = FixedFormatInterpreter(RESTAURANT)
    arguments = {"on_transitions": Learned()} | arguments
    return LiveBot(RESTAURANT, store, decider, interpreter, runner or ActionRunner(RESTAURANT), **arguments)


def learned(bot: LiveBot) -> Learned:
    """Return the collector of a bot made by `talking`."""
    assert isinstance(bot.conversations.delivery.listener, Learned)
    return bot.conversations.delivery.listener


def new(bot: LiveBot) -> list[Transition]:
    """Return the transitions that it has passed on since the last call."""
    return learned(bot).new()


def plain(transition: Transition) -> tuple[Any, ...]:
    """Return a transition as values that can be compared."""
    seen, following = transition.observation.tolist(), transition.next_observation.tolist()
    return (transition.entry, seen, transition.action, transition.reward, following, transition.terminated)


def all_plain(transitions: Iterable[Transition]) -> list[tuple[Any, ...]]:
    return [plain(transition) for transition in transitions]


def all_missed(store: Store, reward: LiveReward, after: int = 0) -> list[tuple[Any, ...]]:
    return [plain(one) for _, found in unlearned(store, RESTAURANT, reward, after) for one in found]
