"""The seat of the learner of a store in a database, which one of several processes has at a time."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dialogue_gym.journal.database_file import DatabaseFile
from dialogue_gym.journal.entry import StoreError
from dialogue_gym.journal.place import DatabaseUrl
from dialogue_gym.journal.postgres_link import LOCKS, PostgresLink

if TYPE_CHECKING:
    import psycopg

_TAKE = f"SELECT pg_try_advisory_lock({LOCKS}, 3)"
_LOST = "the connection was lost, and another process may be the learner since"


class LearnerSeat:
    """The right to learn from a store: an advisory lock, which the server gives free with its connection.

    Once its connection is lost the seat is lost for good, since another process may have had it meanwhile.
    The server ends the last statement of a connection before it gives the lock free, so a file of `data` is
    written by the holder, or not at all.
    """

    def __init__(self, url: DatabaseUrl) -> None:
        """Stand for election.

        Raises:
            StoreError: the server cannot be reached.
            ImportError: psycopg is missing.
        """
        self._url = url
        self._is_taken = False
        self._link = PostgresLink(url, "learns", self._check_connection)

    def _check_connection(self, connection: psycopg.Connection) -> None:
        if self._is_taken:
            raise StoreError(f"{self._url}: {_LOST}")

    @property
    def data(self) -> DatabaseFile:
        """The folder of the files that belong to the store, which is written only while the seat is held."""
        return DatabaseFile(PurePosixPath(), self._link)

    def take(self) -> bool:
        """Return whether the seat is taken now, or was before; False while another process has it.

        Raises:
            StoreError: the server cannot be reached, or the seat was lost.
        """
        self._is_taken = self._link.run(_TAKE) == [(True,)]
        return self._is_taken

    def check(self) -> None:
        """Check that a seat that was taken is still held.

        Raises:
            StoreError: it was lost.
        """
        self._link.run("SELECT 1")

    def close(self) -> None:
        """Leave the seat; closing twice does nothing."""
        self._link.close()
