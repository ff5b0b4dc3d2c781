"""Policies ready for use: random, expert, pretrained, and agents loaded from folders."""

from dialogue_gym.policies.agent import Agent, AgentError, load_agent
from dialogue_gym.policies.base import ExpertPolicy, Policy, RandomPolicy
from dialogue_gym.policies.evaluation import play, success_rate
from dialogue_gym.policies.mask import ActionMask
from dialogue_gym.policies.pretrained import PretrainedPolicy, pretrained_path, save_pretrained

__all__ = [
    "ActionMask",
    "Agent",
    "AgentError",
    "ExpertPolicy",
    "Policy",
    "PretrainedPolicy",
    "RandomPolicy",
    "load_agent",
    "play",
    "pretrained_path",
    "save_pretrained",
    "success_rate",
]
