"""A fixture of the tests with teachers among people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.handoffs import Setup


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    made = Setup(tmp_path / "store")
    yield made
    made.store.close()
