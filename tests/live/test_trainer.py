"""Learning from people for months: interruptions, damage and clocks lose nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import resource
import shutil
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dialogue_gym import load_domain
from dialogue_gym.conversation.events import UserUttered, to_json
from dialogue_gym.journal.entry import EVENT, EXPERT, LABEL, USER
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.live import trainer as trainer_module
from dialogue_gym.live.checkpoints import CheckpointError, checkpoints_of, read
from dialogue_gym.live.learner import LearnerSettings
from dialogue_gym.live.run import _report
from dialogue_gym.live.startup import start_or_resume
from tests.live.learning import trainer_of, transitions, until
from tests.live.people import DOMAIN, SMALL, Days, comparable, in_a_process, newest_path, one_day, whole

torch.set_num_threads(1)


# Going on.


def lived(folder: Path, days: int, every: int, **arguments: Any) -> tuple[Any, Any]:
    """Return the checkpoint and the journal after some days in one process, and in as many."""
    with Store(folder / "one") as store:
        one = Days(store, every, **arguments)
        one.live_until(days * every)
        one.trainer.stop()
    for day in range(1, days + 1):
        in_a_process(one_day, folder / "many", every, day * every, arguments)
    found = []
    for name in ("one", "many"):
        with Store(folder / name) as store:
            entries = [dataclasses.replace(entry, time=0.0) for entry in store.entries()]
            found.append((whole(read(newest_path(store))), entries))
    return found[0], found[1]


def test_resumed_training_equals_uninterrupted_training(tmp_path: Path) -> None:
    one, many = lived(tmp_path, 3, 40)
    assert one == many
    assert 120 <= one[0][1]["learner"]["transitions"] < 170


@pytest.mark.slow
def test_more_days_than_checkpoints_equal_one_day_of_as_many_steps(tmp_path: Path) -> None:
    settings = LearnerSettings(recent=300)  # and there are more transitions than recent ones
    one, many = lived(tmp_path, 9, 40, domain=load_domain("restaurant"), settings=settings)
    assert one == many
    assert 9 * 40 <= one[0][1]["learner"]["transitions"] < 9 * 40 + 9 * 50


def test_thread_learns_the_same_as_synchronous_work(tmp_path: Path) -> None:
    """Transitions can be submitted in any portions, with stops in between."""
    seen = transitions(90)
    amended = [dataclasses.replace(one, reward=5.0) for one in seen[::7]]
    handed = [*seen[:50], *amended, *seen[50:]]
    at_once, in_thread = trainer_of(tmp_path / "a"), trainer_of(tmp_path / "b")
    for entry, one in enumerate(handed, 1):
        at_once.submit([one], entry)
        at_once.work()
    in_thread.start()
    for first in range(0, len(handed), 5):
        in_thread.submit(handed[first : first + 5], min(first + 5, len(handed)))
        if first == 40:
            in_thread.stop()
            assert in_thread.learner.owed == 0
            saved = read(in_thread._checkpoints.paths()[-1])
            assert saved.state["upto"] == in_thread.last_entry < len(handed)
            in_thread.start()
    until(lambda: in_thread.last_entry == len(handed))
    in_thread.stop()
    assert comparable(in_thread) == comparable(at_once)
    assert in_thread.explorer.actor.version == at_once.learner.updates == 90 * SMALL.updates


def test_stop_waits_for_the_last_turns_alone(tmp_path: Path) -> None:
    """The last turns are learned; the backlog of a long absence is not waited for."""
    few, many = trainer_of(tmp_path / "few"), trainer_of(tmp_path / "many")
    for trainer, count in ((few, 10), (many, 400)):
        for last_entry, one in enumerate(transitions(count), 1):
            trainer.submit([one], last_entry)
        trainer.stop()
    assert few.last_entry == few.learner.transitions == 10
    assert 10 < many.last_entry == many.learner.transitions < 400
    assert read(many._checkpoints.paths()[-1]).state["upto"] == many.last_entry


def test_updates_are_postponed_under_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The backlog stays small, and all of it is learned in the end."""
    monkeypatch.setattr(trainer_module, "MOST_BEHIND", 5)
    trainer, may_go_on, owed = trainer_of(tmp_path), threading.Event(), []
    learn = trainer.learner.learn

    def slow(most: int | None = None) -> int:
        assert may_go_on.wait(60)
        owed.append(trainer.learner.owed)
        return learn(most)

    monkeypatch.setattr(trainer.learner, "learn", slow)
    trainer.start()
    for last_entry, one in enumerate(transitions(40), 1):
        trainer.submit([one], last_entry)
    may_go_on.set()
    until(lambda: trainer.last_entry == 40 and trainer.learner.owed == 0)
    trainer.stop()
    assert max(owed) > 20 * SMALL.updates and trainer.learner.updates == 40 * SMALL.updates


