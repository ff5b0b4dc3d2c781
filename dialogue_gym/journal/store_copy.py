"""A copy of a store in another place: entry by entry, compared at the end."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialogue_gym._files import FIGURES
from dialogue_gym.journal.data_folder import DataPath, data_folder, file_in, files_in, write_data
from dialogue_gym.journal.database import COPYING, JournalDatabase
from dialogue_gym.journal.databases import note, open_database
from dialogue_gym.journal.entry import StoreError
from dialogue_gym.journal.place import JOURNAL, StorePlace
from dialogue_gym.journal.sqlite import OWN_FILES
from dialogue_gym.journal.store import FILES, Store
from dialogue_gym.journal.stored_files import StoredFiles

_CHUNK = 1000


@dataclass(frozen=True)
class StoreCopy:
    """The sizes of a copy: its entries, and the files beside the journal."""

    entries: int
    files: int


def copy_store(source: StorePlace, target: StorePlace) -> StoreCopy:
    """Copy a store to a place that has none, and compare the two.

    Nobody can open the copy before it is whole: until then its journal has a note, which only another call
    of this function removes, together with everything that an interrupted one has left.

    Raises:
        StoreError: the source has no store or another process writes to it, the target has a store already,
            one of the two cannot be used, or the copy differs.
        OSError: a file beside the journal cannot be read or written.
    """
    with Store(source, create=False) as opened, contextlib.closing(_empty(target)) as written:
        given = opened._database
        last = given.read(given.queries.last_used)[0][0]
        written.restore([], last)  # all entries may be erased
        for rows in _chunks(given):
            written.restore(rows, last)
        notes = _notes(given) | _paths(opened, target)
        written.set_notes(**notes)
        files = _copied_files(data_folder(source), data_folder(target))
        count = _compare(given, written)
        if written.read(written.queries.last_used)[0][0] != last or _notes(written) != notes:
            raise StoreError(f"{target}: the copy differs from {source} in its notes")
        written.set_notes(**{COPYING: None})
    return StoreCopy(count, files)


def _empty(target: StorePlace) -> JournalDatabase:
    """Return a journal without entries that is marked as an unfinished copy."""
    taken = f"{target}: there is something here already; a copy needs a new place"
    if isinstance(target, Path) and not (target / JOURNAL).exists() and _others(target):
        raise StoreError(taken)
    database = open_database(target)
    try:
        if note(database, COPYING) is not None:
            database.clear()
            for name in _others(data_folder(target)):
                file_in(data_folder(target), name).unlink()
        elif (
            _notes(database)
            or database.read(database.queries.last_used)[0][0]
            or _others(data_folder(target))
        ):
            raise StoreError(taken)
        database.set_notes(**{COPYING: ""})
    except BaseException:
        database.close()
        raise
    return database


def _others(folder: DataPath) -> list[str]:
    """Return the files that a copy needs beside the journal: not the figures, which grow by the day."""
    own = (name for name in files_in(folder) if name not in OWN_FILES)
    return [name for name in own if not name.startswith(f"{FIGURES}/")]


def _chunks(database: JournalDatabase) -> Iterator[list[Any]]:
    after = 0
    while rows := database.read(database.queries.entries, after=after, most=_CHUNK):
        yield rows
        after = rows[-1][0]


def _notes(database: JournalDatabase) -> dict[str, str]:
    return {name: text for name, text in database.read(database.queries.notes) if name != COPYING}


def _paths(store: Store, target: StorePlace) -> dict[str, str]:
    """Return the note on the files that the bot is made with, whose paths may be relative to the folder."""
    files = store.files
    return {} if files == StoredFiles() else {FILES: files.note(target if isinstance(target, Path) else None)}


def _compare(one: JournalDatabase, other: JournalDatabase) -> int:
    """Return the number of entries of two journals that have the same."""
    count = 0
    nothing: list[Any] = []
    for rows, copies in itertools.zip_longest(_chunks(one), _chunks(other), fillvalue=nothing):
        for row, copy in itertools.zip_longest(rows, copies):
            if row is None or copy is None or tuple(row) != tuple(copy):
                raise StoreError(
                    f"{other.place}: the copy differs from {one.place} in entry {(row or copy)[0]}"
                )
        count += len(rows)
    return count


def _copied_files(source: DataPath, target: DataPath) -> int:
    names = _others(source)
    for name in names:
        copy = file_in(target, name)
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = file_in(source, name).read_bytes()
        write_data(copy, data)
        if copy.read_bytes() != data:
            raise StoreError(f"{copy}: the copy differs from {source}")
    return len(names)
