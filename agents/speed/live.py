"""The cost of months of live learning: `make bench-live`.

It measures the start of a bot with much experience, and simulates a year of days: the size of the store, the
time that a day takes to start, and the memory.
"""

from __future__ import annotations

import json
import os
import pty
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
import typer
from matplotlib.figure import Figure

from agents.speed.environments import rounded
from dialogue_gym import Domain, load_domain
from dialogue_gym.journal import LABEL, LIVE, PERSON, Draft, Entry, Store
from dialogue_gym.live import LiveBot, SimulatedPerson, Trainer, checkpoints_of, start_or_resume
from dialogue_gym.nlu import FixedFormatInterpreter
from dialogue_gym.utils import write_text, write_whole

NAME = "restaurant"
TRANSITIONS = 100_000
STEPS_A_DAY = 100
CONVERSATIONS = 200
"""Number of newest conversations that are kept each day."""
FRESH_EVERY = 30
"""Days between two measurements in a new process."""
_BATCH = 200


def opened(store: Store, domain: Domain) -> tuple[Trainer, LiveBot, SimulatedPerson]:
    """Open a learner on a store, and its conversations with a simulated person."""
    person = SimulatedPerson(domain, silent=0.1, wrong=0.1)
    trainer, others = start_or_resume(
        store,
        domain,
        None,
        every=STEPS_A_DAY,
        others=lambda: {"person": person.state()},
        explore="auto",
    )
    if others:
        person.load(others["person"])
    interpreter = FixedFormatInterpreter(domain)
    live = LiveBot(domain, store, trainer.explorer, interpreter, person, on_transitions=trainer.submit)
    return trainer, live, person


def talk(trainer: Trainer, live: LiveBot, person: SimulatedPerson, steps: int) -> None:
    """Run a simulated person for at least `steps` steps and learn from it; end with a checkpoint."""
    end = trainer.learner.transitions + steps
    while trainer.learner.transitions < end:
        person.talk(live)
        trainer.work()
    trainer.stop()


def fill(folder: Path, transitions: int) -> None:
    """Make a store with `transitions` decisions in the journal, and as many transitions in the buffer.

    The conversations are copies of a few simulated ones. All transitions have different observations, so
    that none replaces another; opening them takes longer than opening real ones.
    """
    domain = load_domain(NAME)
    with Store(folder) as store:
        store.use_domain(NAME, "")
        trainer, live, person = opened(store, domain)
        talk(trainer, live, person, 500)
        templates = [list(store.entries(summary.id)) for summary in store.conversations()]
        decisions = sum(entry.kind == LABEL for entries in templates for entry in entries)
        number = len(templates)
        while decisions < transitions:
            drafts: list[Draft] = []
            for entries in templates[:_BATCH]:
                number += 1
                drafts += copies(entries, f"live{number}")
                decisions += sum(entry.kind == LABEL for entry in entries)
            store.append_all(drafts)
        trainer.last_entry = store.last_id()  # as if it had been learned
        random = np.random.default_rng(0)
        buffer, space = trainer.learner.replay, trainer.learner.env.observation_space
        sizes = space.nvec  # type: ignore[attr-defined]
        for entry in range(-transitions, 0):
            seen, following = random.integers(sizes), random.integers(sizes)
            buffer.add(entry, seen, int(random.integers(16)), -1.0, following, entry % 7 == 0)
        assert len(buffer) == transitions
        trainer.checkpoint()


def copies(entries: list[Entry], name: str) -> Iterator[Draft]:
    """Yield a copy of a conversation, under another name."""
    drafts: dict[int, Draft] = {}
    for entry in entries:
        parent = None if entry.parent is None else drafts[entry.parent]
        content = dict(entry.content)
        if LIVE in content:
            content[LIVE] = PERSON
        elif "about" in content:
            continue  # it rates an entry that has no number yet
        drafts[entry.id] = Draft(name, entry.kind, content, parent, entry.author)
        yield drafts[entry.id]


def seconds_to_prompt(folder: Path) -> tuple[float, float]:
    """Return the time that `dialogue-gym live` takes to show its prompt at a terminal, imports included.

    The first number is wall-clock time, the second processor time, which hardly depends on other programs.
    """
    leader, follower = pty.openpty()
    start = time.perf_counter()
    command = [sys.executable, "-m", "dialogue_gym", "live", NAME, "--store", str(folder)]
    with subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower) as process:
        os.close(follower)
        seen = b""
        while b"you >" not in seen:
            seen += os.read(leader, 10_000)
        seconds = time.perf_counter() - start
        times = psutil.Process(process.pid).cpu_times()
        process.kill()
    os.close(leader)
    return seconds, times.user + times.system


