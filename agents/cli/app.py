"""The program `python -m agents` with its commands."""

from __future__ import annotations

import sys

import gymnasium as gym
import typer

from agents.cli import benchmarks, evaluation, training

app = typer.Typer(
    help="Train and evaluate agents on the dialogue environments.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)
for command in (
    training.train,
    evaluation.evaluate,
    evaluation.verify,
    evaluation.dataset,
    training.tune,
    evaluation.bounds,
    training.pretrain,
    benchmarks.benchmark,
    benchmarks.teach_benchmark,
    benchmarks.live_benchmark,
    benchmarks.search_benchmark,
    training.demo,
):
    app.command()(command)


def main() -> None:
    """Run a command; a user's error ends it with one line and exit status 2."""
    try:
        app()
    except OSError as error:
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    except (ImportError, ValueError, gym.error.Error) as error:
        message = str(error)
    else:
        return
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)
