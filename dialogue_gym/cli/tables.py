"""Tables of text, as commands print them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from dialogue_gym._text import printable


def when(seconds: float) -> str:
    """Return a time, in seconds since 1970, as local date and time."""
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def table(
    headings: Sequence[str], rows: Iterable[tuple[str, ...]], numbers: Collection[str]
) -> Iterator[str]:
    """Yield the lines of a table.

    Args:
        headings: the heading of each column.
        rows: the cells of each row.
        numbers: the headings of the columns that are aligned to the right.
    """
    shown = [[printable(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        yield "  ".join(
            f"{cell:>{width}}" if heading in numbers else f"{cell:<{width}}"
            for heading, cell, width in zip(headings, row, widths, strict=True)
        ).rstrip()
