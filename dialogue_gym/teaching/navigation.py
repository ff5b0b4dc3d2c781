"""Where a teacher can go to among conversations: back, on, and to the next one. No input or output."""

from __future__ import annotations

import re
from collections.abc import Callable

from dialogue_gym._text import shorten
from dialogue_gym.journal.entry import BOT, END, EVENT, FAKE_USER, LIVE
from dialogue_gym.journal.history import History
from dialogue_gym.teaching.simulated_user import SEED

CanTakeUp = Callable[[str], bool]
"""Whether a teacher can go on with a conversation."""


def is_simulated(history: History, entry: int) -> bool:
    """Return whether a fake user talks in the conversation that an entry is part of.

    Raises:
        StoreError: there is no such entry.
    """
    return SEED in history.beginning(entry).content


def is_live(history: History, conversation: str) -> bool:
    """Return whether people talk to the bot in a conversation; a fork of it is a teacher's.

    Raises:
        StoreError: there is no such conversation.
    """
    head = history.head(conversation)
    beginning = None if head is None else history.beginning(head)
    return beginning is not None and LIVE in beginning.content and beginning.conversation == conversation


def take_up_fault(history: History, conversation: str, has_fake_user: bool) -> str | None:
    """Say why nobody can go on teaching in a conversation with such a user; None if one can.

    Raises:
        StoreError: there is no such conversation.
    """
    if (head := history.head(conversation)) is None:
        return None
    if is_live(history, conversation):
        return f"people talk to the bot in {shorten(conversation)}: fork it instead"
    if is_simulated(history, head) != has_fake_user:
        return f"another user talks in {shorten(conversation)}"
    return None


def latest_open(history: History, can_take_up: CanTakeUp) -> str | None:
    """Return where to go on: where something happened last, or else in the last one that is not over."""
    names = (*history.conversations, *filter(None, [history.latest]))
    return next((name for name in reversed(names) if not history.has_ended(name) and can_take_up(name)), None)


def undo_move(
    history: History, conversation: str, author: str, can_take_up: CanTakeUp
) -> tuple[str, int | None] | None:
    """Return what an undo moves, a conversation and where its head goes; None if there is nothing to undo.

    It goes back over the beginning of a conversation into the one before; that a conversation was left is
    taken back as well.
    """
    known = history.conversations
    for name in filter(can_take_up, reversed(known[: known.index(conversation) + 1])):
        last = history.path(name)[-1:]
        if last and last[0].kind == END and last[0].author == author:
            return name, last[0].parent
        if history.can_undo(name):
            return name, history.undo_target(name)
    return None


def conversation_at(history: History, conversation: str, can_take_up: CanTakeUp) -> str | None:
    """Return where to go on when a head was moved: there, or in the next one that is not over, if one is."""
    if not history.has_ended(conversation):
        return conversation
    known = history.conversations
    later = known[known.index(conversation) + 1 :]
    return next((name for name in later if not history.has_ended(name) and can_take_up(name)), None)


def unused_conversation(history: History, can_take_up: CanTakeUp) -> str | None:
    """Return the last conversation in which nothing was decided yet, if there is one."""
    for name in reversed(history.conversations):
        if history.has_ended(name):
            continue
        path = history.path(name)
        is_new = all(entry.kind == EVENT or entry.author == FAKE_USER for entry in path)
        if is_new and path and path[0].author == BOT and can_take_up(name):
            return name
    return None


def next_number(history: History) -> int:
    """Return the number of the next conversation; forgotten ones leave gaps."""
    names = (re.fullmatch(r"c(\d+)", name) for name in history.conversations)
    return 1 + max((int(name[1]) for name in names if name), default=0)
