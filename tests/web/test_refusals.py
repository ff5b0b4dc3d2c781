"""A server with options that cannot be used says so in one line, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra web is missing")

from dialogue_gym.journal.place import DatabaseUrl
from tests import ROOT
from tests.commands import call
from tests.web.servers import LONG

WRONG = {
    "agent": (("--agent", "nope"), "'nope' is neither an agent"),
    "examples": (("--nlu", "nope.yml"), "nope.yml: there is no such file"),
    "actions": (("--actions", "nope.py"), "nope.py"),
    "exploration": (("--explore", "often"), "--explore 'often'"),
    "logo": (("--logo", "nope.svg"), "nope.svg"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("has_teachers", [True, False])
def test_nothing_is_written(name: str, has_teachers: bool, tmp_path: Path) -> None:
    words, said = WRONG[name]
    teach = () if has_teachers else ("--no-teach",)
    done = call(
        "serve", "restaurant", "--talk", *teach, "--store", "kept", "--port", "0", *words, cwd=tmp_path
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and said in done.stderr, done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["agent", "examples"])
def test_several_processes_are_not_started_again(name: str, tmp_path: Path, database: DatabaseUrl) -> None:
    words, said = WRONG[name]
    many = ("--talk", "--workers", "1", "--store", database.url, "--port", "0", *words)
    done = subprocess.run(
        [sys.executable, "-m", "dialogue_gym", "serve", "restaurant", *many], cwd=tmp_path, timeout=LONG,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("error:") == 1, done.stderr
    assert "starts again" not in done.stdout and "Talk to the bot" not in done.stdout
