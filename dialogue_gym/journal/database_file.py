"""A file in the database of a store, with the part of `Path` that is needed."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any
from weakref import WeakSet

from dialogue_gym.journal.entry import StoreError
from dialogue_gym.journal.postgres_link import PostgresLink
from dialogue_gym.journal.postgres_schema import migrate, version_of

_WITH_TABLES: WeakSet[PostgresLink] = WeakSet()
"""Connections to databases whose tables have been seen: they stay, and need not be looked for again."""


@dataclass(frozen=True, order=True)
class DatabaseFile:
    """A file in a store's database, or a folder of them, which exists as long as it has files.

    All methods raise `OSError` if the database cannot be used.
    """

    path: PurePosixPath
    link: PostgresLink = field(compare=False, repr=False)

    def __truediv__(self, name: str) -> DatabaseFile:
        """Return the file of a name in this folder."""
        return DatabaseFile(self.path / name, self.link)

    def __str__(self) -> str:
        """Return the place of the database, and the path there."""
        return f"{self.link.url} {self.path}" if self.path.name else str(self.link.url)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.name

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return self.path.stem

    @property
    def parent(self) -> DatabaseFile:
        """The folder of the file."""
        return DatabaseFile(self.path.parent, self.link)

    def _run(self, query: str, **values: object) -> list[Any]:
        try:
            return self.link.run(query, name=str(self.path), **values)
        except StoreError as error:
            raise OSError(errno.EIO, str(error)) from None

    def mkdir(self, mode: int = 0o700, parents: bool = False, exist_ok: bool = False) -> None:
        """Make the table, if the store is new; folders need not be made."""
        try:
            migrate(self.link)
        except StoreError as error:
            raise OSError(errno.EIO, str(error)) from None

    def exists(self) -> bool:
        """Return whether there is such a file."""
        return self._has_tables() and bool(self._run("SELECT 1 FROM files WHERE name = %(name)s"))

    def _has_tables(self) -> bool:
        if self.link in _WITH_TABLES:
            return True
        try:
            has_tables = version_of(self.link) > 0
        except StoreError as error:
            raise OSError(errno.EIO, str(error)) from None
        if has_tables:
            _WITH_TABLES.add(self.link)
        return has_tables

    def is_dir(self) -> bool:
        """Return whether there are files in this folder."""
        return next(self.iterdir(), None) is not None

    def iterdir(self) -> Iterator[DatabaseFile]:
        """Yield the files of this folder, without those of its folders."""
        return (self / name for name in self.files() if "/" not in name)

    def files(self) -> list[str]:
        """Return the paths of all files in this folder and those below, relative to it, sorted."""
        below = f"{self.path}/" if self.path.name else ""
        query = 'SELECT name FROM files WHERE starts_with(name, %(below)s) ORDER BY name COLLATE "C"'
        rows = self._run(query, below=below) if self._has_tables() else []
        return [name.removeprefix(below) for (name,) in rows]

    def glob(self, pattern: str) -> Iterator[DatabaseFile]:
        """Yield the files of this folder whose names match a pattern."""
        return (one for one in self.iterdir() if fnmatchcase(one.name, pattern))

    def stat(self) -> SimpleNamespace:
        """Return `st_mtime_ns`, a number that another content changes."""
        rows = self._run("SELECT version FROM files WHERE name = %(name)s") if self._has_tables() else []
        if not rows:
            raise FileNotFoundError(errno.ENOENT, "there is no such file", str(self))
        return SimpleNamespace(st_mtime_ns=rows[0][0])

    def read_bytes(self) -> bytes:
        """Return the content."""
        rows = self._run("SELECT data FROM files WHERE name = %(name)s") if self._has_tables() else []
        if not rows:
            raise FileNotFoundError(errno.ENOENT, "there is no such file", str(self))
        return bytes(rows[0][0])

    def read_text(self, encoding: str) -> str:
        """Return the content as a text."""
        return self.read_bytes().decode(encoding)

    def write_bytes(self, data: bytes) -> None:
        """Write the content, all of it or nothing; it is on the disk then."""
        self._run(_WRITE, data=data)

    def append_bytes(self, data: bytes) -> None:
        """Add to the end of the content, at most once: the file has these bytes nowhere else."""
        self._run(_APPEND, data=data)

    def snapshot(self) -> tuple[int | None, bytes | None]:
        """Return the number of the content, as `stat` gives it, and the content; None without a file."""
        query = "SELECT version, data FROM files WHERE name = %(name)s"
        rows = self._run(query) if self._has_tables() else []
        return (rows[0][0], bytes(rows[0][1])) if rows else (None, None)

    def exchange(self, data: bytes, version: int | None) -> bool:
        """Write the content in the place of one with a number; return whether it was still that one."""
        return bool(self._run(_CREATE if version is None else _EXCHANGE, data=data, version=version))

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the file."""
        self._run("DELETE FROM files WHERE name = %(name)s")


_WRITE = """
INSERT INTO files (name, data) VALUES (%(name)s, %(data)s)
ON CONFLICT (name) DO UPDATE SET data = excluded.data, version = excluded.version
"""
# A statement is sent again if the connection was lost, so each must do nothing the second time.
_APPEND = """
INSERT INTO files (name, data) VALUES (%(name)s, %(data)s)
ON CONFLICT (name) DO UPDATE SET data = files.data || excluded.data, version = excluded.version
WHERE position(excluded.data in files.data) = 0
"""
_CREATE = "INSERT INTO files (name, data) VALUES (%(name)s, %(data)s) ON CONFLICT DO NOTHING RETURNING 1"
_EXCHANGE = """
UPDATE files SET data = %(data)s, version = nextval('file_versions')
WHERE name = %(name)s AND version = %(version)s RETURNING 1
"""
