"""The replay buffer of live learning: new outcomes replace old ones of the same situation.

People change over months. If all transitions were kept alike, the many old ones would outvote the present; if
the oldest were dropped, rare situations would be forgotten. So a situation, an observation and an action,
keeps its newest outcomes, and all situations are kept as long as there is room.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]
OUTCOMES = 30
"""Outcomes of one situation that are kept: enough for wrong ratings to average out."""


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
            capacity: the most transitions that are kept; then the oldest go.
            components: the number of components of an observation.
            dtype: the dtype of an observation.
            outcomes: the number of transitions of one situation that are kept.
        """
        self.capacity = capacity
        self._outcomes = outcomes
        self._columns: Arrays = {
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
        """Return the number of transitions."""
        return self._size

    def __contains__(self, entry: int) -> bool:
        """Return whether it has the transition of an entry."""
        return entry in self._row_of_entry

    def add(
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
            situation = self._situation(observation, action)
            row = self._room(situation)
            columns["observations"][row] = observation
            columns["actions"][row] = action
            columns["entries"][row] = entry
            columns["arrivals"][row] = self._arrived
            self._enter(row, situation, entry, self._arrived)
        columns["rewards"][row] = reward
        columns["next_observations"][row] = next_observation
        columns["terminated"][row] = terminated
        return is_new

    def _situation(self, observation: npt.NDArray[Any], action: int) -> bytes:
        dtype = self._columns["observations"].dtype
        return observation.astype(dtype).tobytes() + np.int64(action).tobytes()

    def _situation_of(self, row: int) -> bytes:
        return self._situation(self._columns["observations"][row], self._columns["actions"][row])

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
        situation = self._situation_of(row)
        self._situations[situation].pop(0)  # the oldest of all is the oldest of its situation
        if not self._situations[situation]:
            del self._situations[situation]
        del self._row_of_entry[int(columns["entries"][row])]
        del self._row_of_arrival[int(columns["arrivals"][row])]
        self._size -= 1
        return row

    def _enter(self, row: int, situation: bytes, entry: int, arrival: int) -> None:
        """Make a row known whose columns are there."""
        self._situations.setdefault(situation, []).append(row)
        self._row_of_entry[entry] = row
        self._row_of_arrival[arrival] = row
        self._arrived = arrival + 1
        self._size += 1

    def sample(self, random: np.random.Generator, size: int, recent: int, recent_share: float) -> Arrays:
        """Return columns of randomly drawn transitions.

        Args:
            random: the generator that draws the transitions.
            size: the number of transitions.
            recent: the number of the last to arrive that count as recent.
            recent_share: the share of the batch that is drawn among the recent ones, as far as they are still
                there; the rest is drawn among all, so that old ones are not forgotten.
        """
        rows = random.integers(self._size, size=size)
        ages = random.integers(1, recent + 1, size=round(size * recent_share))
        for place, age in enumerate(ages.tolist()):
            row = self._row_of_arrival.get(self._arrived - age)
            if row is not None:
                rows[place] = row
        return {name: column[rows] for name, column in self._columns.items()}

    def arrays(self) -> Arrays:
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
        size = min(len(order), self.capacity)
        observations, actions, entries, arrivals = (
            self._columns[name][:size] for name in ("observations", "actions", "entries", "arrivals")
        )
        # All situations in one go: one after the other takes seconds.
        parts = [np.ascontiguousarray(part).view(np.uint8) for part in (observations, actions[:, None])]
        situations = np.concatenate(parts, axis=1)
        width, text = situations.shape[1], situations.tobytes()
        names, times = entries.tolist(), arrivals.tolist()
        for row in np.argsort(arrivals, kind="stable").tolist():
            self._enter(row, text[row * width : (row + 1) * width], names[row], times[row])
