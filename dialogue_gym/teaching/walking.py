"""Where a teacher can go to among conversations: back, on, and to the next one. No input or output."""

from __future__ import annotations

import re

from dialogue_gym.entries import BOT, END, EVENT, FAKE_USER
from dialogue_gym.history import History


def undo_move(history: History, conversation: str, author: str) -> tuple[str, int | None] | None:
    """Return what an undo moves, a conversation and where its head goes; None if there is nothing to undo.

    It goes back over the beginning of a conversation into the one before; that a conversation was left is
    taken back as well.
    """
    known = history.conversations
    for name in reversed(known[: known.index(conversation) + 1]):
        last = history.path(name)[-1:]
        if last and last[0].kind == END and last[0].author == author:
            return name, last[0].parent
        if history.can_undo(name):
            return name, history.undo_target(name)
    return None


def conversation_at(history: History, conversation: str) -> str | None:
    """Return where to go on when a head was moved: there, or in the next one that is not over, if one is."""
    known = history.conversations
    from_here = known[known.index(conversation) :]
    return next((name for name in from_here if not history.has_ended(name)), None)


def unused_conversation(history: History) -> str | None:
    """Return the last conversation if nothing was decided in it yet."""
    for name in history.conversations[-1:]:
        path = history.path(name)
        is_new = all(entry.kind == EVENT or entry.author == FAKE_USER for entry in path)
        if is_new and path and path[0].author == BOT:
            return name
    return None


def next_number(history: History) -> int:
    """Return the number of the next conversation; forgotten ones leave gaps."""
    names = (re.fullmatch(r"c(\d+)", name) for name in history.conversations)
    return 1 + max((int(name[1]) for name in names if name), default=0)
