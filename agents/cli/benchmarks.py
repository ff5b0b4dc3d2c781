"""Commands that run benchmarks: of learners, of teaching, of live learning, of users who search."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from agents.benchmark.parallel import Task, run_all
from agents.cli.options import console
from dialogue_gym.utils import prepare_folder


def benchmark(
    grid: Annotated[str, typer.Argument(metavar="GRID", help="quick, full, or the path of a grid's file")],
    *,
    out: Annotated[Path, typer.Option(help="folder for the finished cells, tables and pictures")],
    jobs: Annotated[int, typer.Option(min=1, help="cells at a time")] = os.cpu_count() or 1,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="run the cells on all cores of a Ray cluster; 'local' starts one here",
        ),
    ] = None,
    report: Annotated[bool, typer.Option("--report", help="run nothing; report the finished seeds")] = False,
) -> None:
    """Train and evaluate every cell of a grid; the same command resumes an interrupted run."""
    from agents.benchmark.grid import load_grid
    from agents.benchmark.run import run, write_report

    content = load_grid(grid)
    command = f"python -m agents benchmark {grid} --out {out}"
    if report:
        results = write_report(content, out, command=command)
        console.print(f"protocol {results['protocol']}: {out / 'results.md'}", soft_wrap=True)
        return
    prepare_folder(out)
    columns = (
        TextColumn("{task.completed}/{task.total} cells", table_column=Column(no_wrap=True, min_width=14)),
        BarColumn(bar_width=20, table_column=Column(no_wrap=True, min_width=20)),
        TimeRemainingColumn(table_column=Column(no_wrap=True, min_width=7)),
        TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis")),
    )
    with Progress(*columns, console=Console(stderr=True), speed_estimate_period=3600) as bars:
        bar = bars.add_task("", total=None)

        def progress(finished: int, total: int, last: str) -> None:
            bars.update(bar, completed=finished, total=total, description=last)

        results = run(content, out, jobs=jobs, ray_address=ray, command=command, progress=progress)
    console.print(f"protocol {results['protocol']}: {out / 'results.md'}", soft_wrap=True)


def teach_benchmark(
    *,
    out: Annotated[Path, typer.Option(help="folder for teaching.json, teaching.md and teaching.png")],
    seeds: Annotated[int, typer.Option(min=1, help="sessions of each kind")] = 20,
    dialogues: Annotated[int, typer.Option(min=1, help="dialogues in each session")] = 100,
    error_rate: Annotated[
        list[float] | None,
        typer.Option(min=0, max=1, help="error rate of the fake user; 0, 0.15 and 0.3 by default"),
    ] = None,
    domain: Annotated[
        list[str] | None, typer.Option(help="a built-in domain; restaurant and concert by default")
    ] = None,
    turn_taking: Annotated[list[str] | None, typer.Option(help="explicit or auto; both by default")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="sessions at a time")] = os.cpu_count() or 1,
) -> None:
    """Count the corrections that a simulated teacher needs on the built-in domains."""
    from agents.benchmark.teaching import (
        DOMAINS,
        ERROR_RATES,
        SEARCHING,
        TURN_TAKINGS,
        run,
        table,
        trials,
        write,
    )

    named = (("domain", domain, (*DOMAINS, *SEARCHING)), ("turn taking", turn_taking, TURN_TAKINGS))
    for what, given, known in named:
        for name in given or ():
            if name not in known:
                raise typer.BadParameter(f"unknown {what} {name!r}; valid: {', '.join(known)}")
    prepare_folder(out)
    wanted = trials(
        seeds, dialogues, error_rate or ERROR_RATES, domain or DOMAINS, turn_taking or TURN_TAKINGS
    )
    results = _run_all(run, wanted, jobs, "sessions")
    write(out, results)
    console.print(Text(table(results)), soft_wrap=True)


def live_benchmark(
    *,
    out: Annotated[Path, typer.Option(help="folder for live.json, live.md and live.png")],
    seeds: Annotated[int, typer.Option(min=1, help="agents of each kind")] = 10,
    dialogues: Annotated[int, typer.Option(min=1, help="dialogues of each agent")] = 300,
    jobs: Annotated[int, typer.Option(min=1, help="agents at a time")] = os.cpu_count() or 1,
) -> None:
    """Measure how soon an agent adapts to changed people and with wrong or missing ratings."""
    from agents.benchmark.live import run, trials, write

    prepare_folder(out)
    results = _run_all(run, trials(seeds, dialogues), jobs, "agents")
    console.print(Text(write(out, results)), soft_wrap=True)


def search_benchmark(
    *,
    out: Annotated[Path, typer.Option(help="folder for search.json and search.md")],
) -> None:
    """Measure experts, degenerate policies and searched rules with users who search; resumes."""
    from agents.search.report import run

    prepare_folder(out)
    with Progress(console=Console(stderr=True)) as bars:
        bar = bars.add_task("parts", total=None)

        def progress(finished: int, total: int, name: str) -> None:
            bars.update(bar, completed=finished, total=total, description=name)

        text = run(out, progress)
    console.print(Text(text), soft_wrap=True)


def _run_all(
    run: Callable[[Task], dict[str, Any]], tasks: Sequence[Task], jobs: int, noun: str
) -> list[dict[str, Any]]:
    """Run independent tasks, with progress on standard error; `noun` names them there."""
    with Progress(console=Console(stderr=True)) as bars:
        bar = bars.add_task(noun, total=None)

        def progress(finished: int, total: int) -> None:
            bars.update(bar, completed=finished, total=total)

        return run_all(run, tasks, jobs, progress)
