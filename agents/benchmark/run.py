"""Run a grid to its end, from where it was, and write down what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents.benchmark.grid import Cell, Grid
from agents.benchmark.plots import draw
from agents.benchmark.record import Journal
from agents.benchmark.statistics import collect
from agents.benchmark.tables import report
from agents.benchmark.workers import on_cores, on_ray
from dialogue_gym.utils import write_text

Progress = Callable[[int, int, str], None]
"""Is told how many cells are finished, how many there are, and which one came last."""


def run(
    grid: Grid, folder: Path, *, jobs: int, ray_address: str | None, command: str, progress: Progress
) -> dict[str, Any]:
    """Do what is not done yet, then `write_report`; return the results.

    Raises:
        WorkerDied: a worker died again and again; what is finished is kept.
        ValueError: there is no Ray, or no cluster.
    """
    journal = Journal(folder)
    cells = grid.cells()
    left = [cell for cell in cells if cell.fingerprint() not in journal.records]
    progress(len(cells) - len(left), len(cells), "")
    journal.repair()
    if left:
        finished = on_ray(left, ray_address) if ray_address else on_cores(left, jobs)
        for count, record in enumerate(finished, len(cells) - len(left) + 1):
            journal.add(record)
            progress(count, len(cells), Cell.from_json(record["cell"]).name)
    return write_report(grid, folder, command=command)


def write_report(grid: Grid, folder: Path, *, command: str) -> dict[str, Any]:
    """Write results.json, results.md and the pictures of what is finished; return the results.

    Raises:
        ValueError: nothing is.
    """
    results = collect(grid, Journal(folder).records)
    text = json.dumps(results, indent=1) + "\n"
    write_text(folder / "results.json", text)
    markdown = report(results, command)
    write_text(folder / "results.md", markdown)
    draw(results, folder)
    return results
