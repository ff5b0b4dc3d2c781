"""Every command that takes a store takes the address of a database, and never prints its password."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dialogue_gym.journal.place import DatabaseUrl
from dialogue_gym.live.checkpoints import checkpoints_of
from tests.commands import call
from tests.postgres import ESCAPED, PASSWORD


def said(*words: str, cwd: Path, typed: str = "", status: int = 0) -> str:
    done = call(*words, cwd=cwd, typed=typed)
    printed = done.stdout + done.stderr
    assert done.returncode == status and "Traceback" not in printed, printed
    assert ESCAPED not in printed and PASSWORD not in printed
    return printed


@pytest.mark.slow
def test_bot_is_taught_talked_to_and_looked_at_in_a_database(database: DatabaseUrl, tmp_path: Path) -> None:
    url, hidden = database.url, re.escape(str(database))
    taught = said("teach", "concert", "--teacher", "expert", "--dialogues", "8", "--store", url, cwd=tmp_path)
    assert "dialogues: 8" in taught
    again = ["teach", "concert", "--teacher", "expert", "--pretrained", "--store", url]
    assert re.search(f"{hidden}: a store exists already", said(*again, cwd=tmp_path, status=2))
    live = said("live", "concert", "--store", url, cwd=tmp_path, typed="/greet\n/bye\n")
    assert re.search(f"everything is saved in {hidden}", live) and len(checkpoints_of(database).paths()) > 0
    chat = said("chat", "concert", "--agent", url, cwd=tmp_path, typed="/greet\n")
    assert f"with the agent '{database.name}'" in chat
    assert "mean return" in said("evaluate", "concert", "--agent", url, "--dialogues", "20", cwd=tmp_path)
    report = said("test", url, "--domain", "concert", "--dialogues", "5", "--format", "fixed", cwd=tmp_path)
    assert "5 dialogues" in report
    assert said("store", "check", url, cwd=tmp_path) == "no problems found\n"
    assert "live1" in said("store", "list", url, cwd=tmp_path)
    assert "user  " in said("store", "show", "live1", "--store", url, cwd=tmp_path)
    assert "domain.yml" in said("store", "export", "out", "--store", url, cwd=tmp_path)
    assert "000001" in said("store", "rollback", "--store", url, cwd=tmp_path)
    assert "begins with" in said("store", "rollback", "best", "--store", url, cwd=tmp_path)
    forgotten = said("store", "forget", "live1", "--yes", "--store", url, cwd=tmp_path)
    assert "live1 erased" in forgotten and "checkpoint" in forgotten
    pruned = said("store", "prune", "--yes", "--conversations", "0", "--store", url, cwd=tmp_path)
    assert "checkpoint" in pruned
    assert not [path.name for path in tmp_path.iterdir() if path.name != "out"]  # nor figures


@pytest.mark.parametrize(
    "words", [("store", "check"), ("chat", "concert", "--agent"), ("live", "concert", "--store")]
)
def test_places_that_cannot_be_used_are_reported_in_one_line(
    words: tuple[str, ...], database: DatabaseUrl, tmp_path: Path
) -> None:
    missing = database.url.replace(f"/{database.name}", "/nothing")
    line = said(*words, missing, cwd=tmp_path, status=2).splitlines()[-1]
    assert "there is no database 'nothing'; make it with: createdb" in line
    other = said(*words, f"mysql://u:{ESCAPED}@h/d", cwd=tmp_path, status=2)
    assert "postgresql://USER@HOST/DATABASE" in other or words[0] == "chat"


def test_store_is_copied(database: DatabaseUrl, tmp_path: Path) -> None:
    said("teach", "concert", "--teacher", "expert", "--dialogues", "2", "--store", "own", cwd=tmp_path)
    line = said("store", "copy", "own", database.url, cwd=tmp_path)
    assert re.fullmatch(rf"{re.escape(str(database))} has all of own: \d+ entries and 0 files\n", line)
    assert "has all of" in said("store", "copy", database.url, "again", cwd=tmp_path)
    lists = [said("store", "list", place, cwd=tmp_path) for place in ("own", database.url, "again")]
    assert len(set(lists)) == 1 and "c1" in lists[0]
    assert "is something here already" in said("store", "copy", "own", database.url, cwd=tmp_path, status=2)
