"""Scripts for other libraries run as they are, in an environment of their own that all of them share."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT

HERE = Path(__file__).parent
SCRIPTS = sorted(path.name for path in HERE.glob("*_run.py"))


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with the libraries, their versions as in `constraints.txt`."""
    folder = tmp_path_factory.mktemp("libraries") / "venv"
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        uv = Path(shutil.which("uv") or pytest.skip("there is no uv, which make installs in .venv"))
    links = [f"--find-links={folder}" for folder in os.environ.get("PIP_FIND_LINKS", "").split()]
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    python = folder / "bin/python"
    subprocess.run(
        [
            uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            python,
            *links,
            "--no-deps",  # the list is complete, and some libraries pin older versions of others
            "--requirement",
            HERE / "constraints.txt",
        ],
        check=True,
    )
    return python


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_script_runs(script: str, python: Path, tmp_path: Path) -> None:
    variables = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HOME": str(tmp_path)}
    variables["SERVER_PYTHON"] = sys.executable  # has the extra `web`
    done = subprocess.run(
        [python, HERE / script], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
