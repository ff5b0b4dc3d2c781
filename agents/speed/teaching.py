"""Waiting times of a teacher: from an answer to the next proposal, and from the command to the first one.

The journal is on disk. The fake users are misunderstood so often that most answers concern a new observation,
and the network is refitted after each of these: the slowest case of teaching.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import typer

from dialogue_gym import DialogueEnv, load_domain
from dialogue_gym.conversation import ActionExecuted, Conversation, SessionStarted, UserUttered, to_json
from dialogue_gym.journal import BOT, END, EVENT, EXPERT, FAKE_USER, LABEL, RESULT, USER, Draft, Store
from dialogue_gym.policies import ExpertPolicy
from dialogue_gym.teaching import SEED, Session, SimulatedTeacher, SimulatedUser
from dialogue_gym.utils import write_text

DOMAIN = load_domain("restaurant")
SETTINGS: dict[str, Any] = {"turn_taking": "explicit", "semantic_error_rate": 0.3}
MISTAKES = 0.3
"""Share of random actions of the bot, which lead to more distinct observations."""
STORES = {
    "a new store": (0, 0),
    "500 observations, 5,000 answers": (500, 5_000),
    "5,000 observations": (5_000, 5_000),
}
"""Numbers of distinct observations and of answers in a store at the start."""


def conversations(observations: int, answers: int) -> Iterator[list[Draft]]:
    """Yield conversations with fake users.

    Together they hold `answers` answers about `observations` observations; further ones get no answer.
    """
    user = SimulatedUser(DOMAIN, SETTINGS)
    env = DialogueEnv(DOMAIN, **SETTINGS)
    expert, random = ExpertPolicy(env), np.random.default_rng(0)
    known: set[bytes] = set()
    for number in itertools.count(1):
        if answers <= 0 and len(known) >= observations:
            return
        name, begins = f"c{number}", SessionStarted()
        record = Conversation(DOMAIN, [begins])
        drafts = [Draft(name, EVENT, to_json(begins) | {SEED: number - 1}, None, BOT)]
        events = user.begin(number - 1)
        while True:
            record.extend(events)
            message = events.pop() if events and isinstance(events[-1], UserUttered) else None
            if len(drafts) > 1:
                result = {"events": [to_json(event) for event in events]}
                drafts.append(Draft(name, RESULT, result, drafts[-1], EXPERT))
            if message is not None:
                drafts.append(Draft(name, USER, to_json(message), drafts[-1], FAKE_USER))
            if user.outcome is not None:
                break
            observation = record.observation()
            right = [env.action_names[action] for action in expert.right_actions(observation)]
            anything = random.random() < MISTAKES
            action = str(random.choice(env.action_names if anything else right))
            has_label = observation.tobytes() in known or len(known) < observations
            if has_label:
                known.add(observation.tobytes())
                answers -= 1
            content = {"action": action, "right": right, "by": EXPERT if has_label else BOT}
            drafts.append(Draft(name, LABEL, content, drafts[-1], EXPERT))
            record.append(ActionExecuted(action))
            events = user.answer(action)
        yield [*drafts, Draft(name, END, {"outcome": user.outcome}, drafts[-1], BOT)]


def answer_figures(observations: int, answers: int, rounds: int) -> dict[str, float]:
    """Measure the time of answers, in milliseconds, in a store of a given size."""
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        for batch in conversations(observations, answers):
            store.append_all(batch)
        start = time.perf_counter()
        session = Session(DOMAIN, store, settings=SETTINGS, author=EXPERT, asks_for_closing=False)
        opening = time.perf_counter() - start
        teacher = SimulatedTeacher(DOMAIN, "explicit", MISTAKES)
        labels, before = len(session.history.labels(DOMAIN, "explicit")), session.distinct_observations
        milliseconds = []
        for _ in range(rounds):
            start = time.perf_counter()
            teacher.answer(session)
            milliseconds.append(1000 * (time.perf_counter() - start))
        return {
            "observations": before,
            "answers": labels,
            "new_observations": session.distinct_observations - before,
            "opening_seconds": opening,
            "median_ms": float(np.median(milliseconds)),
            "p95_ms": float(np.percentile(milliseconds, 95)),
        }


def start_seconds() -> float:
    """Measure the seconds of the command `teach` from its start to quitting at the first question."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        command = [sys.executable, "-m", "dialogue_gym", "teach", "restaurant", "--store", f"{folder}/store"]
        subprocess.run(command, input="q\n", text=True, check=True, capture_output=True)
        return time.perf_counter() - start


def main(
    out: Path = Path("out/bench"),
    rounds: int = typer.Option(200, min=1, help="number of measured answers"),
    starts: int = typer.Option(5, min=1, help="number of measured starts"),
) -> None:
    """Measure; print and write teaching.json."""
    out.mkdir(parents=True, exist_ok=True)
    result = {
        "start_seconds": float(np.median([start_seconds() for _ in range(starts)])),
        "answers": {name: answer_figures(*size, rounds) for name, size in STORES.items()},
    }
    text = json.dumps(result, indent=2) + "\n"
    write_text(out / "teaching.json", text)
    print(text)


if __name__ == "__main__":
    typer.run(main)
