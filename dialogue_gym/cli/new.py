"""`dialogue-gym new`: make a new bot by answering a few questions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def new(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The domain file to write, such as pizza.yml.")
    ],
) -> None:
    """Make a new bot: answer a few questions, and get its domain file."""
    from dialogue_gym.teaching.terminal.run import make_bot

    make_bot(file)
