"""Add entries to a YAML text in place: all other text, comments and order are unchanged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from dialogue_gym._text import in_lines_of
from dialogue_gym._yaml import ONE_LINE

_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_NULLS = ("", "~", "null", "Null", "NULL")


class InsertionError(ValueError):
    """A text to which nothing can be added in place. The message is a clause with the reason."""


@dataclass
class _Section:
    """The place of a value, in characters from the beginning of the text.

    Attributes:
        style: `"block"` with an entry a line, `"flow"` in brackets or braces, `"null"`, or `"other"`.
        line: on which line it begins.
        begin: where it begins.
        end: just after its last item, before a closing bracket or brace.
        first: where its first entry begins; None if there is none.
    """

    style: str
    line: int
    begin: int
    end: int
    first: int | None = None

    def take(self, begin: int, end: int) -> None:
        """Extend the span to hold another place."""
        self.first = begin if self.first is None else self.first
        self.end = end


def insert(text: str, additions: Mapping[str, str]) -> str:
    """Return a YAML text with entries added at the end of lists or mappings under keys of its root.

    Args:
        text: one document, a mapping.
        additions: by key, further entries for it, as a YAML block that is not indented. A key
            that is not there yet is added at the end.

    Raises:
        InsertionError: this text cannot be added to, for instance because one of its lists is an alias.
    """
    if not additions:
        return text
    text = text if text.endswith("\n") else text + "\n"
    root, sections = _sections(text)
    edits = [_edit(text, root, sections[key], block) for key, block in additions.items() if key in sections]
    absent = [(key, block) for key, block in additions.items() if key not in sections]
    edits += [_new_section(text, root, key, block) for key, block in absent]
    parts: list[str] = []
    last = 0
    for begin, end, new in sorted(edits, key=lambda edit: edit[0]):
        parts += (text[last:begin], in_lines_of(text, new))
        last = end
    result = "".join((*parts, text[last:]))
    _check(text, result, additions)
    return result


def _sections(text: str) -> tuple[_Section, dict[str, _Section]]:
    """Return the place of a document's root, and the places of the values of its keys."""
    root: _Section | None = None
    sections: dict[str, _Section] = {}
    key: str | None = None
    within: list[_Section] = []
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionEndEvent):
            closed = within.pop()
            # A closing bracket belongs to the lists around it; a block has none.
            for outer in within if closed.style == "flow" else ():
                outer.take(closed.begin, _section(event).end)
        elif isinstance(event, yaml.NodeEvent):
            here = _section(event)
            for outer in within:
                outer.take(here.begin, here.end)
            if root is None:
                root = here
                if not isinstance(event, yaml.MappingStartEvent):
                    break
            elif len(within) == 1 and key is None:
                key = getattr(event, "value", "")
            elif len(within) == 1 and key is not None:
                sections[key], key = here, None
            if isinstance(event, yaml.CollectionStartEvent):
                within.append(here)
    if root is None or root.first is None:
        raise InsertionError("there are no keys in it")
    return root, sections


def _section(event: yaml.Event) -> _Section:
    assert event.start_mark and event.end_mark
    style = "other"
    if isinstance(event, yaml.CollectionStartEvent):
        style = "flow" if event.flow_style else "block"
    elif isinstance(event, yaml.ScalarEvent) and not event.style and event.value in _NULLS:
        style = "null"
    return _Section(style, event.start_mark.line + 1, event.start_mark.index, event.end_mark.index)


def _edit(text: str, root: _Section, section: _Section, block: str) -> tuple[int, int, str]:
    """Return the replacement, with its start and end, that adds entries at the end of a section."""
    if section.style == "other":
        raise InsertionError(f"on line {section.line} there is neither a list nor keys")
    if section.style == "flow":
        comma = "" if section.first is None else ", "
        return section.end, section.end, comma + _in_a_line(block)[1:-1]
    if section.style == "block":
        place = next_line(text, section.end)
        return place, place, _indented(block, column_of(text, section.first or section.begin))
    if section.begin == section.end and root.style == "block":
        place = next_line(text, section.end)
        return place, place, _indented(block, column_of(text, root.first or 0) + 2)
    space = " " if text[section.begin - 1] == ":" else ""
    return section.begin, section.end, space + _in_a_line(block)


def _new_section(text: str, root: _Section, key: str, block: str) -> tuple[int, int, str]:
    if root.style == "flow":
        return root.end, root.end, f", {key}: {_in_a_line(block)}"
    place, column = next_line(text, root.end), column_of(text, root.first or 0)
    return place, place, _indented(f"\n{key}:\n{_indented(block, 2)}", column)


def next_line(text: str, place: int) -> int:
    """Return the start of the line after a place, or the end; the place itself at the start of a line."""
    return place if text[place - 1 : place] == "\n" else text.find("\n", place) + 1 or len(text)


def column_of(text: str, place: int) -> int:
    """Return the indentation of the line of a place."""
    line = text[text.rfind("\n", 0, place) + 1 :]
    return len(line) - len(line.lstrip(" "))


def _indented(block: str, width: int) -> str:
    return re.sub(r"^(?=[^\n])", " " * width, block, flags=re.MULTILINE)


def _in_a_line(block: str) -> str:
    """Return a block as YAML writes it in brackets or braces."""
    root = yaml.compose(block, Loader=yaml.SafeLoader)
    assert root is not None
    for node in _nodes(root):
        if isinstance(node, yaml.CollectionNode):
            node.flow_style = True
    return str(yaml.serialize(root, width=ONE_LINE, allow_unicode=True)).strip()


def _nodes(node: yaml.Node) -> Iterator[yaml.Node]:
    yield node
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _nodes(item)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from (key, *_nodes(value))


def _check(before: str, after: str, additions: Mapping[str, str]) -> None:
    """Compare the content read back: an anchor, or an unusual list, can change its meaning."""
    expected = yaml.load(before, Loader=_LOADER)
    for key, block in additions.items():
        new = yaml.load(block, Loader=_LOADER)
        old = expected.get(key) or type(new)()
        old = type(new)() if old in _NULLS else old
        if type(old) is not type(new):
            raise InsertionError(f"{key!r} is not {'a list' if type(new) is list else 'a mapping'}")
        expected[key] = old + new if isinstance(new, list) else old | new
    try:
        is_as_expected = yaml.load(after, Loader=_LOADER) == expected
    except yaml.YAMLError:
        is_as_expected = False
    if not is_as_expected:
        raise InsertionError("it uses unusual YAML, perhaps anchors")
