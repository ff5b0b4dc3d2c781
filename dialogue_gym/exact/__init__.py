"""Exact figures of bots: every outcome of chance is gone through, and the likeliest failures are found.

`solve` finds good policies on the observation, as a lower figure beside the bound of the mean return. All of
it needs the extra `agents`.
"""

from dialogue_gym.exact.evaluation import evaluate_exactly
from dialogue_gym.exact.player import replay
from dialogue_gym.exact.solver import Figures, Solution, SolverPolicy, solve

__all__ = ["Figures", "Solution", "SolverPolicy", "evaluate_exactly", "replay", "solve"]
