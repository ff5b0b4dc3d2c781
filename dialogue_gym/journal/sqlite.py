"""The journal in SQLite: one file in the folder of a store, its lock, its format and its queries."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialogue_gym._files import NO_FILE
from dialogue_gym.journal.database import ERASING, WRONG_FORMAT, NewEntry, Queries
from dialogue_gym.journal.entry import DOMAIN, Entry, StoreError
from dialogue_gym.journal.place import JOURNAL, refuse_agents

if TYPE_CHECKING:
    from filelock import BaseFileLock

    from dialogue_gym.journal.leases import Leases

OWN_FILES = frozenset({JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}-shm", f"{JOURNAL}-journal", "lock", "lock.pid"})
"""The names of the files that are the journal's own."""
_APPLICATION = int.from_bytes(b"dgym")
_FORMAT = 1
_BUSY_SECONDS = 5.0
_TABLES = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation TEXT NOT NULL,
    parent INTEGER REFERENCES entries(id),
    kind TEXT NOT NULL,
    content TEXT NOT NULL,
    author TEXT NOT NULL,
    time REAL NOT NULL,
    revision INTEGER NOT NULL
);
CREATE INDEX by_conversation ON entries (conversation, id);
CREATE INDEX by_parent ON entries (parent);
CREATE TRIGGER entries_are_never_changed BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END;
CREATE TABLE notes (name TEXT PRIMARY KEY, text TEXT NOT NULL);
"""
_IN_MEMORY = ":memory:"  # as SQLite calls it
_FOREIGN = "not a journal of dialogue_gym"
_REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full, and this was not written",
    sqlite3.SQLITE_IOERR: "the disk gave an error, and this was not done",
    sqlite3.SQLITE_NOTADB: _FOREIGN,
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_READONLY: "it cannot be written",
    sqlite3.SQLITE_BUSY: "another program holds the file",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
}
_LAST = "SELECT time, revision, kind FROM entries ORDER BY id DESC LIMIT 1"


class SqliteJournal:
    """The file of the journal in a folder, or a database in memory."""

    def __init__(self, folder: Path | None, create: bool, read_only: bool, wait: float) -> None:
        """Open the file, and create it if need be; without a folder, create a database in memory.

        Raises:
            StoreError: see `Store`.
            ImportError: writing to a folder needs filelock, which is missing.
        """
        self.place = folder or Path(_IN_MEMORY)
        self.queries = _QUERIES
        self.is_read_only = read_only
        self.leases: Leases | None = None
        self._path = Path(_IN_MEMORY) if folder is None else folder / JOURNAL
        self._mutex = threading.RLock()
        if folder is not None and not self._path.exists() and (read_only or not create):
            raise StoreError(f"{folder}: there is no store here")
        if folder is not None and self._path.exists() and not self._path.is_file():
            raise StoreError(f"{self._path}: {NO_FILE}")
        if folder is not None:
            refuse_agents(folder)
        with contextlib.ExitStack() as opened, self._errors():
            if folder is None:
                address = _IN_MEMORY
            else:
                if not read_only:
                    # Conversations are personal data: no other account on the machine can read them, not even
                    # in a folder that is open to all. SQLite's files beside it have the same mode.
                    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                    opened.callback(_lock(folder, wait).release)
                    with contextlib.suppress(FileExistsError):
                        os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                address = f"{self._path.resolve().as_uri()}?{self._mode()}"
            # The mutex serializes the threads; SQLite's own check would refuse all but the first.
            self._connection = sqlite3.connect(
                address,
                uri=folder is not None,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            opened.callback(self._connection.close)
            self._prepare()
            self._open = opened.pop_all()
        last = self.read(_LAST)
        self._time = last[0][0] if last else 0.0
        self._revision = last[0][1] + (last[0][2] == DOMAIN) if last else 0

    def _mode(self) -> str:
        if not self.is_read_only:
            return "mode=rwc"
        # Readers and writer meet in files beside the journal, which a disk for reading only cannot have.
        is_fixed = not os.access(self._path.parent, os.W_OK) and not Path(f"{self._path}-wal").exists()
        return "mode=ro&immutable=1" if is_fixed else "mode=ro"

    def _prepare(self) -> None:
        application = self._pragma("application_id")
        is_new = application == 0 and not self.read("SELECT 1 FROM sqlite_master")
        if application != _APPLICATION and (self.is_read_only or not is_new):
            raise StoreError(f"{self._path}: {_FOREIGN}")
        if not is_new and (version := self._pragma("user_version")) != _FORMAT:
            raise StoreError(f"{self._path}: {WRONG_FORMAT.format(version, _FORMAT)}")
        # On macOS only `fullfsync` makes a write durable; elsewhere it has no effect.
        for setting in ("synchronous=FULL", "fullfsync=ON", "foreign_keys=ON", "secure_delete=ON"):
            self._connection.execute(f"PRAGMA {setting}")
        if self.is_read_only:
            return
        self._pragma("journal_mode=WAL")
        if is_new:
            marks = f"PRAGMA application_id={_APPLICATION}; PRAGMA user_version={_FORMAT};"
            self._connection.executescript(f"BEGIN; {_TABLES} {marks} COMMIT;")
        if self.read(_QUERIES.note, name=ERASING):
            self._erase()  # the process was killed while erasing

    def close(self) -> None:
        """Close the file and release its lock; everything is written already."""
        with self._mutex:
            self._open.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn errors of the system and of SQLite into a `StoreError` of one line."""
        try:
            yield
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the upper bytes have details
            reason = f"{_REASONS[code]} ({error})" if code in _REASONS else str(error)
            raise StoreError(f"{self._path}: {reason}") from None
        except OSError as error:
            raise StoreError(f"{self._path.parent}: cannot be used ({error.strerror or error})") from None

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Begin a transaction: all of it is written or, if there is an error, nothing."""
        if self.is_read_only:
            raise StoreError(f"{self._path}: it was opened for reading only")
        with self._mutex, self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def read(self, query: str, **values: object) -> list[Any]:
        """Return all rows of a query; see `JournalDatabase`."""
        with self._mutex, self._errors():
            return self._connection.execute(query, values).fetchall()

    def _pragma(self, pragma: str) -> Any:
        return self.read(f"PRAGMA {pragma}")[0][0]

    def append(self, rows: Sequence[NewEntry], now: float, held: Sequence[str] = ()) -> list[Entry]:
        """Write entries, all or none; see `JournalDatabase`. One process writes, so its ids are in order."""
        with self._mutex:
            time, revision = max(now, self._time), self._revision
            entries: list[Entry] = []
            with self._writing() as connection:
                for row in rows:
                    parent = row.parent if row.before is None else entries[row.before].id
                    id = self._insert(connection, row, parent, time, revision)
                    entries.append(row.entry(id, parent, time, revision))
                    revision += row.kind == DOMAIN
            self._time, self._revision = time, revision
        return entries

    def _insert(
        self, connection: sqlite3.Connection, row: NewEntry, parent: int | None, time: float, revision: int
    ) -> int:
        values = (row.conversation, parent, row.kind, row.content, row.author, time, revision)
        try:
            id = connection.execute(
                "INSERT INTO entries VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", values
            ).lastrowid
        except sqlite3.IntegrityError:
            if parent is None:
                raise
            raise StoreError(f"unknown entry {parent}: no entry can follow it") from None
        assert id is not None
        return id

    def set_notes(self, **notes: str | None) -> None:
        """Set notes about the store as a whole; see `JournalDatabase`."""
        with self._writing() as connection:
            connection.executemany("DELETE FROM notes WHERE name = ?", [(name,) for name in notes])
            kept = [(name, text) for name, text in notes.items() if text is not None]
            connection.executemany("INSERT INTO notes VALUES (?, ?)", kept)

    def delete(self, conversations: Sequence[str]) -> None:
        """Delete the entries of conversations, with all copies that the file still holds.

        Raises:
            StoreError: the database cannot be written, or a reader still uses the old state.
        """
        with self._writing() as connection:
            # A row may be the parent of a later one: foreign keys are checked once all are deleted.
            connection.execute("PRAGMA defer_foreign_keys = ON")
            connection.executemany(
                "DELETE FROM entries WHERE conversation = ?", [(c,) for c in conversations]
            )
            connection.execute("INSERT OR REPLACE INTO notes VALUES (?, '')", (ERASING,))
        with self._mutex, self._errors():
            self._erase()

    def _erase(self) -> None:
        """Remove copies of deleted rows, which the log and unused parts of pages still hold."""
        self._clear_log()
        self._connection.execute("VACUUM")
        self._clear_log()
        self._connection.execute("DELETE FROM notes WHERE name = ?", (ERASING,))

    def _clear_log(self) -> None:
        is_busy = self._pragma("wal_checkpoint(TRUNCATE)")
        if is_busy:
            raise StoreError(
                f"{self._path}: a reader still uses the data to be erased; close it and start again"
            )

    def restore(self, rows: Sequence[Sequence[Any]], last: int) -> None:
        """Write rows as another database has them; see `JournalDatabase`."""
        with self._writing() as connection:
            connection.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            connection.execute("DELETE FROM sqlite_sequence WHERE name = 'entries'")
            connection.execute("INSERT INTO sqlite_sequence VALUES ('entries', ?)", (last,))

    def clear(self) -> None:
        """Remove all entries and notes; see `JournalDatabase`."""
        with self._writing() as connection:
            connection.execute("PRAGMA defer_foreign_keys = ON")
            connection.execute("DELETE FROM entries")
            connection.execute("DELETE FROM notes")
            connection.execute("UPDATE sqlite_sequence SET seq = 0")

    def faults(self) -> list[str]:
        """Return the faults of the file; see `JournalDatabase`."""
        answers = [text for (text,) in self.read("PRAGMA integrity_check(20)")]
        return [] if answers == ["ok"] else [line for text in answers for line in text.splitlines()]


def _lock(folder: Path, wait: float) -> BaseFileLock:
    """Take the lock of a folder, which the system releases when the process ends."""
    try:
        from filelock import FileLock, Timeout
    except ImportError as error:
        raise ImportError(
            'writing to a store needs filelock: pip install "dialogue_gym[teach]"', name=error.name
        ) from None
    # One thread may open a store and another one close it.
    lock = FileLock(folder / "lock", timeout=wait, mode=0o600, thread_local=False, poll_interval=0.02)
    # In a file of its own: some systems let nobody else read a file that is locked.
    holder = folder / "lock.pid"
    try:
        lock.acquire()
    except Timeout:
        text = holder.read_text("ascii", errors="replace") if holder.exists() else ""
        who = f"process {text}" if text.isdigit() else "another process"
        raise StoreError(f"{folder}: {who} is writing to this store; one can at a time") from None
    holder.write_text(str(os.getpid()), "ascii")
    return lock


_QUERIES = Queries(
    entry="SELECT * FROM entries WHERE id = :id",
    entries="SELECT * FROM entries WHERE id > :after ORDER BY id LIMIT :most",
    conversation="""
