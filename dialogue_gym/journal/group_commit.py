"""Group commit: the writes of many threads reach the disk together, since each flush costs the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from dialogue_gym.journal.database import NewEntry
from dialogue_gym.journal.entry import Entry, StoreError

_MOST = 500
"""The entries of one write, apart from those of its first thread: it should not take long."""


@dataclass(eq=False)
class _Write:
    rows: Sequence[NewEntry]
    entries: list[Entry] = field(default_factory=list)
    error: StoreError | None = None
    is_done: bool = False


class GroupCommit:
    """Writes in the order of the calls, each whole or not at all, several in one transaction if they wait.

    Nobody waits for others to come: a thread that finds nobody writing writes at once, and those that come
    meanwhile go together in the next write, which one of them makes.
    """

    def __init__(self, write: Callable[[Sequence[NewEntry]], list[Entry]]) -> None:
        """Write by a function that writes all of its rows, or raises `StoreError` and writes none."""
        self._write = write
        self._writing = threading.Lock()
        self._queue = threading.Lock()
        self._waiting: list[_Write] = []

    def append(self, rows: Sequence[NewEntry]) -> list[Entry]:
        """Write rows and return their entries; they are on the disk then.

        Raises:
            StoreError: they could not be written. An error of others is theirs alone.
        """
        mine = _Write(rows)
        with self._queue:
            self._waiting.append(mine)
        with self._writing:
            while not mine.is_done:
                self._write_together(self._next())
        if mine.error is not None:
            raise mine.error
        return mine.entries

    def _next(self) -> list[_Write]:
        """Take the writes that wait, as many as one write should have."""
        with self._queue:
            count, total = 1, len(self._waiting[0].rows)
            while count < len(self._waiting) and total + len(self._waiting[count].rows) <= _MOST:
                total += len(self._waiting[count].rows)
                count += 1
            taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    def _write_together(self, writes: Sequence[_Write]) -> None:
        rows: list[NewEntry] = []
        for one in writes:
            first = len(rows)
            rows += [
                row if row.before is None else replace(row, before=first + row.before) for row in one.rows
            ]
        try:
            entries = self._write(rows)
        except StoreError as error:
            if len(writes) > 1:
                for one in writes:
                    self._write_together([one])
                return
            writes[0].error = error
            entries = []
        except BaseException:  # an interrupt: the others cannot know whether they were written
            for one in writes:
                one.error, one.is_done = StoreError("the writing was interrupted"), True
            raise
        for one in writes:
            one.entries, entries = entries[: len(one.rows)], entries[len(one.rows) :]
            one.is_done = True
