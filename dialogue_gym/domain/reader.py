"""Read YAML with the place of every entry, so that an error can say file, line and key."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

# The C parser is 10 times faster where PyYAML was built with it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_BYTES = 5_000_000
MAX_DEPTH = 50
_NULL = "tag:yaml.org,2002:null"
_BOOL = "tag:yaml.org,2002:bool"
_MERGE = "tag:yaml.org,2002:merge"


class DomainError(ValueError):
    """A domain that cannot be used. The message is one sentence: file, line, key and what is wrong."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return a clause that names the nearest valid name, or the valid names if none is near.

    >>> nearest("cuisin", ["cuisine", "price"])
    "did you mean 'cuisine'?"
    """
    names = [str(item) for item in valid]
    if close := difflib.get_close_matches(name, names, n=1):
        return f"did you mean {close[0]!r}?"
    if not names:
        return "there are none"
    shown = ", ".join(sorted(names)[:8])
    return f"valid: {shown}, …" if len(names) > 8 else f"valid: {shown}"


def shorten(text: str, width: int = 60) -> str:
    """Return text as a quoted, printable literal of bounded length."""
    return repr(text if len(text) <= width else text[: width - 1] + "…")


class Entry:
    """One YAML node, its place in the file and the key path that leads to it."""

    def __init__(self, node: yaml.Node, file: str, path: str = "") -> None:
        """Wrap a composed node; `path` is the dotted key path from the top of the file."""
        self.node = node
        self.file = file
        self.path = path

    def error(self, message: str) -> DomainError:
        """Return the error that `message` is about this entry."""
        key = f" {self.path}:" if self.path else ""
        return DomainError(f"{self.file}:{self.node.start_mark.line + 1}:{key} {message}")

    @property
    def is_null(self) -> bool:
        """Whether the entry is empty or `null`."""
        return self.node.tag == _NULL

    @property
    def is_mapping(self) -> bool:
        """Whether the entry holds keys."""
        return isinstance(self.node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        """Whether the entry is a list."""
        return isinstance(self.node, yaml.SequenceNode)

    def _kind(self) -> str:
        if self.is_null:
            return "nothing"
        return "keys" if self.is_mapping else "a list" if self.is_list else shorten(self.node.value)

    def mapping(self, known: Iterable[str] | None = None) -> dict[str, Entry]:
        """Return the entry's keys; an empty entry has none. With `known`, any other key is an error."""
        if self.is_null:
            return {}
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error(f"keys are expected here, not {self._kind()}")
        names = None if known is None else list(known)
        found: dict[str, Entry] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in self.node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise Entry(key_node, self.file, self.path).error("a key must be a plain name")
            if key_node.tag == _MERGE:
                many = isinstance(value_node, yaml.SequenceNode)
                merged.extend(value_node.value if many else [value_node])
                continue
            key = key_node.value
            entry = Entry(value_node, self.file, f"{self.path}.{key}" if self.path else key)
            if key in found:
                raise Entry(key_node, self.file, self.path).error(f"the key {shorten(key)} stands here twice")
            if names is not None and key not in names:
                raise Entry(key_node, self.file, self.path).error(
                    f"unknown key {shorten(key)}; {nearest(key, names)}"
                )
            found[key] = entry
        for node in merged:  # explicit keys win over merged ones
            for key, entry in Entry(node, self.file, self.path).mapping(names).items():
                found.setdefault(key, entry)
        return found

    def items(self) -> list[Entry]:
        """Return the entries of a list; an empty entry has none."""
        if self.is_null:
            return []
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error(f"a list is expected here, not {self._kind()}")
        return [Entry(node, self.file, f"{self.path}[{i}]") for i, node in enumerate(self.node.value)]

    def one_or_many(self) -> list[Entry]:
        """Return the entries of a list, or the entry itself where a single one is given."""
        return self.items() if self.is_list else [self]

    def text(self) -> str:
        """Return a scalar as it is written, whatever YAML takes it for (`yes` stays `yes`)."""
        if not isinstance(self.node, yaml.ScalarNode) or self.is_null:
            raise self.error(f"a text is expected here, not {self._kind()}")
        return str(self.node.value)

    def name(self) -> str:
        """Return a scalar that is used as a name: not empty, printable."""
        text = self.text()
        if not text.strip() or not text.isprintable():
            raise self.error(f"{shorten(text)} is no name")
        return text

    def choice(self, valid: Iterable[str], what: str) -> str:
        """Return a name out of `valid`; `what` says in the error what it should be."""
        names = list(valid)
        text = self.text()
        if text not in names:
            raise self.error(f"{shorten(text)} is no {what}; {nearest(text, names)}")
        return text

    def choices(self, valid: Iterable[str], what: str) -> tuple[str, ...]:
        """Return one or several names out of `valid`."""
        names = list(valid)
        chosen = tuple(entry.choice(names, what) for entry in self.one_or_many())
        if not chosen:
            raise self.error(f"at least one {what} is expected here")
        return chosen

    def number(self, minimum: float = -math.inf, maximum: float = math.inf) -> float:
        """Return a finite number within the bounds."""
        text = self.text()
        try:
            value = float(text)
        except ValueError:
            raise self.error(f"a number is expected here, not {shorten(text)}") from None
        if not math.isfinite(value) or not minimum <= value <= maximum:
            raise self.error(f"{shorten(text)} is not {bounds(minimum, maximum)}")
        return value

    def integer(self, minimum: int, maximum: int) -> int:
        """Return a whole number within the bounds."""
        value = self.number(minimum, maximum)
        if value != int(value):
            raise self.error(f"a whole number is expected here, not {shorten(self.text())}")
        return int(value)

    def flag(self) -> bool:
        """Return a YAML boolean."""
        if self.node.tag != _BOOL:
            raise self.error(f"true or false is expected here, not {self._kind()}")
        return self.text().lower() in ("true", "yes", "on")


