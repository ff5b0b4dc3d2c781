"""Teaching a bot by confirming or correcting its next action, which it learns on the spot.

Names load when they are used, so that a light one brings no learner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogue_gym._lazy import lazy_getattr

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

__getattr__ = lazy_getattr(__name__, {
    "learner": ("Learner", "right_actions"),
    "mode": ("FAKE", "ME", "use_mode"),
    "pending": ("SessionError",),
    "policy": ("TaughtPolicy", "taught_agent"),
    "session": ("Session",),
    "simulated_teacher": ("SimulatedTeacher", "teach"),
    "simulated_user": ("SEED", "SimulatedUser"),
    "story_import": ("import_stories",),
})  # fmt: skip
