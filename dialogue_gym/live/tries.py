"""What was tried in which situation, so that exploration can begin with what is known least."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

SITUATIONS = 5000
"""How many situations are kept; then the one goes that did not come up for longest."""
MOST = 30.0
"""Where an action was tried so often, all counts of its situation are halved: people change, and what was
best for months would otherwise be tried last for as long again."""


class Tries:
    """How often each action was tried of late in each situation, which is an observation."""

    def __init__(self, actions: int, situations: int = SITUATIONS) -> None:
        """Begin with nothing tried.

        Args:
            actions: how many there are.
            situations: how many are kept.
        """
        self._actions = actions
        self._capacity = situations
        self._counts: dict[bytes, npt.NDArray[np.float64]] = {}  # the latest at the end

    def __len__(self) -> int:
        """How many situations are known."""
        return len(self._counts)

    def counts(self, observation: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return how often each action was tried here, shape (actions,)."""
        known = self._counts.get(observation.tobytes())
        return np.zeros(self._actions) if known is None else known.copy()

    def add(self, observation: npt.NDArray[Any], action: int) -> None:
        """Count that an action is tried."""
        counts = self.counts(observation)
        counts[action] += 1
        if counts[action] >= MOST:
            counts /= 2
        key = observation.tobytes()
        self._counts.pop(key, None)
        self._counts[key] = counts
        if len(self._counts) > self._capacity:
            del self._counts[next(iter(self._counts))]

    def state(self) -> dict[str, list[float]]:
        """Return the counts by observation, in hexadecimal digits, as JSON has them."""
        return {key.hex(): counts.tolist() for key, counts in self._counts.items()}

    def load(self, state: Mapping[str, list[float]]) -> None:
        """Go on where `state` was."""
        self._counts = {bytes.fromhex(key): np.array(counts, np.float64) for key, counts in state.items()}
