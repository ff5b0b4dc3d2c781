"""MultiWOZ's ontologies, versions 2.0 to 2.4: `ontology.json` or `schema.json`, and a database as JSON.

See https://github.com/budzianowski/multiwoz and Budzianowski et al. (2018).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dialogue_gym._text import nearest, quoted
from dialogue_gym.ontologies.json_file import json_kind, read_json, text_of, texts_of
from dialogue_gym.ontologies.model import Cells, Ontology, OntologyError, compact, known, make_ontology

_NAME = "name"
_NOT_ASKED = ("id", "ref", "location")
"""The keys of a database that mean nothing to users."""
_KEY = re.compile(r"(?P<domain>[^-]+)-(?:(?P<part>semi|book)-)?(?P<slot>.+)", re.DOTALL)
_SEVERAL = re.compile(r"[|<>]")
"""Signs between values of which each one is right."""

Slots = dict[str, list[str]]


def read_multiwoz(ontology: str | Path, database: str | Path, domain: str | None = None) -> Ontology:
    """Return the ontology of one domain of MultiWOZ.

    The slots are those of a search that the database has; slots of bookings are left out. The other columns
    of the database are the attributes.

    Args:
        ontology: the file with the slots and values of all domains.
        database: the file with the venues of one domain.
        domain: its name; without it, the one that the name of the database begins with.

    Raises:
        OntologyError: a file cannot be used; one sentence with its name.
    """
    ontology, database = Path(ontology), Path(database)
    domains = _domains(ontology)
    name = _domain(domains, ontology, database, domain)
    venues = _venues(database)
    keys = list(dict.fromkeys(key for venue in venues for key in venue))
    by_compact = {compact(key): key for key in reversed(keys)}
    rows: list[Cells] = [{key: text_of(value) for key, value in venue.items()} for venue in venues]
    searched = {compact(slot) for slot in domains[name]}
    others = [key for key in keys if compact(key) not in searched]
    name_key = by_compact.get(_NAME) or _distinct(database, others, rows)
    slots: Slots = {}
    notes = []
    for slot, values in domains[name].items():
        key = by_compact.get(compact(slot))
        if key is None:
            notes.append(f"the slot {quoted(slot)} is left out: the database has no such key")
        elif key != name_key:
            slots[key] = values
    attributes = [
        key
        for key in keys
        if key not in slots
        and key != name_key
        and compact(key) not in _NOT_ASKED
        and {text for row in rows if (text := known(row.get(key)))} != {name}  # type: restaurant
    ]
    return make_ontology(name, str(database), slots, attributes, rows, name_key, notes)


def _domains(path: Path) -> dict[str, Slots]:
    """Return by domain the slots of a search with their values."""
    content = read_json(path)
    if isinstance(content, list):
        found = _of_schema(content, path)
    elif isinstance(content, dict):
        found = ((key, texts_of(values, f"{path}: {key!r}")) for key, values in content.items())
    else:
        raise OntologyError(
            f"{path}: expected an object with keys such as 'hotel-area', not {json_kind(content)}"
        )
    domains: dict[str, Slots] = {}
    for key, values in found:
        match = _KEY.fullmatch(key)
        if match is None:
            raise OntologyError(
                f"{path}: {quoted(key)} is not the name of a domain and a slot, as in 'hotel-area'"
            )
        slots = domains.setdefault(match["domain"].strip(), {})
        if match["part"] != "book" and not compact(match["slot"]).startswith("book"):
            slots[match["slot"]] = [part for value in values for part in _SEVERAL.split(value)]
    if not domains:
        raise OntologyError(f"{path}: there are no slots in it")
    return domains


def _of_schema(services: Sequence[Any], path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the slots of a schema of version 2.2; the values of some stand in the database only.

    A slot without the key for its values is an attribute, unless the search of an intent can have it.
    """
    for service in services:
        if not isinstance(service, dict) or not isinstance(service.get("slots"), list):
            raise OntologyError(f"{path}: each service must be an object with a list 'slots'")
        searched = set(_searched(service.get("intents")))
        for slot in service["slots"]:
            if not isinstance(slot, dict) or not isinstance(slot.get("name"), str):
                raise OntologyError(f"{path}: each slot must be an object with a text 'name'")
            if "possible_values" in slot or slot["name"] in searched:
                listed = slot.get("possible_values") or []
                yield slot["name"], texts_of(listed, f"{path}: {slot['name']!r}")


def _searched(intents: Any) -> Iterator[str]:
    """Yield the slots that the searches of a service can have."""
    for intent in intents if isinstance(intents, list) else ():
        for key in ("required_slots", "optional_slots"):
            slots = intent.get(key) if isinstance(intent, dict) else None
            if isinstance(slots, list | dict):
                yield from (slot for slot in slots if isinstance(slot, str))


def _domain(domains: Mapping[str, Slots], ontology: Path, database: Path, wanted: str | None) -> str:
    beginning = compact(database.stem)
    named = [name for name in domains if beginning.startswith(compact(name))] or [*domains]
    if wanted is None and len(named) > 1:
        valid = ", ".join(sorted(domains))
        raise OntologyError(f"{database}: which domain is it? Give one with --domain: {valid}")
    name = named[0] if wanted is None else wanted
    if name not in domains:
        raise OntologyError(f"{ontology}: unknown domain {quoted(name)}; {nearest(name, domains)}")
    if not domains[name]:
        raise OntologyError(f"{ontology}: the domain {name!r} has no slots to search by")
    return name


def _venues(path: Path) -> list[dict[str, Any]]:
    content = read_json(path)
    if not isinstance(content, list):
        raise OntologyError(f"{path}: expected a list of venues, not {json_kind(content)}")
    for number, venue in enumerate(content, 1):
        if not isinstance(venue, dict):
            raise OntologyError(f"{path}: venue {number} must be an object, not {json_kind(venue)}")
    return content


def _distinct(path: Path, keys: Sequence[str], rows: Sequence[Cells]) -> str:
    """Return the first key under which every venue has a value of its own, such as `trainID`."""
    for key in keys:
        texts = [text for row in rows if (text := known(row.get(key)))]
        if len(set(texts)) == len(rows):
            return key
    raise OntologyError(f"{path}: the venues have no {_NAME!r}, and no other key tells them apart")
