"""Wrappers of environments: rewards from a person, a user who speaks in sentences, texts as observations.

The modules load when a name is used, since `import dialogue_gym` needs none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogue_gym._lazy import lazy_getattr

if TYPE_CHECKING:
    from dialogue_gym.wrappers.credit import Credit
    from dialogue_gym.wrappers.feedback import Step, TerminalFeedback
    from dialogue_gym.wrappers.feedback_log import FeedbackLog
    from dialogue_gym.wrappers.human_reward import HumanReward
    from dialogue_gym.wrappers.reward_model import RewardModel
    from dialogue_gym.wrappers.spoken_user import SpokenUser
    from dialogue_gym.wrappers.text_observation import TextObservation

__all__ = [
    "Credit",
    "FeedbackLog",
    "HumanReward",
    "RewardModel",
    "SpokenUser",
    "Step",
    "TerminalFeedback",
    "TextObservation",
]

__getattr__ = lazy_getattr(__name__, {
    "credit": ("Credit",),
    "feedback": ("Step", "TerminalFeedback"),
    "feedback_log": ("FeedbackLog",),
    "human_reward": ("HumanReward",),
    "reward_model": ("RewardModel",),
    "spoken_user": ("SpokenUser",),
    "text_observation": ("TextObservation",),
})  # fmt: skip