SELECT * FROM entries WHERE conversation = :conversation AND id > :after ORDER BY id LIMIT :most
""",
    last_id="SELECT coalesce(max(id), 0) FROM entries",
    last_used="SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'entries'",
    ratings="SELECT * FROM entries WHERE kind = 'rating' ORDER BY id",
    renames="SELECT * FROM entries WHERE kind = 'rename' ORDER BY id",
    names="SELECT DISTINCT conversation FROM entries WHERE conversation GLOB :prefix || '[0-9]*'",
    summaries="""
SELECT conversation, min(time), max(time), count(*) FROM entries
WHERE conversation <> '' GROUP BY conversation ORDER BY max(id)
""",
    branches="""
WITH RECURSIVE branches(name) AS (
    VALUES (:conversation) UNION
    SELECT child.conversation FROM branches
        JOIN entries AS parent ON parent.conversation = branches.name
        JOIN entries AS child ON child.parent = parent.id
)
SELECT name FROM branches WHERE name <> :conversation ORDER BY name
""",
    taught="""
WITH RECURSIVE taught(name) AS (
    SELECT conversation FROM entries
    WHERE kind = 'domain' OR (kind = 'label' AND json_extract(content, '$.by') <> 'bot')
    UNION
    SELECT parent.conversation FROM taught
        JOIN entries AS child ON child.conversation = taught.name
        JOIN entries AS parent ON parent.id = child.parent
)
SELECT * FROM entries WHERE conversation IN ('', 'imported stories') OR conversation IN taught ORDER BY id
""",
    finished="""
