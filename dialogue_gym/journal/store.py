"""The store: every message, decision and rating, in an SQLite file or a PostgreSQL database.

Entries are added and never changed. They are durable once the call returns, all of them or none. One process
writes, or in PostgreSQL several that share the store; any number read.
"""

from __future__ import annotations

import functools
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from dialogue_gym._text import name_fault, nearest, quoted
from dialogue_gym.domain import Domain
from dialogue_gym.journal.data_folder import DataPath, data_folder
from dialogue_gym.journal.database import COPYING, new_entries
from dialogue_gym.journal.databases import note, open_database
from dialogue_gym.journal.entry import (
    DOMAIN,
    RENAME,
    Draft,
    Entry,
    StoreError,
    actions_in,
    problems,
    renamed,
)
from dialogue_gym.journal.erasure import branches, erase, erase_old, last_number
from dialogue_gym.journal.group_commit import GroupCommit, PendingWrite
from dialogue_gym.journal.history import History
from dialogue_gym.journal.identity import StoredDomain, changes_of, difference, mismatch
from dialogue_gym.journal.place import DatabaseUrl, StorePlace, place_of
from dialogue_gym.journal.stored_files import StoredFiles

if TYPE_CHECKING:
    from dialogue_gym.journal.leases import Leases

__all__ = ["Draft", "Entry", "Store", "StoreError", "StoredDomain", "Summary"]

_CHUNK = 1000
FILES = "files"
"""The note of the files that the bot is made with."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A conversation: its id, the times of its first and last entry, and its number of entries."""

    id: str
    began: float
    latest: float
    entries: int


