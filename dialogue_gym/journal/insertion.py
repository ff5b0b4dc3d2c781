"""New entries: the check of a draft's content, and the rows of a list of drafts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping

from dialogue_gym._text import name_fault, nearest, shorten
from dialogue_gym.journal.entry import DOMAIN, HEAD, KINDS, NOTE, RENAME, Draft, Entry, StoreError, fault


def content_json(draft: Draft) -> str:
    """Return the content of a draft as JSON.

    Raises:
        StoreError: the content does not fit the kind, or a name cannot be one.
    """
    kind = draft.kind
    if kind not in KINDS:
        raise StoreError(f"unknown kind of entry {shorten(kind)}; {nearest(kind, KINDS)}")
    if not draft.conversation and draft.parent is not None:
        raise StoreError("an entry that belongs to no conversation follows none")
    for name in filter(None, (draft.conversation, draft.author)):
        if reason := name_fault(name):
            raise StoreError(f"{shorten(name)} is not a name for a conversation or an author: {reason}")
    if not draft.conversation and kind not in (DOMAIN, NOTE, RENAME):
        raise StoreError(f"an entry of the kind {kind!r} needs a conversation")
    try:
        # Escaped, since a terminal may give halves of characters, which no encoding can write.
        text = json.dumps(dict(draft.content), allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"the content of an entry cannot be written as JSON ({error})") from None
    if reason := fault(kind, json.loads(text)):
        raise StoreError(f"an entry of the kind {kind!r}: {reason}")
    return text


def insert(
    connection: sqlite3.Connection, rows: Iterable[tuple[Draft, str]], now: float, revision: int
) -> list[Entry]:
    """Insert drafts, each with its content as JSON, in their order.

    Args:
        connection: the database, in a transaction.
        rows: the drafts and their contents.
        now: the time of all.
        revision: the number of additions to the domain before them.

    Raises:
        StoreError: a draft follows an entry that does not exist.
    """
    entries: list[Entry] = []
    written: dict[Draft, int] = {}
    for draft, content in rows:
        parent = _parent_id(draft, written)
        entries.append(_insert(connection, draft, content, parent, now, revision))
        written[draft] = entries[-1].id
        revision += draft.kind == DOMAIN
    return entries


def _parent_id(draft: Draft, written: Mapping[Draft, int]) -> int | None:
    if draft.kind == HEAD:
        to: int | None = draft.content["to"]  # so that foreign keys keep its target in place
        return to
    if not isinstance(draft.parent, Draft):
        return draft.parent
    if draft.parent not in written:
        raise StoreError("an entry can only follow one that stands before it")
    return written[draft.parent]


def _insert(
    connection: sqlite3.Connection, draft: Draft, content: str, parent: int | None, now: float, revision: int
) -> Entry:
    row = (draft.conversation, parent, draft.kind, content, draft.author, now, revision)
    try:
        id = connection.execute("INSERT INTO entries VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", row).lastrowid
    except sqlite3.IntegrityError:
        raise StoreError(f"unknown entry {parent}: no entry can follow it") from None
    assert id is not None
    # A copy, as it will be read again: the caller may change the draft's content later.
    return Entry(id, draft.conversation, parent, draft.kind, json.loads(content), draft.author, now, revision)
