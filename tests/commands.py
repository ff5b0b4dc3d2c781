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


def run(
    words: list[str], cwd: Path, seconds: int = 300, typed: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command that succeeds, in a process of its own."""
    done = subprocess.run(
        words, cwd=cwd, env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        input=typed, timeout=seconds, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def call(
    *words: str, typed: str = "", cwd: Path | None = None, columns: int = 80
) -> subprocess.CompletedProcess[str]:
    """Run `dialogue-gym` in this process; return its status, and what it prints through a pipe."""
    from dialogue_gym.cli import main

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    status = 0
    with (
        contextlib.chdir(cwd or Path.cwd()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "argv", ["dialogue-gym", *words])
        patch.setattr(sys.modules["__main__"], "__package__", None)  # or help would name pytest
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode()), encoding="utf-8"))
        patch.setenv("COLUMNS", str(columns))
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
    printed, complained = (stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(words, status, printed, complained)


def dialogue_gym(*words: str, cwd: Path, typed: str = "") -> str:
    """Run `dialogue-gym` in this process, to its success; return what it prints to its standard output."""
    done = call(*words, cwd=cwd, typed=typed)
    assert done.returncode == 0, (words, done.stderr, done.stdout)
    return done.stdout
