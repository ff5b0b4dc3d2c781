"""Questions before teaching begins: about a store that exists, about a domain file that does not.

No input or output.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from dialogue_gym._text import visible
from dialogue_gym.teaching.growth import Growth
from dialogue_gym.teaching.terminal.prompts import QUIT, KeyCommand, choose
from dialogue_gym.teaching.terminal.screens import Dialog, Line, Table

_Answer = TypeVar("_Answer")
_Shown = tuple[Line | Table, ...]


class Cancel(Exception):
    """The person leaves before teaching begins."""


def should_continue(folder: str) -> Dialog[bool]:
    """Ask whether to continue a store that exists; False to start a new one.

    Raises:
        Cancel: the person leaves.
    """
    shown = (Line(f"{visible(folder)}: this store exists already.", "strong"),)
    answers = ("continue it", "start a new one (the old one is renamed)")
    return (yield from _asked(lambda notes: choose((*notes, *shown), *answers))) == 1


def should_grow(growth: Growth) -> Dialog[bool]:
    """Ask whether to write what the bot's files lack into them; no if the person leaves."""
    shown = (Line(f"{growth}.", "strong"),)
    answers = ("write them into the file", "leave the file as it is")
    try:
        return (yield from _asked(lambda notes: choose((*notes, *shown), *answers))) == 1
    except Cancel:
        return False


def should_create(file: str) -> Dialog[bool]:
    """Ask whether to make a domain file that does not exist.

    Raises:
        Cancel: the person leaves.
    """
    shown = (Line(f"{visible(file)} does not exist.", "strong"),)
    answers = ("make a new bot, in a few questions", "cancel")
    return (yield from _asked(lambda notes: choose((*notes, *shown), *answers))) == 1


def _asked(question: Callable[[_Shown], Dialog[_Answer]]) -> Dialog[_Answer]:
    """Ask a question, which shows some notes first; of the commands only quitting is available here."""
    notes: _Shown = ()
    while True:
        try:
            return (yield from question(notes))
        except KeyCommand as command:
            if command.key == QUIT:
                raise Cancel from None
            notes = (Line("(commands are available while teaching)", "bad"),)
