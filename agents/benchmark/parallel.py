"""Many independent runs, some at a time, each in a fresh process."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Task = TypeVar("Task")


def run_all(
    run: Callable[[Task], dict[str, Any]],
    tasks: Sequence[Task],
    jobs: int,
    progress: Callable[[int, int], None],
) -> list[dict[str, Any]]:
    """Return what `run` gives for each task, in their order.

    Args:
        run: a function of a module.
        tasks: what it is given.
        jobs: how many run at a time.
        progress: is told how many are finished, and how many there are.
    """
    found = []
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for number, result in enumerate(pool.imap(run, tasks), 1):
            found.append(result)
            progress(number, len(tasks))
    return found
