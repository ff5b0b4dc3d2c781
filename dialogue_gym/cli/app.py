"""The command `dialogue-gym` with its subcommands."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer
import typer.main
from typer.core import TyperGroup

from dialogue_gym.version import __version__

_MODULES = {
    "play": "play",
    "chat": "chat",
    "check": "check",
    "train": "train",
    "evaluate": "evaluate",
    "test": "test",
    "new": "new",
    "teach": "teach",
    "live": "live",
    "serve": "serve",
    "paraphrase": "paraphrase",
    "import": "imports",
    "stories": "stories",
    "store": "store",
    "hub": "hub",
}
"""The module of each subcommand, which has a function or a group of the same name."""


@functools.cache
def _load(name: str) -> Any:
    """Return a subcommand."""
    module = _MODULES[name]
    command = getattr(importlib.import_module(f"dialogue_gym.cli.{module}"), module)
    if not isinstance(command, typer.Typer):
        alone = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
        alone.command()(command)
        command = alone
    found = typer.main.get_command(command)
    found.name = name
    return found


class _Subcommands(Mapping[str, Any]):
    """Subcommands by name. Each is imported when it is looked up, so that the others cost it no time."""

    def __getitem__(self, name: str) -> Any:
        if name not in _MODULES:
            raise KeyError(name)
        return _load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


class _Program(TyperGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Subcommands()  # type: ignore[assignment]


app = typer.Typer(
    cls=_Program,
    help="Play, check, train, teach, serve and talk to dialogue bots.",
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
    """Play, check, train, teach, serve and talk to dialogue bots."""
