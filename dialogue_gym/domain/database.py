"""From a YAML file to a `Domain`: the key `database`, the venues that the bot searches.

They stand in the domain file itself, in a CSV file or in a table of a SQLite file.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dialogue_gym._files import NO_FILE, FileKind, check_characters, read_bytes, read_text
from dialogue_gym._text import name_fault, nearest, quoted
from dialogue_gym._yaml import YamlNode, plain_value
from dialogue_gym.domain.model import DomainError
from dialogue_gym.domain.slot import Slot
from dialogue_gym.domain.venues import Database

DATABASE_KEYS = ("file", "name", "columns", "rows")
MAX_VENUES = 2000
NAME_COLUMN = "name"
"""The column with the venues' names, unless the domain file names another; without it, the first one."""
CSV_SUFFIX = ".csv"
SQLITE_SUFFIXES = (".db", ".sqlite", ".sqlite3")
_TOO_MANY = f"more than the {MAX_VENUES:,} venues that are supported"
_SQLITE = b"SQLite format 3\0"
_CSV_FILE = FileKind("CSV file", DomainError, max_bytes=10_000_000)
_MAX_WHOLE = 1e15

_Cells = list[str | None]


@dataclass(frozen=True)
class _Table:
    """A table as it was read; `place`, and that of each row, is the beginning of errors about it."""

    place: str
    columns: list[str]
    rows: list[tuple[str, _Cells]]


def parse_database(
    entry: YamlNode, slots: tuple[Slot, ...], folder: Path, *, may_read_files: bool = True
) -> Database:
    """Read `database`: a file, by its path from `folder`, or a mapping with the file or the rows.

    Where `may_read_files` is false, only rows in the domain file itself are read. Texts are stripped of the
    blanks around them, and empty ones are not known. Values in the column of a categorical slot are compared
    without regard to case, and become those of the slot.

    Raises:
        DomainError: the database cannot be used; one sentence with the place.
    """
    keys = entry.mapping(DATABASE_KEYS) if entry.is_mapping else {"file": entry}
    if "file" not in keys:
        table = _inline(entry, keys)
    elif second := keys.get("rows", keys.get("columns")):
        raise second.error("give the venues here or in a 'file', not both")
    elif not may_read_files:
        raise keys["file"].error("the venues must be in this file itself: no other file is read here")
    else:
        table = _of_file(keys["file"], folder)
    _check_columns(table)
    names = NAME_COLUMN if NAME_COLUMN in table.columns else table.columns[0]
    if "name" in keys:
        names = keys["name"].choice(table.columns, "column")
    return Database(names, tuple(table.columns), _rows(table, names, slots))


def with_venues(text: str, root: YamlNode, source: YamlNode | None = None) -> str:
    """Return the text of a domain with its venues written into it, if they are in another file.

    Args:
        text: the text.
        root: the content of the text.
        source: the key `database` in the file that its path counts from, if that is another one.

    Raises:
        DomainError: the venues cannot be read.
    """
    written = root.mapping().get("database")
    source = source or written
    if written is None or source is None or (source.is_mapping and "file" not in source.mapping()):
        return text
    database = parse_database(source, (), Path(source.file).parent)
    rows = ",\n    ".join(json.dumps(row, ensure_ascii=False) for row in database.rows)
    head = f'"name": {json.dumps(database.name)}, "columns": {json.dumps(database.columns)}'
    start, end = written.node.start_mark.index, written.node.end_mark.index
    line_end = "\n" if text[start:end].endswith("\n") else ""
    return f'{text[:start]}{{{head}, "rows": [\n    {rows}]}}{line_end}{text[end:]}'


def database_file(root: YamlNode) -> Path | None:
    """Return the path of the file that the key `database` of a domain file names; None without one.

    Raises:
        DomainError: the key does not name a file by a text.
    """
    entry = root.mapping().get("database")
    if entry is not None and entry.is_mapping:
        entry = entry.mapping().get("file")
    return None if entry is None else _place(entry, Path(root.file).parent)[0]


