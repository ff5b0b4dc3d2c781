"""Simulated people who talk to a bot that learns from them, for tests in several processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from dialogue_gym.domain import Domain
from dialogue_gym.journal.store import Store
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.checkpoints import Checkpoint, checkpoints_of
from dialogue_gym.live.learner import LearnerSettings
from dialogue_gym.live.simulated_person import SimulatedPerson
from dialogue_gym.live.startup import start_or_resume
from dialogue_gym.live.trainer import Trainer
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from tests.conftest import TINY, domain_from
from tests.processes import PROCESSES

DOMAIN = domain_from(TINY)
SMALL = LearnerSettings(updates=2, batch=16, target_every=20, capacity=300, recent=50, labels=8)


class Days:
    """A bot and the person who talks to it, on a store."""

    def __init__(self, store: Store, every: int, domain: Domain = DOMAIN, **arguments: Any) -> None:
        """Go on where the store is; `arguments` are those of `start_or_resume`."""
        torch.set_num_threads(1)
        self.store = store
        self.reports: list[str] = []
        self.person = SimulatedPerson(domain, seed=5, wrong=0.2, silent=0.2)
        arguments = {"settings": SMALL, "report": self.reports.append, "explore": "auto"} | arguments
        self.trainer, others = start_or_resume(
            store, domain, None, every=every, others=lambda: {"person": self.person.state()}, **arguments
        )
        self.trainer.work()
        if others:
            self.person.load(others["person"])
        interpreter = FixedFormatInterpreter(domain)
        self.live = LiveBot(
            domain,
            store,
            self.trainer.explorer,
            interpreter,
            self.person,
            on_transitions=self.trainer.submit,
        )

    def talk(self) -> None:
        """Hold one dialogue."""
        self.person.talk(self.live)

    def live_on(self) -> None:
        """Live until the next checkpoint is written."""
        newest = newest_path(self.store)
        while newest_path(self.store) == newest:
            self.talk()
            self.trainer.work()

    def live_until(self, transitions: int) -> None:
        """Live until so many transitions were learned, at the end of a dialogue and its rating."""
        while self.trainer.learner.transitions < transitions:
            self.talk()
            self.trainer.work()


def newest_path(store: Store) -> Path:
    return checkpoints_of(store.folder).paths()[-1]


def one_day(folder: Path, every: int, transitions: int, arguments: dict[str, Any]) -> None:
    """Begin or go on, live until so many transitions were learned, and end."""
    with Store(folder) as store:
        days = Days(store, every, **arguments)
        days.live_until(transitions)
        days.trainer.stop()


def in_a_process(function: Callable[..., None], *arguments: Any) -> None:
    process = PROCESSES.Process(target=function, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == 0


def comparable(trainer: Trainer) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Return the whole state of the learner, for a comparison bit for bit."""
    satisfaction = trainer.explorer.satisfaction
    return bits(trainer.learner.arrays()), trainer.learner.state() | {"satisfaction": satisfaction}


def bits(arrays: Any) -> dict[str, list[Any]]:
    return {name: [array.dtype.str, array.shape, array.tobytes()] for name, array in arrays.items()}


def whole(checkpoint: Checkpoint) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Return the content of a checkpoint without its time of day."""
    state = {name: value for name, value in checkpoint.state.items() if name != "time"}
    return bits(checkpoint.arrays), state
