"""Rooms in which teachers teach, and what they do there."""

from __future__ import annotations

from typing import Any

import pytest

from dialogue_gym import load_domain
from dialogue_gym.journal.store import Store
from dialogue_gym.web.workspace import TeachingConfig, Workspace, Workspaces

RESTAURANT, CONCERT = load_domain("restaurant"), load_domain("concert")


@pytest.fixture
def rooms(store: Store) -> Workspaces:
    return Workspaces(store, TeachingConfig(RESTAURANT))


def do(room: Workspace, what: str, **given: Any) -> dict[str, Any]:
    room.answer(room.step, what, given)
    return room.view
