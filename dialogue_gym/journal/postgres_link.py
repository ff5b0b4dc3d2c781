"""A connection to a PostgreSQL database, made again when it was lost, with errors of one sentence."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dialogue_gym._text import quoted
from dialogue_gym._threads import is_leaving
from dialogue_gym.journal.entry import StoreError, StoreUnreachable
from dialogue_gym.journal.place import DatabaseUrl

if TYPE_CHECKING:
    import psycopg

SCHEMA = "dialogue_gym"
"""The schema of all tables, so that the database may have others beside them."""
LOCKS = int.from_bytes(b"dgym")
"""The first key of all advisory locks of this library, the second one says which."""
PATIENCE = 10.0
"""Seconds for which a lost connection is made again, as while the server restarts."""
_PAUSE = 0.05
_DEFAULTS = {
    "connect_timeout": "5",
    # A cut cable is noticed in seconds, not after the two hours of TCP.
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
_SETTINGS = (
    f"SET search_path TO {SCHEMA}",
    "SET tcp_keepalives_idle TO 5",
    "SET tcp_keepalives_interval TO 2",
    "SET tcp_keepalives_count TO 3",
    "SET default_transaction_isolation TO 'read committed'",
    # An answer leaves when it is on the disk, whatever the server does by default.
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') IN ('off', 'local')",
)
_END_FORMER = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = %(name)s AND pid <> pg_backend_pid()
"""
_REASONS = (
    (re.compile(r"password authentication failed|no password supplied"), "the user or the password is wrong"),
    (re.compile(r'role "(.*)" does not exist'), "there is no user {0} on this server"),
    (re.compile(r'database "(.*)" does not exist'), "there is no database {0}; make it with: createdb {0}"),
    (re.compile(r"could not translate host name|failed to resolve host"), "there is no such server"),
    (re.compile(r"Connection refused|No such file or directory"), "no server answers there"),
    (re.compile(r"timeout expired"), "the server does not answer"),
)  # fmt: skip
_CODES = {
    "53100": "the disk is full, and this was not written",
    "53200": "the server has too little memory, and this was not done",
    "53300": "the server has no connection left",
    "58030": "the disk gave an error, and this was not done",
    "42501": "this user may not do that",
    "25006": "it cannot be written",
    "22003": "a number is too large",
}
"""Reasons by SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""


class PostgresLink:
    """One connection, which several threads share, and which is made again when it was lost."""

    def __init__(
        self,
        url: DatabaseUrl,
        purpose: str,
        prepare: Callable[[psycopg.Connection], None] = lambda connection: None,
    ) -> None:
        """Connect.

        Args:
            url: the address.
            purpose: a word for the server's list of connections, after the name of this process.
            prepare: called with each new connection.

        Raises:
            StoreError: the server cannot be reached, or refuses.
            ImportError: psycopg is missing.
        """
        self.url = url
        self.sign = secrets.token_hex(4)
        """A word that no other connection has, at the end of its name among the server's connections."""
        self.name = f"process {os.getpid()} on {socket.gethostname()[:20]} ({purpose} {self.sign})"
        self._psycopg = driver()
        self._prepare = prepare
        self._mutex = threading.RLock()
        self._held: list[psycopg.Connection] = []
        self._is_closed = False
        self._close = weakref.finalize(self, _close_all, self._held)
        with errors_of(url):
            self._connected()

    def run(self, query: str, **values: object) -> list[Any]:
        """Run a statement and return its rows; if the connection is lost, run it again on a new one.

        A statement may have been done although its connection was lost, so it must be one that can be done
        twice.

        Raises:
            StoreUnreachable: the connection was lost, and the server does not come back in time.
            StoreError: it fails.
        """
        until = time.monotonic() + PATIENCE  # those who wait for others to give up have waited, too
        was_lost = False
        try:
            with self._mutex, errors_of(self.url):
                while True:
                    try:
                        cursor = self._connected().execute(query, values or None)
                        has_rows = cursor.pgresult is not None and cursor.pgresult.nfields > 0
                        return cursor.fetchall() if has_rows else []
                    except self._psycopg.OperationalError as error:
                        is_lost = not self._held or self._held[0].closed
                        was_lost |= is_lost
                        # After a deadlock nothing of it is done, and the other one has gone on.
                        is_over = is_lost or isinstance(error, self._psycopg.errors.DeadlockDetected)
                        if self._is_closed or not is_over or time.monotonic() > until or is_leaving():
                            raise
                    time.sleep(_PAUSE)
        except StoreError as error:
            if was_lost:
                raise StoreUnreachable(str(error)) from None
            raise

    def notifications(self, seconds: float) -> list[str]:
        """Wait for some seconds; return the messages of other connections that this one listens to.

        Raises:
            StoreError: the connection is lost, or the server does not come back in time.
        """
        with self._mutex, errors_of(self.url):
            connection = self._connected()
            mine = connection.info.backend_pid
            return [told.payload for told in connection.notifies(timeout=seconds) if told.pid != mine]

    def close(self) -> None:
        """Close the connection for good; closing twice does nothing."""
        with self._mutex:
            self._is_closed = True
            self._close()

    def _connected(self) -> psycopg.Connection:
        if self._is_closed:
            raise StoreError(f"{self.url}: this store is closed")
        if self._held and not self._held[0].closed:
            return self._held[0]
        is_new = not self._held
        self._held.clear()
        connection: psycopg.Connection = self._psycopg.connect(self._address(), autocommit=True)
        try:
            for statement in _SETTINGS:
                connection.execute(statement)
            if not is_new:  # the server may not know yet that the former connection is lost, with its locks
                connection.execute(_END_FORMER, {"name": self.name})
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._held.append(connection)
        return connection

    def _address(self) -> str:
        """Return what libpq takes, with settings in the place of those that the address leaves open."""
        conninfo = self._psycopg.conninfo
        try:
            given = conninfo.conninfo_to_dict(self.url.url)
        except self._psycopg.ProgrammingError:  # whose text may have a part of the password
            raise StoreError(
                f"{self.url}: this is not an address of PostgreSQL: postgresql://USER@HOST/DATABASE, with"
                " special characters of a password as in %40 for @"
            ) from None
        settings = _DEFAULTS | {"application_name": self.name} | given
        address: str = conninfo.make_conninfo("", **settings)
        return address


