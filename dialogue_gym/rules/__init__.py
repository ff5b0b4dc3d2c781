"""The rules of a dialogue, written once: plain functions over one row of integers.

They hold no strings, allocate nothing and use the subset of Python that Numba compiles. The single
environment runs them interpreted on a list. Whoever runs them gives them the source of chance.
"""

from dialogue_gym.rules.bot import allowed, blocked, did, forget, hear, mask, set_slot
from dialogue_gym.rules.build import build_tables, reward_terms
from dialogue_gym.rules.chance import draw, mix
from dialogue_gym.rules.dialogue import begin, step
from dialogue_gym.rules.tables import Row, Settings, Tables

__all__ = [
    "Row",
    "Settings",
    "Tables",
    "allowed",
    "begin",
    "blocked",
    "build_tables",
    "did",
    "draw",
    "forget",
    "hear",
    "mask",
    "mix",
    "reward_terms",
    "set_slot",
    "step",
]
