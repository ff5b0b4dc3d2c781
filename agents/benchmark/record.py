"""The finished cells of a benchmark, one JSON line each, from which a killed run resumes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from dialogue_gym.utils import write_text

Record = dict[str, Any]


_KEYS = {"fingerprint", "cell", "exact", "evaluations", "seconds", "versions"}


class Journal:
    """The file `cells.jsonl` in a folder."""

    def __init__(self, folder: Path) -> None:
        """Read the finished cells, leaving out an incomplete last line.

        Raises:
            ValueError: the file is not text, or a line is not a finished cell.
        """
        self._path = folder / "cells.jsonl"
        self.records: dict[str, Record] = {}
        """Records of the finished cells, by fingerprint."""
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
                missing = _KEYS - set(record)
                if missing:
                    raise KeyError(*missing)
                self.records[record["fingerprint"]] = record
            except (ValueError, KeyError, TypeError):
                raise ValueError(f"{self._path}:{number}: not a finished cell") from None
        self._complete = None if complete == text else complete

    def repair(self) -> None:
        """Cut off an incomplete last line, before others are added."""
        if (complete := self._complete) is not None:
            write_text(self._path, complete)
            self._complete = None

    def add(self, record: Record) -> None:
        """Append a finished cell, and sync the file to disk."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.records[record["fingerprint"]] = record
