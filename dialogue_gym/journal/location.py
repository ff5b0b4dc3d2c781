"""Whether there is a store in a place, and the folder of a domain's store."""

from __future__ import annotations

from pathlib import Path

from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.journal.entry import StoreError
from dialogue_gym.journal.identity import StoredDomain, mismatch
from dialogue_gym.journal.place import JOURNAL, DatabaseUrl, StorePlace, is_database_url
from dialogue_gym.journal.store import Store


def has_store(place: StorePlace) -> bool:
    """Return whether there is a store in a folder or a database.

    Raises:
        StoreError: the server of the database cannot be reached, or the store is of a later version.
    """
    if not isinstance(place, DatabaseUrl):
        return (place / JOURNAL).is_file()
    from dialogue_gym.journal.postgres_link import PostgresLink
    from dialogue_gym.journal.postgres_schema import version_of

    link = PostgresLink(place, "looks")
    try:
        return version_of(link) > 0
    finally:
        link.close()


def store_named(name: str | None) -> StorePlace | None:
    """Return the place of a store that is named where an agent can be named as well; None for anything else.

    The address of a database is always that of a store.

    Raises:
        StoreError: see `has_store`.
    """
    if not name:
        return None
    if is_database_url(name):
        return DatabaseUrl(name)
    return Path(name) if has_store(Path(name)) else None


def default_store(name: str, use: str, source: str, text: str) -> Path:
    """Return the folder of a domain's store when none is given: `NAME-USE` in the current folder.

    A project goes on with its store after its file was renamed.

    Args:
        name: the name of the domain.
        use: `"teaching"` or `"live"`.
        source: the name of a built-in domain, or the path of a file.
        text: the text of the domain's file.

    Raises:
        DomainError: the text is not that of a domain.
    """
    folder = Path(f"{name}-{use}")
    if (folder / JOURNAL).exists() or source in builtin_names():
        return folder
    found = [other for other in sorted(Path().glob(f"*-{use}")) if _is_left(other, source, text)]
    return found[0] if len(found) == 1 else folder


def _is_left(folder: Path, source: str, text: str) -> bool:
    """Return whether a store belongs to a domain whose file is gone, and which a text continues."""
    if not (folder / JOURNAL).exists():
        return False
    try:
        with Store(folder, create=False, read_only=True) as store:
            known = store.domain
    except StoreError:
        return False  # damaged, or of a later version; the person did not name it
    if known is None or known.source in builtin_names() or Path(known.source).exists():
        return False
    return known.text == text or mismatch(known, StoredDomain(source, text)) is None
