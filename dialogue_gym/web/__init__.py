"""The web server: teachers' pages with a workspace each, the visitors' page, and interfaces for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogue_gym._lazy import lazy_getattr

if TYPE_CHECKING:
    from dialogue_gym.web.commands import dispatch
    from dialogue_gym.web.teaching_config import TeachingConfig
    from dialogue_gym.web.workspace import StaleCommand, Workspace, Workspaces

__all__ = ["StaleCommand", "TeachingConfig", "Workspace", "Workspaces", "dispatch"]

__getattr__ = lazy_getattr(__name__, {
    "commands": ("dispatch",),
    "teaching_config": ("TeachingConfig",),
    "workspace": ("StaleCommand", "Workspace", "Workspaces"),
})  # fmt: skip
