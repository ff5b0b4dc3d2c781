"""Screens of a terminal: lines, tables, and the question below them. No input or output."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

from dialogue_gym._text import visible

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
        keys: the keys that answer, without Enter; empty if the answer is a line.
    """

    shown: tuple[Line | Table, ...]
    prompt: str | None = None
    keys: str = ""


Dialog = Generator[Screen, str, _Result]
"""A generator that yields screens, is sent the answers, and returns a result."""


def ask_key(shown: tuple[Line | Table, ...], prompt: str, keys: str) -> Dialog[str]:
    """Ask until the answer is one of some keys, with or without a colon before it."""
    while True:
        answer = (yield Screen(shown, prompt, keys)).strip().removeprefix(":")
        if len(answer) == 1 and answer in keys:
            return answer
        problem = f"unknown answer {visible(answer, 40)}" if answer else "no answer"
        shown = (Line(f"({problem}; choose one of {' '.join(keys)})", "bad"),)


def choose(shown: tuple[Line | Table, ...], *answers: str) -> Dialog[int]:
    """Ask for one of several answers; return its number, from 1."""
    lines = tuple(Line(f"{number}  {answer}", indent=2) for number, answer in enumerate(answers, 1))
    keys = "".join(str(number) for number in range(1, len(answers) + 1))
    return int((yield from ask_key((*shown, *lines), "answer > ", keys)))
