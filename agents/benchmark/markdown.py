"""Tables and figures in Markdown."""

from __future__ import annotations

from typing import Any

Record = dict[str, Any]
DASH = "—"
"""Stands for a figure that does not exist."""


def table(header: list[str], rows: list[list[str]], left: int = 1) -> str:
    """Return a table whose first `left` columns are aligned to the left, and the others to the right."""
    lines = [header, ["---"] * left + ["---:"] * (len(header) - left), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def share(figure: Record | None) -> str:
    """Return the mean of a figure in percent."""
    return f"{figure['mean']:.1%}" if figure else DASH


def mean(figure: Record | None) -> str:
    """Return the mean of a figure."""
    return number(figure["mean"]) if figure else DASH


def number(value: float | None) -> str:
    """Return a number with two digits after the point."""
    return DASH if value is None else f"{value:.2f}"
