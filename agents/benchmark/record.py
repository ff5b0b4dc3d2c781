"""The finished runs of a study, one JSON line each, from which a killed study resumes."""

from __future__ import annotations

import json
import os
from collections.abc import Set
from pathlib import Path
from typing import Any

from dialogue_gym.utils import write_text

Record = dict[str, Any]
"""What a run found, with its `fingerprint`."""


class Journal:
    """A file of JSON lines, each the record of a finished run."""

    def __init__(self, path: Path, kind: str, keys: Set[str]) -> None:
        """Read the finished runs, leaving out an incomplete last line.

        Args:
            path: the file, which need not exist.
            kind: the name of one run in messages.
            keys: the keys that each record has besides its fingerprint.

        Raises:
            ValueError: the file is not text, or a line is not a finished run.
        """
        self._path = path
        self.records: dict[str, Record] = {}
        """Records of the finished runs, by fingerprint."""
        self._complete: str | None = None
        if not self._path.exists():
            return
        try:
            text = self._path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise ValueError(f"{self._path}: not a UTF-8 text file") from None
        complete = text[: text.rfind("\n") + 1]
        for number, line in enumerate(complete.splitlines(), 1):
            try:
                record = json.loads(line)
                missing = keys - set(record)
                if missing:
                    raise KeyError(*missing)
                self.records[record["fingerprint"]] = record
            except (ValueError, KeyError, TypeError):
                raise ValueError(f"{self._path}:{number}: not a finished {kind}") from None
        self._complete = None if complete == text else complete

    def repair(self) -> None:
        """Cut off an incomplete last line, before others are added."""
        if (complete := self._complete) is not None:
            write_text(self._path, complete)
            self._complete = None

    def add(self, record: Record) -> None:
        """Append a finished run, and sync the file to disk."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.records[record["fingerprint"]] = record
