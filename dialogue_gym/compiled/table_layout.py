"""The tables as one array of int64 words, which compiled code reads.

Each field has its place near the start: the number itself, or the position and count of its numbers.
Fields that follow from the domain alone, apart from a database, come before the others, so that they can be
compiled in.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.rules.tables import CERTAIN_SCORE, UNIFORM, Tables

SETTINGS = (
    "is_auto",
    "is_noisy",
    "patience",
    "step_limit",
    "chances",
    "levels",
    "least_patience",
    "patience_counts",
)
"""The fields of the tables that do not follow from the domain alone (rewards, which no rule reads, aside)."""
DATABASE = ("venues_with", "venue_codes")
"""Fields that follow from the domain, and are too large to be compiled in."""
SETS = ("found", "turned_down", "refused")
"""Fields with the places in a row of sets of venues, each of `words` cells."""

_CELLS = (np.int8, np.int16, np.int32, np.int64)
_MOST_PRECONDITIONS = 62


class Kind(enum.Enum):
    """The place of a field in the words."""

    SCALAR = "int"
    BLOCK = "slice"
    VECTOR = "tuple"
    MATRIX = "tuple of tuples"


@dataclass(frozen=True)
class Field:
    """The kind of a field, and the index of its one or two words."""

    kind: Kind
    at: int
    is_constant: bool
    """Whether it can be compiled in."""


@functools.cache
def layout() -> Mapping[str, Field]:
    """Return the place of each field that rules read."""
    fields = {}
    at = 0
    for field in dataclasses.fields(Tables):
        annotation = str(field.type)
        if "float" in annotation:
            continue
        if annotation.startswith("tuple[tuple"):
            kind = Kind.MATRIX
        elif annotation.startswith("tuple"):
            kind = Kind.VECTOR
        else:
            kind = Kind.BLOCK if annotation == "slice" else Kind.SCALAR
        fields[field.name] = Field(kind, at, field.name not in (*SETTINGS, *DATABASE))
        at += 1 if kind is Kind.SCALAR else 2
    return fields


def check_compilable(tables: Tables, otherwise: str) -> None:
    """Refuse a domain with too many different preconditions.

    Raises:
        ValueError: there are too many; the message ends in `otherwise`, the way to do without.
    """
    if max(tables.precondition).bit_length() > _MOST_PRECONDITIONS:
        raise ValueError(
            f"a domain with more than {_MOST_PRECONDITIONS} different preconditions cannot be compiled: "
            f"{otherwise}"
        )


def to_words(tables: Tables) -> tuple[npt.NDArray[np.int64], tuple[int, ...]]:
    """Return the words, and the first of them: those that can be compiled in.

    These have 0 in the places of the other fields, which nothing reads as constants.
    """
    fields = layout()
    words = [0] * (max(field.at for field in fields.values()) + 2)
    for name, field in fields.items():
        if field.is_constant:
            _append(words, field, getattr(tables, name))
    constants = tuple(words)
    for name, field in fields.items():
        if not field.is_constant:
            _append(words, field, getattr(tables, name))
    return np.array(words, dtype=np.int64), constants


def cell_dtype(tables: Tables, *, has_sets: bool) -> np.dtype[np.signedinteger[Any]]:
    """Return the smallest type for the cells of rows, apart from their random states.

    Args:
        tables: the tables.
        has_sets: whether sets of venues lie apart from the cells, too.
    """
    if tables.is_search and not has_sets:
        return np.dtype(np.int64)
    largest = _largest(tables)
    return np.dtype(next(dtype for dtype in _CELLS if largest <= np.iinfo(dtype).max))


def _largest(tables: Tables) -> int:
    of_search: tuple[int, ...] = ()
    if tables.is_search:
        sets_of_slots_and_attributes = 1 << max(tables.slots, tables.attribute_count)
        patience = map(sum, zip(tables.least_patience, tables.patience_counts, strict=True))
        of_search = (
            sets_of_slots_and_attributes - 1,
            CERTAIN_SCORE,
            UNIFORM + len(tables.chances),
            tables.venues,
            *(count + 2 for count in tables.values_of),
            *patience,
        )
    return max(
        *of_search,
        tables.actions,
        tables.intents,
        tables.slots,
        tables.patience,
        tables.step_limit + 1,
        len(tables.agenda_length),
        *tables.agenda_length,
        *map(len, tables.seen),
        *(label for labels in tables.seen for label in labels),
    )


def _append(words: list[int], field: Field, value: object) -> None:
    if isinstance(value, slice):
        words[field.at : field.at + 2] = value.start, value.stop
    elif isinstance(value, int):
        words[field.at] = int(value)
    elif isinstance(value, tuple) and field.kind is Kind.VECTOR:
        words[field.at : field.at + 2] = len(words), len(value)
        words.extend(int(number) for number in value)
    elif isinstance(value, tuple):
        words[field.at : field.at + 2] = len(words), len(value)
        places = len(words)
        words.extend([0] * (2 * len(value)))
        for index, row in enumerate(value):
            words[places + 2 * index : places + 2 * index + 2] = len(words), len(row)
            words.extend(int(number) for number in row)
    else:
        raise TypeError(f"{value!r} does not fit into words")
