"""Where a session writes down what happens: a store on the disk, or a list that ends with the process."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Protocol

from dialogue_gym.journal.entry import DOMAIN, HEAD, Draft, Entry


class Journal(Protocol):
    """What a session needs of a store."""

    def append_all(self, drafts: Iterable[Draft]) -> list[Entry]:
        """Write down several things at once, all or none."""

    def entries(self) -> Iterator[Entry]:
        """Yield all that was written down."""


class MemoryJournal:
    """A journal that is forgotten when the process ends."""

    def __init__(self) -> None:
        """Begin an empty one."""
        self._entries: list[Entry] = []
        self._revision = 0

    def append_all(self, drafts: Iterable[Draft]) -> list[Entry]:
        """Add entries; a parent may be a draft that stands before it."""
        written: dict[Draft, int] = {}
        first = len(self._entries)
        for draft in drafts:
            parent = written[draft.parent] if isinstance(draft.parent, Draft) else draft.parent
            content = dict(draft.content)
            number = len(self._entries) + 1
            parent = content["to"] if draft.kind == HEAD else parent
            self._entries.append(
                Entry(
                    number,
                    draft.conversation,
                    parent,
                    draft.kind,
                    content,
                    draft.author,
                    time.time(),
                    self._revision,
                )
            )
            written[draft] = number
            self._revision += draft.kind == DOMAIN
        return self._entries[first:]

    def entries(self) -> Iterator[Entry]:
        """Yield all entries."""
        yield from list(self._entries)
