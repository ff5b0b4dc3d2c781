"""Teaching a bot by confirming or correcting its next action, while it learns on the spot."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dialogue_gym.teaching.learner import right_actions

__all__ = ["right_actions"]

_MODULES = {"right_actions": "learner"}
"""Modules of the public names; they load with their first use."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