class Store:
    """A journal, in a folder or a database. It is a context manager; several threads may share it.

    A killed process leaves nothing behind that must be cleaned up.
    """

    def __init__(
        self,
        place: StorePlace | str | None,
        create: bool = True,
        read_only: bool = False,
        wait: float = 0.0,
        clock: Callable[[], float] = time.time,
        is_shared: bool = False,
    ) -> None:
        """Open the journal of a folder or a database.

        Args:
            place: the folder of the store, or the address of its database, also as a text; None for a new
                journal in memory, see `in_memory`.
            create: make a journal if there is none.
            read_only: never write. A reader needs not wait, and sees each entry once it is written.
            wait: the seconds to wait for another process that writes.
            clock: returns the time, in seconds since 1970.
            is_shared: whether other processes may write as well, which share the store too. This needs
                PostgreSQL.

        Raises:
            PlaceError: the text is an address, but not of PostgreSQL.
            StoreError: the store does not exist, has another version, cannot be read or written, or
                another process writes to it.
            ImportError: writing to a folder needs filelock, and a database psycopg, which is missing.
        """
        place = place_of(place) if isinstance(place, str) else place
        self._place = place
        self._clock = clock
        self._database = open_database(place, create, read_only, wait, is_shared)
        if note(self._database, COPYING) is not None:
            self._database.close()
            raise StoreError(f"{place}: a copy to this place was interrupted; start the copy again")
        self._commits = GroupCommit(lambda rows, held: self._database.append(rows, clock(), held))
        self._renames: list[Entry] = []
        self._renames = [self._entry(row) for row in self._database.read(self._database.queries.renames)]

    @classmethod
    def in_memory(cls, clock: Callable[[], float] = time.time) -> Store:
        """Return an empty store in memory, which ends with the process or when it is closed."""
        return cls(None, clock=clock)

    @property
    def place(self) -> StorePlace:
        """The folder of the store or the address of its database, which `Store` and `--store` take.

        Raises:
            StoreError: the store is in memory.
        """
        if self._place is None:
            raise StoreError("this store is in memory and has no folder")
        return self._place

    @property
    def folder(self) -> Path:
        """The folder for exports: the store's own, or one here with the name of the database.

        Raises:
            StoreError: the store is in memory.
        """
        place = self.place
        return Path(place.name) if isinstance(place, DatabaseUrl) else place

    @functools.cached_property
    def data(self) -> DataPath:
        """The folder of the files that belong to the store, such as checkpoints.

        Raises:
            StoreError: the store is in memory.
        """
        return data_folder(self.place)

    def close(self) -> None:
        """Close the journal; everything is written already. Closing twice does nothing."""
        self._commits.close()
        self._database.close()

    def __enter__(self) -> Store:
        """Return the store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def __deepcopy__(self, memo: Any) -> Store:
        """Return the store itself: copies of what writes to it, such as an environment, share it."""
        return self

    def append(
        self,
        conversation: str,
        kind: str,
        content: Mapping[str, Any],
        parent: int | None = None,
        author: str = "",
    ) -> Entry:
        """Append an entry; when this returns, it is on the disk.

        The parent of a `head` is always the entry that it points to.

        Raises:
            StoreError: the content does not fit the kind, the parent does not exist, or it cannot be written.
        """
        return self.append_all([Draft(conversation, kind, content, parent, author)])[0]

    def append_all(self, drafts: Iterable[Draft]) -> list[Entry]:
        """Append several entries at once: all or, if there is an error, none.

        Raises:
            StoreError: see `append`.
        """
        return self.submit(drafts).result()

    def submit(self, drafts: Iterable[Draft], held: Sequence[str] = ()) -> PendingWrite:
        """Queue several entries, all or none; return at once, and write when the result is asked for.

        Entries are written in the order of the calls.

        Args:
            drafts: the entries.
            held: the people whose leases this process must still have; see `leases`.

        Raises:
            StoreError: the content of a draft does not fit its kind.
        """
        return self._commits.submit(new_entries(drafts), held if self.leases else ())

    @property
    def leases(self) -> Leases | None:
        """The leases of people in a shared store; None if this process alone writes."""
        return self._database.leases

    def entries(self, conversation: str | None = None, after: int = 0) -> Iterator[Entry]:
        """Yield the entries, of one conversation if it is given, with an id above `after`.

        Raises:
            StoreError: the file cannot be read, or is damaged.
        """
        return map(self._entry, self._rows(conversation, after))

    def _rows(self, conversation: str | None = None, after: int = 0) -> Iterator[tuple[Any, ...]]:
        queries = self._database.queries
        values: dict[str, object] = {"most": _CHUNK}
        query = queries.entries
        if conversation is not None:
            query, values = queries.conversation, {"conversation": conversation, **values}
        # In chunks: a query that is still open would keep the journal from being cleared up.
        while rows := self._database.read(query, after=after, **values):
            yield from rows
            after = rows[-1][0]

    def _entry(self, row: tuple[Any, ...]) -> Entry:
        try:
            id, conversation, parent, kind, content, author, *rest = row
            # The same few names stand in every row.
            name, kind, author = sys.intern(conversation), sys.intern(kind), sys.intern(author)
            entry = Entry(id, name, parent, kind, json.loads(content), author, *rest)
            return functools.reduce(renamed, self._renames, entry)
        except (TypeError, ValueError, RecursionError):
            raise StoreError(f"{self._database.place}: entry {row[0]}: its content is not JSON") from None

    def entry(self, id: int) -> Entry:
        """Return one entry.

        Raises:
            StoreError: there is none with this id.
        """
        rows = self._database.read(self._database.queries.entry, id=id)
        if not rows:
            raise StoreError(f"{self._database.place}: unknown entry {id}")
        return self._entry(rows[0])

    def taught(self) -> Iterator[Entry]:
        """Yield the entries that labels follow from: of taught conversations, and of none.

        Those that such a conversation is a fork of are included.
        """
        return map(self._entry, self._database.read(self._database.queries.taught))

    def last_id(self) -> int:
        """Return the id of the last entry; 0 if there is none."""
        return int(self._database.read(self._database.queries.last_id)[0][0])

    def last_number(self, prefix: str) -> int:
        """Return the largest number that a conversation of this prefix has, or had; 0 if there was none."""
        return last_number(self._database, prefix)

    def unfinished(self, key: str) -> dict[str, str]:
        """Return the unfinished conversations whose beginning has a key in its content.

        Returns:
            The key's value, by conversation.
        """
        rows = self._database.read(self._database.queries.unfinished, key=key)
        return {name: str(said) for name, said in rows}

    def begun(self, key: str, most: int) -> dict[str, str]:
        """Return the newest conversations whose beginning has a key in its content, the newest at the end.

        Returns:
            The key's value, by conversation.
        """
        rows = self._database.read(self._database.queries.begun, key=key, most=most)
        return {name: str(said) for name, said in reversed(rows)}

    def noted(self, key: str) -> dict[str, Any]:
        """Return the value of a key in the last note that has it, by conversation."""
        return dict(self._database.read(self._database.queries.noted, key=key))

    def ratings(self) -> list[Entry]:
        """Return all ratings, in their order."""
        return [self._entry(row) for row in self._database.read(self._database.queries.ratings)]

    def prune(self, key: str, kept: int) -> list[str]:
        """Erase old conversations for good, all but the newest.

        Only those that have ended and whose beginning has a key in its content; taught and forked ones stay.

        Returns:
            The conversations that were erased.

        Raises:
            StoreError: the store cannot be written, or a reader still uses the data to be erased.
        """
        return erase_old(self._database, key, kept)

    def conversations(self) -> list[Summary]:
        """Return all conversations, the one with the newest entry at the end."""
        rows = self._database.read(self._database.queries.summaries)
        return [Summary(*row) for row in rows]

    @property
    def domain(self) -> StoredDomain | None:
        """The domain of the store, with its file's text when it was last used; None at first."""
        source, text = note(self._database, "domain"), note(self._database, "domain_text")
        return None if source is None or text is None else StoredDomain(source, text)

    def use_domain(self, source: str, text: str, adopts: bool = False) -> list[str]:
        """Note the domain that the store is used with: its name or the path of its file, and the file's text.

        It has to be the domain of the store, which is recognized by its content, wherever its file is. A
        reader compares, and notes nothing.

        Args:
            source: the name of a built-in domain, or the path of a file.
            text: the text of the domain's file.
            adopts: whether the store belongs to this domain from now on, whatever it was before.

        Returns:
            The changes of the domain that concern what was taught, one line each.

        Raises:
            StoreError: the store belongs to another domain.
            DomainError: the text is not that of a domain.
        """
        known, given = self.domain, StoredDomain(source, text)
        if known == given:
            return []
        lines: list[str] = []
        if known is not None and known.text != text:
            history = History(self.entries())
            can_be_replaced = adopts or (known.source == source and not history.conversations)
            if not can_be_replaced and (reason := mismatch(known, given)):
                raise StoreError(f"{self._database.place}: {reason}")
            lines = changes_of(history, known, given, self._database.place)
        if not self._database.is_read_only:
            self._database.set_notes(domain=source, domain_text=text)
        return lines

    def check_domain(self, domain: Domain) -> None:
        """Check that a domain is the one of the store, if that is known: a reader's part of `use_domain`.

        Raises:
            StoreError: the store belongs to another domain.
        """
        known = self.domain
        if known is not None and (reason := difference(known, domain, domain.name)):
            raise StoreError(f"{self._database.place}: {reason}")

    def rename_action(self, old: str, new: str, is_learned: bool = False) -> int:
        """Rename an action in everything that was written so far; return the number of entries with it.

        Nothing is changed in the file: all who read the journal find the new name.

        Args:
            old: the name until now.
            new: the name from now on.
            is_learned: whether a learner knows the action, even if no entry has it.

        Raises:
            StoreError: nobody knows the action, the new name cannot be one, or it cannot be written.
        """
        actions = [set(actions_in(entry)) for entry in self.entries()]
        count = sum(old in names for names in actions)
        if not count and not is_learned:
            valid = nearest(old, sorted(set[str]().union(*actions)))
            raise StoreError(f"{self._database.place}: no entry has the action {quoted(old)}; {valid}")
        if reason := name_fault(new):
            raise StoreError(f"{quoted(new)} is not a valid name for an action: {reason}")
        entry = self.append("", RENAME, {"action": old, "to": new})
        self._renames.append(entry)
        return count

    @property
    def _own_folder(self) -> Path | None:
        return self._place if isinstance(self._place, Path) else None

    @property
    def files(self) -> StoredFiles:
        """The files that were noted by `use_files`."""
        return StoredFiles.read(note(self._database, FILES), self._own_folder)

    def use_files(self, nlu: Iterable[str], actions: Iterable[str], stories: Iterable[str] = ()) -> None:
        """Note files that the bot is made with, in addition to those known.

        They are found again when their folder has moved together with the store.

        Raises:
            StoreError: the store cannot be written.
        """
        known = self.files
        if (files := known.extended(nlu, actions, stories)) != known:
            self._database.set_notes(**{FILES: files.note(self._own_folder)})

    def branches(self, conversation: str) -> list[str]:
        """Return the conversations that began as forks of this one, or of one of its forks."""
        return branches(self._database, conversation)

    def forget(self, conversation: str, with_forks: bool = False) -> list[str]:
        """Erase a conversation for good: its bytes are in no file of the store any more.

        Its forks share its beginning, so they are erased as well, or nothing is. A conversation that this
        one is itself a fork of stays, with the beginning that they share. If the process is killed
        meanwhile, the next one that opens the store completes it. Other copies (exports, checkpoints,
        backups, those of a file system) are not touched.

        Returns:
            The conversations that were erased.

        Raises:
            StoreError: the conversation does not exist; it has forks, which are named; or a reader still
                uses the data to be erased.
        """
        names = [summary.id for summary in self.conversations()]
        if conversation not in names:
            raise StoreError(f"unknown conversation {quoted(conversation)}; {nearest(conversation, names)}")
        return erase(self._database, conversation, with_forks)

    def check(self) -> list[str]:
        """Return the problems of the journal, one line each, beginning with `error:` or `warning:`."""
        try:
            faults = self._database.faults()
        except StoreError as error:
            return [f"error: {error}"]
        if faults:
            return [f"error: {self._database.place}: {line}" for line in faults]
        readable: list[Entry] = []
        unreadable: dict[int, str] = {}
        for row in self._rows():
            try:
                readable.append(self._entry(row))
            except StoreError as error:
                unreadable[row[0]] = f"error: {error}"
        return [*unreadable.values(), *problems(readable, unreadable)]


def forget(store: Store, conversation: str, with_forks: bool = False) -> list[str]:
    """Erase a conversation as `Store.forget` does, but keep its additions to the domain for the others.

    Returns:
        The conversations that were erased.

    Raises:
        StoreError: see `Store.forget`.
    """
    forks = store.branches(conversation)
    if with_forks or not forks:
        added = History(store.entries()).additions([conversation, *forks])
        store.append_all(Draft("", DOMAIN, one.content()) for one in added)
    return store.forget(conversation, with_forks)
