"""Credit assignment: the share of each of the last steps in a piece of feedback.

A person needs time to see a step and to react, so feedback is about the steps of a moment ago.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dialogue_gym.envs.settings import is_number

_ROUNDING = 1e-9
"""A share of feedback this small is a rounding error of clock arithmetic."""


@dataclass(frozen=True)
class Credit:
    """Distribution of feedback over the last steps, by their number or by the time since they were seen.

    After TAMER (Knox and Stone 2009, "Interactively Shaping Agents via Human Reinforcement", K-CAP), where a
    step's share is the chance that a person's delay falls into the time for which the step was on show; that
    delay was assumed to be uniform from 0.2 to 0.6 s.

    Attributes:
        steps: parts of the newest step, of the one before, and so on: `(0.6, 0.3, 0.1)`.
        seconds: instead of them, the shortest and the longest delay of a person, uniform between the two:
            `(0.2, 0.6)`. For a source that does not wait, but returns the keys pressed in the meantime.
        clock: the time in seconds.

    Raises:
        ValueError: neither or both are given, or they are out of bounds.
    """

    steps: tuple[float, ...] = ()
    seconds: tuple[float, float] | None = None
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        """Check the arguments."""
        object.__setattr__(self, "steps", tuple(self.steps))  # an array has no truth value
        if bool(self.steps) == (self.seconds is not None):
            raise ValueError(
                "Credit: give either steps, such as (0.6, 0.3, 0.1), or seconds, such as (0.2, 0.6)"
            )
        if not all(is_number(part) and part >= 0 for part in self.steps) or (
            self.steps and not any(self.steps)
        ):
            raise ValueError(f"steps={self.steps!r}: must be finite, none negative, and not all 0")
        if self.seconds is not None:
            is_pair = len(self.seconds) == 2 and all(is_number(delay) for delay in self.seconds)
            if not is_pair or not 0 <= self.seconds[0] < self.seconds[1]:
                raise ValueError(
                    f"seconds={self.seconds!r}: must be the shortest and longest delay, such as (0.2, 0.6)"
                )

    def weights(self, shown: Sequence[float], now: float) -> npt.NDArray[np.float64]:
        """Return each step's part in feedback, shape (n,), the oldest step first.

        The parts sum to 1, also at the beginning of an episode; all are 0 if feedback came too early to be
        about any of these steps.

        Args:
            shown: the time at which each step of the episode could be seen, ascending.
            now: the time of the feedback.
        """
        if self.seconds is None:
            parts = np.zeros(len(shown))
            near = self.steps[: len(shown)]
            parts[len(shown) - len(near) :] = near[::-1]
            parts /= sum(self.steps)
        else:
            shortest, longest = self.seconds
            # A step is on show until the next one is.
            began = np.clip(now - np.asarray(shown, np.float64), shortest, longest)
            ended = np.clip(now - np.append(shown[1:], now), shortest, longest)
            parts = (began - ended) / (longest - shortest)
        total = parts.sum()
        return parts / total if total > _ROUNDING else np.zeros(len(shown))
