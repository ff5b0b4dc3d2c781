"""Screens of a terminal: lines, tables, and the question below them. No input or output."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

STOP = "stop"
"""The answer to a screen without a question if the person interrupts."""

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Line:
    """A line of text, which may be wrapped. `style` is `""`, `"strong"`, `"faint"`, `"good"` or `"bad"`."""

    text: str
    style: str = ""
    indent: int = 0


@dataclass(frozen=True)
class Row:
    """A row of a table to pick from: its name, its other cells, and whether it is impossible now."""

    name: str
    cells: tuple[str, ...] = ()
    is_faint: bool = False


@dataclass(frozen=True)
class Table:
    """Numbered rows under titles; `numbers` are those of the rows."""

    titles: tuple[str, ...]
    rows: tuple[Row, ...]
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Screen:
    """A screen, and the question below it.

    Attributes:
        shown: the parts from top to bottom.
        prompt: the text before the answer; None without a question.
        keys: the characters that answer at once, without Enter, where nothing is typed yet.
        names: the names that the tabulator key completes.
    """

    shown: tuple[Line | Table, ...]
    prompt: str | None = None
    keys: str = ""
    names: tuple[str, ...] = ()


Dialog = Generator[Screen, str, _Result]
"""A generator that yields screens, is sent the answers, and returns a result."""
