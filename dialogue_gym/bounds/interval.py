"""The mean of a sample, with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dialogue_gym.bounds.scipy_module import scipy_module


@dataclass(frozen=True)
class SampledBound:
    """The mean of best returns over tapes or users, Student's 95 % interval, and the number of cut searches.

    `tapes` is the number of those that were drawn; `drawn` says what they are.
    """

    mean: float
    low: float
    high: float
    tapes: int
    cut_off: int
    drawn: str = "tapes"

    @classmethod
    def of(cls, values: Sequence[float], drawn: str = "tapes", cut_off: int = 0) -> SampledBound:
        """Return the mean of at least two values, with its interval."""
        stats = scipy_module("stats")
        sample = np.array(values)
        error = sample.std(ddof=1) / np.sqrt(len(sample))
        half = float(stats.t.ppf(0.975, len(sample) - 1) * error)
        mean = float(sample.mean())
        return cls(mean, mean - half, mean + half, len(sample), cut_off, drawn)

    def __str__(self) -> str:
        """The bound in one line."""
        cut = f", {self.cut_off} cut off" if self.cut_off else ""
        return f"{self.mean:.2f} ± {self.high - self.mean:.2f}, sampled ({self.tapes:,} {self.drawn}{cut})"
