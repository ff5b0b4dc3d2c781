"""Venues in a table: the database that search-driven users choose from."""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Database:
    """Venues in a table of texts; None stands for a value that is not known.

    Attributes:
        name: the column with the venues' names.
        columns: the names of the columns.
        rows: the cells of each venue, in the order of the columns.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]

    def column(self, name: str) -> int:
        """Return the number of a column, from 0.

        Raises:
            KeyError: there is no such column.
        """
        return self._places[name]

    def attributes(self, slots: Collection[str] = ()) -> tuple[str, ...]:
        """Return the columns other than that of the names and those of some slots."""
        return tuple(column for column in self.columns if column != self.name and column not in slots)

    def value(self, venue: int, column: str) -> str | None:
        """Return a cell of the venue of a number, from 0."""
        return self.rows[venue][self.column(column)]

    def venue(self, name: str) -> int | None:
        """Return the number of a venue, from 0; None if no venue has that name."""
        return self._venues.get(name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the venues."""
        place = self.column(self.name)
        return tuple(str(row[place]) for row in self.rows)

    @functools.cached_property
    def _places(self) -> dict[str, int]:
        return {column: place for place, column in enumerate(self.columns)}

    @functools.cached_property
    def _venues(self) -> dict[str | None, int]:
        place = self.column(self.name)
        return {row[place]: number for number, row in enumerate(self.rows)}

    def details(self, venue: int) -> dict[str, str | None]:
        """Return the cells of a venue, by its number from 0, by column."""
        return dict(zip(self.columns, self.rows[venue], strict=True))
