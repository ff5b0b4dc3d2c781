"""The blocks of code on the pages of the documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Block(NamedTuple):
    """A block of code: its language, its text, and the page with the line on which it begins."""

    page: str
    line: int
    language: str
    text: str


def blocks(page: str, *languages: str) -> list[Block]:
    """Return the blocks of a page, `docs/live.md` for one, in some languages; in all without any."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = (
        Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2])
        for match in re.finditer(r"^ *```(\w*)\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    )
    return [block for block in found if not languages or block.language in languages]


def texts(page: str, *languages: str) -> list[str]:
    """Return the texts of the blocks of a page in some languages."""
    return [block.text for block in blocks(page, *languages)]


def block_with(page: str, part: str) -> str:
    """Return the text of the one block of a page that has a text in it."""
    (found,) = (text for text in texts(page) if part in text)
    return found
