"""The files that a store's bot is made with, as a note in the store."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_KINDS = ("nlu", "actions", "stories")
_HERE = "store:"
"""Begins a noted path that is relative to the folder of the store."""


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """The files that a bot is made with, apart from its domain: examples, code of actions, stories and rules.

    Each is a path, the name of a module, or an address.
    """

    nlu: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    stories: tuple[str, ...] = ()

    @classmethod
    def read(cls, note: str | None, folder: Path | None) -> StoredFiles:
        """Return the files that a note names; none without a note.

        Args:
            note: the text of the note.
            folder: the folder of the store; None for one in memory.
        """
        noted = json.loads(note or "{}")
        found = ((_read_path(one, folder) for one in noted.get(kind, ())) for kind in _KINDS)
        return cls(*map(tuple, found))

    def extended(
        self, nlu: Iterable[str], actions: Iterable[str], stories: Iterable[str] = ()
    ) -> StoredFiles:
        """Return the files with more of them."""
        local = (one for one in nlu if "://" not in one)  # a server has no file to export
        return StoredFiles((*self.nlu, *local), (*self.actions, *actions), (*self.stories, *stories))

    def note(self, folder: Path | None) -> str:
        """Return the text of a note with these files, each once; see `read`."""
        files = {kind: getattr(self, kind) for kind in _KINDS}
        noted = {
            kind: list(dict.fromkeys(_noted_path(name, folder) for name in some))
            for kind, some in files.items()
        }
        return json.dumps(noted)


def _noted_path(name: str, folder: Path | None) -> str:
    if folder is None or not Path(name).exists():
        return name  # a module or an address
    return _HERE + os.path.relpath(Path(name).resolve(), folder.resolve())


def _read_path(noted: str, folder: Path | None) -> str:
    if folder is None or not noted.startswith(_HERE):
        return noted
    return os.path.relpath((folder.resolve() / noted.removeprefix(_HERE)).resolve())
