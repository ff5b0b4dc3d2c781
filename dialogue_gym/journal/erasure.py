"""The erasure of conversations for good; see `Store.forget` and `Store.prune`."""

from __future__ import annotations

import re

from dialogue_gym._text import quoted
from dialogue_gym.journal.database import JournalDatabase
from dialogue_gym.journal.databases import note
from dialogue_gym.journal.entry import IMPORTED, STORY, StoreError

_LAST = "last"
_NUMBERED = re.compile(r"([a-z]+)[0-9]+")


def branches(database: JournalDatabase, conversation: str) -> list[str]:
    """Return the conversations that began as forks of this one, or of one of its forks."""
    rows = database.read(database.queries.branches, conversation=conversation)
    return [name for (name,) in rows]


def last_number(database: JournalDatabase, prefix: str) -> int:
    """Return the largest number that a conversation of this prefix has, or had; 0 if there was none."""
    names = database.read(database.queries.names, prefix=prefix)
    numbers = [name.removeprefix(prefix) for (name,) in names]
    erased = int(note(database, f"{_LAST} {prefix}") or 0)
    return max([erased, *(int(number) for number in numbers if number.isdecimal())])


def erase(database: JournalDatabase, conversation: str, with_forks: bool) -> list[str]:
    """Erase a conversation that exists, with its forks; return the names of all.

    Raises:
        StoreError: it has forks that may not be erased, or a reader still uses the data to be erased.
    """
    forks = branches(database, conversation)
    if forks and not with_forks:
        listed = ", ".join(map(quoted, forks))
        raise StoreError(f"{quoted(conversation)} has forks that share its beginning: {listed}")
    erased = [conversation, *forks]
    # The file that a story came from may name the same people.
    is_story = any(re.fullmatch(rf"{STORY} \d+", name) for name in erased)
    _erase(database, [*erased, IMPORTED] if is_story else erased)
    return erased


def erase_old(database: JournalDatabase, key: str, kept: int) -> list[str]:
    """Erase all but the newest ended conversations whose beginning has a key; return their names.

    Raises:
        StoreError: the store cannot be written, or a reader still uses the data to be erased.
    """
    names = [name for (name,) in database.read(database.queries.finished, key=key)]
    erased = names[: max(0, len(names) - kept)]
    if erased:
        _erase(database, erased)
    return erased


def _erase(database: JournalDatabase, conversations: list[str]) -> None:
    """Erase conversations; their numbers are never used again, since somebody may still ask for them."""
    prefixes = {match[1] for name in conversations if (match := _NUMBERED.fullmatch(name))}
    for prefix in sorted(prefixes):
        database.set_notes(**{f"{_LAST} {prefix}": str(last_number(database, prefix))})
    database.delete(conversations)
