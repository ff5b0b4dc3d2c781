"""Change, remove and append single values of a YAML text in place: all other text and comments stay.

A value is found by its path from the root: keys of mappings, and indexes of lists.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from dialogue_gym._text import in_lines_of
from dialogue_gym._yaml import flow_yaml
from dialogue_gym.domain.yaml_edit import InsertionError, column_of, next_line

_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
Path = tuple[str | int, ...]


def node_at(text: str, path: Path) -> yaml.Node | None:
    """Return the node of a value; None if there is none."""
    node: Any = yaml.compose(text, Loader=_LOADER)
    for step in path:
        if isinstance(node, yaml.MappingNode) and isinstance(step, str):
            node = next((value for key, value in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step] if step < len(node.value) else None
        else:
            return None
    found: yaml.Node | None = node
    return found


def replaced(text: str, path: Path, value: Any) -> str:
    """Return a text with another value, written in one line, in the place of a scalar or of a flow value.

    Raises:
        InsertionError: it cannot be replaced in place.
    """
    node = _node(text, path)
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        raise InsertionError(f"the value on line {_line(node)} is more than a text")
    begin, end = _span(node)
    ending = in_lines_of(text, "\n") if text[begin:end].endswith("\n") else ""
    return text[:begin] + flow_yaml(value) + ending + text[end:]


def removed(text: str, path: Path) -> str:
    """Return a text without an item of a list, or without a key and its value.

    Raises:
        InsertionError: it cannot be removed in place.
    """
    parent, node = _node(text, path[:-1]), _node(text, path)
    entries = _entries(parent)
    place = next(index for index, (_, value) in enumerate(entries) if value is node or _same(value, node))
    begin, end = _span(entries[place][0])[0], _end(node)
    if isinstance(parent, yaml.CollectionNode) and parent.flow_style:
        if place + 1 < len(entries):
            end = _span(entries[place + 1][0])[0]
        elif place:
            begin = _end(entries[place - 1][1])
        return text[:begin] + text[end:]
    first = text.rfind("\n", 0, begin) + 1
    if not re.fullmatch(r"\s*" if isinstance(parent, yaml.MappingNode) else r"\s*-\s+", text[first:begin]):
        raise InsertionError(f"line {_line(node)} has something else as well")
    return text[:first] + text[next_line(text, end) :]


def appended(text: str, path: Path, value: Any) -> str:
    """Return a text with a value, written in one line, at the end of a list.

    Raises:
        InsertionError: it cannot be added in place.
    """
    node = _node(text, path)
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        raise InsertionError(f"the value on line {_line(node)} is not a list")
    in_line = flow_yaml(value)
    is_pair = isinstance(value, dict) and len(value) == 1
    return _added(text, node, in_line, f"- {in_line[1:-1] if is_pair else in_line}")


def put(text: str, path: Path, key: str, value: Any) -> str:
    """Return a text with a new key and its value, written in one line, in a mapping.

    Raises:
        InsertionError: it cannot be added in place.
    """
    node = _node(text, path)
    if not isinstance(node, yaml.MappingNode) or not node.value:
        raise InsertionError(f"the value on line {_line(node)} has no keys")
    pair = f"{flow_yaml(key)}: {flow_yaml(value)}"
    return _added(text, node, pair, pair)


def _added(text: str, node: yaml.CollectionNode, in_flow: str, in_block: str) -> str:
    begin, end = _span(node)
    if node.flow_style:
        return f"{text[: end - 1].rstrip()}, {in_flow}{text[end - 1 :]}"
    text = text if text.endswith("\n") else text + "\n"
    place = next_line(text, _end(node))
    # Keys may follow a dash: their column is that of the first of them, not of its line.
    column = begin - text.rfind("\n", 0, begin) - 1
    if isinstance(node, yaml.SequenceNode):
        column = column_of(text, begin)
    line = in_lines_of(text, f"{' ' * column}{in_block}\n")
    return f"{text[:place]}{line}{text[place:]}"


def _node(text: str, path: Path) -> yaml.Node:
    node = node_at(text, path)
    if node is None:
        raise InsertionError(f"there is no {'.'.join(map(str, path))}")
    return node


def _entries(node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
    """Return the first and the last node of each entry of a collection: a key and its value, or an item."""
    if isinstance(node, yaml.MappingNode):
        return list(node.value)
    return [(item, item) for item in node.value]


def _same(one: yaml.Node, other: yaml.Node) -> bool:
    return _span(one) == _span(other)


def _span(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.index, node.end_mark.index


def _end(node: yaml.Node) -> int:
    """Return the end of a node; a collection in lines of its own has its mark after the comments below it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        return _end(_entries(node)[-1][1])
    return _span(node)[1]


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
