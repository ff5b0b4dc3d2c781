"""Rasa's Markdown files: recognised by name, and read without comments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dialogue_gym._files import FileKind

MARKDOWN_SUFFIXES = (".md", ".markdown")
_BEGINS, _ENDS = "<!--", "-->"


def is_markdown(path: Path) -> bool:
    """Return whether a file is Markdown, by its name."""
    return path.suffix.lower() in MARKDOWN_SUFFIXES


def lines(text: str, file: str, kind: FileKind) -> Iterator[tuple[int, str]]:
    """Yield the non-empty lines of a text, stripped and without comments, with their numbers from 1.

    Raises:
        FileError: a comment is not closed.
    """
    opened = 0
    for number, line in enumerate(text.split("\n"), 1):
        kept = ""
        while line:
            marker = _ENDS if opened else _BEGINS
            before, found, line = line.partition(marker)
            kept += "" if opened else before
            if found:
                opened = 0 if opened else number
        if kept.strip():
            yield number, kept.strip()
    if opened:
        raise kind.error(f"{file}:{opened}: this comment is never closed")