# The sources.


def _inline(entry: YamlNode, keys: Mapping[str, YamlNode]) -> _Table:
    if "columns" not in keys or "rows" not in keys:
        raise entry.error("a database needs 'columns' and 'rows', or a 'file'")
    at = keys["columns"]
    columns = [item.text("column") for item in at.items()]
    rows: list[tuple[str, _Cells]] = []
    for item in keys["rows"].items():
        if len(rows) == MAX_VENUES:
            raise item.error(_TOO_MANY)
        if not item.is_list:
            raise item.error("expected a list with a cell for each column")
        cells = [None if cell.is_null else cell.text("cell") for cell in item.items()]
        rows.append((f"{item.file}:{item.line}: {item.path}", cells))
    return _Table(f"{at.file}:{at.line}: {at.path}", columns, rows)


def _of_file(entry: YamlNode, folder: Path) -> _Table:
    path, table = _place(entry, folder)
    try:
        if table is not None:
            return _of_table(entry, _existing(entry, path), table)
        return _of_csv(entry, _existing(entry, path))
    except OSError as error:
        raise entry.error(f"{quoted(entry.text())} cannot be read ({error.strerror or error})") from None


def _place(entry: YamlNode, folder: Path) -> tuple[Path, str | None]:
    """Return the path of a file of venues, and the name of the table if it is a SQLite database."""
    written = entry.text("file")
    name, _, table = written.rpartition("#")
    if name and not (folder / written).is_file():
        return folder / name, table
    return folder / written, None


def _existing(entry: YamlNode, path: Path) -> Path:
    """Return the path of a file; another path is an error."""
    if path.is_file():
        return path
    if path.exists():
        raise entry.error(f"{path}: {NO_FILE}")
    folder = path.parent
    suffixes = (CSV_SUFFIX, *SQLITE_SUFFIXES)
    found = folder.iterdir() if folder.is_dir() else ()
    names = [one.name for one in found if one.suffix.lower() in suffixes]
    hint = f"; {nearest(path.name, names)}" if names else ""
    raise entry.error(f"{path}: there is no such file{hint}")


def _of_csv(entry: YamlNode, path: Path) -> _Table:
    """Read a CSV file; lines without a text count for nothing."""
    if read_bytes(path, len(_SQLITE) - 1) == _SQLITE:
        tables, _, _ = query_table(path, "")
        example = f"{entry.text()}#{tables[0] if tables else 'TABLE'}"
        raise entry.error(f"this is a SQLite database; name a table as in {quoted(example)}")
    text = read_text(path, _CSV_FILE)
    check_characters(text, str(path), _CSV_FILE)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[str, _Cells]] = []
    line = 1
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                rows.append((f"{path}:{line}", [*cells]))
                if len(rows) > MAX_VENUES + 1:
                    raise DomainError(f"{path}:{line}: {_TOO_MANY}")
            line = reader.line_num + 1
    except csv.Error as error:
        raise DomainError(f"{path}:{line}: not valid CSV ({error})") from None
    if not rows:
        raise DomainError(f"{path}:1: the file is empty")
    place, header = rows[0]
    columns = [(cell or "").strip() for cell in header]
    if len(columns) == 1 and (sign := next((sign for sign in ";\t|" if sign in columns[0]), None)):
        raise DomainError(f"{place}: the columns must be separated by commas, not by {sign!r}")
    return _Table(place, columns, rows[1:])


