"""The replay buffer of live learning: what is new takes the place of what is old in the same situation.

People change, and months are long. Were all transitions kept alike, the many old ones would outvote what is
true now; were the oldest dropped, rare situations would be forgotten. So a situation, an observation and an
action, keeps its newest outcomes, and all situations are kept as long as there is room.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

OUTCOMES = 30
"""How many outcomes of one situation are kept: enough for wrong ratings to average out."""


class ReplayBuffer:
    """Transitions, up to a number of them, each known by the id of its decision's entry.

    Columns, all of length `len(buffer)`: `observations` and `next_observations` (n, components) int8 or
    int16, `actions` (n,) int64, `rewards` (n,) float32, `terminated` (n,) bool, `entries` (n,) int64 and
    `arrivals` (n,) int64, which count up.
    """

    def __init__(
        self, capacity: int, components: int, dtype: npt.DTypeLike, outcomes: int = OUTCOMES
    ) -> None:
        """Make an empty one.

        Args:
            capacity: how many transitions there is room for; then the oldest go.
            components: of an observation.
            dtype: of an observation.
            outcomes: how many transitions of one situation are kept.
        """
        self.capacity = capacity
        self._outcomes = outcomes
        self._columns: dict[str, npt.NDArray[Any]] = {
            "observations": np.zeros((capacity, components), dtype),
            "actions": np.zeros(capacity, np.int64),
            "rewards": np.zeros(capacity, np.float32),
            "next_observations": np.zeros((capacity, components), dtype),
            "terminated": np.zeros(capacity, np.bool_),
            "entries": np.zeros(capacity, np.int64),
            "arrivals": np.zeros(capacity, np.int64),
        }
        self._clear()

    def _clear(self) -> None:
        self._size = 0
        self._arrived = 0
        self._row_of_entry: dict[int, int] = {}
        self._row_of_arrival: dict[int, int] = {}
        self._situations: dict[bytes, list[int]] = {}

    def __len__(self) -> int:
        """How many transitions there are."""
        return self._size

    def put(
        self,
        entry: int,
        observation: npt.NDArray[Any],
        action: int,
        reward: float,
        next_observation: npt.NDArray[Any],
        terminated: bool,
    ) -> bool:
        """Add a transition, or amend the one of this entry.

        Returns:
            Whether it is new.
        """
        columns = self._columns
        row = self._row_of_entry.get(entry)
        is_new = row is None
        if row is None:
            row = self._room(self._situation(observation, action))
            columns["observations"][row] = observation
            columns["actions"][row] = action
            columns["entries"][row] = entry
            columns["arrivals"][row] = self._arrived
            self._enter(row)
        columns["rewards"][row] = reward
        columns["next_observations"][row] = next_observation
        columns["terminated"][row] = terminated
        return is_new

    def _situation(self, observation: npt.NDArray[Any], action: int) -> bytes:
        columns = self._columns
        return observation.astype(columns["observations"].dtype).tobytes() + b"%d" % action

    def _room(self, situation: bytes) -> int:
        """Return the row for a new transition: one of its situation has to go, or the oldest of all."""
        known = self._situations.get(situation)
        if known and len(known) >= self._outcomes:
            return self._remove(known[0])
        if self._size < self.capacity:
            return self._size
        return self._remove(next(iter(self._row_of_arrival.values())))

    def _remove(self, row: int) -> int:
        columns = self._columns
        situation = self._situation(columns["observations"][row], columns["actions"][row])
        self._situations[situation].pop(0)  # the oldest of all is the oldest of its situation
        if not self._situations[situation]:
            del self._situations[situation]
        del self._row_of_entry[int(columns["entries"][row])]
        del self._row_of_arrival[int(columns["arrivals"][row])]
        self._size -= 1
        return row

    def _enter(self, row: int) -> None:
        """Make a row known whose columns are there."""
        columns = self._columns
        situation = self._situation(columns["observations"][row], columns["actions"][row])
        self._situations.setdefault(situation, []).append(row)
        self._row_of_entry[int(columns["entries"][row])] = row
        self._row_of_arrival[int(columns["arrivals"][row])] = row
        self._arrived = int(columns["arrivals"][row]) + 1
        self._size += 1

    def sample(
        self, random: np.random.Generator, size: int, recent: int, recent_share: float
    ) -> dict[str, npt.NDArray[Any]]:
        """Return columns of randomly drawn transitions.

        Args:
            random: draws them.
            size: how many.
            recent: how many of the last to arrive count as recent.
            recent_share: the share of the batch that is drawn among the recent ones, as far as they are still
                there; the rest is drawn among all, so that what is old is not forgotten.
        """
        rows = random.integers(self._size, size=size)
        ages = random.integers(1, recent + 1, size=round(size * recent_share))
        for place, age in enumerate(ages.tolist()):
            row = self._row_of_arrival.get(self._arrived - age)
            if row is not None:
                rows[place] = row
        return {name: column[rows] for name, column in self._columns.items()}

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return all transitions as columns."""
        return {name: column[: self._size].copy() for name, column in self._columns.items()}

    def load(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take the transitions that `arrays` gave; the newest, if there are too many."""
        order = np.argsort(arrays["arrivals"], kind="stable")
        is_too_much = len(order) > self.capacity
        kept = np.sort(order[-self.capacity :]) if is_too_much else slice(None)
        self._clear()
        for name, column in self._columns.items():
            column[: min(len(order), self.capacity)] = arrays[name][kept]
        arrivals = self._columns["arrivals"][: min(len(order), self.capacity)]
        for row in np.argsort(arrivals, kind="stable").tolist():
            self._enter(row)
