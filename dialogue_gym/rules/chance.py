"""Chance: one small random state per dialogue, and draws from finite tables.

The state is a linear congruential generator modulo 2^63 (multiplier and increment of Knuth's MMIX) of which
the upper 32 bits are used. Where a product or sum passes 63 bits the mask cuts it off, so that Python's
integers and compiled code whose integers wrap round give the same bits.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from dialogue_gym.rules.tables import RANDOM, UNIFORM, Row, Tables

if TYPE_CHECKING:
    import numpy.typing as npt

MASK = (1 << 63) - 1
CERTAIN = 1 << 32
MULTIPLIER = 6364136223846793005
INCREMENT = 1442695040888963407


Seed = TypeVar("Seed", int, "npt.NDArray[Any]")


def mix(seed: Seed) -> Seed:
    """Return the random state for a seed, or those for an array of them (uint64).

    Neighbouring seeds give unrelated states (after splitmix64).
    """
    z = (seed * 2177342782468422677 + 4354685564936845354) & MASK
    z = ((z ^ (z >> 30)) * 4564911069014431161) & MASK
    z = ((z ^ (z >> 27)) * 1500357591539487211) & MASK
    return z ^ (z >> 31)


class ChanceTables:
    """Tables of chances that are not uniform, collected as thresholds on 32 random bits."""

    def __init__(self) -> None:
        """Begin without tables."""
        self.tables: list[tuple[int, ...]] = []

    def add(self, chances: Sequence[float]) -> int:
        """Add a table and return its number."""
        sums = list(itertools.accumulate(chances))
        self.tables.append(tuple(round(total / sums[-1] * CERTAIN) for total in sums))
        return UNIFORM + len(self.tables) - 1

    def maybe(self, chance: float) -> int:
        """Add a table whose outcomes are 0 and, with a chance, 1; return its number."""
        return self.add([1 - chance, chance])


def draw(row: Row, tables: Tables, table: int) -> int:
    """Return the outcome of a draw from one of the tables of chances, and advance the row's state.

    A table with one possible outcome, the first, draws nothing. This is the `draw` that the rules are
    given when a dialogue is played; a solver gives them one that goes through all outcomes.
    """
    if table < UNIFORM:
        if table <= 1:
            return 0
        state = (row[RANDOM] * MULTIPLIER + INCREMENT) & MASK
        row[RANDOM] = state
        return (state >> 31) * table >> 32
    thresholds = tables.chances[table - UNIFORM]
    if thresholds[0] == CERTAIN:
        return 0
    state = (row[RANDOM] * MULTIPLIER + INCREMENT) & MASK
    row[RANDOM] = state
    uniform = state >> 31
    outcome = 0
    while uniform >= thresholds[outcome]:
        outcome += 1
    return outcome
