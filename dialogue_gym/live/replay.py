"""The replay buffer of live learning: transitions can be amended, and old ones keep their share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

_COLUMNS = ("observations", "actions", "rewards", "next_observations", "terminated", "entries")


class ReplayBuffer:
    """The last transitions, up to a number of them, each known by the id of its decision's entry.

    Columns, all of length `len(buffer)`: `observations` and `next_observations` (n, components) int8 or
    int16, `actions` (n,) int64, `rewards` (n,) float32, `terminated` (n,) bool, `entries` (n,) int64.
    """

    def __init__(self, capacity: int, components: int, dtype: npt.DTypeLike) -> None:
        """Make an empty one."""
        self.capacity = capacity
        self._columns: dict[str, npt.NDArray[Any]] = {
            "observations": np.zeros((capacity, components), dtype),
            "actions": np.zeros(capacity, np.int64),
            "rewards": np.zeros(capacity, np.float32),
            "next_observations": np.zeros((capacity, components), dtype),
            "terminated": np.zeros(capacity, np.bool_),
            "entries": np.zeros(capacity, np.int64),
        }
        self._rows: dict[int, int] = {}
        self._next = 0
        self._size = 0

    def __len__(self) -> int:
        """How many transitions there are."""
        return self._size

    def __contains__(self, entry: int) -> bool:
        """Return whether there is a transition of this entry."""
        return entry in self._rows

    def put(
        self,
        entry: int,
        observation: npt.NDArray[Any],
        action: int,
        reward: float,
        next_observation: npt.NDArray[Any],
        terminated: bool,
    ) -> bool:
        """Add a transition in the place of the oldest, or amend the one of this entry.

        Returns:
            Whether it is new.
        """
        row = self._rows.get(entry)
        is_new = row is None
        if row is None:
            row = self._next
            if self._size == self.capacity:
                del self._rows[int(self._columns["entries"][row])]
            self._next = (row + 1) % self.capacity
            self._size = min(self._size + 1, self.capacity)
            self._rows[entry] = row
        values = (observation, action, reward, next_observation, terminated, entry)
        for name, value in zip(_COLUMNS, values, strict=True):
            self._columns[name][row] = value
        return is_new

    def sample(
        self, random: np.random.Generator, size: int, recent: int, recent_share: float
    ) -> dict[str, npt.NDArray[Any]]:
        """Return columns of randomly drawn transitions.

        Args:
            random: draws them.
            size: how many.
            recent: how many of the newest count as recent.
            recent_share: the share of the batch that is drawn among the recent ones; the rest is drawn among
                all, so that what is old is not forgotten.
        """
        newest = round(size * recent_share)
        ages = np.concatenate(
            [
                random.integers(min(recent, self._size), size=newest),
                random.integers(self._size, size=size - newest),
            ]
        )
        rows = (self._next - 1 - ages) % self.capacity
        return {name: column[rows] for name, column in self._columns.items()}

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return all transitions as columns, the oldest first."""
        rows = (self._next - self._size + np.arange(self._size)) % self.capacity
        return {name: column[rows] for name, column in self._columns.items()}

    def load(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take the transitions that `arrays` gave, the newest if there are too many."""
        size = min(len(arrays["entries"]), self.capacity)
        for name, column in self._columns.items():
            column[:size] = arrays[name][len(arrays[name]) - size :]
        self._size, self._next = size, size % self.capacity
        self._rows = {int(entry): row for row, entry in enumerate(self._columns["entries"][:size])}
