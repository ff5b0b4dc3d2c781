"""The rows of dialogues in memory, as compiled code reads and writes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dialogue_gym.compiled.table_layout import SETS, cell_dtype
from dialogue_gym.rules.tables import RANDOM, Tables

Cells = npt.NDArray[np.signedinteger]


@dataclass(frozen=True)
class Rows:
    """The rows of dialogues side by side.

    Few of a row's integers need eight bytes: its random state and the words of sets of venues. They lie
    apart, so that thousands of rows fit into a processor's cache. Their own cells stay unused.

    Attributes:
        cells: shape (rows, size of a row), of the smallest integers that the others fit into.
        sets: the words of the sets of venues, in the order of `SETS`; int64, shape (rows, words of a row).
        states: int64, shape (rows,).
        at: the places in a row of the words.
    """

    cells: Cells
    sets: npt.NDArray[np.int64]
    states: npt.NDArray[np.int64]
    at: tuple[int, ...]

    @classmethod
    def lay_out(cls, tables: Tables, count: int) -> Rows:
        """Return `count` rows of zeros."""
        at = tuple(getattr(tables, name) + word for name in SETS for word in range(tables.words))
        return cls(
            np.zeros((count, tables.size), cell_dtype(tables, has_sets=tables.is_search)),
            np.zeros((count, len(at)), np.int64),
            np.zeros(count, np.int64),
            at,
        )

    def read(self, number: int) -> list[int]:
        """Return a row as interpreted rules have it."""
        row: list[int] = self.cells[number].tolist()
        row[RANDOM] = self.states.item(number)
        for place, word in zip(self.at, self.sets[number].tolist(), strict=True):
            row[place] = word
        return row

    def write(self, number: int, row: Iterable[int]) -> None:
        """Set a row to one of interpreted rules."""
        cells = list(row)
        self.sets[number] = [cells[place] for place in self.at]
        self.states[number] = cells[RANDOM]
        for place in (*self.at, RANDOM):
            cells[place] = 0
        self.cells[number] = cells

    def arrays(self) -> dict[str, Cells]:
        """Return the arrays by the names by which compiled code is given them."""
        return {"cells": self.cells, "sets": self.sets, "states": self.states}

    def copy(self) -> Rows:
        """Return a copy."""
        return Rows(self.cells.copy(), self.sets.copy(), self.states.copy(), self.at)
