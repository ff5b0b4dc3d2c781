"""PyDial's ontologies: the file `...-rules.json` of a domain, and its SQLite file `...-dbase.db`.

PyDial is described by Ultes et al. (2017), https://aclanthology.org/P17-4013.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dialogue_gym._text import nearest, quoted
from dialogue_gym.domain.database import cell_text, query_table
from dialogue_gym.ontologies.json_file import json_kind, read_json, texts_of
from dialogue_gym.ontologies.model import Cells, Ontology, OntologyError, make_ontology

INFORMABLE, REQUESTABLE, SYSTEM_REQUESTABLE = "informable", "requestable", "system_requestable"
_NAME = "name"
_SUFFIX = "-rules"


def read_pydial(rules: str | Path, database: str | Path) -> Ontology:
    """Return the ontology of PyDial's two files.

    The slots are those that a system may ask for, and the attributes those that users may ask for besides.

    Raises:
        OntologyError: a file cannot be used; one sentence with its name.
        DomainError: the database cannot be read.
    """
    rules, database = Path(rules), Path(database)
    content = read_json(rules)
    if not isinstance(content, dict):
        raise OntologyError(f"{rules}: expected an object with {INFORMABLE!r}, not {json_kind(content)}")
    for key in (INFORMABLE, REQUESTABLE):
        if key not in content:
            hint = f"; {nearest(key, content)}" if content else ""
            raise OntologyError(f"{rules}: the key {key!r} is missing{hint}")
    informable = content[INFORMABLE]
    if not isinstance(informable, dict):
        raise OntologyError(f"{rules}: {INFORMABLE!r} must be an object, not {json_kind(informable)}")
    values = {
        key: texts_of(listed, f"{rules}: {INFORMABLE}.{key}")
        for key, listed in informable.items()
        if key != _NAME
    }
    asked = _keys(content, SYSTEM_REQUESTABLE, rules) if SYSTEM_REQUESTABLE in content else [*values]
    wanted = _keys(content, REQUESTABLE, rules)
    columns, rows = _venues(database, [*asked, *wanted])
    notes = [
        f"{quoted(key)} is left out: the database has no such column"
        for key in dict.fromkeys([*asked, *wanted])
        if key not in columns and key != _NAME
    ]
    slots = {key: values.get(key, []) for key in asked if key in columns and key != _NAME}
    attributes = [key for key in dict.fromkeys(wanted) if key in columns and key not in (*slots, _NAME)]
    name = rules.stem.removesuffix(_SUFFIX)
    return make_ontology(name, str(database), slots, attributes, rows, _NAME, notes)


def _keys(content: Mapping[str, Any], key: str, rules: Path) -> list[str]:
    return texts_of(content[key], f"{rules}: {key!r}")


def _venues(path: Path, wanted: Sequence[str]) -> tuple[list[str], list[Cells]]:
    """Return the columns and rows of the table with names that has most of the columns that are wanted."""
    if not path.is_file():
        raise OntologyError(f"{path}: there is no such file")
    tables, _, _ = query_table(path, "")
    found = [(columns, rows) for _, columns, rows in (query_table(path, table) for table in tables)]
    with_names = [one for one in found if _NAME in one[0]]
    if not with_names:
        raise OntologyError(f"{path}: no table of this database has a column {_NAME!r}")
    columns, rows = max(with_names, key=lambda one: sum(column in one[0] for column in wanted))
    for number, row in enumerate(rows, 1):
        if any(isinstance(cell, bytes) for cell in row):
            raise OntologyError(f"{path}: venue {number}: a cell holds bytes, not text")
    return columns, [dict(zip(columns, map(cell_text, row), strict=True)) for row in rows]
