"""Helpers of the tests of live learning."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from dialogue_gym import DialogueEnv, Domain
from dialogue_gym.live.checkpoints import Checkpoints
from dialogue_gym.live.exploration import Explorer
from dialogue_gym.live.learner import LearnerSettings, LiveLearner
from dialogue_gym.live.regression_guard import RegressionGuard
from dialogue_gym.live.trainer import Trainer
from dialogue_gym.live.transitions import Transition
from tests.live.people import DOMAIN, SMALL

torch.set_num_threads(1)


def learner_of(domain: Domain = DOMAIN, settings: LearnerSettings = SMALL) -> LiveLearner:
    return LiveLearner(domain, "auto", settings)


def transitions(count: int, domain: Domain = DOMAIN, seed: int = 0, first: int = 1) -> list[Transition]:
    """Return the transitions of a random bot with the fake user."""
    env = DialogueEnv(domain)
    chance = random.Random(seed)
    found: list[Transition] = []
    observation, _ = env.reset(seed=seed)
    while len(found) < count:
        name = chance.choice(env.action_names)
        following, reward, terminated, truncated, _ = env.step(env.action_names.index(name))
        entry = first + len(found)
        found.append(Transition(entry, observation, name, float(reward), following, terminated, 0))
        observation = env.reset()[0] if terminated or truncated else following
    return found


# The replay buffer.

Put = tuple[int, int, int, float]


def trainer_of(folder: Path, guard: RegressionGuard | None = None, **arguments: Any) -> Trainer:
    learner = learner_of()
    explorer = Explorer(learner.actor())
    return Trainer(learner, explorer, Checkpoints(folder), 0, guard=guard, **arguments)


def until(is_so: Callable[[], bool]) -> None:
    """Wait for another thread, at most a minute."""
    for _ in range(6000):
        if is_so():
            return
        time.sleep(0.01)
    raise AssertionError("this never came")


def right_labels() -> dict[bytes, tuple[str, ...]]:
    """Return the right action of every state that the tiny domain's fake user can reach."""
    env = DialogueEnv(DOMAIN)
    labels: dict[bytes, tuple[str, ...]] = {}
    for seed in range(30):
        observation, info = env.reset(seed=seed)
        is_over = False
        while not is_over:
            name = "order" if info["action_mask"][env.action_names.index("order")] else "ask_size"
            labels[observation.tobytes()] = (name,)
            observation, _, terminated, truncated, info = env.step(env.action_names.index(name))
            is_over = terminated or truncated
    return labels
