"""Arguments and options that several commands share, and the table of evaluations."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import gymnasium as gym
import typer
from rich.console import Console
from rich.table import Table

from dialogue_gym.training import Evaluation, evaluate, progress_bar
from dialogue_gym.utils import short_percent

console = Console()

EnvId = Annotated[str, typer.Argument(metavar="ENV", help="id of an environment")]
Settings = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="settings of the environment")
]
Seed = Annotated[int, typer.Option(min=0, max=2**31, help="seed for everything random in the run")]
Dialogues = Annotated[int, typer.Option(min=1, help="number of dialogues in the evaluation")]


def note(line: str) -> None:
    """Print a note on standard error."""
    print(f"note: {line}", file=sys.stderr)


def evaluate_visibly(env: gym.Env[Any, Any], policy: Any, dialogues: int, seed: int) -> Evaluation:
    """Evaluate a policy, with progress on standard error."""
    with progress_bar("evaluation", dialogues, "dialogues") as progress:
        return evaluate(env, policy, dialogues, seed, progress)


def evaluation_table(results: dict[str, Evaluation], title: str) -> Table:
    """Return a table of evaluations by the name of the policy."""
    table = Table(title=title, title_justify="left")
    table.add_column("policy")
    for name in ("success rate", "mean return", "mean turns"):
        table.add_column(name, justify="right")
    for name, figures in results.items():
        success, mean_return = in_words(figures)
        table.add_row(name, success, mean_return, f"{figures.mean_turns:.2f}")
    return table


def in_words(figures: Evaluation) -> tuple[str, str]:
    """Return the success rate, and the mean return with its 95 % interval if it has one."""
    half = f" ± {figures.half_interval():.2f}" if figures.dialogues > 1 else ""
    return short_percent(figures.success_rate), f"{figures.mean_return:.2f}{half}"
