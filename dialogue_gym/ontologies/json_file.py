"""JSON files of ontologies: read with a sentence for each fault, and their values as text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dialogue_gym._files import FileKind, read_text
from dialogue_gym.domain.database import cell_text
from dialogue_gym.ontologies.model import OntologyError

_JSON_FILE = FileKind("JSON file", OntologyError, max_bytes=50_000_000)


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        OntologyError: the file cannot be read, or is not JSON.
    """
    try:
        return json.loads(read_text(path, _JSON_FILE))
    except json.JSONDecodeError as error:
        raise OntologyError(f"{path}:{error.lineno}: not valid JSON ({error.msg})") from None
    except (RecursionError, ValueError) as error:
        if isinstance(error, OntologyError):
            raise
        raise OntologyError(
            f"{path}: not JSON that can be read: it is nested too deep, or a number too long"
        ) from None


def texts_of(value: Any, place: str) -> list[str]:
    """Return a list of values as texts, without those that are null.

    Raises:
        OntologyError: the value, which `place` names, is not a list of texts and numbers.
    """
    if not isinstance(value, list):
        raise OntologyError(f"{place} must be a list, not {json_kind(value)}")
    for item in value:
        if not isinstance(item, str | int | float | None):
            raise OntologyError(f"{place} must be a list of texts; one is {json_kind(item)}")
    return [text for item in value if (text := text_of(item)) is not None]


def text_of(value: Any) -> str | None:
    """Return a value as one text; None for a list of numbers, such as a place on the map.

    >>> text_of({"double": "75", "single": 50}), text_of(["a", "b"]), text_of([52.1, 0.1]), text_of(True)
    ('double: 75, single: 50', 'a, b', None, 'yes')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        parts = [f"{key}: {text}" for key, one in value.items() if (text := text_of(one))]
        return ", ".join(parts) or None
    if isinstance(value, list):
        is_place = all(isinstance(one, int | float) for one in value)
        return None if is_place else ", ".join(text for one in value if (text := text_of(one))) or None
    return cell_text(value)


def json_kind(value: Any) -> str:
    """Return the kind of a value of JSON in words."""
    if value is None or isinstance(value, bool):
        return "nothing" if value is None else "true or false"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return "a text" if isinstance(value, str) else "a number"
