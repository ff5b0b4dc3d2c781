"""What a session writes down, and what is in effect of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dialogue_gym.domain.additions import Addition
from dialogue_gym.journal.entry import DOMAIN, HEAD, Draft
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store


class ConversationWriter:
    """A journal with its history, and the conversation that is gone on with."""

    def __init__(self, journal: Store, author: str) -> None:
        """Read a journal; `author` is who answers.

        Raises:
            StoreError: the journal cannot be read.
        """
        self._journal = journal
        self.author = author
        self.history = History(journal.entries())
        self.id = ""
        """Which conversation is gone on with."""

    def draft(
        self, kind: str, content: dict[str, Any], author: str = "", after: Draft | None = None
    ) -> Draft:
        """Return an entry to be, which follows the head or another one to be."""
        return Draft(self.id, kind, content, after or self.history.head(self.id), author or self.author)

    def write(self, *drafts: Draft) -> None:
        """Write down entries, all or nothing, and take them in.

        Raises:
            StoreError: they cannot be written.
        """
        for entry in self._journal.append_all(drafts):
            self.history.add(entry)

    def write_answer(self, kind: str, content: dict[str, Any], new: Sequence[Addition]) -> None:
        """Write down an answer, and with it what the domain grows by for it: all or nothing."""
        drafts: list[Draft] = []
        for what, told in [*((DOMAIN, growth.content()) for growth in new), (kind, content)]:
            drafts.append(self.draft(what, told, after=drafts[-1] if drafts else None))
        self.write(*drafts)

    def grow(self, growth: Addition) -> None:
        """Write down what the domain grows by for good, apart from any answer."""
        self.write(Draft("", DOMAIN, growth.content(), None, self.author))

    def move(self, target: int | None) -> None:
        """Move the head of the conversation."""
        self.write(Draft(self.id, HEAD, {"to": target}, None, self.author))
