"""Learning from people: a bot in conversations with them, a learner beside it, and an environment.

Names load when they are used: the learner needs PyTorch (extra `agents`), the rest does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogue_gym._lazy import lazy_getattr

if TYPE_CHECKING:
    from dialogue_gym.live.bot import LiveBot
    from dialogue_gym.live.checkpoints import Checkpoint, CheckpointError, Checkpoints, checkpoints_of
    from dialogue_gym.live.conversations import Conversations
    from dialogue_gym.live.decision import Decider, LiveDecision
    from dialogue_gym.live.env import DialogueLiveEnv, PersonLeft
    from dialogue_gym.live.exploration import Explorer, QPolicy
    from dialogue_gym.live.follower import unlearned
    from dialogue_gym.live.handoff import Handoff
    from dialogue_gym.live.learner import LearnerSettings, LiveLearner
    from dialogue_gym.live.logs import StoredLogs, read_logs, return_range
    from dialogue_gym.live.migration import MigrationError
    from dialogue_gym.live.policy import store_agent
    from dialogue_gym.live.promotion import Promotion
    from dialogue_gym.live.rate_limit import Limits, RateLimiter
    from dialogue_gym.live.raters import OpinionLog, RaterWeights
    from dialogue_gym.live.regression_guard import RegressionGuard
    from dialogue_gym.live.replay_buffer import ReplayBuffer
    from dialogue_gym.live.request_limits import Rejected
    from dialogue_gym.live.reward import LiveReward
    from dialogue_gym.live.sessions import Sessions
    from dialogue_gym.live.simulated_person import SimulatedPerson
    from dialogue_gym.live.startup import start_or_resume
    from dialogue_gym.live.trainer import Trainer
    from dialogue_gym.live.transitions import Transition
    from dialogue_gym.live.turn import LiveError, Reply

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "Checkpoints",
    "Conversations",
    "Decider",
    "DialogueLiveEnv",
    "Explorer",
    "Handoff",
    "LearnerSettings",
    "Limits",
    "LiveBot",
    "LiveDecision",
    "LiveError",
    "LiveLearner",
    "LiveReward",
    "MigrationError",
    "OpinionLog",
    "PersonLeft",
    "Promotion",
    "QPolicy",
    "RateLimiter",
    "RaterWeights",
    "RegressionGuard",
    "Rejected",
    "ReplayBuffer",
    "Reply",
    "Sessions",
    "SimulatedPerson",
    "StoredLogs",
    "Trainer",
    "Transition",
    "checkpoints_of",
    "read_logs",
    "return_range",
    "start_or_resume",
    "store_agent",
    "unlearned",
]

__getattr__ = lazy_getattr(__name__, {
    "bot": ("LiveBot",),
    "checkpoints": ("Checkpoint", "CheckpointError", "Checkpoints", "checkpoints_of"),
    "conversations": ("Conversations",),
    "decision": ("Decider", "LiveDecision"),
    "env": ("DialogueLiveEnv", "PersonLeft"),
    "exploration": ("Explorer", "QPolicy"),
    "follower": ("unlearned",),
    "handoff": ("Handoff",),
    "learner": ("LearnerSettings", "LiveLearner"),
    "logs": ("StoredLogs", "read_logs", "return_range"),
    "migration": ("MigrationError",),
    "policy": ("store_agent",),
    "promotion": ("Promotion",),
    "rate_limit": ("Limits", "RateLimiter"),
    "raters": ("OpinionLog", "RaterWeights"),
    "replay_buffer": ("ReplayBuffer",),
    "request_limits": ("Rejected",),
    "sessions": ("Sessions",),
    "simulated_person": ("SimulatedPerson",),
    "startup": ("start_or_resume",),
    "regression_guard": ("RegressionGuard",),
    "trainer": ("Trainer",),
    "reward": ("LiveReward",),
    "transitions": ("Transition",),
    "turn": ("LiveError", "Reply"),
})  # fmt: skip
