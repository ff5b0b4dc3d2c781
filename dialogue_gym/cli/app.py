"""The command `dialogue-gym` with its subcommands."""

from __future__ import annotations

from typing import Annotated

import typer

from dialogue_gym.cli.chat import chat
from dialogue_gym.cli.check import check
from dialogue_gym.cli.evaluate import evaluate
from dialogue_gym.cli.imports import imports
from dialogue_gym.cli.live import live
from dialogue_gym.cli.new import new
from dialogue_gym.cli.paraphrase import paraphrase
from dialogue_gym.cli.serve import serve
from dialogue_gym.cli.store import store
from dialogue_gym.cli.stories import stories
from dialogue_gym.cli.teach import teach
from dialogue_gym.cli.test import test
from dialogue_gym.cli.train import train
from dialogue_gym.version import __version__

app = typer.Typer(
    help="Check, train, teach, serve and talk to dialogue bots.",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"dialogue-gym {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Check, train, teach, serve and talk to dialogue bots."""


app.command()(chat)
app.command()(check)
app.command()(train)
app.command()(evaluate)
app.command()(test)
app.command()(new)
app.command()(teach)
app.command()(live)
app.command()(serve)
app.command()(paraphrase)
app.add_typer(imports, name="import")
app.add_typer(stories, name="stories")
app.add_typer(store, name="store")
