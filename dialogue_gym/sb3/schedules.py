"""Schedules of Stable-Baselines3."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Linear:
    """A schedule that falls linearly to 0.

    Attributes:
        start: the value at the start of training.
    """

    start: float

    def __call__(self, left: float) -> float:
        """Return the value, given the share of training that is left."""
        return self.start * left