def plan_once(connection: psycopg.Connection) -> None:
    """Let the server plan each statement once, for tables of any size, rather than each time.

    For the statements of every message the planning takes longer than all else. Without statistics, which the
    server makes late, it would read a new table from its beginning, and go on with that plan as it grows.
    Where there is no other way, as in a table of one row, it would count so high a cost as to compile it all.
    """
    for setting in ("plan_cache_mode TO force_generic_plan", "enable_seqscan TO off", "jit TO off"):
        connection.execute(f"SET {setting}")


def driver() -> ModuleType:
    """Return psycopg.

    Raises:
        ImportError: it is missing; the message has the command that installs it.
    """
    try:
        import psycopg
    except ImportError as error:
        raise ImportError(
            'a store in PostgreSQL needs psycopg: pip install "dialogue_gym[postgres]"', name=error.name
        ) from None
    return psycopg


@contextlib.contextmanager
def errors_of(url: DatabaseUrl) -> Iterator[None]:
    """Turn errors of the database into a `StoreError` of one line, which has no password.

    A missing parent keeps its own error, which the journal knows the meaning of.
    """
    psycopg = driver()
    try:
        yield
    except psycopg.errors.ForeignKeyViolation:
        raise
    except (psycopg.Error, UnicodeError, OverflowError) as error:
        raise StoreError(f"{url}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    text = text.rpartition("FATAL: ")[2].strip() or "it cannot be used"
    state = getattr(error, "sqlstate", None)
    if state in _CODES:
        return f"{_CODES[state]} ({text})"
    for pattern, reason in _REASONS if state is None else ():
        if match := pattern.search(text):
            return reason.format(*map(quoted, match.groups())) + f" ({text})"
    return text


def _close_all(connections: list[psycopg.Connection]) -> None:
    for connection in connections:
        connection.close()
