"""A store of each kind, for all tests of the journal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dialogue_gym.journal.place import StorePlace
from dialogue_gym.journal.store import Store


@pytest.fixture
def store(place: StorePlace) -> Iterator[Store]:
    with Store(place) as opened:
        yield opened