def bounds(minimum: float, maximum: float) -> str:
    """Say in words which numbers are allowed."""
    if math.isinf(maximum):
        return "a finite number" if math.isinf(minimum) else f"a number of at least {minimum:g}"
    return f"a number from {minimum:g} to {maximum:g}"


def read_file(path: Path) -> Entry:
    """Read one YAML file.

    Raises:
        DomainError: the file cannot be read, is not UTF-8, too large, nested too deep or no YAML.
    """
    file = str(path)
    try:
        if not path.exists():
            raise DomainError(f"{file}: there is no such file")
        if not path.is_file():
            raise DomainError(f"{file}: this is a directory or device, not a domain file")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte, or a DomainError
        if isinstance(error, DomainError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise DomainError(f"{shorten(file)}: cannot be read ({reason})") from None
    if len(data) > MAX_BYTES:
        raise DomainError(f"{file}: larger than {MAX_BYTES // 1_000_000} MB, which no domain file is")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DomainError(f"{file}:{line}: not a text file in UTF-8") from None
    return read_text(text, file)


def read_text(text: str, file: str = "domain") -> Entry:
    """Read YAML from a string; `file` stands for it in errors."""
    try:
        _check_depth(text, file)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise DomainError(f"{file}{line}: not valid YAML ({error.problem or error.context})") from None
    except yaml.YAMLError as error:
        raise DomainError(f"{file}: not valid YAML ({' '.join(str(error).split())})") from None
    if node is None:
        raise DomainError(f"{file}:1: the file is empty")
    _check_cycles(node, file)
    return Entry(node, file)


def _check_depth(text: str, file: str) -> None:
    """Stop at deep nesting before composing, which recurses in C and would crash."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise DomainError(f"{file}:{line}: nested deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _check_cycles(root: yaml.Node, file: str) -> None:
    """Refuse anchors that contain themselves; shared anchors are visited once."""
    done: set[int] = set()
    open_nodes: set[int] = set()
    stack: list[tuple[yaml.Node, bool]] = [(root, False)]
    while stack:
        node, leaving = stack.pop()
        if leaving:
            open_nodes.discard(id(node))
            done.add(id(node))
            continue
        if id(node) in open_nodes:
            raise DomainError(f"{file}:{node.start_mark.line + 1}: an anchor here contains itself")
        if id(node) in done or isinstance(node, yaml.ScalarNode):
            continue
        open_nodes.add(id(node))
        stack.append((node, True))
        for child in node.value:
            stack.extend((part, False) for part in (child if isinstance(child, tuple) else (child,)))
