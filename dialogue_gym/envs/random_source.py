"""Chance that follows from an environment's `np_random`."""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
import numpy.typing as npt


class RandomSource(abc.ABC):
    """The `np_random` of an environment, single or vector, as the source of its chance.

    Setting it decides all that follows, as `reset(seed=...)` does. It stands before Gymnasium's class among
    the bases of an environment.
    """

    _np_random: np.random.Generator | None
    _np_random_seed: int | None

    @property
    def np_random(self) -> np.random.Generator:
        """The generator that unseeded dialogues are drawn from. Setting it decides all that follows."""
        generator: np.random.Generator = super().np_random  # type: ignore[misc]
        return generator

    @np_random.setter
    def np_random(self, generator: np.random.Generator) -> None:
        self._np_random, self._np_random_seed = generator, -1
        self._draw_chance()

    @abc.abstractmethod
    def _draw_chance(self) -> None:
        """Let all chance follow from seeds that are drawn now."""

    def _drawn_seeds(self, count: int) -> npt.NDArray[np.uint64]:
        seeds: npt.NDArray[Any] = self.np_random.integers(1 << 62, size=count, dtype=np.uint64)
        return seeds
