"""Commands as tests run them: in a process of their own, or in this one, which saves their start."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT


def run(words: list[str], cwd: Path, seconds: int = 300, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command that succeeds, in a process of its own."""
    done = subprocess.run(
        words, cwd=cwd, env=os.environ | {"PYTHONPATH": str(ROOT)}, input=typed, timeout=seconds,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def dialogue_gym(*words: str, cwd: Path, typed: str = "") -> str:
    """Run `dialogue-gym` in this process; return what it prints to its standard output."""
    from dialogue_gym.cli import main

    printed, status = io.StringIO(), 0
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(printed),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "argv", ["dialogue-gym", *words])
        patch.setattr(sys, "stdin", io.StringIO(typed))
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
    assert status == 0, (words, status, printed.getvalue())
    return printed.getvalue()
