"""Merge of several domain files into one, as Rasa does it for a folder.

Lists and mappings are joined by name; where two files have an entry of one name, the first file wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from dialogue_gym._files import Problem
from dialogue_gym._text import quoted
from dialogue_gym._yaml import YamlNode, in_file
from dialogue_gym.domain.model import DOMAIN_FILE

_JOINED = ("intents", "entities", "slots", "responses", "actions", "forms", "e2e_actions", "config")
_ONCE = ("description", "fake_user", "database", "reward", "expert")
_MAP, _SEQ = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"


def merge(roots: Sequence[YamlNode], warnings: list[Problem]) -> YamlNode:
    """Return one domain file for several; entries that differ from an earlier file's become `warnings`.

    Raises:
        DomainError: two files have a description, fake user, database, reward or expert, or one has a list
            where another has a mapping.
    """
    if len(roots) == 1:
        return roots[0]
    sections: dict[str, YamlNode] = {}
    joined: dict[str, dict[str, YamlNode]] = {}
    for root in roots:
        for key, entry in root.mapping().items():
            name = "responses" if key == "templates" else key
            first = sections.setdefault(name, entry)
            if entry.is_null:
                continue
            if first.is_null:
                sections[name] = first = entry
            if name in _ONCE and first is not entry:
                raise entry.error(f"the key {key!r} is also in {first.file}:{first.line}")
            if name not in _JOINED:
                continue
            if first.is_list != entry.is_list:
                here, there = ("a list", "a mapping") if entry.is_list else ("a mapping", "a list")
                raise entry.error(f"it is {here} here, and {there} in {first.file}:{first.line}")
            _join(joined.setdefault(name, {}), entry, warnings)
    pairs = [
        (in_file(entry.key, entry.file), _section(entry, joined.get(name)))
        for name, entry in sections.items()
    ]
    return YamlNode(yaml.MappingNode(_MAP, pairs, *_marks(roots[0])), roots[0].file, kind=DOMAIN_FILE)


def _join(known: dict[str, YamlNode], entry: YamlNode, warnings: list[Problem]) -> None:
    """Add the entries of a section that no earlier file has."""
    named = [(_name(item), item) for item in entry.items()] if entry.is_list else entry.mapping().items()
    for name, item in named:
        first = known.setdefault(name, item)
        if first.file != item.file and first.value() != item.value():
            place = f"{first.file}:{first.line}"
            warnings.append(item.warning(f"{quoted(name)} is defined differently in {place}, which is used"))


def _name(item: YamlNode) -> str:
    """Return the name of a list's item, which may have options below it."""
    return next(iter(item.mapping()), "") if item.is_mapping else item.text()


def _section(entry: YamlNode, joined: dict[str, YamlNode] | None) -> yaml.Node:
    if joined is None:
        return entry.node
    items = joined.values()
    if entry.is_list:
        return yaml.SequenceNode(_SEQ, [in_file(item.node, item.file) for item in items], *_marks(entry))
    pairs = [(in_file(item.key, item.file), item.node) for item in items]
    return yaml.MappingNode(_MAP, pairs, *_marks(entry))


def _marks(entry: YamlNode) -> tuple[Any, Any]:
    return entry.node.start_mark, entry.node.end_mark
