"""Opinions of raters, and their form as arrays."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Rater(NamedTuple):
    """Somebody who rates: a visitor or a teacher; two of the same name differ."""

    name: str
    is_teacher: bool = False


@dataclass(frozen=True)
class Opinion:
    """A rating of one thing.

    Attributes:
        rater: the rater.
        item: the rated thing, which others may have rated as well.
        value: the rating, from -1 (bad) to 1 (good).
    """

    rater: Rater
    item: Hashable
    value: float


@dataclass(frozen=True, eq=False)
class OpinionTable:
    """One opinion for each rater and item: the mean, so that repetition adds nothing.

    Attributes:
        raters: the raters, in the order of their first opinions.
        items: the items, in the order of theirs.
        rater: the number of the rater of each opinion, shape (opinions,).
        item: the number of its item, shape (opinions,).
        value: the mean value, shape (opinions,).
    """

    raters: tuple[Rater, ...]
    items: tuple[Hashable, ...]
    rater: Ints
    item: Ints
    value: Floats

    @classmethod
    def of(cls, opinions: Iterable[Opinion]) -> OpinionTable:
        """Return the table of some opinions."""
        raters: dict[Rater, int] = {}
        items: dict[Hashable, int] = {}
        values: dict[tuple[int, int], list[float]] = {}
        for one in opinions:
            key = raters.setdefault(one.rater, len(raters)), items.setdefault(one.item, len(items))
            values.setdefault(key, []).append(one.value)
        pairs = np.array(list(values), np.int64).reshape(-1, 2)
        means = np.array([np.mean(some) for some in values.values()])
        return cls(tuple(raters), tuple(items), pairs[:, 0], pairs[:, 1], means)
