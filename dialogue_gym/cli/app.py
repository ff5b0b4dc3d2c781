"""The commands, joined."""

from __future__ import annotations

import typer

from dialogue_gym.cli.chat import chat
from dialogue_gym.cli.check import check
from dialogue_gym.cli.live import live
from dialogue_gym.cli.serve import web
from dialogue_gym.cli.store import store
from dialogue_gym.cli.stories import stories
from dialogue_gym.cli.teach import teach

app = typer.Typer(
    help="Check, talk to and teach dialogue bots.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)
app.command()(chat)
app.command()(check)
app.command()(teach)
app.command()(web)
app.command()(live)
app.add_typer(stories, name="stories")
app.add_typer(store, name="store")
