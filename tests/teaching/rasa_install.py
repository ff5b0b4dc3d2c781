"""Rasa 3.6.21 under Python 3.10, as far as its readers, validator and rule policy need."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.peers import environment_of

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def rasa(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python 3.10 with Rasa's readers, and few of Rasa's dependencies."""
    installed = sorted((Path.home() / ".pyenv/versions").glob("3.10*/bin/python"))
    candidates = [*map(str, installed), *filter(None, [shutil.which("python3.10")])]
    works = (one for one in candidates if not subprocess.run([one, "-V"], capture_output=True).returncode)
    if (found := next(works, None)) is None:
        pytest.skip("no Python 3.10 for Rasa's readers")
    packages = ("--no-deps", "rasa==3.6.21", "--requirement", HERE / "rasa_constraints.txt")
    try:
        return environment_of(tmp_path_factory, "rasa", *packages, base=found)
    except RuntimeError as error:
        pytest.skip(f"Rasa cannot be installed: {error}")


def read_by(rasa: Path, folder: str) -> dict[str, Any]:
    """Return what Rasa reads from a project."""
    found: dict[str, Any] = told_by(rasa, "rasa_reader.py", folder)
    return found


def told_by(rasa: Path, script: str, folder: str, *arguments: str) -> Any:
    """Return the JSON that a script of this folder prints under Rasa's Python."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(Path.home()), "RASA_TELEMETRY_ENABLED": "false"}
    command = [str(rasa), str(HERE / script), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
