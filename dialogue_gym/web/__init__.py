"""The web server: teachers' pages with a workspace each, the visitors' page, and interfaces for programs."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dialogue_gym.web.commands import dispatch
    from dialogue_gym.web.workspace import StaleCommand, TeachingConfig, Workspace, Workspaces

__all__ = ["StaleCommand", "TeachingConfig", "Workspace", "Workspaces", "dispatch"]

_MODULES = {
    "StaleCommand": "workspace",
    "TeachingConfig": "workspace",
    "Workspace": "workspace",
    "Workspaces": "workspace",
    "dispatch": "commands",
}
"""Modules of the public names; they load with their first use."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
