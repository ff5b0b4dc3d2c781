"""Sources of a domain: a built-in name, a file, several files, or the folder of a project."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path

from dialogue_gym._files import FileError, FileKind, Problem, read_text
from dialogue_gym._markdown import MARKDOWN_SUFFIXES, is_markdown
from dialogue_gym._text import nearest, printable, quoted
from dialogue_gym.domain.markdown_responses import has_responses
from dialogue_gym.domain.model import DomainError

YAML_SUFFIXES = (".yml", ".yaml")
STORE_FILE = "journal.sqlite"
"""Marks the folder of a store, whose exported files are not those of the project."""
MOST_FOLDERS = 5_000
"""The most folders that are looked through for the files of a project."""
_NOT_OURS = ("node_modules", "__pycache__", "models", "results")
_MARKS = (STORE_FILE, "pyvenv.cfg")
_DOMAIN_KEY = re.compile(
    r"^([\"']?)(intents|entities|slots|responses|templates|actions|forms|session_config|e2e_actions|fake_user|"
    r"reward|expert)\1\s*:",
    re.MULTILINE,
)
_ANY_FILE = FileKind("file of a project", FileError, max_bytes=200_000_000)

Source = str | Path | Sequence[str | Path]


def builtin_names() -> list[str]:
    """Return the names of the domains that come with the library."""
    folder = resources.files("dialogue_gym") / "domains"
    return sorted(entry.name for entry in folder.iterdir() if (entry / "domain.yml").is_file())


def domain_path(name: str) -> Path:
    """Return the file of a built-in domain."""
    return Path(str(resources.files("dialogue_gym"))) / "domains" / name / "domain.yml"


def namesake(name: str) -> str | None:
    """Return the path, as it is to be typed, of a file or folder here that is called like a built-in domain.

    None if the name is not that of a built-in domain, or nothing is called like it.
    """
    places = [f"./{name}{suffix}" for suffix in ("", *YAML_SUFFIXES)] if name in builtin_names() else []
    return next((place for place in places if Path(place).exists()), None)


def is_domain(text: str) -> bool:
    """Return whether a YAML text has a key that, as for Rasa, makes it a domain file."""
    return bool(_DOMAIN_KEY.search(text))


def files_of(source: Source, skipped: list[Problem]) -> tuple[str, list[Path]]:
    """Return the name of a domain and its files; `skipped` gets the files of a folder that cannot be read.

    Raises:
        DomainError: there is no such file, folder or built-in domain, or a folder has no domain.
    """
    if isinstance(source, (list, tuple)):
        parts = [files_of(one, skipped) for one in source]
        if not parts:
            raise DomainError("no domain: the list of files is empty")
        return parts[0][0], _distinct(path for _, paths in parts for path in paths)
    if not isinstance(source, (str, Path)):
        raise DomainError(f"domain={quoted(repr(source))}: expected a path, a name or a Domain")
    if source in builtin_names():
        return str(source), [domain_path(str(source))]
    path = Path(source)
    if isinstance(source, str) and (
        not source or (not path.suffix and "/" not in source and not _exists(path))
    ):
        meant = next((name for suffix in YAML_SUFFIXES if _exists(Path(name := f"{source}{suffix}"))), None)
        valid = f"did you mean {meant!r}?" if source and meant else nearest(source, builtin_names())
        raise DomainError(f"{quoted(source)} is neither a file nor a built-in domain; {valid}")
    if not _is_folder(path):
        return printable(path.stem), [path]
    if not (
        paths := [
            file
            for file in project_files(path, (*YAML_SUFFIXES, *MARKDOWN_SUFFIXES))
            if _has_domain(file, skipped)
        ]
    ):
        raise DomainError(f"{path}: no file of this folder is a domain (with intents, slots, responses ...)")
    return printable(path.resolve().name), _distinct(paths)


def _distinct(paths: Iterable[Path]) -> list[Path]:
    """Return paths without further ones of the same file, such as links."""
    found: dict[str, Path] = {}
    for path in paths:
        found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def project_files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """Return the files of a project with some suffixes; a folder comes before its subfolders.

    Hidden files, stores, virtual environments, and folders of models and installed packages are left out.

    Raises:
        DomainError: there are more folders than a project has; to look through all would take minutes.
    """
    found: list[Path] = []
    seen: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        inside = Path(parent)
        is_known = os.path.realpath(parent) in seen
        seen.add(os.path.realpath(parent))
        if is_known or (inside != folder and any((inside / mark).exists() for mark in _MARKS)):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _NOT_OURS)
        if len(seen) > MOST_FOLDERS:
            raise DomainError(
                f"{folder}: it has more than {MOST_FOLDERS:,} folders; give the folder or the file of one bot"
            )
        for name in sorted(files):
            if name.lower().endswith(tuple(suffixes)) and not name.startswith("."):
                found.append(inside / name)
    return found


def _has_domain(path: Path, skipped: list[Problem]) -> bool:
    try:
        text = read_text(path, _ANY_FILE)
        return has_responses(text) if is_markdown(path) else is_domain(text)
    except FileError as error:
        skipped.append(Problem(str(path), 1, f"skipped: {error}", is_error=False))
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
