"""The journal in PostgreSQL: its locks, its queries, and entries whose ids grow in the order of commits."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dialogue_gym._text import printable
from dialogue_gym.journal.database import ERASING, WRONG_FORMAT, NewEntry, Queries
from dialogue_gym.journal.entry import DOMAIN, EVENT, LABEL, NOTE, Entry, LeaseLost, StoreError
from dialogue_gym.journal.leases import Leases
from dialogue_gym.journal.place import DatabaseUrl
from dialogue_gym.journal.postgres_link import LOCKS, PostgresLink, driver, plan_once
from dialogue_gym.journal.postgres_schema import STEPS, migrate, version_of

if TYPE_CHECKING:
    import psycopg

_LOCK = f"{LOCKS}, 1"
_SHORTEST_WAIT = 1.0
"""The server notices a moment later that a process was killed, and then gives its lock free."""
_PAUSE = 0.05
_LONGEST_FACT = 400


class PostgresJournal:
    """The journal in a PostgreSQL database.

    Usually one process writes, as to a folder. Several can, each of which opens the store as shared; then
    nobody opens it alone, to erase for example.

    *Order.* Each write changes the one row of `journal_end`, which has the last id. So a write gets its ids
    once the write before it is committed, and is visible to everybody before the next one gets any: a reader
    who goes on after the last id that it has seen misses none. (A sequence gives ids out before the commit,
    so readers would have to wait at gaps, which an aborted write leaves for ever.) The row keeps times and
    revisions exact over all writers as well. Writers wait for each other's flush; therefore each writes all
    that waits in one statement and one round trip.

    *Once.* A connection can be lost after a write is sent, so that nobody knows whether it was done. Each
    store numbers its writes, and the statement does nothing if its number was written already: it can be sent
    again, even while the server still works on the first one. A number whose write has failed is not used
    again, since the server may have done that write, or do it yet. One who opens the store alone forgets the
    numbers of others, so that a process that had lost its connection meanwhile writes nothing more.
    """

    def __init__(self, url: DatabaseUrl, create: bool, read_only: bool, wait: float, is_shared: bool) -> None:
        """Open the database, and make the tables if need be.

        Raises:
            StoreError: see `Store`.
            ImportError: psycopg is missing.
        """
        self.place = url
        self.queries = _QUERIES
        self.is_read_only = read_only
        self._wait = max(wait, _SHORTEST_WAIT)
        self._is_shared = is_shared
        self.leases: Leases | None = None
        self._writer: PostgresLink | None = None
        self._id, self._write, self._is_unsure = uuid.uuid4(), 0, False
        self._reader = PostgresLink(url, "reads")
        try:
            version = version_of(self._reader)
            if not version and (read_only or not create):
                raise StoreError(f"{url}: there is no store here")
            if read_only:
                if version < len(STEPS):
                    problem = WRONG_FORMAT.format(version, len(STEPS))
                    raise StoreError(f"{url}: {problem}; open it for writing once")
                return
            self._writer = PostgresLink(url, "writes", self._take_lock)
            migrate(self._reader)
            self._begin()
            if is_shared:
                self.leases = Leases(url, self._id, self._reader)
        except BaseException:
            self.close()
            raise

    def _take_lock(self, connection: psycopg.Connection) -> None:
        """Take the lock of the store, which the server gives free when the connection ends."""
        plan_once(connection)
        function = f"pg_try_advisory_lock{'_shared' if self._is_shared else ''}({_LOCK})"
        until = time.monotonic() + self._wait
        while connection.execute(f"SELECT {function}").fetchall() != [(True,)]:
            if time.monotonic() > until:
                holders = connection.execute(_HOLDERS).fetchall()
                who = printable(holders[0][0]).partition(" (")[0] if holders else "another process"
                raise StoreError(f"{self.place}: {who} is writing to this store; one can at a time")
            time.sleep(_PAUSE)

    def _begin(self) -> None:
        if not self._is_shared:  # those of killed processes
            self._do("DELETE FROM writers")
        self._do("INSERT INTO writers VALUES (%(id)s, now(), 0, 0, 0) ON CONFLICT DO NOTHING", id=self._id)
        if not self._is_shared and self.read(_QUERIES.note, name=ERASING):
            self._erase()  # the process was killed while erasing

    def close(self) -> None:
        """Close the connections and release the lock; everything is written already."""
        if self.leases is not None:
            self.leases.close()
        if self._writer is not None:
            self._writer.close()
        self._reader.close()

    def read(self, query: str, **values: object) -> list[Any]:
        """Return all rows of a query; see `JournalDatabase`."""
        return self._reader.run(query, **values)

    def _do(self, statement: str, **values: object) -> list[Any]:
        if self._writer is None:
            raise StoreError(f"{self.place}: it was opened for reading only")
        return self._writer.run(statement, **values)

    def append(self, rows: Sequence[NewEntry], now: float, held: Sequence[str] = ()) -> list[Entry]:
        """Write entries, all or none; see `JournalDatabase`. One thread at a time may call it."""
        columns = {
            "conversations": [row.conversation for row in rows],
            "parents": [row.parent for row in rows],
            "places": [None if row.before is None else row.before + 1 for row in rows],
            "kinds": [row.kind for row in rows],
            "contents": [row.content for row in rows],
            "authors": [row.author for row in rows],
            "facts": [
                _facts(row.kind, row.content, row.parent is None and row.before is None) for row in rows
            ],
        }
        domains, people = sum(row.kind == DOMAIN for row in rows), sorted(set(held))
        if self._is_unsure:
            self._skip_number()
        turn = {
            "domains": domains,
            "writer": self._id,
            "write": self._write + 1,
            "count": len(rows),
            "now": now,
            "held": people,
        }
        self._is_unsure = True
        try:
            written = self._do(_APPEND, **columns, **turn)
        except driver().errors.ForeignKeyViolation as error:
            found = re.search(r"=\((\d+)\)", error.diag.message_detail or "")
            raise StoreError(f"unknown entry {found[1] if found else ''}: no entry can follow it") from None
        # Without an answer it was written before the connection was lost, and this was the second attempt.
        written = written or self.read(_WRITTEN, id=self._id, write=turn["write"])
        if not written and self._has_lost(people):
            raise LeaseLost(f"{self.place}: another process goes on with this conversation")
        if not written:
            raise StoreError(
                f"{self.place}: the connection was lost, and another process has opened this store since;"
                " open it again"
            )
        self._write, self._is_unsure = self._write + 1, False
        return [
            row.entry(id, parent, time, revision)
            for row, (id, parent, time, revision) in zip(rows, sorted(written), strict=True)
        ]

    def _skip_number(self) -> None:
        """Take a number after that of a write that has failed, which is not done from now on."""
        if rows := self._do(_SKIP_NUMBER, id=self._id):  # otherwise others have forgotten this store
            self._write, self._is_unsure = rows[0][0], False

    def _has_lost(self, held: Sequence[str]) -> bool:
        return self.read(_HELD, writer=self._id, held=held) != [(len(held),)]

    def set_notes(self, **notes: str | None) -> None:
        """Set notes about the store as a whole; see `JournalDatabase`."""
        self._do(_SET_NOTES, names=list(notes), texts=list(notes.values()))

    def delete(self, conversations: Sequence[str]) -> None:
        """Delete the entries of conversations from the tables and their files.

        The server's write-ahead log, its replicas and its backups keep copies for as long as it is set to.
        """
        if self._is_shared:
            raise StoreError(
                f"{self.place}: nothing can be erased while several processes write to this store"
            )
        self._do(_DELETE, conversations=list(conversations), erasing=ERASING)
        self._erase()

    def _erase(self) -> None:
        """Write the table anew: unused parts of pages still hold deleted rows."""
        self._do("VACUUM (FULL, ANALYZE) entries")
        self._do("DELETE FROM notes WHERE name = %(name)s", name=ERASING)

    def restore(self, rows: Sequence[Sequence[Any]], last: int) -> None:
        """Write rows as another database has them; see `JournalDatabase`."""
        names = ("ids", "conversations", "parents", "kinds", "contents", "authors", "times", "revisions")
        columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
        facts = [_facts(kind, content, parent is None) for _, _, parent, kind, content, *_ in rows]
        self._do(_RESTORE, **columns, facts=facts, last=last)

    def clear(self) -> None:
        """Remove all entries and notes; see `JournalDatabase`."""
        self._do(_CLEAR)

    def faults(self) -> list[str]:
        """Return no faults: those of its files are found by the server."""
        return []


def _facts(kind: str, content: str, is_first: bool) -> str | None:
    """Return the short values in a content that queries ask for, as JSON; None for entries without any.

    PostgreSQL has no character 0 and no halves of characters.
    """
    if kind not in (LABEL, NOTE) and not (kind == EVENT and is_first):
        return None
    try:
        values = json.loads(content)
        found = {"by": values["by"]} if kind == LABEL else dict(values)
    except (ValueError, TypeError, KeyError):  # a copy of a damaged journal is as damaged
        return None
    return json.dumps({_clean(key): _fact(value) for key, value in found.items()}, separators=(",", ":"))


def _fact(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return None
    return _clean(value) if isinstance(value, str) else value


def _clean(text: str) -> str:
    return text[:_LONGEST_FACT].replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


_HOLDERS = f"""
SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND (classid, objid) = ({_LOCK})
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND application_name <> ''
"""
_HELD = "SELECT count(*) FROM leases WHERE holder = %(writer)s AND person = ANY(%(held)s)"
_APPEND = """
WITH held AS (
    SELECT person FROM leases WHERE holder = %(writer)s AND person = ANY(%(held)s) ORDER BY person FOR SHARE
), own AS (
    SELECT id FROM writers WHERE id = %(writer)s AND write = %(write)s - 1
        AND (SELECT count(*) FROM held) = cardinality(%(held)s::text[]) FOR UPDATE
), last AS (
    UPDATE journal_end SET
        id = journal_end.id + %(count)s,
        time = greatest(time, %(now)s),
        revision = revision + %(domains)s
    FROM own
    RETURNING journal_end.id, time, revision - %(domains)s AS revision
), done AS (
    UPDATE writers SET write = %(write)s, end_id = last.id, count = %(count)s FROM last
    WHERE writers.id = %(writer)s
), new AS (
    SELECT *, count(*) FILTER (WHERE kind = 'domain') OVER (
        ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS more
    FROM unnest(
        %(conversations)s::text[], %(parents)s::bigint[], %(places)s::bigint[], %(kinds)s::text[],
        %(contents)s::text[], %(authors)s::text[], %(facts)s::text[]
    ) WITH ORDINALITY AS new (conversation, parent, before, kind, content, author, facts, place)
)
INSERT INTO entries
SELECT last.id - %(count)s + place, conversation, coalesce(parent, last.id - %(count)s + before), kind,
    content, author, last.time, last.revision + more, facts::jsonb
FROM new, last
RETURNING id, parent, time, revision
"""
_WRITTEN = """
SELECT entries.id, parent, time, revision FROM entries JOIN writers
    ON entries.id > writers.end_id - writers.count AND entries.id <= writers.end_id
WHERE writers.id = %(id)s AND writers.write = %(write)s
"""
_SKIP_NUMBER = "UPDATE writers SET write = write + 1, count = 0 WHERE id = %(id)s RETURNING write"
_SET_NOTES = """
WITH given AS (
    SELECT * FROM unnest(%(names)s::text[], %(texts)s::text[]) AS given (name, text)
), removed AS (
    DELETE FROM notes WHERE name IN (SELECT name FROM given WHERE text IS NULL)
)
INSERT INTO notes SELECT name, text FROM given WHERE text IS NOT NULL
ON CONFLICT (name) DO UPDATE SET text = excluded.text
"""
_RESTORE = """
WITH new AS (
    SELECT * FROM unnest(
        %(ids)s::bigint[], %(conversations)s::text[], %(parents)s::bigint[], %(kinds)s::text[],
        %(contents)s::text[], %(authors)s::text[], %(times)s::float8[], %(revisions)s::int[],
        %(facts)s::text[]
    ) AS new (id, conversation, parent, kind, content, author, time, revision, facts)
), last AS (
    UPDATE journal_end SET
        id = %(last)s,
        time = coalesce((SELECT time FROM new ORDER BY id DESC LIMIT 1), time),
        revision = coalesce(
            (SELECT revision + (kind = 'domain')::int FROM new ORDER BY id DESC LIMIT 1), revision
        )
)
INSERT INTO entries
SELECT id, conversation, parent, kind, content, author, time, revision, facts::jsonb FROM new
ON CONFLICT (id) DO NOTHING
"""
_CLEAR = """
WITH end_ AS (
    UPDATE journal_end SET id = 0, time = 0, revision = 0
), noted AS (
    DELETE FROM notes
)
DELETE FROM entries
"""
_DELETE = """
WITH noted AS (
    INSERT INTO notes VALUES (%(erasing)s, '') ON CONFLICT DO NOTHING
)
DELETE FROM entries WHERE conversation = ANY(%(conversations)s)
"""
_ROW = "id, conversation, parent, kind, content, author, time, revision"
_QUERIES = Queries(
    entry=f"SELECT {_ROW} FROM entries WHERE id = %(id)s",
    entries=f"SELECT {_ROW} FROM entries WHERE id > %(after)s ORDER BY id LIMIT %(most)s",
    conversation=f"""
SELECT {_ROW} FROM entries WHERE conversation = %(conversation)s AND id > %(after)s ORDER BY id LIMIT %(most)s
""",
    last_id="SELECT coalesce(max(id), 0) FROM entries",
    last_used="SELECT id FROM journal_end",
    ratings=f"SELECT {_ROW} FROM entries WHERE kind = 'rating' ORDER BY id",
    renames=f"SELECT {_ROW} FROM entries WHERE kind = 'rename' ORDER BY id",
    names="SELECT DISTINCT conversation FROM entries WHERE conversation ~ ('^' || %(prefix)s || '[0-9]')",
    summaries="""
SELECT conversation, min(time), max(time), count(*) FROM entries
WHERE conversation <> '' GROUP BY conversation ORDER BY max(id)
""",
    branches="""
WITH RECURSIVE branches(name) AS (
    VALUES (%(conversation)s::text) UNION
    SELECT child.conversation FROM branches
        JOIN entries AS parent ON parent.conversation = branches.name
        JOIN entries AS child ON child.parent = parent.id
)
SELECT name FROM branches WHERE name <> %(conversation)s ORDER BY name COLLATE "C"
""",
    taught=f"""
WITH RECURSIVE taught(name) AS (
    SELECT conversation FROM entries
    WHERE kind = 'domain' OR (kind = 'label' AND facts ->> 'by' <> 'bot')
    UNION
    SELECT parent.conversation FROM taught
        JOIN entries AS child ON child.conversation = taught.name
        JOIN entries AS parent ON parent.id = child.parent
)
SELECT {_ROW} FROM entries
WHERE conversation IN ('', 'imported stories') OR conversation IN (SELECT name FROM taught) ORDER BY id
""",
    finished="""
SELECT conversation FROM entries AS began
WHERE kind = 'event' AND parent IS NULL AND facts ->> %(key)s IS NOT NULL AND EXISTS (
    SELECT 1 FROM entries WHERE conversation = began.conversation AND kind = 'end'
) AND NOT EXISTS (
    SELECT 1 FROM entries WHERE conversation = began.conversation
        AND kind = 'label' AND facts ->> 'by' <> 'bot'
) AND NOT EXISTS (
    SELECT 1 FROM entries AS parent JOIN entries AS child ON child.parent = parent.id
    WHERE parent.conversation = began.conversation AND child.conversation <> began.conversation
) ORDER BY id
""",
    begun="""
SELECT conversation, facts ->> %(key)s FROM entries
WHERE kind = 'event' AND parent IS NULL AND facts ->> %(key)s IS NOT NULL
ORDER BY id DESC LIMIT %(most)s
""",
    noted="""
SELECT conversation, facts -> %(key)s FROM entries
WHERE kind = 'note' AND jsonb_exists(facts, %(key)s) ORDER BY id
""",
    unfinished="""
SELECT conversation, facts ->> %(key)s FROM entries AS began
WHERE kind = 'event' AND parent IS NULL AND facts ->> %(key)s IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM entries WHERE conversation = began.conversation AND kind = 'end'
) ORDER BY id
""",
    note="SELECT text FROM notes WHERE name = %(name)s",
    notes="SELECT name, text FROM notes ORDER BY name",
)
