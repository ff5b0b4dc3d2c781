"""The place of a store: a folder, or the address of a PostgreSQL database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from dialogue_gym._files import AGENT_FILE, FileError
from dialogue_gym._text import without_password

JOURNAL = "journal.sqlite"
"""The name of the file of the journal in the folder of a store."""
_SCHEME = re.compile(r"postgres(?:ql)?://")


@dataclass(frozen=True, slots=True, repr=False)
class DatabaseUrl:
    """The address of a PostgreSQL database, `postgresql://USER@HOST/DATABASE`; its text has no password.

    Attributes:
        url: the whole address, perhaps with a password. Everything else that libpq knows may stand in it, or
            in its environment variables and files (`PGPASSWORD`, `~/.pgpass`).
    """

    url: str

    def __str__(self) -> str:
        """Return the address without its password, which a command takes as well."""
        return without_password(self.url)

    def __repr__(self) -> str:
        """Return the same as a call."""
        return f"{type(self).__name__}({str(self)!r})"

    @property
    def name(self) -> str:
        """The name of the database, or what stands in its place."""
        path = str(self).partition("://")[2].partition("?")[0]
        host, _, database = path.partition("/")
        return unquote(database) or host.rpartition("@")[2].partition(":")[0] or "postgresql"


StorePlace = Path | DatabaseUrl
"""The place of a store; its text is what `--store` takes."""


class PlaceError(FileError):
    """A text that names neither a folder nor a PostgreSQL database. The message is one line."""


def refuse_agents(folder: Path) -> None:
    """Check that a folder without a store is not that of a trained agent, which a store would hide.

    Raises:
        PlaceError: it is.
    """
    if (folder / AGENT_FILE).exists() and not (folder / JOURNAL).exists():
        raise PlaceError(f"{folder}: this folder has a trained agent; a store needs another one")


def is_database_url(text: str) -> bool:
    """Return whether a text is meant as the address of a PostgreSQL database."""
    return _SCHEME.match(text) is not None


def place_of(text: str) -> StorePlace:
    """Return the place that a person names.

    Raises:
        PlaceError: it is an address, but not of PostgreSQL, a file, or the folder of a trained agent.
    """
    if is_database_url(text):
        return DatabaseUrl(text)
    if re.match(r"[\w+]+://|postgres(ql)?:", text):
        raise PlaceError(
            f"{without_password(text)}: a store is a folder, or a database postgresql://USER@HOST/DATABASE"
        )
    if Path(text).is_file():
        raise PlaceError(f"{text}: this is a file, and a store is a folder or a database")
    refuse_agents(Path(text))  # before anything else is written there
    return Path(text)
