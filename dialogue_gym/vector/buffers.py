"""Arrays for the results of a step, reused once no caller holds them."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

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

    def __init__(self, lanes: int, components: int, actions: int, dtype: Any, *, copy: bool) -> None:
        """Note the shapes; with `copy=False` there is one set, which every step overwrites."""
        self._copy = copy
        self._sets: list[StepResult] = []
        self._shapes = [
            ((lanes, components), dtype),
            ((lanes, actions), np.int8),
            (lanes, np.int64),
            (lanes, np.float64),
            *[(lanes, np.bool_)] * 4,
        ]

    def free(self) -> StepResult:
        """Return arrays that may be written to."""
        for known in self._sets:
            if not self._copy or max(map(sys.getrefcount, known)) <= _IDLE:
                return known
        new = StepResult(*(np.zeros(shape, dtype) for shape, dtype in self._shapes))
        if len(self._sets) < _SETS_KEPT:
            self._sets.append(new)
        return new

    @staticmethod
    def views(arrays: StepResult) -> StepResult:
        """Return views of the arrays, for the caller."""
        return StepResult._make([array.view() for array in arrays])

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the arrays: others may hold them."""
        return self.__dict__ | {"_sets": []}