def resume_figures(rounds: int) -> dict[str, Any]:
    """Measure the start of a bot with 100,000 transitions in its buffer."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        fill(store, TRANSITIONS)
        with Store(store, read_only=True) as opened_store:
            entries = opened_store.last_id()
        (*_, newest) = checkpoints_of(store).paths()
        seconds = [seconds_to_prompt(store) for _ in range(rounds)]
        return {
            "transitions": TRANSITIONS,
            "entries": entries,
            "journal_megabytes": (store / "journal.sqlite").stat().st_size / 1e6,
            "checkpoint_megabytes": newest.stat().st_size / 1e6,
            "seconds": [wall for wall, _ in seconds],
            "processor_seconds": [processor for _, processor in seconds],
        }


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def one_day(folder: Path, domain: Domain) -> dict[str, Any]:
    """Simulate a day: open the store, talk, learn, prune old conversations, close it."""
    start = time.perf_counter()
    with Store(folder) as store:
        trainer, live, person = opened(store, domain)
        seconds = time.perf_counter() - start
        talk(trainer, live, person, STEPS_A_DAY)
        store.prune(LIVE, CONVERSATIONS)
    return {
        "store_megabytes": size_of(folder) / 1e6,
        "start_seconds": seconds,
        "memory_megabytes": psutil.Process().memory_info().rss / 1e6,
    }


def days(count: int) -> Iterator[dict[str, Any]]:
    """Yield the figures of each day."""
    torch.set_num_threads(1)
    domain = load_domain(NAME)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        for day in range(1, count + 1):
            figures = {"day": day} | one_day(store, domain)
            if day % FRESH_EVERY == 0:
                figures |= fresh_figures(store)
            yield figures


def fresh_figures(folder: Path) -> dict[str, float]:
    """Measure the start of a new process on the store: its seconds, and its memory after that."""
    code = f"""
import sys, psutil
from pathlib import Path
from agents.speed.live import opened
from dialogue_gym import Domain, load_domain
from dialogue_gym.journal import Store
with Store(Path(sys.argv[1])) as store:
    opened(store, load_domain({NAME!r}))
print(psutil.Process().memory_info().rss / 1e6)
"""
    start = time.perf_counter()
    found = subprocess.run(
        [sys.executable, "-c", code, str(folder)], check=True, capture_output=True, text=True
    )
    return {
        "fresh_start_seconds": time.perf_counter() - start,
        "fresh_memory_megabytes": float(found.stdout),
    }


CURVES = {
    "store_megabytes": "size of the store, MB",
    "start_seconds": "time to begin a day, s",
    "memory_megabytes": "memory of the process, MB",
}


def plot(path: Path, figures: list[dict[str, Any]]) -> None:
    """Draw the three curves."""
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    for axis, (name, title) in zip(figure.subplots(1, len(CURVES)), CURVES.items(), strict=True):
        axis.plot([day["day"] for day in figures], [day[name] for day in figures], linewidth=1.2)
        top = 1.1 * max((day[name] for day in figures), default=1.0)
        axis.set(title=title, xlabel=f"days of {STEPS_A_DAY} steps", ylim=(0, top))
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="png", dpi=100)


def main(
    out: Path = Path("docs/live"),
    count: int = typer.Option(365, "--days", min=0, help="number of days to simulate (0: leave it out)"),
    rounds: int = typer.Option(5, min=0, help="number of starts with a full buffer (0: leave it out)"),
) -> None:
    """Measure; write days.json with all figures, and days.png with the curves of the year."""
    out.mkdir(parents=True, exist_ok=True)
    resumed = resume_figures(rounds) if rounds else None
    if resumed:
        medians = [statistics.median(resumed[name]) for name in ("seconds", "processor_seconds")]
        print("a full buffer: {:.2f} s to the first prompt, {:.2f} s of processor time".format(*medians))
    year: list[dict[str, Any]] = []
    for figures in days(count):
        year.append(figures)
        if len(year) % 10 == 0:
            print(json.dumps(rounded(figures)), flush=True)
    result = rounded({"resume": resumed, "days": year})
    write_text(out / "days.json", json.dumps(result) + "\n")
    write_whole(out / "days.png", lambda path: plot(path, year))


if __name__ == "__main__":
    typer.run(main)
