"""The finished cells of a benchmark, one JSON line each: a run that was killed goes on where it was."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from agents.files import write_whole

Record = dict[str, Any]


class Journal:
    """The file `cells.jsonl` in a folder."""

    def __init__(self, folder: Path) -> None:
        """Read what is there; of a line that was not written to its end nothing is kept."""
        self._path = folder / "cells.jsonl"
        self.records: dict[str, Record] = {}
        """What came of the finished cells, by fingerprint."""
        if not self._path.exists():
            return
        text = self._path.read_text(encoding="utf-8")
        complete = text[: text.rfind("\n") + 1]
        for number, line in enumerate(complete.splitlines(), 1):
            try:
                record = json.loads(line)
                self.records[record["fingerprint"]] = record
            except (ValueError, KeyError, TypeError):
                raise ValueError(f"{self._path}:{number}: this is no finished cell") from None
        if complete != text:
            write_whole(self._path, lambda path: path.write_text(complete, encoding="utf-8"))

    def add(self, record: Record) -> None:
        """Write a finished cell down, for good."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.records[record["fingerprint"]] = record
