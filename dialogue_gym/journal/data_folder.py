"""The files that belong to a store beside its journal: checkpoints, keys, imported examples.

They lie in the folder of the store. A store in a database keeps them in a table, so that another machine
finds them: see `DatabaseFile`, which is loaded for such a store alone.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Union

from dialogue_gym._files import write_whole
from dialogue_gym.journal.place import DatabaseUrl, StorePlace

if TYPE_CHECKING:
    from dialogue_gym.journal.database_file import DatabaseFile

_LOCK_SECONDS = 10.0
"""Seconds for which a change of a file waits for those of other processes."""

DataPath = Union[Path, "DatabaseFile"]
"""A file that belongs to a store, or the folder of all of them."""


def data_folder(place: StorePlace) -> DataPath:
    """Return the folder of the files that belong to a store, which need not exist.

    Raises:
        StoreError: the server cannot be reached.
    """
    if isinstance(place, DatabaseUrl):
        from dialogue_gym.journal.database_file import DatabaseFile
        from dialogue_gym.journal.postgres_link import PostgresLink

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

    A new one is its owner's alone, since it may hold secrets, or words of people.

    Raises:
        OSError: it cannot be written; its old content is unchanged.
    """
    if not isinstance(path, Path):
        path.write_bytes(data)
        return

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    write_whole(path, write, 0o600)
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    """Flush the names of files: after a loss of power they could be the former ones, or missing."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # as on Windows, where a folder cannot be opened
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_new_data(path: DataPath, data: bytes) -> None:
    """Write a file that belongs to a store, as `write_data` does, unless there is one.

    Raises:
        OSError: it cannot be written.
    """
    if not isinstance(path, Path):
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
    if not isinstance(path, Path):
        path.append_bytes(data)
        return
    is_new = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with open(handle, "ab", buffering=0) as file:
        file.write(data)
        os.fsync(file.fileno())
    if is_new:
        _flush_folder(path.parent)


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
    if not isinstance(path, Path):
        while True:
            version, before = path.snapshot()
            data = change(before)
            # If the connection was lost, the first attempt may have been the one that wrote it.
            if path.exchange(data, version) or path.snapshot()[1] == data:
                return
    from filelock import FileLock

    with FileLock(path.with_name(f".{path.name}.lock"), timeout=_LOCK_SECONDS):
        write_data(path, change(path.read_bytes() if path.exists() else None))


def stamp_of(path: DataPath) -> tuple[int, ...] | None:
    """Return numbers that another content of a file changes; None without a file.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    if not isinstance(path, Path):
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
