"""A domain from plain data: the dicts and lists that `dataclasses.asdict` and JSON make of one.

So the specification of an environment, written as JSON, gives the environment back on another machine.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any

from dialogue_gym._text import nearest
from dialogue_gym.domain.model import Domain, DomainError


def domain_from_plain(content: Mapping[str, Any]) -> Domain:
    """Return the domain whose fields are given as dicts and lists.

    Raises:
        DomainError: a field is unknown or missing, or its value is of another kind.
    """
    domain: Domain = _read(Domain, content, "domain")
    return domain


@functools.cache
def _hints(of: Any) -> dict[str, Any]:
    return typing.get_type_hints(of)


def _read(of: Any, value: Any, place: str) -> Any:
    """Return the value of an annotation, such as a dataclass or `tuple[str, ...]`, from plain data."""
    origin, arguments = typing.get_origin(of), typing.get_args(of)
    if of is Any:
        return value
    if dataclasses.is_dataclass(of):
        return _read_dataclass(of, value, place)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else _read(arguments[0], value, place)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise _error(place, value, "a list")
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        if len(kinds) != len(value):
            raise _error(place, value, f"a list of {len(kinds)}")
        pairs = enumerate(zip(kinds, value, strict=True))
        return tuple(_read(kind, item, f"{place}[{index}]") for index, (kind, item) in pairs)
    if of is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(of, type) and not isinstance(value, of):
        raise _error(place, value, of.__name__)
    return value


def _read_dataclass(of: Any, value: Any, place: str) -> Any:
    if isinstance(value, of):
        return value
    if not isinstance(value, Mapping):
        raise _error(place, value, "a mapping")
    fields = {field.name: field for field in dataclasses.fields(of)}
    for name in value:
        if name not in fields:
            raise DomainError(f"{place}: unknown field {name!r}; {nearest(str(name), fields)}")
    for name, field in fields.items():
        if name not in value and field.default is field.default_factory is dataclasses.MISSING:
            raise DomainError(f"{place}: the field {name!r} is missing")
    hints = _hints(of)
    return of(**{name: _read(hints[name], item, f"{place}.{name}") for name, item in value.items()})


def _error(place: str, value: Any, wanted: str) -> DomainError:
    return DomainError(f"{place}: must be {wanted}, not {value!r}")
