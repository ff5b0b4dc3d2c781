"""Arrays for the results of a step, reused once no caller holds them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dialogue_gym.compiled.kernel import fill_in

Array = npt.NDArray[Any]

_SETS_KEPT = 4
_IDLE = max(map(sys.getrefcount, (np.empty(0),)))
"""The count of references to an array that only the tuple around it holds."""


class StepResult(NamedTuple):
    """The results of the lanes after a step or reset; the fields from `rewards` on hold after a step only.

    Shapes: (lanes, components) of observations, (lanes, actions) of masks (int8), (lanes,) of the others:
    turns (int64), rewards (float64), bool the rest.
    """

    observations: Array
    masks: Array
    turns: Array
    rewards: Array
    terminated: Array
    truncated: Array
    ended: Array
    successes: Array


class StepBuffers:
    """Sets of arrays to write to; callers get views of them.

    A view refers to its array, as does everything made from the view. An array without such references is
    used again: fresh memory for each of millions of steps would cost more than the steps.
    """

    def __init__(self, shapes: Mapping[str, tuple[Any, Any]], given: Array, *, copy: bool) -> None:
        """Note the shapes and dtypes by name, and the numbers that compiled code is given with every set.

        With `copy=False` there is one set, which every step overwrites.
        """
        self._copy = copy
        self._sets: list[tuple[StepResult, Array]] = []
        self._shapes = shapes
        self._given = given

    def free(self) -> tuple[StepResult, Array]:
        """Return arrays that may be written to, and the numbers with the addresses of these arrays."""
        for known in self._sets:
            if not self._copy or max(map(sys.getrefcount, known[0])) <= _IDLE:
                return known
        arrays = StepResult(**{name: np.zeros(*form) for name, form in self._shapes.items()})
        given = self._given.copy()
        fill_in(given, arrays._asdict())
        new = arrays, given
        if len(self._sets) < _SETS_KEPT:
            self._sets.append(new)
        return new

    @staticmethod
    def views(arrays: StepResult) -> StepResult:
        """Return views of the arrays, for the caller."""
        return StepResult._make([array.view() for array in arrays])
