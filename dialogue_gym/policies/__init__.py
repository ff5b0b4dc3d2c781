"""Policies that need only NumPy: random, expert, pretrained, a table of values, and trained agents.

Trained agents load when they are used: with them come the stories that they follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogue_gym._lazy import lazy_getattr
from dialogue_gym.policies.base import ExpertPolicy, Policy, RandomPolicy
from dialogue_gym.policies.mask import ActionMask
from dialogue_gym.policies.network import NetworkPolicy
from dialogue_gym.policies.pretrained import PretrainedPolicy, pretrained_path, save_pretrained

if TYPE_CHECKING:
    from dialogue_gym.policies.agent import Agent, load_agent
    from dialogue_gym.policies.evaluation import play, success_rate
    from dialogue_gym.policies.q_table import QTable
    from dialogue_gym.policies.saved import AgentError, check_agent_folder, save_agent

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
    "check_agent_folder",
    "load_agent",
    "play",
    "pretrained_path",
    "save_agent",
    "save_pretrained",
    "success_rate",
]

__getattr__ = lazy_getattr(__name__, {
    "agent": ("Agent", "load_agent"),
    "evaluation": ("play", "success_rate"),
    "q_table": ("QTable",),
    "saved": ("AgentError", "check_agent_folder", "save_agent"),
})  # fmt: skip
