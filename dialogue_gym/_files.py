"""Files: read with errors that name the place, written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from yaml.reader import Reader

from dialogue_gym._text import article, printable


def write_whole(path: str | Path, write: Callable[[Path], object], mode: int = 0o666) -> None:
    """Let `write` make a file beside `path`, then rename it to `path`.

    A file that is there keeps its permissions, and a symbolic link its target, which is written.

    Args:
        path: the file.
        write: writes the content to a path.
        mode: the permissions of a new file, less those that the process takes from all.

    Raises:
        OSError: the file cannot be written; its old content is unchanged.
    """
    path = Path(path)
    path = path.resolve() if path.is_symlink() else path
    before = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
    with _beside(path, mode if before is None else before) as temporary:
        write(temporary)
        if before is not None:
            temporary.chmod(before)
        temporary.replace(path)


@dataclass(frozen=True)
class OutputKind:
    """A kind of file that a command writes: its noun in errors, and whether a file is of this kind.

    A command replaces files of its own kind alone, so that the same command can run again, and a slip in a
    name costs nobody a file.
    """

    noun: str
    is_own: Callable[[Path], bool]


def bears(mark: str, most: int = 2000) -> Callable[[Path], bool]:
    """Return a test for files with a mark among so many of their first bytes."""

    def has_mark(path: Path) -> bool:
        with path.open("rb") as stream:
            return mark.encode() in stream.read(most)

    return has_mark


def check_target(path: Path, kind: OutputKind | None = None) -> None:
    """Check that a file can be written here, before its content is computed.

    Args:
        path: the file.
        kind: the only kind of file that may be replaced, apart from an empty one; None for any.

    Raises:
        OSError: the folder does not exist or cannot be written, or the path is not that of a file.
        FileError: there is a file of another kind.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(path.parent))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, NO_FILE, str(path))
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(errno.EACCES, "this folder cannot be written", str(path.parent))
    if kind:
        refuse_other_kinds(path, kind)


def refuse_other_kinds(path: Path, kind: OutputKind) -> None:
    """Check that a file may be replaced by one of a kind: it does not exist, is empty or of this kind.

    Raises:
        OSError: it cannot be read.
        FileError: it is of another kind.
    """
    if path.exists() and path.stat().st_size and not kind.is_own(path):
        raise FileError(f"{path}: this file exists, and is not {kind.noun}; remove it, or write elsewhere")


def check_folder(folder: Path) -> None:
    """Check that a path can be that of a folder.

    Raises:
        NotADirectoryError: it is that of a file.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, NO_FOLDER, str(folder))


def prepare_folder(folder: str | Path) -> None:
    """Make a folder unless it is there, and check that files can be written to it.

    Raises:
        OSError: they cannot.
    """
    folder = Path(folder)
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with _errors_about(folder), tempfile.TemporaryFile(dir=folder):
        pass


@contextlib.contextmanager
def prepared_folder(folder: str | Path) -> Iterator[None]:
    """Prepare a folder for the files of a context; what it made is gone in the end if it is empty.

    Raises:
        OSError: files cannot be written there.
    """
    folder = Path(folder)
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    prepare_folder(folder)
    try:
        yield
    finally:
        for one in made:
            with contextlib.suppress(OSError):
                one.rmdir()


@contextlib.contextmanager
def _errors_about(path: Path) -> Iterator[None]:
    """Let an error about a temporary file, or about none, be one about a path: people know no other."""
    try:
        yield
    except OSError as error:
        is_other = error.filename is not None and Path(str(error.filename)).parent not in (path, path.parent)
        if is_other or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None


@contextlib.contextmanager
def _beside(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """Make a temporary file beside a path, which is gone in the end unless it was renamed."""
    check_target(path)
    with _errors_about(path):
        temporary = path.with_name(f".{secrets.token_hex(8)}{path.suffix}")
        owned = mode | stat.S_IRUSR | stat.S_IWUSR  # until it is written
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, owned))
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


def _share(temporary: Path) -> None:
    """Give a temporary folder, which its owner alone can read, the permissions of any new folder."""
    mask = os.umask(0)
    os.umask(mask)
    temporary.chmod(0o777 & ~mask)


def write_text(path: str | Path, text: str) -> None:
    """Write a text to a file, in UTF-8 and with its own line ends, whole or not at all.

    Raises:
        OSError: the file cannot be written; its old content is unchanged.
    """
    write_whole(path, lambda temporary: temporary.write_bytes(text.encode()))


def create_text(path: Path, text: str) -> None:
    """Write a text to a new file, in UTF-8, which appears with all of it.

    Raises:
        FileExistsError: there is such a file, which is unchanged.
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _beside(path) as temporary:
        temporary.write_bytes(text.encode())
        if sys.platform == "win32":
            temporary.rename(path)  # which fails there if the file exists
            return
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise FileExistsError(errno.EEXIST, "this file exists already", str(path)) from None
        except OSError:  # a file system without links: reserve the name, since a rename would replace a file
            path.open("x").close()
            temporary.replace(path)


