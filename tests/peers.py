"""Other packages, or old ones, in an environment of their own, installed once for all workers of a run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock


def environment_of(
    factory: pytest.TempPathFactory,
    name: str,
    *packages: str | Path,
    constraints: Path | None = None,
    base: str = sys.executable,
    options: tuple[str, ...] = (),
) -> Path:
    """Return the interpreter of an environment with some packages.

    `base` is the interpreter that it is made from, and `options` are more options of the installer.

    uv, which make installs, links the files that it has unpacked before; pip copies them, for a minute.

    Raises:
        RuntimeError: a package cannot be installed; the message is the last line of the installer.
    """
    run = factory.getbasetemp()
    folder = (run.parent if "PYTEST_XDIST_WORKER" in os.environ else run) / "peers" / name
    folder.mkdir(parents=True, exist_ok=True)
    python, done = folder / "venv" / "bin" / "python", folder / "done"
    with FileLock(folder / "lock"):
        if not done.exists():
            shutil.rmtree(folder / "venv", ignore_errors=True)
            _install(
                python, [*packages, *options, *(("--constraint", constraints) if constraints else ())], base
            )
            done.touch()
    return python


def _install(python: Path, what: list[str | Path], base: str) -> None:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv:
        links = [f"--find-links={folder}" for folder in os.environ.get("PIP_FIND_LINKS", "").split()]
        make = [uv, "venv", "--quiet", "--python", base]
        install = [uv, "pip", "install", "--quiet", "--python", python, *links]
    else:
        make = [base, "-m", "venv", "--without-pip"]
        install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-compile"]
    for command in ([*make, python.parent.parent], [*install, *what]):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError((done.stderr.strip().splitlines() or ["no message"])[-1])
