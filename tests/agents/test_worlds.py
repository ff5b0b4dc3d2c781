"""The tables of the built-in domains with a database: made by their generator, and worth a search."""

from __future__ import annotations

import pytest

from agents.worlds.__main__ import FOLDER, TABLES, table_text
from agents.worlds.draws import Row


@pytest.fixture(scope="module", params=TABLES)
def table(request: pytest.FixtureRequest) -> tuple[str, list[Row]]:
    return request.param, TABLES[request.param]()


def test_the_tables_are_those_that_the_generator_writes(table: tuple[str, list[Row]]) -> None:
    name, rows = table
    assert (FOLDER / name).read_bytes() == table_text(rows).encode()


def test_names_differ_and_few_cells_are_empty(table: tuple[str, list[Row]]) -> None:
    _, rows = table
    names = [next(iter(row.values())) for row in rows]
    assert len(set(names)) == len(names) >= 120
    cells = [cell for row in rows for cell in row.values()]
    assert 0 < cells.count("") < 0.02 * len(cells)


def test_cheap_hotels_never_have_five_stars_and_expensive_ones_often() -> None:
    """Values hang together, so that a wish says something about the others."""
    rows = TABLES["hotel/hotels.csv"]()
    stars = {
        price: [row["category"] for row in rows if row["price"] == price] for price in ("cheap", "expensive")
    }
    assert "five stars" not in stars["cheap"]
    assert stars["expensive"].count("five stars") > len(stars["expensive"]) / 3
