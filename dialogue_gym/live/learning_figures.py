"""The figures of a learner over time, for a tool that keeps them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stable_baselines3.common.logger import Logger

EVERY = 60.0
"""Seconds between two rows of figures: a row has some 290 bytes in TensorBoard's files, which thus grow by at
most 0.4 MB a day."""


class LearningFigures:
    """The figures of a learner, which its thread writes: a row after a dialogue, but not one after each."""

    def __init__(self, logger: Logger, every: float = EVERY) -> None:
        """Prepare to write.

        Args:
            logger: takes the rows; one of `tracking` raises nothing.
            every: the least number of seconds between two rows.
        """
        self._logger, self._every = logger, every
        self._due = -float("inf")
        self._step: int | None = None
        self._are_new = False

    def note(self, figures: Mapping[str, float]) -> None:
        """Keep figures for the next row, in the place of older ones."""
        for name, value in figures.items():
            self._logger.record(f"live/{name}", value)
        self._are_new = True

    def end_dialogue(self, figures: Mapping[str, float], step: int) -> None:
        """Write a row, if it is time.

        Args:
            figures: the figures by their names.
            step: the number of transitions that were learned.
        """
        self.note(figures)
        self._step = step
        if time.monotonic() >= self._due:
            self.flush()

    def flush(self) -> None:
        """Write the figures that have come since the last row; none as long as no dialogue has ended."""
        if self._step is None or not self._are_new:
            return
        self._logger.dump(self._step)
        self._are_new = False
        self._due = time.monotonic() + self._every
