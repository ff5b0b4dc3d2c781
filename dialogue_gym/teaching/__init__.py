"""Teaching a bot by confirming or correcting its next action, which it learns on the spot.

Names load when they are used, so that a light one brings no learner.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dialogue_gym.teaching.learner import Learner, right_actions
    from dialogue_gym.teaching.mode import FAKE, ME, use_mode
    from dialogue_gym.teaching.pending import SessionError
    from dialogue_gym.teaching.policy import TaughtPolicy, taught_agent
    from dialogue_gym.teaching.session import Session
    from dialogue_gym.teaching.simulated_teacher import SimulatedTeacher, teach
    from dialogue_gym.teaching.simulated_user import SEED, SimulatedUser
    from dialogue_gym.teaching.story_import import import_stories

__all__ = [
    "FAKE",
    "ME",
    "SEED",
    "Learner",
    "Session",
    "SessionError",
    "SimulatedTeacher",
    "SimulatedUser",
    "TaughtPolicy",
    "import_stories",
    "right_actions",
    "taught_agent",
    "teach",
    "use_mode",
]

_MODULES = {
    "FAKE": "mode",
    "ME": "mode",
    "SEED": "simulated_user",
    "Learner": "learner",
    "Session": "session",
    "SessionError": "pending",
    "SimulatedTeacher": "simulated_teacher",
    "SimulatedUser": "simulated_user",
    "TaughtPolicy": "policy",
    "import_stories": "story_import",
    "right_actions": "learner",
    "taught_agent": "policy",
    "teach": "simulated_teacher",
    "use_mode": "mode",
}
"""Modules of the public names; they load with their first use."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
