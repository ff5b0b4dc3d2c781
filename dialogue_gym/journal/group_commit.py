"""Group commit: the writes of many reach the disk together, since each flush costs the same."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from dialogue_gym.journal.database import NewEntry
from dialogue_gym.journal.entry import Entry, StoreError, StoreUnreachable

_LOG = logging.getLogger(__name__)
_MOST = 500
"""The entries of one write, apart from those of its first part: it should not take long."""


class PendingWrite:
    """Rows on their way to the disk.

    Attributes:
        done: the entries as they were written, or the error, once that is known.
    """

    def __init__(self, commits: GroupCommit, rows: Sequence[NewEntry], held: Sequence[str]) -> None:
        """Wait for a `GroupCommit`."""
        self._commits = commits
        self.rows = rows
        self.held = held
        self.done: Future[list[Entry]] = Future()

    def result(self) -> list[Entry]:
        """Return the entries once they are on the disk; if nobody writes, this thread does.

        Raises:
            StoreUnreachable: the server cannot be reached, and may have written them.
            StoreError: they could not be written. An error of others is theirs alone.
        """
        self._commits.write_until(self.done)
        return self.done.result()

    def start(self) -> None:
        """Let another thread write; `done` tells."""
        self._commits.write_soon()


class GroupCommit:
    """Writes in the order of the calls, each whole or not at all, several in one transaction if they wait.

    Nobody waits for others to come: a thread that finds nobody writing writes at once, and those that come
    meanwhile go together in the next write, which one of them makes.
    """

    def __init__(self, write: Callable[[Sequence[NewEntry], Sequence[str]], list[Entry]]) -> None:
        """Write by a function that writes all of its rows, or raises `StoreError` and writes none.

        Its second argument is the people whose leases the rows need.
        """
        self._write = write
        self._writing = threading.Lock()
        self._queue = threading.Lock()
        self._waiting: list[PendingWrite] = []
        self._writer: ThreadPoolExecutor | None = None
        self._is_asked = False

    def submit(self, rows: Sequence[NewEntry], held: Sequence[str] = ()) -> PendingWrite:
        """Queue rows, and return at once; they are written when somebody asks for the result."""
        mine = PendingWrite(self, rows, held)
        if not rows:
            mine.done.set_result([])
            return mine
        with self._queue:
            self._waiting.append(mine)
        return mine

    def append(self, rows: Sequence[NewEntry]) -> list[Entry]:
        """Write rows and return their entries; they are on the disk then.

        Raises:
            StoreError: see `PendingWrite.result`.
        """
        return self.submit(rows).result()

    def write_until(self, done: Future[list[Entry]]) -> None:
        """Write what waits, in this thread, until one of the writes is done."""
        with self._writing:
            while not done.done():
                self._write_together(self._next())

    def write_soon(self) -> None:
        """Write what waits, in a thread of its own; return at once."""
        with self._queue:
            if self._is_asked:
                return
            self._is_asked = True
            self._writer = self._writer or ThreadPoolExecutor(1, "writing")
            self._writer.submit(self._write_waiting)

    def close(self) -> None:
        """Let the thread go, if there is one, after its last write."""
        with self._queue:
            writer, self._writer = self._writer, None
        if writer is not None:
            writer.shutdown()

    def _write_waiting(self) -> None:
        with self._writing:
            with self._queue:
                self._is_asked = False
            while taken := self._next():
                try:
                    self._write_together(taken)
                except Exception as error:  # those who wait for it know; others wait as well
                    _LOG.error("writing: %s: %s", type(error).__name__, error)

    def _next(self) -> list[PendingWrite]:
        """Take the writes that wait, as many as one write should have."""
        with self._queue:
            count = total = 0
            for one in self._waiting:
                total += len(one.rows)
                if count and total > _MOST:
                    break
                count += 1
            taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    def _write_together(self, writes: Sequence[PendingWrite]) -> None:
        rows: list[NewEntry] = []
        for one in writes:
            first = len(rows)
            rows += [
                row if row.before is None else replace(row, before=first + row.before) for row in one.rows
            ]
        try:
            entries = self._write(rows, [person for one in writes for person in one.held])
        except StoreError as error:
            # They may be there already, and each alone would wait for the server as long as all have.
            if len(writes) == 1 or isinstance(error, StoreUnreachable):
                for one in writes:
                    one.done.set_exception(error)
                return
            for place, one in enumerate(writes):
                try:
                    self._write_together([one])
                except BaseException:
                    _interrupt(writes[place + 1 :])
                    raise
            return
        except BaseException:  # an interrupt: the others cannot know whether they were written
            _interrupt(writes)
            raise
        for one in writes:
            mine, entries = entries[: len(one.rows)], entries[len(one.rows) :]
            one.done.set_result(mine)


def _interrupt(writes: Iterable[PendingWrite]) -> None:
    for one in writes:
        one.done.set_exception(StoreError("the writing was interrupted"))