def test_a_stop_leaves_many_postponed_updates_to_the_next_start(tmp_path: Path) -> None:
    trainer, owed = trainer_of(tmp_path), 1_000_000
    trainer.start()
    first, second = transitions(2)
    trainer.submit([first], first.entry)
    until(lambda: trainer.backlog == 0 and trainer.learner.updates > 0 and not trainer.learner.owed)
    trainer.learner.owed = owed  # the thread waits for the next turn
    trainer.submit([second], second.entry, True)
    trainer.stop()
    left = trainer.learner.owed
    assert 0 < left <= owed + SMALL.updates and trainer.last_entry == 2
    assert trainer.state()["learner"]["owed"] == left


def test_fault_of_the_thread_is_reported(tmp_path: Path) -> None:
    told: list[str] = []
    trainer = trainer_of(tmp_path, report=told.append)
    trainer.start()
    trainer.submit([dataclasses.replace(transitions(1)[0], action="no_action")], 1)
    until(lambda: told)
    assert told == [
        "the learning has failed (KeyError: 'no_action');"
        " the bot still answers, and the journal keeps everything for the next start"
    ]
    trainer.submit(transitions(1), 2)  # nobody takes it any more
    assert trainer._tasks.empty()
    with pytest.raises(RuntimeError, match="the learning has failed"):
        trainer.stop()
    assert trainer._checkpoints.paths() == []


def test_buffer_and_model_are_rebuilt_from_the_journal(store: Store) -> None:
    days = Days(store, 40)
    for _ in range(25):
        days.talk()
    days.trainer.work()
    learned = comparable(days.trainer)
    shutil.rmtree(store.folder / "checkpoints")
    again = Days(store, 40)
    assert comparable(again.trainer) == learned and learned[1]["transitions"] > 50


# Checkpoints.


