"""Small ontologies in the forms of PyDial and MultiWOZ, with their databases."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

RULES: dict[str, Any] = {
    "type": "restaurant",
    "informable": {
        "food": ["thai", "dontcare", "greek", "fusion"],
        "pricerange": ["cheap", "expensive"],
        "allowedforkids": ["0", "1"],
        "parking": ["yes"],
        "name": ["alba", "bela"],
    },
    "requestable": ["name", "addr", "food", "phone", "signature", "menu"],
    "system_requestable": ["allowedforkids", "food", "pricerange", "parking"],
    "method": ["none", "byconstraints"],
}
COLUMNS = ("id", "name", "addr", "food", "pricerange", "allowedforkids", "phone", "signature")
ROWS: list[tuple[Any, ...]] = [
    ("1", "alba", 'oak road 1, "rear"', "thai", "cheap", "1", 11, "not available"),
    ("2", "bela", "hill 2", "Greek", "cheap", "0", "12", ""),
    ("3", "alba", "hill 3", "vegan", "not available", "0", None, None),
]

ONTOLOGY: dict[str, list[str]] = {
    "hotel-semi-area": ["centre", "north", "dont care", "not mentioned"],
    "hotel-semi-price range": ["cheap", "cheap|moderate", "do n't care"],
    "hotel-semi-stars": ["0", "3", "4"],
    "hotel-semi-parking": ["yes", "no", "free"],
    "hotel-semi-day": ["monday"],
    "hotel-semi-name": ["alba", "none"],
    "hotel-book-people": ["1", "2"],
    "hotel-book day": ["monday"],
    "train-semi-departure": ["cambridge", "ely"],
    "train-semi-leaveAt": ["05:00"],
    "police-book-day": [],
}
SCHEMA: list[dict[str, Any]] = [
    {
        "service_name": "hotel",
        "slots": [
            {"name": "hotel-area", "possible_values": ["centre", "north"], "is_categorical": True},
            {"name": "hotel-food", "is_categorical": False},
            {"name": "hotel-bookday", "possible_values": ["monday"], "is_categorical": True},
            {"name": "hotel-phone", "is_categorical": False},
        ],
        "intents": [
            {"name": "find_hotel", "required_slots": [], "optional_slots": {"hotel-food": "dontcare"}}
        ],
    },
]
HOTELS: list[dict[str, Any]] = [
    {
        "address": "124 tenison road", "area": "east", "id": "0", "location": [52.19, 0.19], "name": "alba",
        "parking": "yes", "phone": "01223", "price": {"double": "70", "single": 50}, "pricerange": "moderate",
        "stars": 4, "takesbookings": True, "type": "hotel", "food": "thai",
    },
    {
        "address": "?", "area": "north", "id": "1", "location": [52.2, 0.13], "name": "bela",
        "parking": "no", "price": {}, "pricerange": "?", "stars": 3.0, "takesbookings": False,
        "type": "hotel",
        "food": "greek",
    },
]  # fmt: skip
TRAINS = [
    {"day": "monday", "departure": "ely", "leaveAt": "05:00", "trainID": "TR1", "price": "4.40 pounds"},
    {"day": "monday", "departure": "ely", "leaveAt": "06:00", "trainID": "TR2", "price": "4.40 pounds"},
]


def pydial_files(folder: Path, rules: Any = RULES, rows: list[tuple[Any, ...]] = ROWS) -> tuple[Path, Path]:
    """Write PyDial's two files; texts are written as they are."""
    ontology, database = folder / "Tiny-rules.json", folder / "Tiny-dbase.db"
    ontology.write_text(rules if isinstance(rules, str) else json.dumps(rules), "utf-8")
    with closing(sqlite3.connect(database)) as opened:
        opened.execute("CREATE TABLE about (name, note)")
        opened.execute(f"CREATE TABLE Tiny ({', '.join(COLUMNS)})")
        opened.executemany(f"INSERT INTO Tiny VALUES ({', '.join('?' * len(COLUMNS))})", rows)
        opened.commit()
    return ontology, database


def multiwoz_files(
    folder: Path, ontology: Any = ONTOLOGY, venues: Any = HOTELS, name: str = "hotel_db.json"
) -> tuple[Path, Path]:
    """Write MultiWOZ's two files; texts are written as they are."""
    paths = folder / "ontology.json", folder / name
    for path, content in zip(paths, (ontology, venues), strict=True):
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return paths
