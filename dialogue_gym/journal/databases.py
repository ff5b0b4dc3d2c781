"""The database of a place, opened, and its notes."""

from __future__ import annotations

from dialogue_gym.journal.database import JournalDatabase
from dialogue_gym.journal.entry import StoreError
from dialogue_gym.journal.place import DatabaseUrl, StorePlace
from dialogue_gym.journal.sqlite import SqliteJournal


def open_database(
    place: StorePlace | None,
    create: bool = True,
    read_only: bool = False,
    wait: float = 0.0,
    is_shared: bool = False,
) -> JournalDatabase:
    """Return the database of a journal; arguments and errors are those of `Store`."""
    if isinstance(place, DatabaseUrl):
        from dialogue_gym.journal.postgresql import PostgresJournal  # most stores are folders

        return PostgresJournal(place, create, read_only, wait, is_shared)
    if is_shared:
        raise StoreError(
            f"{place}: one process can write to a folder; several need a database: --store"
            " postgresql://USER@HOST/DATABASE"
        )
    return SqliteJournal(place, create, read_only, wait)


def note(database: JournalDatabase, name: str) -> str | None:
    """Return a note about the store as a whole; None if there is none."""
    rows = database.read(database.queries.note, name=name)
    return rows[0][0] if rows else None
