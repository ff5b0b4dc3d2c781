"""Run the unfinished cells of a grid, and write its results."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents.benchmark.cell import run_cell
from agents.benchmark.grid import Cell, Grid
from agents.benchmark.plots import draw
from agents.benchmark.record import Journal
from agents.benchmark.statistics import collect
from agents.benchmark.tables import report
from agents.benchmark.workers import on_cores, on_ray
from dialogue_gym.utils import write_text

Progress = Callable[[int, int, str], None]
"""Called with the numbers of finished and of all cells, and the name of the last one."""


def cells_journal(folder: Path) -> Journal:
    """Return the finished cells in a folder.

    Raises:
        ValueError: the file is not text, or a line is not a finished cell.
    """
    keys = {"cell", "exact", "evaluations", "seconds", "versions"}
    return Journal(folder / "cells.jsonl", "cell", keys)


def run(
    grid: Grid, folder: Path, *, jobs: int, ray_address: str | None, command: str, progress: Progress
) -> dict[str, Any]:
    """Run the cells that are not finished, then `write_report`; return the results.

    Raises:
        WorkerDied: a worker died repeatedly; finished cells are kept.
        ValueError: Ray is not installed, or the cluster cannot be reached.
    """
    journal = cells_journal(folder)
    cells = grid.cells()
    left = [cell for cell in cells if cell.fingerprint() not in journal.records]
    progress(len(cells) - len(left), len(cells), "")
    journal.repair()
    if left:
        finished = on_ray(run_cell, left, ray_address) if ray_address else on_cores(run_cell, left, jobs)
        for count, record in enumerate(finished, len(cells) - len(left) + 1):
            journal.add(record)
            progress(count, len(cells), Cell.from_json(record["cell"]).name)
    return write_report(grid, folder, command=command)


def write_report(grid: Grid, folder: Path, *, command: str) -> dict[str, Any]:
    """Write results.json, results.md and plots of the finished cells; return the results.

    Raises:
        ValueError: no seed is finished.
    """
    results = collect(grid, cells_journal(folder).records)
    text = json.dumps(results, indent=1) + "\n"
    write_text(folder / "results.json", text)
    markdown = report(results, command)
    write_text(folder / "results.md", markdown)
    draw(results, folder)
    return results
