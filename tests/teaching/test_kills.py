"""A session whose process is killed at any moment goes on as if it had not been."""

from __future__ import annotations

import os
import random
import select
import signal
import time
import traceback
from pathlib import Path
from typing import Any

import pytest

from dialogue_gym import DialogueEnv, ExpertPolicy, load_domain
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.pending import Proposal
from dialogue_gym.teaching.session import Session

DOMAIN = load_domain("restaurant")
ENV = DialogueEnv(DOMAIN, turn_taking="explicit")
EXPERT = ExpertPolicy(ENV)


def begin(journal: Store) -> Session:
    return Session(DOMAIN, journal, settings={})


def answer(session: Session) -> None:
    """Answer as a teacher whose answers depend on the conversation alone."""
    assert isinstance(session.pending, Proposal)
    if session.pending.is_closing:
        right = ["utter_ack_makereservation"]
    else:
        observation = session.conversation.observation()
        right = [ENV.action_names[action] for action in EXPERT.right_actions(observation)]
    if session.pending.best.action in right:
        session.confirm()
    else:
        session.correct(right[0])


def teach_until_killed(folder: Path, acknowledged: int) -> None:
    """Teach in a process of its own; write a byte for each answer that was taken."""
    with Store(folder, wait=10) as store:
        session = begin(store)
        os.write(acknowledged, b"r")
        while True:
            answer(session)
            os.write(acknowledged, b".")


def killed_session(folder: Path, answers: int, moment: float) -> int:
    """Let a process teach; kill it a moment after so many answers; return the number it took."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            teach_until_killed(folder, writing)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(writing)
    assert select.select([reading], [], [], 60)[0] and os.read(reading, 1) == b"r"
    taken = b""
    while len(taken) < answers:
        part = os.read(reading, 100_000)
        assert part, "it ended by itself"
        taken += part
    time.sleep(moment)
    os.kill(child, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    while part := os.read(reading, 100_000):
        taken += part
    os.close(reading)
    return len(taken)


def seen(session: Session) -> list[Any]:
    history = session.history
    return [history.events(conversation) for conversation in history.conversations] + [
        [(label.observation.tobytes(), label.right) for label in history.labels(DOMAIN, "explicit")],
        session.pending,
    ]


def play_with_kills(folder: Path, kills: int) -> int:
    """Kill a session time and again, and compare what is left with one that was never killed."""
    chance = random.Random(0)
    for _ in range(kills):
        with Store(folder) as store:
            before = len(begin(store).history.labels(DOMAIN, "explicit"))
        taken = killed_session(folder, chance.randrange(3), chance.random() * 0.03)
        with Store(folder) as store:
            assert store.check() == []
            session = begin(store)
            after = len(session.history.labels(DOMAIN, "explicit"))
        assert before + taken <= after <= before + taken + 1
    untouched = begin(Store.in_memory())
    while len(untouched.history.labels(DOMAIN, "explicit")) < after:
        answer(untouched)
    assert seen(session) == seen(untouched)
    return after


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_answers_survive_a_kill_at_any_moment(tmp_path: Path) -> None:
    assert play_with_kills(tmp_path / "store", 15) > 5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_answers_survive_a_hundred_kills(tmp_path: Path) -> None:
    assert play_with_kills(tmp_path / "store", 100) > 30
