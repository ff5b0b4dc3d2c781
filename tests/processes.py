"""Processes that start in milliseconds, since they are forked from one that has loaded the library."""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

from dialogue_gym.cli import main

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    [
        "tests.processes", "tests.journal.test_store", "tests.live.people",
        "dialogue_gym.cli.app", "dialogue_gym.live.run", "dialogue_gym.nlu.trained", "dialogue_gym.web.run",
    ]
)  # fmt: skip


def run_command(words: tuple[str, ...], cwd: Path, log: Path, environment: dict[str, str]) -> None:
    """Be the command `dialogue-gym`, in this new process; its output is added to a file."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    with log.open("ab", buffering=0) as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
    sys.argv = ["dialogue-gym", *words]
    main()


def command_process(
    words: tuple[str, ...], cwd: Path, log: Path, **environment: str
) -> multiprocessing.context.ForkServerProcess:
    """Start the command `dialogue-gym` in a process of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    process = PROCESSES.Process(target=run_command, args=(words, cwd, log, inherited | environment))
    process.start()
    return process
