"""Helpers that run commands of `python -m agents`."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys

import pytest

from agents import cli


def agents(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in this process, which saves the seconds that its imports take."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        patch.setattr(sys, "argv", ["agents", *words])
        cli.main()
    status = ended.value.code or 0
    assert isinstance(status, int)
    return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())


def agents_apart(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a new process."""
    return subprocess.run(
        [sys.executable, "-m", "agents", *words], capture_output=True, text=True, check=False, timeout=300
    )