SELECT conversation FROM entries AS began
WHERE kind = 'event' AND parent IS NULL AND json_extract(content, '$.' || :key) IS NOT NULL AND EXISTS (
    SELECT 1 FROM entries WHERE conversation = began.conversation AND kind = 'end'
) AND NOT EXISTS (
    SELECT 1 FROM entries WHERE conversation = began.conversation
        AND kind = 'label' AND json_extract(content, '$.by') <> 'bot'
) AND NOT EXISTS (
    SELECT 1 FROM entries AS parent JOIN entries AS child ON child.parent = parent.id
    WHERE parent.conversation = began.conversation AND child.conversation <> began.conversation
) ORDER BY id
""",
    begun="""
SELECT conversation, json_extract(content, '$.' || :key) FROM entries
WHERE kind = 'event' AND parent IS NULL AND json_extract(content, '$.' || :key) IS NOT NULL
ORDER BY id DESC LIMIT :most
""",
    noted="""
SELECT conversation, json_extract(content, '$.' || :key) FROM entries
WHERE kind = 'note' AND json_type(content, '$.' || :key) IS NOT NULL ORDER BY id
""",
    unfinished="""
SELECT conversation, json_extract(content, '$.' || :key) FROM entries AS began
WHERE kind = 'event' AND parent IS NULL AND json_extract(content, '$.' || :key) IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM entries WHERE conversation = began.conversation AND kind = 'end'
) ORDER BY id
""",
    note="SELECT text FROM notes WHERE name = :name",
    notes="SELECT name, text FROM notes ORDER BY name",
)
