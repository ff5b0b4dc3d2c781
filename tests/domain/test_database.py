"""The key `database`: venues from the domain file, a CSV file or SQLite, and an error for each fault."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dialogue_gym import DomainError, load_domain
from dialogue_gym._yaml import parse_yaml
from dialogue_gym.domain.database import MAX_VENUES, parse_database
from dialogue_gym.domain.loader import domain_text, parse_domain
from dialogue_gym.domain.model import DOMAIN_FILE
from dialogue_gym.domain.venues import Database
from tests.conftest import domain_from

SLOTS = domain_from("""
    slots:
      kind: {type: categorical, values: [Thai, chinese, 007]}
      price: {type: text}
""").slots
HEAD = "place,kind,phone\n"
ALBA = Database(
    "place", ("place", "kind", "phone"), (("Alba", "Thai", "11"), ("Bela", None, "true"), ("Cora", "7", None))
)


def read(folder: Path, written: str) -> Database:
    root = parse_yaml(f"slots: {{}}\n{written}\n", "domain.yml", DOMAIN_FILE)
    return parse_database(root.mapping()["database"], SLOTS, folder)


def fill(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as opened:
        for statement in statements:
            opened.execute(statement)
        opened.commit()


def venues(name: str, create: str = "place, kind, phone") -> tuple[str, str]:
    rows = "('Alba', 'thai', 11.0), (' Bela', NULL, 'true'), ('Cora', 7, '')"
    return f'CREATE TABLE "{name}" ({create})', f'INSERT INTO "{name}" VALUES {rows}'


def test_the_same_venues_are_read_from_every_source(tmp_path: Path) -> None:
    rows = '[[Alba, thai, 11], [Bela, ~, true], [Cora, 007, ""]]'
    (tmp_path / "venues.csv").write_bytes(
        b'\xef\xbb\xbfplace,kind,phone\r\nAlba,THAI,11\r\n\r\n Bela,, true\r\n,,\r\n"Cora",007,\r\n'
    )
    fill(tmp_path / "venues.db", *venues("my places"))
    (tmp_path / "C#.csv").write_text("kind,place,name\nthai,Alba,x\n")
    assert (
        ALBA
        == read(tmp_path, f"database: {{columns: [place, kind, phone], rows: {rows}}}")
        == read(tmp_path, "database: venues.csv")
        == read(tmp_path, "database: {file: venues.csv}")
        == read(tmp_path.parent, f"database: {tmp_path.name}/venues.csv")
        == read(tmp_path, "database: 'venues.db#my places'")
    )
    assert read(tmp_path, "database: C#.csv").name == "name"
    assert read(tmp_path, "database: {file: C#.csv, name: place}").name == "place"


def test_venues_are_found_by_name_and_number() -> None:
    assert ALBA.attributes() == ("kind", "phone") and ALBA.attributes({"kind"}) == ("phone",)
    assert (ALBA.venue("Cora"), ALBA.venue("Dora"), ALBA.column("phone")) == (2, None, 2)
    assert (ALBA.value(0, "kind"), ALBA.value(2, "phone")) == ("Thai", None)
    assert ALBA.details(2) == {"place": "Cora", "kind": "7", "phone": None}
    with pytest.raises(KeyError):
        ALBA.value(0, "fone")


def test_text_stays_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "venues.csv").write_text('name,note\nAlba,"one, ""two""\nthree"\n', "utf-8")
    assert read(tmp_path, "database: venues.csv").value(0, "note") == 'one, "two"\nthree'
    inline = read(tmp_path, "database: {columns: [name, n], rows: [[a, 1.50], [b, yes], [c, 0x1f]]}")
    assert [row[1] for row in inline.rows] == ["1.50", "yes", "0x1f"]


def test_the_largest_database_is_read(tmp_path: Path) -> None:
    (tmp_path / "venues.csv").write_text(HEAD + "".join(f"v{i},thai,\n" for i in range(MAX_VENUES)))
    assert len(read(tmp_path, "database: venues.csv").rows) == MAX_VENUES


FILES: list[tuple[str, str | bytes, str]] = [
    ("an empty file", "", "1: the file is empty"),
    ("no venues", HEAD + "\n,,\n", "1: the database has no venues"),
    ("a binary file", b"\x89PNG\r\n\x1a\n\0", "1: not a text file in UTF-8"),
    ("null bytes", HEAD + "a\0,,\n", "2: '\\x00' is a control character, not text"),
    ("too few cells", HEAD + "\nAlba,thai\n", "3: expected 3 cells, one for each column, not 2"),
    ("too many cells", HEAD + "Alba,thai,1,2\n", "2: expected 3 cells, one for each column, not 4"),
    (
        "an unknown value",
        HEAD + 'Alba,thai,"1\n2"\nBela,chineze,\n',
        "4: 'chineze' is not a value of 'kind'; did you mean 'chinese'?",
    ),
    ("no name", HEAD + " ,thai,1\n", "2: the venue has no name: its 'place' is empty"),
    (
        "a name twice",
        HEAD + "Alba,,\nBela,,\nAlba ,thai,1\n",
        "4: duplicate name 'Alba'; it is also that of FOLDER/venues.csv:2",
    ),
    ("a column twice", "place,kind,place\nAlba,,\n", "1: duplicate column 'place'"),
    ("a nameless column", "place,,kind\nAlba,,\n", "1: '' is not a valid name for column 2: it is empty"),
    ("one column", "place\nAlba\n", "1: a database needs at least two columns: the names and one more"),
    ("semicolons", "place;kind\nAlba;thai\n", "1: the columns must be separated by commas, not by ';'"),
    ("an open quote", HEAD + 'Alba,"thai,1\n', "2: not valid CSV (unexpected end of data)"),
    (
        "too many venues",
        HEAD + "".join(f"v{i},,\n" for i in range(MAX_VENUES + 1)),
        "2002: more than the 2,000 venues that are supported",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("content", "error"), [one[1:] for one in FILES], ids=[one[0] for one in FILES])
def test_a_csv_file_that_cannot_be_used_gives_one_sentence(
    tmp_path: Path, content: str | bytes, error: str
) -> None:
    (tmp_path / "venues.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DomainError) as raised:
        read(tmp_path, "database: venues.csv")
    assert str(raised.value) == f"FOLDER/venues.csv:{error}".replace("FOLDER", str(tmp_path))


WRITTEN = [
    ("{columns: [a, b]}", "database: a database needs 'columns' and 'rows', or a 'file'"),
    ("{column: [a, b], rows: []}", "database: unknown key 'column'; did you mean 'columns'?"),
    ("{file: x.csv, rows: []}", "database.rows: give the venues here or in a 'file', not both"),
    ("{columns: [a, b], rows: []}", "database.columns: the database has no venues"),
    ("{columns: [a, b], rows: [c]}", "database.rows[0]: expected a list with a cell for each column"),
    ("{columns: [a, b], rows: [[c, [d]]]}", "database.rows[0][1]: expected a cell, not a list"),
    ("{columns: [a, b], rows: [[c]]}", "database.rows[0]: expected 2 cells, one for each column, not 1"),
    (
        "{columns: [a, kind], rows: [[c, Tai]]}",
        "database.rows[0]: 'Tai' is not a value of 'kind'; did you mean 'Thai'?",
    ),
    ("{columns: [a, b], rows: [[c, d]], name: x}", "database.name: unknown column 'x'; valid: a, b"),
    (f"{{columns: [a, b], rows: [{'[c, d], ' * 2001}]}}", "database.rows[2000]: more than the 2,000 venues"),
    ("[venues.csv]", "database: expected a file, not a list"),
    ("~", "database: expected a file, not nothing"),
    (".", "database: FOLDER: this is a directory or device, not a file"),
    ("venues.db", "database: this is a SQLite database; name a table as in 'venues.db#places'"),
    ("venues.db#place", "database: FOLDER/venues.db has no table 'place'; did you mean 'places'?"),
    ("venue.csv", "database: FOLDER/venue.csv: there is no such file; did you mean 'venues.db'?"),
    ("venue.db#places", "database: FOLDER/venue.db: there is no such file; did you mean 'venues.db'?"),
]


@pytest.mark.parametrize(("written", "error"), WRITTEN, ids=range(len(WRITTEN)))
def test_an_entry_that_cannot_be_used_gives_one_sentence(tmp_path: Path, written: str, error: str) -> None:
    fill(tmp_path / "venues.db", *venues("places"))
    (tmp_path / "plain.db").write_text("not a database, but long enough to be taken for one" * 20)
    with pytest.raises(DomainError) as raised:
        read(tmp_path, f"database: {written}")
    assert str(raised.value).startswith(f"domain.yml:2: {error.replace('FOLDER', str(tmp_path))}")


@pytest.mark.parametrize(
    ("statements", "error"),
    [
        (("CREATE TABLE places (place, kind)",), ": the database has no venues"),
        (
            (*venues("places"), "UPDATE places SET kind = 'Tai' WHERE place = 'Cora'"),
            ": row 3: 'Tai' is not a value of 'kind'; did you mean 'Thai'?",
        ),
        ((*venues("places"), "UPDATE places SET phone = x'00ff'"), ": row 1: a cell holds bytes, not text"),
    ],
)
def test_a_table_that_cannot_be_used_gives_one_sentence(
    tmp_path: Path, statements: tuple[str, ...], error: str
) -> None:
    fill(tmp_path / "venues.db", *statements)
    before = (tmp_path / "venues.db").read_bytes()
    with pytest.raises(DomainError) as raised:
        read(tmp_path, "database: venues.db#places")
    assert str(raised.value) == f"{tmp_path}/venues.db#places{error}"
    assert (tmp_path / "venues.db").read_bytes() == before


@pytest.mark.parametrize("written", ["database: venues.csv", "database:\n  file: venues.csv\n  name: place"])
def test_the_text_of_a_domain_holds_its_venues(tmp_path: Path, written: str) -> None:
    """A store keeps the text, and outlives the file beside it."""
    (tmp_path / "venues.csv").write_text('place,phone\nAlba,"1 ""a"", é"\nBela,\n', "utf-8")
    path = tmp_path / "domain.yml"
    path.write_text(f"intents: [greet]\n{written}\nactions: [hello]  # a note\n", "utf-8")
    known = load_domain(path)
    text = domain_text(path)
    more = tmp_path / "more.yml"
    more.write_text("intents: [bye]\n", "utf-8")
    both = domain_text([path, more])
    (tmp_path / "venues.csv").unlink()
    again = parse_domain(parse_yaml(text, "elsewhere.yml", DOMAIN_FILE), "domain")
    assert again == known and "# a note" in text
    merged = parse_domain(parse_yaml(both, "elsewhere.yml", DOMAIN_FILE), "domain")
    assert merged.database == known.database and merged.intents == ("greet", "bye")


def test_a_text_from_strangers_names_no_file(tmp_path: Path) -> None:
    (tmp_path / "venues.csv").write_text("place,phone\nAlba,1\n", "utf-8")
    root = parse_yaml("database: venues.csv\n", str(tmp_path / "domain.yml"), DOMAIN_FILE)
    with pytest.raises(DomainError, match="no other file is read here"):
        parse_domain(root, "any", may_read_files=False)


def test_an_interrupted_write_to_a_database_is_left_to_its_owner(tmp_path: Path) -> None:
    """A connection that may write would undo the change of whoever is writing, and remove its journal."""
    whole, cut = tmp_path / "whole.db", tmp_path / "cut.db"
    fill(whole, *venues("places"))
    with closing(sqlite3.connect(whole, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_spill = 1")
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN")
        for number in range(200):
            writer.execute("INSERT INTO places VALUES (?, 'thai', ?)", (f"Venue {number}", "9" * 500))
        cut.write_bytes(whole.read_bytes())
        Path(f"{cut}-journal").write_bytes(Path(f"{whole}-journal").read_bytes())
        writer.execute("ROLLBACK")
    before = {path.name: path.read_bytes() for path in tmp_path.glob("cut.db*")}
    assert len(before) == 2
    with pytest.raises(DomainError, match=r"cut\.db: not a SQLite database that can be read"):
        read(tmp_path, "database: cut.db#places")
    assert {path.name: path.read_bytes() for path in tmp_path.glob("cut.db*")} == before
