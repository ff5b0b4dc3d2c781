"""Damaged journals and folders that can hold none are reported in one line; files survive a loss of power."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from dialogue_gym._text import printable
from dialogue_gym.journal.data_folder import append_data, write_data
from dialogue_gym.journal.store import Store, StoreError
from tests.journal.test_store import fill


def overwrite(start: int, data: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[start : start + len(data)] = data
        path.write_bytes(content)

    return write


def sql(statement: str) -> Callable[[Path], None]:
    def run(path: Path) -> None:
        database = sqlite3.connect(path)
        database.executescript(f"DROP TRIGGER IF EXISTS entries_are_never_changed; {statement}")
        database.close()

    return run


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_text("concerts: []\n" * 200), "not a journal of dialogue_gym"),
        (lambda path: os.truncate(path, path.stat().st_size // 2), "damaged|malformed|error: "),
        (overwrite(0, b"\0" * 4000), "not a journal of dialogue_gym"),
        (overwrite(9000, b"\xff" * 9000), "damaged|malformed|error: "),
        (sql("PRAGMA application_id = 0"), "not a journal of dialogue_gym"),
        (sql("PRAGMA user_version = 9"), "its format is 9; this version of dialogue_gym reads 1"),
        (sql("DELETE FROM entries WHERE id = 4"), "error: entry 5: it follows entry 4, which is not there"),
        (
            sql("UPDATE entries SET content = '{' WHERE id = 4"),
            r"^error: [^;]*entry 4: its content is not JSON$",
        ),
        (sql("UPDATE entries SET content = '3' WHERE id = 4"), "entry 4: its content is not an object"),
        (sql("UPDATE entries SET time = 5 WHERE id = 4"), "error: entry 4: it is older than the one before"),
        (sql("UPDATE entries SET revision = 5 WHERE id = 4"), "entry 4: its revision is 5, not 0"),
        (sql("UPDATE entries SET kind = 'labels' WHERE id = 4"), "warning: .* did you mean 'label'"),
        (sql("UPDATE entries SET kind = 'user' WHERE id = 4"), "error: entry 4: unknown event None"),
        (
            sql("UPDATE entries SET kind = 'head', content = '{\"to\": 99}' WHERE id = 4"),
            "points to entry 99",
        ),
    ],
)
def test_damaged_journal_is_reported_in_one_line(
    tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    with Store(tmp_path) as store:
        fill(store, "a", 100)
    damage(tmp_path / "journal.sqlite")
    try:
        with Store(tmp_path) as store:
            lines = store.check()
    except StoreError as error:
        lines = [str(error)]
    assert re.search(message, "; ".join(lines)) and all(line == printable(line) for line in lines)


def test_impossible_folder_is_reported(tmp_path: Path) -> None:
    for keywords in ({"create": False}, {"read_only": True}):
        with pytest.raises(StoreError, match="there is no store here"):
            Store(tmp_path / "none", **keywords)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path / "file" / "store")
    (tmp_path / "journal.sqlite").mkdir()
    with pytest.raises(StoreError, match="a directory or device, not a file"):
        Store(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    sql("CREATE TABLE photos (name)")(other / "journal.sqlite")
    before = (other / "journal.sqlite").read_bytes()
    with pytest.raises(StoreError, match="not a journal of dialogue_gym"):
        Store(other)
    assert (other / "journal.sqlite").read_bytes() == before


def test_names_of_new_files_are_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that loses its power may otherwise find the former file, or none."""
    flushed: list[list[str]] = []
    fsync = os.fsync

    def watched(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            flushed.append(sorted(os.listdir(handle)))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    write_data(tmp_path / "a", b"whole")
    for _ in range(2):
        append_data(tmp_path / "b", b"line")
    assert flushed == [["a"], ["a", "b"]]
