"""`dialogue-gym check`: errors and warnings about domain, story and NLU files."""

from __future__ import annotations

from typing import Annotated

import typer

from dialogue_gym._text import counted
from dialogue_gym.check import check_files
from dialogue_gym.cli.options import ActionsOption, tell_namesakes
from dialogue_gym.factory import load_code


def check(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|FOLDER...",
            help="Domain, story and NLU files, or folders of them, in any order.",
            callback=tell_namesakes,
        ),
    ],
    *,
    actions: ActionsOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings are errors.")] = False,
) -> None:
    """Check domain, story and NLU files, and a domain's actions; any error gives exit status 2."""
    code, server = load_code(actions or (), files)
    lines = check_files(files, code, server, strict)
    for line in lines:
        print(line)
    errors = sum(line.startswith("error:") for line in lines)
    warnings = len(lines) - errors
    print(f"{counted(errors, 'error')}, {counted(warnings, 'warning')}")
    if errors:
        raise typer.Exit(2)
