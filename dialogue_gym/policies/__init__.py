"""Policies that need only NumPy: random, expert, pretrained, a table of values, and trained agents."""

from dialogue_gym.policies.agent import Agent, load_agent
from dialogue_gym.policies.base import ExpertPolicy, Policy, RandomPolicy
from dialogue_gym.policies.evaluation import play, success_rate
from dialogue_gym.policies.mask import ActionMask
from dialogue_gym.policies.network import NetworkPolicy
from dialogue_gym.policies.pretrained import PretrainedPolicy, pretrained_path, save_pretrained
from dialogue_gym.policies.q_table import QTable
from dialogue_gym.policies.saved import AgentError, save_agent

__all__ = [
    "ActionMask",
    "Agent",
    "AgentError",
    "ExpertPolicy",
    "NetworkPolicy",
    "Policy",
    "PretrainedPolicy",
    "QTable",
    "RandomPolicy",
    "load_agent",
    "play",
    "pretrained_path",
    "save_agent",
    "save_pretrained",
    "success_rate",
]
