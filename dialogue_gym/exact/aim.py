"""Seeds in which a rare draw of a dialogue has the outcome that is wanted.

The random state is a linear congruential generator, and a seed is mixed by a bijection: both run backwards.
So the seeds with a wanted outcome of one draw can be counted off, and none is tried in vain for its sake.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dialogue_gym.rules import CERTAIN, UNIFORM, Tables
from dialogue_gym.rules.chance import INCREMENT, MASK, MULTIPLIER

Drawn = tuple[int, int]
"""A table of chances, and the outcome of a draw from it."""
_MODULUS = MASK + 1
_ADDED, _FACTORS, _SHIFTS = (
    4354685564936845354,
    (2177342782468422677, 4564911069014431161, 1500357591539487211),
    (30, 27, 31),
)
"""The numbers of `rules.mix`."""


class AimedSeeds:
    """The seeds whose dialogues have one outcome: that of the rarest of some draws."""

    def __init__(self, tables: Tables, drawn: Sequence[Drawn]) -> None:
        """Choose the draw.

        Args:
            tables: the tables of chances.
            drawn: the draws from the beginning of a dialogue, with those that have one possible outcome.
        """
        intervals = [_interval(tables, *one) for one in drawn]
        moving = [one for one in intervals if one is not None]
        self._low, high = min(moving, key=lambda one: one[1] - one[0])
        self.share = (high - self._low) / CERTAIN
        """The share of these seeds among all."""
        # The state after n draws is that of the seed times a factor, plus a term.
        factor, term = 1, 0
        for _ in range(moving.index((self._low, high)) + 1):
            factor, term = factor * MULTIPLIER & MASK, (term * MULTIPLIER + INCREMENT) & MASK
        self._back, self._term = pow(factor, -1, _MODULUS), term
        self._span = (high - self._low) << 31

    def __call__(self, first: int, count: int) -> npt.NDArray[np.uint64]:
        """Return some of the seeds, from a number on, shape (count,)."""
        # Steps of an odd number spread over the whole span before they come back.
        steps = [(number * MULTIPLIER) % self._span for number in range(first, first + count)]
        states = np.array([(self._low << 31) + step for step in steps], np.uint64)
        back, term = np.uint64(self._back), np.uint64(_MODULUS - self._term)
        return unmix((states + term) * back & np.uint64(MASK))


def unmix(states: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return the seeds of random states, the inverse of `rules.mix`."""
    mask = np.uint64(MASK)
    for factor, shift in zip(_FACTORS[::-1], _SHIFTS[::-1], strict=True):
        mixed = states
        for _ in range(63 // shift + 1):
            states = mixed ^ (states >> np.uint64(shift))
        if factor == _FACTORS[0]:
            states = states + np.uint64(_MODULUS - _ADDED)
        states = states * np.uint64(pow(factor, -1, _MODULUS)) & mask
    return states


def _interval(tables: Tables, table: int, outcome: int) -> tuple[int, int] | None:
    """Return the random bits, from the first to that after the last, of an outcome; None without a draw."""
    if table < UNIFORM:
        if table <= 1:
            return None
        return -(-outcome * CERTAIN // table), -(-(outcome + 1) * CERTAIN // table)
    thresholds = tables.chances[table - UNIFORM]
    if thresholds[0] == CERTAIN:
        return None
    return (thresholds[outcome - 1] if outcome else 0), thresholds[outcome]
