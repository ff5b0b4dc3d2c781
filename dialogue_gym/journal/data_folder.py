"""The files that belong to a store beside its journal: checkpoints, keys, imported examples.

They lie in the folder of the store. A store in a database keeps them in a table, so that another machine
finds them: `DatabaseFile` is one of them, or a folder, with the part of `Path` that is needed.
"""

from __future__ import annotations

import atexit
import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any
from weakref import WeakSet

from dialogue_gym._files import write_whole
from dialogue_gym.journal.entry import StoreError
from dialogue_gym.journal.place import DatabaseUrl, StorePlace
from dialogue_gym.journal.postgres_link import PostgresLink
from dialogue_gym.journal.postgres_schema import migrate, version_of

_WITH_TABLES: WeakSet[PostgresLink] = WeakSet()
"""Connections to databases whose tables have been seen: they stay, and need not be looked for again."""
_LOCK_SECONDS = 10.0
"""Seconds for which a change of a file waits for those of other processes."""


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

DataPath = Path | DatabaseFile
"""A file that belongs to a store, or the folder of all of them."""


def data_folder(place: StorePlace) -> DataPath:
    """Return the folder of the files that belong to a store, which need not exist.

    Raises:
        StoreError: the server cannot be reached.
    """
    if isinstance(place, DatabaseUrl):
        return DatabaseFile(PurePosixPath(), PostgresLink(place, "files"))
    return place


def file_in(folder: DataPath, name: str) -> DataPath:
    """Return the file of a relative path, whose parts are separated by slashes."""
    found = folder
    for part in name.split("/"):
        found = found / part
    return found


def files_in(folder: DataPath) -> list[str]:
    """Return the relative paths of all files in a folder and those below, without hidden ones, sorted.

    Raises:
        OSError: the folder or the database cannot be read.
    """
    if isinstance(folder, Path):
        paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
        return sorted(path.as_posix() for path in paths if not path.name.startswith("."))
    return folder.files()


def write_data(path: DataPath, data: bytes) -> None:
    """Write a file that belongs to a store, whole or not at all; it is on the disk then.

    Raises:
        OSError: it cannot be written; its old content is unchanged.
    """
    if isinstance(path, DatabaseFile):
        path.write_bytes(data)
        return

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    write_whole(path, write)


def write_new_data(path: DataPath, data: bytes) -> None:
    """Write a file that belongs to a store, as `write_data` does, unless there is one.

    Raises:
        OSError: it cannot be written.
    """
    if isinstance(path, DatabaseFile):
        path.exchange(data, None)  # of several processes at once one writes it
    elif not path.exists():  # of a folder, one process at a time makes use
        write_data(path, data)


def append_data(path: DataPath, data: bytes) -> None:
    """Add to the end of a file that belongs to a store; it is on the disk then. Several processes can.

    Args:
        path: the file, which need not exist.
        data: bytes that the file has nowhere else, such as a line with a random part.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if isinstance(path, DatabaseFile):
        path.append_bytes(data)
        return
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with open(handle, "ab", buffering=0) as file:
        file.write(data)
        os.fsync(file.fileno())


def change_data(path: DataPath, change: Callable[[bytes | None], bytes]) -> None:
    """Change a file that belongs to a store. Processes do so one after another, so that no change is lost.

    Args:
        path: the file, which need not exist.
        change: returns the new content for the one before, which is None without a file. It may be called
            several times; an error that it raises leaves the file as it is.

    Raises:
        OSError: the file cannot be read or written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if isinstance(path, DatabaseFile):
        while True:
            version, before = path.snapshot()
            data = change(before)
            # If the connection was lost, the first attempt may have been the one that wrote it.
            if path.exchange(data, version) or path.snapshot()[1] == data:
                return
    from filelock import FileLock

    with FileLock(path.with_name(f".{path.name}.lock"), timeout=_LOCK_SECONDS):
        write_data(path, change(path.read_bytes() if path.exists() else None))
        path.chmod(0o600)


def stamp_of(path: DataPath) -> tuple[int, ...] | None:
    """Return numbers that another content of a file changes; None without a file.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    if isinstance(path, DatabaseFile):
        return (found.st_mtime_ns,)
    # Two writes in one tick of the clock have the same time, but not the same file.
    return found.st_mtime_ns, found.st_ino, found.st_size


@cache
def _copies() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="dialogue-gym-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def local_file(path: DataPath) -> Path:
    """Return a file on this machine with the content of a store's file; it stays until the process ends."""
    if isinstance(path, Path):
        return path
    copy = Path(tempfile.mkdtemp(dir=_copies())) / path.name
    copy.write_bytes(path.read_bytes())
    return copy
