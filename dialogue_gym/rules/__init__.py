"""The rules of a dialogue, written once: plain functions over one row of integers.

They hold no strings, allocate nothing and use the subset of Python that Numba compiles. The single
environment runs them interpreted on a list. Whoever runs them gives them the source of chance.
"""

import hashlib
from pathlib import Path

from dialogue_gym.rules.bot import allowed, blocked, did, forget, hear, mask, set_slot
from dialogue_gym.rules.build import build_tables, reward_terms
from dialogue_gym.rules.chance import draw, mix
from dialogue_gym.rules.dialogue import begin, step
from dialogue_gym.rules.tables import Row, Settings, Tables


def digest(file: str) -> bytes:
    """Return a digest of the modules beside a file."""
    paths = sorted(Path(file).parent.glob("*.py*"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).digest()


SOURCES = digest(__file__)
"""Says which rules these are, whatever becomes of their files while they are in use."""

__all__ = [
    "SOURCES",
    "Row",
    "Settings",
    "Tables",
    "allowed",
    "begin",
    "blocked",
    "build_tables",
    "did",
    "digest",
    "draw",
    "forget",
    "hear",
    "mask",
    "mix",
    "reward_terms",
    "set_slot",
    "step",
]
