"""A process that talks to people and learns from them, killed at any moment, goes on without a loss."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from dialogue_gym.actions import ActionResult
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.journal.entry import LABEL, LIVE, RATING, RESULT, USER
from dialogue_gym.journal.store import Store, StoreError
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.checkpoints import checkpoints_of, read
from dialogue_gym.live.follower import unlearned
from dialogue_gym.live.reward import LiveReward
from dialogue_gym.live.simulated_person import SimulatedPerson
from dialogue_gym.live.transitions import Transition
from tests import ROOT
from tests.live.people import DOMAIN, Days, comparable
from tests.processes import PROCESSES

EVERY = 5
READY = "ready"


class World(SimulatedPerson):
    """Every action changes it, and it tells of each; it forgets who talks when the process ends."""

    def __init__(self, told: Connection) -> None:
        super().__init__(DOMAIN, seed=random.randrange(1 << 30), silent=0.2)
        self.told = told

    def reaches_out(self, name: str) -> bool:
        return True

    def run(self, name: str, conversation: Conversation) -> ActionResult:
        self.told.send("run")
        return super().run(name, conversation) if self.dialogues else ActionResult()


def learned_once(store: Store) -> int:
    """Return how many transitions follow from a journal."""
    found = unlearned(store, DOMAIN, LiveReward.of(DOMAIN), 0)
    return len({one.entry for _, transitions in found for one in transitions})


def talk_until_killed(folder: Path, told: Connection) -> None:
    """Go on where the last process was killed, and talk; the learning is in a thread of its own."""
    with Store(folder, wait=10) as store:
        days = Days(store, EVERY)
        assert days.reports == []
        assert days.trainer.learner.transitions == learned_once(store)
        world = World(told)

        def acknowledge(transitions: Sequence[Transition], last_entry: int, is_boundary: bool) -> None:
            told.send(last_entry)
            days.trainer.submit(transitions, last_entry, is_boundary)

        explorer, interpreter = days.trainer.explorer, days.live.manager._interpreter
        live = LiveBot(DOMAIN, store, explorer, interpreter, world, on_transitions=acknowledge)
        for name in live.conversations.open:
            live.resume(name)
            if live.conversations.is_open(name):
                live.leave(name)
        days.trainer.start()
        told.send(READY)
        while True:
            world.talk(live)


def killed(folder: Path, moment: float, waits: bool) -> tuple[int, int]:
    """Kill a process some time after its start, or after it is ready.

    Returns:
        The id of the last entry that was acknowledged, and how many actions were run.
    """
    receiver, sender = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=talk_until_killed, args=(folder, sender))
    process.start()
    sender.close()
    said: list[object] = []
    try:
        while waits and (not said or said[-1] != READY):
            said.append(receiver.recv())
        until = time.monotonic() + moment
        while (left := until - time.monotonic()) > 0:
            if receiver.poll(left):
                said.append(receiver.recv())
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        while True:
            said.append(receiver.recv())
    except EOFError:
        process.join()
    assert process.exitcode == -signal.SIGKILL, "it failed by itself"
    numbers = [one for one in said if isinstance(one, int)]
    return max(numbers, default=0), said.count("run")


def live_with_kills(folder: Path, kills: int) -> int:
    """Kill it time and again; return how many transitions were learned in the end."""
    chance = random.Random(0)
    runs = 0
    for number in range(kills):
        waits = number % 3 > 0
        last, ran = killed(folder, chance.random() * (0.3 if waits else 1.5), waits)
        runs += ran
        if not (folder / "journal.sqlite").exists():
            continue
        with Store(folder) as store:
            assert store.last_id() >= last and store.check() == []
            kinds = [entry.kind for entry in store.entries()]
            assert runs <= kinds.count(LABEL) <= runs + kills
            assert kinds.count(RESULT) <= kinds.count(LABEL)
            for path in checkpoints_of(folder).paths():
                assert read(path).state["upto"] <= store.last_id()
    with Store(folder) as store:
        kinds = [entry.kind for entry in store.entries()]
        assert kinds.count(USER) and kinds.count(RATING)
        assert len(store.unfinished(LIVE)) <= 1
        days = Days(store, EVERY)
        assert days.trainer.learner.transitions == learned_once(store)
        learned = comparable(days.trainer)
    for path in checkpoints_of(folder).paths():
        path.unlink()
    with Store(folder) as store:
        # Learned from the journal alone it is the same, bit for bit.
        assert comparable(Days(store, EVERY).trainer) == learned
    return days.trainer.learner.transitions


@pytest.mark.slow
def test_forty_kills_lose_nothing_and_repeat_no_learning(tmp_path: Path) -> None:
    assert live_with_kills(tmp_path / "store", 40) > 120


def test_second_process_on_a_store_is_refused(tmp_path: Path) -> None:
    receiver, sender = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=talk_until_killed, args=(tmp_path / "store", sender))
    process.start()
    sender.close()
    while receiver.recv() != READY:
        pass
    try:
        with pytest.raises(StoreError) as caught:
            Store(tmp_path / "store")
        assert re.fullmatch(
            rf".*: process {process.pid} is writing to this store; one can at a time", str(caught.value)
        )
    finally:
        process.kill()
        process.join()


def test_a_server_refused_while_it_trains_its_interpreter_ends_in_order(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("uvicorn")
    words = ["serve", "restaurant", "--talk", "--no-teach", "--no-open", "--port", "0", "--store", "held"]
    with Store(tmp_path / "held"):
        done = subprocess.run(
            [sys.executable, "-m", "dialogue_gym", *words], cwd=tmp_path, capture_output=True, text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False,
        )  # fmt: skip
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
