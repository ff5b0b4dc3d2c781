"""Screens of a terminal: lines, tables, and the question at the end. No input or output."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

from dialogue_gym._text import visible

STOP = "stop"
"""The answer to a screen without a question if the person wants to stop."""

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Line:
    """A line of text, which may be wrapped. `style` is `""`, `"strong"`, `"faint"`, `"good"` or `"bad"`."""

    text: str
    style: str = ""
    indent: int = 0


@dataclass(frozen=True)
class Row:
    """Something to pick from a table: its name, further cells, and whether it does not apply now."""

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
    """Lines and tables, and a question.

    Attributes:
        shown: from top to bottom.
        prompt: what stands before the answer; None if nothing is asked.
        keys: the keys that answer, one of them without Enter; empty where a line is typed.
    """

    shown: tuple[Line | Table, ...]
    prompt: str | None = None
    keys: str = ""


Dialog = Generator[Screen, str, _Result]
"""A generator that yields screens, receives their answers, and returns a result."""


def ask_key(shown: tuple[Line | Table, ...], prompt: str, keys: str) -> Dialog[str]:
    """Ask until one of some keys is the answer; with a colon before it, it is one as well."""
    while True:
        answer = (yield Screen(shown, prompt, keys)).strip().removeprefix(":")
        if len(answer) == 1 and answer in keys:
            return answer
        problem = "nothing was typed" if not answer else f"{visible(answer, 40)} is not an answer"
        shown = (Line(f"({problem}: expected one of {' '.join(keys)})", "bad"),)


def choose(shown: tuple[Line | Table, ...], *answers: str) -> Dialog[int]:
    """Ask for one of several answers, by number; return which, from 1."""
    lines = tuple(Line(f"{number}  {answer}", indent=2) for number, answer in enumerate(answers, 1))
    keys = "".join(str(number) for number in range(1, len(answers) + 1))
    return int((yield from ask_key((*shown, *lines), "answer > ", keys)))
