"""Prompts for a key, a numbered answer, a line, or a name from a table. No input or output.

`?` shows help and asks again; any other command is raised as `KeyCommand`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dialogue_gym._text import article, name_fault, nearest, visible
from dialogue_gym.outline.names import misspelled, written_name
from dialogue_gym.teaching.terminal.screens import Dialog, Line, Row, Screen, Table

HELP, QUIT, GOAL = "?", "q", "goal"
KEYS = (
    ("u", "undo"),
    ("r", "redo"),
    ("f", "fork from an earlier point"),
    ("n", "start a new conversation"),
    ("g", "let the bot continue until it is unsure"),
    ("t", "set the confidence that it needs for that"),
    ("m", "correct the meaning of the last message"),
    ("p", "stop picking every action (with --wizard)"),
    ("s", "statistics"),
    (f":{GOAL}", "what the user wants, and how far the lesson is"),
    (HELP, "help, at every prompt"),
    ("0", "export and quit"),
    (QUIT, "quit, at every prompt"),
)
"""The commands, with their effects."""
COMMANDS = "".join(key for key, _ in KEYS if len(key) == 1)
_WITH_COLON = re.compile(rf"\s*:({GOAL}|[a-z0-9?])\s*")
_WORD = re.compile(r"\s*:[a-z]{2,}\s*")
MOST_ROWS = 100
"""The maximum number of rows of a table that are shown; the others can be picked as well."""


class KeyCommand(Exception):
    """The answer to a question was a command."""

    def __init__(self, key: str) -> None:
        """Store the key of the command."""
        super().__init__(key)
        self.key = key


def text_command(answer: str) -> str | None:
    """Return the command in the answer to a question for text; None for text.

    >>> text_command(":u"), text_command(":goal"), text_command("q"), text_command("u"), text_command("go on")
    ('u', 'goal', 'q', None, None)
    >>> text_command(":help"), text_command(":wizard")
    ('?', ':wizard')
    """
    if found := _WITH_COLON.fullmatch(answer):
        return found[1]
    if _WORD.fullmatch(answer):
        word = answer.strip()
        return {":help": HELP, ":quit": QUIT}.get(word, word)
    return answer.strip() if answer.strip() in (HELP, QUIT) else None


def key_command(answer: str) -> str | None:
    """Return the command in the answer to a question with numbered answers, colon or not; None for others.

    >>> key_command(":u"), key_command("u"), key_command("2"), key_command("undo")
    ('u', 'u', None, None)
    """
    if found := _WITH_COLON.fullmatch(answer):
        return found[1]
    letter = answer.strip().lower()
    return letter if len(letter) == 1 and letter in COMMANDS and not letter.isdigit() else None


def help_lines() -> tuple[Line, ...]:
    """Return the meanings of the keys."""
    hint = "A number answers at once. Letters need Enter. At a prompt for text, put a colon first: :u"
    return (
        Line(hint, "faint"),
        *(Line(f"{key}  {effect}", indent=2) for key, effect in KEYS),
        Line(""),
    )


@dataclass(frozen=True)
class Picked:
    """A picked name, and whether it is new, so that it has to be added first."""

    name: str
    is_new: bool = False


def ask_key(shown: tuple[Line | Table, ...], prompt: str, keys: str) -> Dialog[str]:
    """Ask until the answer is one of some keys.

    Raises:
        KeyCommand: the answer is a command.
    """
    now = shown
    while True:
        answer = (yield Screen(now, prompt, keys + HELP)).strip()
        if len(key := answer.removeprefix(":")) == 1 and key in keys:
            return key
        command = key_command(answer)
        if command == HELP:
            now = (*help_lines(), *shown)
        elif command is not None:
            raise KeyCommand(command)
        else:
            problem = f"unknown answer {visible(answer, 40)}" if answer else "no answer"
            now = (Line(f"({problem}; choose one of {' '.join(keys)}, or a command; ? shows them)", "bad"),)


def choose(shown: tuple[Line | Table, ...], *answers: str) -> Dialog[int]:
    """Ask for one of several answers; return its number, from 1.

    Raises:
        KeyCommand: the answer is a command.
    """
    lines = tuple(Line(f"{number}  {answer}", indent=2) for number, answer in enumerate(answers, 1))
    keys = "".join(str(number) for number in range(1, len(answers) + 1))
    return int((yield from ask_key((*shown, *lines), "answer > ", keys)))


def typed(shown: tuple[Line | Table, ...], prompt: str) -> Dialog[str]:
    """Ask for a line of text.

    Raises:
        KeyCommand: the answer is a command.
    """
    now = shown
    while (command := text_command(answer := (yield Screen(now, prompt)))) is not None:
        if command == HELP:
            now = (*help_lines(), *shown)
        elif command.startswith(":"):
            now = (Line(f"(unknown command {visible(command, 40)}; ? shows them)", "bad"),)
        else:
            raise KeyCommand(command)
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


def _numbers(listed: Sequence[int]) -> str:
    """Return a phrase for the numbers of the rows that are listed."""
    if len(listed) == listed[-1] + 1:
        return f"a number from 0 to {listed[-1]}"
    return f"one of {visible(' '.join(map(str, listed)), 60)}"


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
    listed: Sequence[int] = range(len(rows))
    first = _table(titles, rows, listed)
    shown: tuple[Line | Table, ...] = (*before, *first, hint)
    while True:
        answer = (yield from typed(shown, f"{what} > ")).strip()
        if not answer:
            return None
        if answer in names:
            return Picked(answer)
        if can_be_new and answer.startswith("+"):
            if fault := name_fault(new := written_name(answer[1:], what, names)):
                shown = (
                    Line(f"({visible(new, 40)} is not a valid name for {article(what)}: {fault})", "bad"),
                )
                continue
            return Picked(new, is_new=new not in names)
        if answer.isascii() and answer.isdigit():
            if (number := _number(answer, len(rows))) is not None and number in listed:
                return Picked(names[number])
            shown = (Line(f"(choose {_numbers(listed)})", "bad"),)
            continue
        found = [index for index, name in enumerate(names) if answer.casefold() in name.casefold()]
        if len(found) == 1:
            return Picked(names[found[0]])
        if found:
            listed = found  # a number that is not to be seen is a slip
            shown = (*_table(titles, rows, listed), hint)
        elif not can_be_new:
            problem = f"(unknown {what} {visible(answer, 40)}; {visible(nearest(answer, names))})"
            shown = (Line(problem, "bad"),)
        elif fault := name_fault(answer):
            shown = (
                Line(f"({visible(answer, 40)} is not a valid name for {article(what)}: {fault})", "bad"),
            )
        else:
            if picked := (yield from _new_or_meant(what, answer, names)):
                return picked
            shown = (hint,)


def _new_or_meant(what: str, answer: str, names: Sequence[str]) -> Dialog[Picked | None]:
    """Ask whether a name that is unknown is new, or another one with a slip; None to choose again."""
    if (new := written_name(answer, what, names)) in names:
        return Picked(new)
    problem = f"Unknown {what} {visible(answer, 40)} ({visible(nearest(answer, names))})."
    adding = f"add it as {article(what)}{f', written {visible(new)}' if new != answer else ''}"
    meant = misspelled(new, names)
    answers = (*([f"use {visible(meant)}"] if meant else []), adding, "choose again")
    which = answers[(yield from choose((Line(problem, "bad"),), *answers)) - 1]
    if which == "choose again":
        return None
    return Picked(meant) if meant and which != adding else Picked(new, is_new=True)


def _table(titles: tuple[str, ...], rows: Sequence[Row], numbers: Sequence[int]) -> tuple[Line | Table, ...]:
    first = tuple(numbers[:MOST_ROWS])
    table = Table(titles, tuple(rows[number] for number in first), first)
    more = len(numbers) - len(first)
    return (table, Line(f"and {more} more, up to number {numbers[-1]}", "faint")) if more else (table,)
