"""Entry point of `python -m agents.worlds`: it writes the tables of the built-in domains with a database."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from agents.worlds import city, hotels, laptops
from agents.worlds.draws import Row

FOLDER = Path(__file__).parents[2] / "dialogue_gym" / "domains"
TABLES = {"city/venues.csv": city, "hotel/hotels.csv": hotels, "laptop/laptops.csv": laptops}
"""The files in that folder, each with the function that makes its rows."""


def table_text(rows: Sequence[Row]) -> str:
    """Return rows as a CSV file with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def main() -> None:
    """Write the tables."""
    for name, rows in TABLES.items():
        path = FOLDER / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(table_text(rows()), encoding="utf-8", newline="\n")
        print(path)


if __name__ == "__main__":
    main()
