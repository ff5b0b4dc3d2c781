"""Wrappers of environments: a person's reward, a user who speaks in sentences, text as observation."""

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