def _of_table(entry: YamlNode, path: Path, table: str) -> _Table:
    """Read a table or view of a SQLite file."""
    tables, columns, found = query_table(path, table)
    if table not in tables:
        raise entry.error(f"{path} has no table {quoted(table)}; {nearest(table, tables)}")
    rows: list[tuple[str, _Cells]] = []
    for number, cells in enumerate(found, 1):
        place = f"{path}#{table}: row {number}"
        if number > MAX_VENUES:
            raise DomainError(f"{place}: {_TOO_MANY}")
        if any(isinstance(cell, bytes) for cell in cells):
            raise DomainError(f"{place}: a cell holds bytes, not text")
        rows.append((place, [cell_text(cell) for cell in cells]))
    return _Table(f"{path}#{table}", columns, rows)


def query_table(path: Path, table: str) -> tuple[list[str], list[str], list[tuple[object, ...]]]:
    """Return the tables and views of a SQLite file, and the columns and rows of one, if it is there.

    The file is opened to be read only. At most one row more than `MAX_VENUES` is read.

    Raises:
        DomainError: it is not a SQLite file that can be read.
    """
    import sqlite3

    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            named = opened.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
            tables = [str(name) for (name,) in named if not name.startswith("sqlite_")]
            if table not in tables:
                return tables, [], []
            escaped = table.replace('"', '""')
            found = opened.execute(f'SELECT * FROM "{escaped}" LIMIT {MAX_VENUES + 1}')
            return tables, [column[0].strip() for column in found.description], found.fetchall()
    except sqlite3.Error as error:
        raise DomainError(f"{path}: not a SQLite database that can be read ({error})") from None


def cell_text(value: object) -> str | None:
    """Return the text of a cell; a number without decimals has none in its text.

    >>> cell_text(4.0), cell_text(4.5), cell_text(None)
    ('4', '4.5', None)
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < _MAX_WHOLE:
        return str(int(value))
    return None if value is None else str(value)


def _number(cell: str) -> str | None:
    """Return the text that a slot has for a number: 7 for 007."""
    value = plain_value(cell)
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


# The checks.


def _check_columns(table: _Table) -> None:
    for number, column in enumerate(table.columns):
        if fault := name_fault(column):
            name = f"{quoted(column)} is not a valid name for column {number + 1}"
            raise DomainError(f"{table.place}: {name}: {fault}")
        if column in table.columns[:number]:
            raise DomainError(f"{table.place}: duplicate column {quoted(column)}")
    if len(table.columns) < 2:
        raise DomainError(f"{table.place}: a database needs at least two columns: the names and one more")
    if not table.rows:
        raise DomainError(f"{table.place}: the database has no venues")


def _rows(table: _Table, names: str, slots: tuple[Slot, ...]) -> tuple[tuple[str | None, ...], ...]:
    """Return the checked rows, with the values of slots as the slots have them."""
    width, place = len(table.columns), table.columns.index(names)
    categorical = {slot.name: slot for slot in slots if slot.type == "categorical"}
    listed = [
        (number, categorical[column], {value.lower(): value for value in categorical[column].values})
        for number, column in enumerate(table.columns)
        if column in categorical
    ]
    seen: dict[str, str] = {}
    rows = []
    for at, cells in table.rows:
        if len(cells) != width:
            raise DomainError(f"{at}: expected {width} cells, one for each column, not {len(cells)}")
        row = [cell.strip() or None if cell else None for cell in cells]
        for number, slot, values in listed:
            cell = row[number]
            if cell is None:
                continue
            value = values.get(cell.lower()) or values.get(_number(cell) or "")
            if value is None:
                hint = nearest(cell, slot.values)
                raise DomainError(f"{at}: {quoted(cell)} is not a value of {slot.name!r}; {hint}")
            row[number] = value
        name = row[place]
        if name is None:
            raise DomainError(f"{at}: the venue has no name: its {names!r} is empty")
        if fault := name_fault(name):
            raise DomainError(f"{at}: {quoted(name)} is not a valid name: {fault}")
        if name in seen:
            raise DomainError(f"{at}: duplicate name {quoted(name)}; it is also that of {seen[name]}")
        seen[name] = at
        rows.append(tuple(row))
    return tuple(rows)
