"""Prompts for a line, a number, or a name from a table. No input or output."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dialogue_gym._text import article, name_fault, nearest, visible
from dialogue_gym.teaching.terminal.screens import Dialog, Line, Row, Screen, Table, choose

MOST_ROWS = 100
"""The maximum number of rows of a table that are shown; the others can be picked as well."""
_COMMAND = re.compile(r"\s*:([a-z0-9?])\s*")


class KeyCommand(Exception):
    """The answer to a question was a command."""

    def __init__(self, key: str) -> None:
        """Store the key of the command."""
        super().__init__(key)
        self.key = key


@dataclass(frozen=True)
class Picked:
    """A picked name, and whether it is new, so that it has to be added first."""

    name: str
    is_new: bool = False


def typed(shown: tuple[Line | Table, ...], prompt: str) -> Dialog[str]:
    """Ask for a line of text.

    Raises:
        KeyCommand: the answer is a command.
    """
    answer = yield Screen(shown, prompt)
    if command := _COMMAND.fullmatch(answer):
        raise KeyCommand(command[1])
    return answer


def pick_number(titles: tuple[str, ...], rows: Sequence[Row], prompt: str) -> Dialog[int | None]:
    """Ask for the number of a row; None if the person cancels.

    Raises:
        KeyCommand: the answer is a command.
    """
    shown: tuple[Line | Table, ...] = (Table(titles, tuple(rows), tuple(range(len(rows)))),)
    while True:
        answer = (yield from typed(shown, prompt)).strip()
        if not answer:
            return None
        if (number := _number(answer, len(rows))) is not None:
            return number
        shown = (Line(f"({visible(answer, 40)} is not a number from 0 to {len(rows) - 1})", "bad"),)


def _number(answer: str, count: int) -> int | None:
    is_one = answer.isascii() and answer.isdigit() and len(answer) < 6 and int(answer) < count
    return int(answer) if is_one else None


def pick(
    what: str,
    titles: tuple[str, ...],
    rows: Sequence[Row],
    before: tuple[Line | Table, ...] = (),
    can_be_new: bool = True,
) -> Dialog[Picked | None]:
    """Ask for a row of a table, of which the first ones are shown; None if the person cancels.

    Raises:
        KeyCommand: the answer is a command.
    """
    ways = "number, part of a name, + new name" if can_be_new else "number, part of a name"
    hint = Line(f"{ways}, or Enter to cancel", "faint")
    names = [row.name for row in rows]
    first = _table(titles, rows, range(len(rows)))
    shown: tuple[Line | Table, ...] = (*before, *first, hint)
    while True:
        answer = (yield from typed(shown, f"{what} > ")).strip()
        if not answer:
            return None
        if answer in names:
            return Picked(answer)
        if can_be_new and answer.startswith("+"):
            if fault := name_fault(new := answer[1:].strip()):
                shown = (
                    Line(f"({visible(new, 40)} is not a valid name for {article(what)}: {fault})", "bad"),
                )
                continue
            return Picked(new, is_new=new not in names)
        if answer.isascii() and answer.isdigit():
            if (number := _number(answer, len(rows))) is not None:
                return Picked(names[number])
            shown = (Line(f"(choose a number from 0 to {len(rows) - 1})", "bad"),)
            continue
        found = [index for index, name in enumerate(names) if answer.casefold() in name.casefold()]
        if len(found) == 1:
            return Picked(names[found[0]])
        if found:
            shown = (*_table(titles, rows, found), hint)
        elif not can_be_new:
            problem = f"(unknown {what} {visible(answer, 40)}; {visible(nearest(answer, names))})"
            shown = (Line(problem, "bad"),)
        elif fault := name_fault(answer):
            shown = (
                Line(f"({visible(answer, 40)} is not a valid name for {article(what)}: {fault})", "bad"),
            )
        else:
            problem = f"Unknown {what} {visible(answer, 40)} ({visible(nearest(answer, names))})."
            if (
                yield from choose((Line(problem, "bad"),), f"add it as {article(what)}", "choose again")
            ) == 1:
                return Picked(answer, is_new=True)
            shown = (hint,)


def _table(titles: tuple[str, ...], rows: Sequence[Row], numbers: Sequence[int]) -> tuple[Line | Table, ...]:
    first = tuple(numbers[:MOST_ROWS])
    table = Table(titles, tuple(rows[number] for number in first), first)
    more = len(numbers) - len(first)
    return (table, Line(f"and {more} more, up to number {numbers[-1]}", "faint")) if more else (table,)