def spoil(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    if chance.random() < 0.5:
        content = content[: chance.randrange(len(content))]
    else:
        for _ in range(chance.choice([1, 3, 100])):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def test_damaged_checkpoint_is_never_loaded(tmp_path: Path) -> None:
    """A truncated file or one with flipped bits is read unchanged or ignored with a one-line report."""
    trainer = trainer_of(tmp_path)
    trainer.submit(transitions(20), 20)
    trainer.work()
    trainer.checkpoint()
    (path,) = trainer._checkpoints.paths()
    good, before = path.read_bytes(), whole(read(path))
    chance = random.Random(0)
    damaged = 0
    for _ in range(300):
        path.write_bytes(good)
        spoil(path, chance)
        try:
            assert whole(read(path)) == before
        except CheckpointError as error:
            damaged += 1
            assert str(path) in str(error) and "\n" not in str(error)
    assert damaged > 200


FOREIGN: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("not me"),
    "array": lambda path: (
        np.save(path.with_suffix(".npy"), np.zeros(3)),
        path.with_suffix(".npy").replace(path),
    ),
    "archive": lambda path: np.savez(path, state=np.array("{}"), a=np.zeros(2)),
    "zip": lambda path: zipfile.ZipFile(path, "w").close(),
    "pickle": lambda path: np.savez(path, state=np.array({"a": 1}, object)),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_last_good_checkpoint_is_used(store: Store, kind: str) -> None:
    days = Days(store, 20)
    days.live_on()
    good = comparable(days.trainer)
    days.live_on()
    FOREIGN[kind](newest_path(store))
    again = Days(store, 20)
    (line,) = again.reports
    assert "ignored" in line and newest_path(store).name in line and "\n" not in line
    assert again.trainer.learner.transitions == days.trainer.learner.transitions  # by the journal
    assert comparable(again.trainer) == comparable(days.trainer) != good


def test_broken_checkpoints_are_rebuilt_from_the_journal(store: Store) -> None:
    days = Days(store, 20)
    days.live_on()
    days.live_on()
    paths = checkpoints_of(store.folder).paths()
    for path in paths:
        path.write_bytes(path.read_bytes()[:1000])
    again = Days(store, 20)
    assert len(again.reports) == len(paths) == 3
    assert comparable(again.trainer) == comparable(days.trainer)


def test_clock_that_went_back_is_reported(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    days = Days(store, 20)
    days.live_on()
    first = newest_path(store).name
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now - 1e6)
    again = Days(store, 20)
    (line,) = again.reports
    assert "the clock has gone back" in line and comparable(again.trainer) == comparable(days.trainer)
    again.live_on()
    assert newest_path(store).name > first
    assert Days(store, 20).reports == []


def test_full_disk_leaves_checkpoints_unchanged(store: Store) -> None:
    days = Days(store, 20)
    days.live_on()
    folder = store.folder / "checkpoints"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    days.talk()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    days.trainer._due = 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        days.trainer.work()
        with pytest.raises(OSError, match="File too large"):
            days.trainer.stop()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert days.reports == [
        "no checkpoint could be written (File too large); everything is in the journal all the same"
    ]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    days.trainer.stop()
    again = Days(store, 20)
    assert comparable(again.trainer) == comparable(days.trainer)


def test_old_checkpoints_and_partial_files_are_removed(store: Store) -> None:
    days = Days(store, 20, kept=2)
    days.live_on()
    (store.folder / "checkpoints" / ".a1b2.npz").write_bytes(b"half")
    (store.folder / "checkpoints" / "mine.txt").write_text("not yours")
    for _ in range(3):
        days.live_on()
    names = sorted(path.name for path in (store.folder / "checkpoints").iterdir())
    assert [name.split("-")[0] for name in names] == ["000004", "000005", "best.npz", "mine.txt"]


def test_teachers_and_people_share_a_store(store: Store) -> None:
    """The labels there are learned from the beginning."""
    start = store.append("c1", EVENT, {"event": "session_started"})
    heard = store.append("c1", USER, to_json(UserUttered("/affirm", "affirm")), start.id)
    store.append("c1", LABEL, {"action": "wrap", "right": ["wrap"], "by": EXPERT}, heard.id)
    trainer, _ = start_or_resume(store, DOMAIN, None, settings=SMALL)
    (label,) = History(store.entries()).labels(DOMAIN, "auto")
    possible = np.ones(len(trainer.learner.env.action_names), np.bool_)
    assert label.key in trainer.explorer.taught
    choice = trainer.explorer.actor.choose(label.observation, possible, True)
    assert trainer.learner.env.action_names[choice] == "wrap"


def test_learning_goes_on_when_nobody_reads_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after `serve | head`: the thread that learns prints them."""
    folder = tmp_path / "checkpoints"
    folder.write_text("no folder, so that a line is printed")
    trainer = trainer_of(folder, report=_report, every=1)
    reading, writing = os.pipe()
    os.close(reading)
    with contextlib.suppress(BrokenPipeError), open(writing, "w") as unread, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", unread)
        trainer.start()
        trainer.submit(transitions(5), 5, is_boundary=True)
        trainer.submit(transitions(5, first=6), 10)
        until(lambda: trainer.last_entry == 10 or trainer.fault is not None)
    folder.unlink()
    trainer.stop()
    assert trainer.learner.transitions == 10
