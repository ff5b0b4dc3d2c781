"""Exact figures of bots: every outcome of chance is gone through, and the likeliest failures are found.

It needs the extra `agents`.
"""

from dialogue_gym.exact.evaluation import evaluate_exactly
from dialogue_gym.exact.player import replay

__all__ = ["evaluate_exactly", "replay"]