def create_folder(folder: Path, contents: Mapping[str, str | bytes], check: Callable[[Path], object]) -> None:
    """Write files into a new folder, all of them or none; texts are in UTF-8.

    Args:
        folder: the folder to make; an empty one is filled.
        contents: the contents of its files, by their paths in the folder, with slashes.
        check: gets a folder with the files before this one has them; an error that it raises prevents that.

    Raises:
        FileExistsError: there is such a file, or a folder that is not empty, which is unchanged.
        OSError: the folder cannot be written.
    """
    is_there = folder.is_dir()
    if folder.exists() and not (is_there and not any(folder.iterdir())):
        reason = "this folder exists already and is not empty" if is_there else NO_FOLDER
        raise FileExistsError(errno.EEXIST, reason, str(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _errors_about(folder), tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as name:
        made = Path(name)
        for file, content in contents.items():
            (made / file).parent.mkdir(parents=True, exist_ok=True)
            (made / file).write_bytes(content.encode() if isinstance(content, str) else content)
        try:
            check(made)
        except FileError as error:
            raise type(error)(str(error).replace(str(made), str(folder))) from None
        if is_there:
            for path in list(made.iterdir()):
                path.replace(folder / path.name)
        else:
            _share(made)
            made.rename(folder)


@dataclass(frozen=True, order=True)
class Problem:
    """A fault in a file: an error, or a warning about something probably not intended."""

    file: str
    line: int
    message: str
    is_error: bool = True

    def __str__(self) -> str:
        """The problem on one line, with unprintable characters escaped."""
        kind = "error" if self.is_error else "warning"
        return printable(f"{kind}: {self.file}:{self.line}: {self.message}")


AGENT_FILE = "agent.json"
"""The file by which the folder of a trained agent is known; a store is not made there."""
FIGURES = "tensorboard"
"""The folder of the figures of a learning, for people to look at: nothing here reads them again."""
NO_FOLDER = "this is a file, not a folder"
NO_FILE = "this is a directory or device, not a file"
MAX_BYTES = 1_000_000
MAX_ENTRIES = 100_000


class FileError(ValueError):
    """A file that cannot be used. The message is one line: file, line, key and problem.

    Attributes:
        entry: the entry of a YAML file that has the fault; None if it is not in one.
    """

    entry: object = None

    def __init__(self, message: str) -> None:
        """Keep the message, with unprintable characters escaped."""
        super().__init__(printable(message))


@dataclass(frozen=True)
class FileKind:
    """A kind of file: its name in errors, the error to raise, and its greatest size."""

    noun: str
    error: type[FileError]
    max_bytes: int = MAX_BYTES
    max_entries: int = MAX_ENTRIES


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """Return the content of a file that a person has named; one byte too many of more than `most`.

    Raises:
        OSError: the file cannot be read, or is none: a named pipe would be waited for without end.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, NO_FILE, str(path))
    with path.open("rb") as stream:
        return stream.read(-1 if most is None else most + 1)


def read_text(path: Path, kind: FileKind) -> str:
    """Return the text of one file.

    Raises:
        FileError: the file cannot be read, is not UTF-8, too large or not text.
    """
    file = str(path)
    try:
        if not path.exists():
            raise kind.error(f"{file}: there is no such file")
        if not path.is_file():
            raise kind.error(f"{file}: this is a directory or device, not {article(kind.noun)}")
        data = read_bytes(path, kind.max_bytes)
    except OSError as error:
        raise kind.error(f"{file}: cannot be read ({error.strerror or error})") from None
    if len(data) > kind.max_bytes:
        raise kind.error(
            f"{file}: larger than {kind.max_bytes // 1_000_000} MB, the limit for {article(kind.noun)}"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise kind.error(f"{file}:{line}: not a text file in UTF-8") from None


def check_characters(text: str, file: str, kind: FileKind) -> None:
    """Refuse control characters, as YAML does."""
    if odd := Reader.NON_PRINTABLE.search(text):
        line = text.count("\n", 0, odd.start()) + 1
        raise kind.error(f"{file}:{line}: {odd[0]!r} is a control character, not text")
