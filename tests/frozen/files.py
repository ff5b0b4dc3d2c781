"""The files of version 0.1.0, and a copy of them for a test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the files, since opening a store writes to it."""
    folder = Path(shutil.copytree(HERE, tmp_path / "frozen"))
    newest = next((folder / "pizza-live" / "checkpoints").iterdir())
    shutil.copy(newest, newest.with_name("best.npz"))  # they were the same, byte for byte
    return folder
