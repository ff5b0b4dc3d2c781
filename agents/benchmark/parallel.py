"""Independent runs spread over worker processes."""

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
    """Return the result of `run` for each task, in order.

    Args:
        run: a function at module level, since workers import it.
        tasks: the arguments of `run`.
        jobs: number of runs at a time.
        progress: called with the numbers of finished and of all tasks.
    """
    found = []
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for number, result in enumerate(pool.imap(run, tasks), 1):
            found.append(result)
            progress(number, len(tasks))
    return found
