"""Chance: one small random state per dialogue, and draws from finite tables.

The state is a linear congruential generator modulo 2^63 (multiplier and increment of Knuth's MMIX) of which
the upper 32 bits are used. All arithmetic, masked, stays within signed 64 bits, so that Python's integers
and compiled code give the same bits.
"""

from __future__ import annotations

from dialogue_gym.rules.tables import RANDOM, Row, Tables

MASK = (1 << 63) - 1
CERTAIN = 1 << 32
MULTIPLIER = 6364136223846793005
INCREMENT = 1442695040888963407


def mix(seed: int) -> int:
    """Return the random state for a seed: neighbouring seeds give unrelated states (after splitmix64)."""
    z = (seed * 2177342782468422677 + 4354685564936845354) & MASK
    z = ((z ^ (z >> 30)) * 4564911069014431161) & MASK
    z = ((z ^ (z >> 27)) * 1500357591539487211) & MASK
    return z ^ (z >> 31)


def draw(row: Row, tables: Tables, table: int) -> int:
    """Return the outcome of a draw from one of the tables of chances, and advance the row's state.

    A table with one possible outcome, the first, draws nothing. This is the `draw` that the rules are
    given when a dialogue is played; a solver gives them one that goes through all outcomes.
    """
    thresholds = tables.chances[table]
    if thresholds[0] == CERTAIN:
        return 0
    state = (row[RANDOM] * MULTIPLIER + INCREMENT) & MASK
    row[RANDOM] = state
    uniform = state >> 31
    outcome = 0
    while uniform >= thresholds[outcome]:
        outcome += 1
    return outcome
