"""`dialogue-gym hub`: share agents and domains on the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialogue_gym._text import as_typed, counted, printable
from dialogue_gym.hub import pull, push

hub = typer.Typer(help="Share agents and domains on the Hugging Face Hub.", no_args_is_help=True)

Repository = Annotated[
    str,
    typer.Argument(metavar="REPO", help="OWNER/NAME on the Hub, or the path of a folder, such as ./shared."),
]


@hub.command(name="push")
def push_command(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Folder of an agent that train wrote, of a domain, or of both."),
    ],
    repository: Repository,
    *,
    private: Annotated[
        bool, typer.Option("--private", help="Make a new repository that only you can see.")
    ] = False,
) -> None:
    """Write an agent or a domain to a repository, with a model card; none of its files is code."""
    print(f"It is at {printable(push(folder, repository, private=private))}")


@hub.command(name="pull")
def pull_command(
    repository: Repository,
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to make; default: NAME in this folder.")
    ] = None,
    revision: Annotated[
        str | None, typer.Option(metavar="NAME", help="A branch, tag or commit; default: the newest.")
    ] = None,
) -> None:
    """Copy an agent or a domain from a repository, after a check of each file."""
    bundle = pull(repository, out or Path(Path(repository).name), revision)
    folder = printable(str(bundle.folder))
    typed = as_typed(bundle.folder)
    command = f"dialogue-gym chat {bundle.domain_source(typed) or 'DOMAIN'}"
    if bundle.agent:
        command += f" --agent {typed}"
    print(f"{counted(len(bundle.files), 'file')} in {folder}; try {command}")
