"""The workspaces of teachers, and commands in them."""

from __future__ import annotations

from typing import Any

import pytest

from dialogue_gym import load_domain
from dialogue_gym.journal.store import Store
from dialogue_gym.web.commands import dispatch
from dialogue_gym.web.teaching_config import TeachingConfig
from dialogue_gym.web.workspace import Workspace, Workspaces

RESTAURANT, CONCERT = load_domain("restaurant"), load_domain("concert")


@pytest.fixture
def workspaces(store: Store) -> Workspaces:
    return Workspaces(store, TeachingConfig(RESTAURANT))


def do(workspace: Workspace, what: str, **given: Any) -> dict[str, Any]:
    dispatch(workspace, workspace.step, what, given)
    return workspace.view


def faults(workspace: Workspace) -> list[str]:
    return [text for text, style in workspace.view["notes"] if style == "bad"]
