"""Moves among a teacher's conversations: back, forward, and to the next one. No input or output."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dialogue_gym._text import quoted
from dialogue_gym.journal.entry import BOT, END, EVENT, FAKE_USER, LIVE
from dialogue_gym.journal.history import History
from dialogue_gym.teaching.simulated_user import SEED

PREFIX = "c"
"""The names of taught conversations are this and a number."""


def is_simulated(history: History, entry: int) -> bool:
    """Return whether the user in an entry's conversation is simulated.

    Raises:
        StoreError: the entry does not exist.
    """
    return SEED in history.beginning(entry).content


def is_live(history: History, conversation: str) -> bool:
    """Return whether people talk to the bot in a conversation; a fork of it belongs to a teacher.

    Raises:
        StoreError: the conversation does not exist.
    """
    head = history.head(conversation)
    beginning = None if head is None else history.beginning(head)
    return beginning is not None and LIVE in beginning.content and beginning.conversation == conversation


class Navigator:
    """Finder of the conversations that one teacher can resume, and of the places to which an undo goes."""

    def __init__(
        self, history: History, author: str, is_simulated: bool, is_mine: Callable[[str], bool]
    ) -> None:
        """Navigate a history.

        Args:
            history: the history to read; it may grow.
            author: the teacher.
            is_simulated: whether the teacher's sessions have a fake user.
            is_mine: whether a conversation may be resumed, where several teachers share a journal.
        """
        self._history = history
        self._author = author
        self._is_simulated = is_simulated
        self._is_mine = is_mine

    def fault(self, conversation: str) -> str | None:
        """Return why nobody can resume a conversation with this kind of user; None if one can.

        Raises:
            StoreError: the conversation does not exist.
        """
        if (head := self._history.head(conversation)) is None:
            return None
        if is_live(self._history, conversation):
            return f"people talk to the bot in {quoted(conversation)}: fork it instead"
        if is_simulated(self._history, head) != self._is_simulated:
            return f"another user talks in {quoted(conversation)}"
        return None

    def can_resume(self, conversation: str) -> bool:
        """Return whether this teacher can resume a conversation, open or not."""
        return self._is_mine(conversation) and self.fault(conversation) is None

    def _first_open(self, names: Iterable[str]) -> str | None:
        is_open = (name for name in names if not self._history.has_ended(name))
        return next(filter(self.can_resume, is_open), None)

    def latest_open(self) -> str | None:
        """Return the open conversation that changed last, or else the newest one; None without any."""
        names = (*self._history.conversations, *filter(None, [self._history.latest]))
        return self._first_open(reversed(names))

    def undo_move(self, conversation: str) -> tuple[str, int | None] | None:
        """Return the conversation and the target of its head that an undo moves to; None without any.

        At the beginning of a conversation it goes back into the one before. Leaving a conversation can be
        undone as well.
        """
        history, known = self._history, self._history.conversations
        for name in filter(self.can_resume, reversed(known[: known.index(conversation) + 1])):
            last = history.path(name)[-1:]
            if last and last[0].kind == END and last[0].author == self._author:
                return name, last[0].parent
            if history.can_undo(name):
                return name, history.undo_target(name)
        return None

    def open_from(self, conversation: str) -> str | None:
        """Return a conversation if it is open, or else the next open one; None without any."""
        if not self._history.has_ended(conversation):
            return conversation
        known = self._history.conversations
        return self._first_open(known[known.index(conversation) + 1 :])

    def unused(self) -> str | None:
        """Return the last conversation without any decision; None without any."""
        history = self._history
        for name in reversed(history.conversations):
            if history.has_ended(name):
                continue
            path = history.path(name)
            is_new = all(entry.kind == EVENT or entry.author == FAKE_USER for entry in path)
            if is_new and path and path[0].author == BOT and self.can_resume(name):
                return name
        return None
