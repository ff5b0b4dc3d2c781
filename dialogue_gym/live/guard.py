"""A guard for months of learning: how a learner does with the fake user, whom it is not to unlearn."""

from __future__ import annotations

from dataclasses import dataclass

from dialogue_gym.envs import DialogueEnv
from dialogue_gym.policies import Policy

DIALOGUES = 100
FALL = 0.1
_SEED = 1 << 40
"""Far from the seeds that anything is learned with."""


@dataclass
class Guard:
    """Watches how often a policy succeeds with the fake user.

    Attributes:
        env: where it is tried.
        fall: by how much it may fall below its best before that is reported.
        best: its best share of successes so far.
        rolls_back: whether a fall brings the best checkpoint back.
    """

    env: DialogueEnv
    fall: float = FALL
    rolls_back: bool = False
    best: float = 0.0

    def success_rate(self, policy: Policy) -> float:
        """Return the share of dialogues that succeed; always the same ones."""
        successes = 0
        for number in range(DIALOGUES):
            observation, info = self.env.reset(seed=_SEED + number)
            is_over = False
            while not is_over:
                action, _ = policy.predict(observation, deterministic=True, action_masks=info["action_mask"])
                observation, _, terminated, truncated, info = self.env.step(action)
                is_over = terminated or truncated
            successes += info["is_success"]
        return successes / DIALOGUES

    def has_fallen(self, success_rate: float) -> bool:
        """Return whether this is too far below the best."""
        return success_rate < self.best - self.fall
