"""The database of a journal: the little that a store asks of SQLite and of PostgreSQL.

All of it is one table of entries that grows at its end, and a table of notes about the store. Each database
has its own module with its SQL: `sqlite.py` and `postgresql.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from dialogue_gym.journal.entry import HEAD, Draft, Entry, StoreError, content_json
from dialogue_gym.journal.place import StorePlace

if TYPE_CHECKING:
    from dialogue_gym.journal.leases import Leases

ERASING = "erasing"
"""The note of an erasure that has begun; the next one who opens the store completes it."""
COPYING = "copying"
"""The note of an unfinished copy, which nobody can open."""
WRONG_FORMAT = "its format is {}; this version of dialogue_gym reads {}"


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry to be written, with its content as JSON.

    Attributes:
        conversation: the id of its conversation.
        kind: one of `KINDS`.
        content: the content, checked and written as JSON in ASCII.
        author: the author; empty if unknown.
        parent: the id of the entry that it follows; None for none, or one of the same list.
        before: the place in the list of the entry that it follows; None if `parent` names it.
    """

    conversation: str
    kind: str
    content: str
    author: str
    parent: int | None
    before: int | None

    def entry(self, id: int, parent: int | None, time: float, revision: int) -> Entry:
        """Return the entry as it was written, with a content of its own."""
        content = json.loads(self.content)
        return Entry(id, self.conversation, parent, self.kind, content, self.author, time, revision)


def new_entries(drafts: Iterable[Draft]) -> list[NewEntry]:
    """Return drafts in their written form.

    Raises:
        StoreError: the content of a draft does not fit its kind, or it follows one that is not before it.
    """
    rows: list[NewEntry] = []
    places: dict[Draft, int] = {}
    for draft in drafts:
        content = content_json(draft)
        parent: int | None = None
        before: int | None = None
        if draft.kind == HEAD:
            parent = draft.content["to"]  # so that foreign keys keep its target in place
        elif not isinstance(draft.parent, Draft):
            parent = draft.parent
        elif (before := places.get(draft.parent)) is None:
            raise StoreError("an entry can only follow one that stands before it")
        places[draft] = len(rows)
        rows.append(NewEntry(draft.conversation, draft.kind, content, draft.author, parent, before))
    return rows


@dataclass(frozen=True, slots=True)
class Queries:
    """SQL queries with named parameters.

    A row of an entry has the columns of `Entry` in their order, the content as JSON.

    Attributes:
        entry: the row of the entry `id`.
        entries: at most `most` rows after the entry `after`, in order.
        conversation: the same, of one `conversation`.
        last_id: the id of the last entry, 0 without any.
        last_used: the last id that an entry has or had.
        ratings: the rows of all ratings.
        renames: the rows of all renamed actions.
        names: the conversations whose names begin with `prefix` and a digit.
        summaries: each conversation: its name, its first and last time, its number of entries.
        branches: the forks of a `conversation`, and their forks.
        taught: the rows of taught conversations, of those that they are forks of, and those outside of
            conversations; imported stories too.
        finished: the ended conversations whose beginning has a `key`, which are neither taught nor forked.
        begun: the newest `most` conversations whose beginning has a `key`, and its value.
        noted: the values of a `key` in notes, by conversation.
        unfinished: the unfinished conversations whose beginning has a `key`, and its value.
        note: the text of the note `name`.
        notes: all notes, their names and texts.
    """

    entry: str
    entries: str
    conversation: str
    last_id: str
    last_used: str
    ratings: str
    renames: str
    names: str
    summaries: str
    branches: str
    taught: str
    finished: str
    begun: str
    noted: str
    unfinished: str
    note: str
    notes: str


class JournalDatabase(Protocol):
    """The entries and notes of a store; several threads may share it.

    All methods raise `StoreError` if the database cannot be used; the message is one line.
    """

    queries: Queries
    is_read_only: bool
    leases: Leases | None
    """The leases of this process, if other processes write as well."""

    @property
    def place(self) -> StorePlace:
        """The place of the database, as people name it."""

    def read(self, query: str, **values: object) -> list[Any]:
        """Return all rows of one of `queries`."""

    def append(self, rows: Sequence[NewEntry], now: float, held: Sequence[str] = ()) -> list[Entry]:
        """Write entries at the end, all or none; they are on the disk when this returns.

        They are refused, with `LeaseLost`, if the lease of a person in `held` has gone to another process.

        Ids grow in the order in which entries become visible: a reader who has seen one misses none before
        it. The time is `now`, or that of the last entry if that is later.
        """

    def set_notes(self, **notes: str | None) -> None:
        """Set notes about the store as a whole, all or none; remove those whose text is None."""

    def delete(self, conversations: Sequence[str]) -> None:
        """Delete the entries of conversations, with all copies that the database still holds."""

    def restore(self, rows: Sequence[Sequence[Any]], last: int) -> None:
        """Write rows of entries as another database has them, all or none; new ids begin after `last`."""

    def clear(self) -> None:
        """Remove all entries and notes."""

    def faults(self) -> list[str]:
        """Return the faults that the database finds in itself, one line each."""

    def close(self) -> None:
        """Close it; everything is written already. Closing twice does nothing."""
