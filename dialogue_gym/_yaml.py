"""YAML: read with the place of every entry, so that an error can name file, line and key; and written."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import yaml

from dialogue_gym._files import FileError, FileKind, Problem, check_characters, read_text
from dialogue_gym._text import article, bounds, cut, is_misspelling_of, name_fault, nearest, quoted
from dialogue_gym._yaml_faults import reason

# The C parser is 10 times faster where PyYAML was built with it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_DEPTH = 50
ONE_LINE = 1_000_000
"""A width of lines so large that none is folded."""
_TAG = "tag:yaml.org,2002:"
_NULL, _BOOL, _MERGE, _TEXT = _TAG + "null", _TAG + "bool", _TAG + "merge", _TAG + "str"
_TAGS = {None, "!", *(_TAG + kind for kind in ("null", "bool", "int", "float", "str", "seq", "map", "merge"))}
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")
# Plain scalars by the rules of YAML 1.2, with the underscores in numbers that Rasa's parser allows, too.
_WORDS = {word: None for word in ("", "~", "null", "Null", "NULL")} | {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_WHOLE = re.compile(r"[-+]?[0-9][0-9_]{0,99}")
_DECIMAL = re.compile(r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?")
_FILE = "_file_of_dialogue_gym"
_HIDDEN = "_hidden_by_dialogue_gym"
# Texts that some version of YAML takes for a number or a truth value.
_LOOKS_TYPED = re.compile(r"[-+.\d][\d_.,:eExXobaf+-]*|y|n", re.IGNORECASE)
_BASES = {"0x": 16, "0o": 8, "0b": 2}


class YamlNode:
    """One YAML node, its place in the file and the key path that leads to it."""

    def __init__(
        self,
        node: yaml.Node,
        file: str,
        path: str = "",
        at: yaml.Node | None = None,
        *,
        kind: FileKind,
    ) -> None:
        """Wrap a composed node; `path` is the dotted key path to it, `at` the node of its key."""
        self.node = node
        self.file = file
        self.path = path
        self.kind = kind
        self._at = node if at is None else at

    @property
    def key(self) -> yaml.Node:
        """The node of the entry's key; in a list, the entry itself."""
        return self._at

    @property
    def line(self) -> int:
        """The line in the file, from 1."""
        return int(self._at.start_mark.line) + 1

    def error(self, message: str) -> FileError:
        """Return an error about this entry."""
        key = f" {self.path}:" if self.path else ""
        error = self.kind.error(f"{self.file}:{self.line}:{key} {message}")
        error.entry = self
        return error

    def warning(self, message: str) -> Problem:
        """Return the warning that `message` is about this entry."""
        return Problem(self.file, self.line, f"{self.path}: {message}" if self.path else message, False)

    def _within(self, node: yaml.Node, path: str, at: yaml.Node | None = None) -> YamlNode:
        file = getattr(at or node, _FILE, self.file)
        return YamlNode(node, file, path, at, kind=self.kind)

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
        return "keys" if self.is_mapping else "a list" if self.is_list else quoted(self.node.value)

    def mapping(self, known: Iterable[str] | None = None) -> dict[str, YamlNode]:
        """Return the entry's keys; an empty entry has none. With `known`, any other key is an error."""
        if self.is_null:
            return {}
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error(f"expected key: value pairs, not {self._kind()}")
        names = None if known is None else list(known)
        found: dict[str, YamlNode] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in self.node.value:
            if is_hidden(key_node):
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._within(key_node, self.path).error("a key must be a plain name")
            if key_node.tag == _MERGE:
                many = isinstance(value_node, yaml.SequenceNode)
                merged.extend(value_node.value if many else [value_node])
                continue
            key = key_node.value
            path = f"{self.path}.{cut(key, 40)}" if self.path else cut(key, 40)
            entry = self._within(value_node, path, key_node)
            if key in found:
                raise self._within(key_node, self.path).error(f"duplicate key {quoted(key)}")
            if names is not None and key not in names:
                raise self._within(key_node, self.path).error(
                    f"unknown key {quoted(key)}; {nearest(key, names)}"
                )
            found[key] = entry
        for node in merged:  # explicit keys win over merged ones
            for key, entry in self._within(node, self.path).mapping(names).items():
                found.setdefault(key, entry)
        return found

    def known(self, names: Iterable[str], warnings: list[Problem]) -> dict[str, YamlNode]:
        """Return the entry's keys out of `names`.

        Other keys give warnings, but for those that are one letter from a name, which are errors.
        """
        names = list(names)
        found = {}
        for key, entry in self.mapping().items():
            if key in names:
                found[key] = entry
                continue
            at = self._within(entry.node, self.path, entry._at)
            message = f"unknown key {quoted(key)}; {nearest(key, names)}"
            if any(is_misspelling_of(key, name) for name in names):
                raise at.error(message)
            warnings.append(at.warning(f"{message} (it is ignored)"))
        return found

    def value(self) -> Any:
        """Return the value of the node as JSON has it, by the rules of YAML 1.2, in which `yes` is a text."""
        if self.is_mapping:
            return {name: entry.value() for name, entry in self.mapping().items()}
        if self.is_list:
            return [entry.value() for entry in self.items()]
        text = str(self.node.value)
        is_quoted = getattr(self.node, "style", None) not in (None, "")
        is_text = self.node.tag == _TEXT and _is_known_to_pyyaml(text)  # which means: tagged !!str
        return text if is_quoted or is_text else plain_value(text)

    def named(self) -> dict[str, YamlNode]:
        """Return the entries of a mapping whose keys are names that the file defines."""
        entries = self.mapping()
        for name, entry in entries.items():
            entry.check_name(name)
        return entries

    def items(self) -> list[YamlNode]:
        """Return the entries of a list; an empty entry has none."""
        if self.is_null:
            return []
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error(f"expected a list, not {self._kind()}")
        return [
            self._within(node, f"{self.path}[{i}]")
            for i, node in enumerate(self.node.value)
            if not is_hidden(node)
        ]

    def one_or_many(self) -> list[YamlNode]:
        """Return the entries of a list, or the entry itself if it is a single one."""
        return self.items() if self.is_list else [self]

    def text(self, what: str = "text") -> str:
        """Return a scalar as it is written, without YAML's conversions (`yes` stays `yes`)."""
        if not isinstance(self.node, yaml.ScalarNode) or self.is_null:
            raise self.error(f"expected {article(what)}, not {self._kind()}")
        return str(self.node.value)

    def texts(self) -> tuple[str, ...]:
        """Return one or several texts."""
        texts = tuple(entry.text() for entry in self.one_or_many())
        if not texts:
            raise self.error("expected at least one text")
        return texts

    def name(self) -> str:
        """Return a scalar that is used as a name: not empty, not too long, without control characters."""
        text = self.text("name")
        self.check_name(text)
        return text

    def check_name(self, name: str) -> None:
        """Refuse an invalid name."""
        if fault := name_fault(name):
            raise self.error(f"{quoted(name)} is not a valid name: {fault}")

    def choice(self, valid: Collection[str], what: str) -> str:
        """Return a name out of `valid`; the error calls it `what`."""
        text = self.text(what)
        if text not in valid:
            raise self.error(f"unknown {what} {quoted(text)}; {nearest(text, valid)}")
        return text

    def choices(self, valid: Collection[str], what: str) -> tuple[str, ...]:
        """Return one or several names out of `valid`."""
        chosen = tuple(entry.choice(valid, what) for entry in self.one_or_many())
        if not chosen:
            raise self.error(f"expected at least one {what}")
        return chosen

    def number(self, minimum: float = -math.inf, maximum: float = math.inf) -> float:
        """Return a finite number within the bounds."""
        text = self.text("number")
        try:
            value = float(text)
        except ValueError:
            raise self.error(f"expected a number, not {quoted(text)}") from None
        if not math.isfinite(value) or not minimum <= value <= maximum:
            raise self.error(f"{quoted(text)} is not {bounds(minimum, maximum)}")
        return value

    def integer(self, minimum: int, maximum: int) -> int:
        """Return a whole number within the bounds."""
        value = self.number(minimum, maximum)
        if value != int(value):
            raise self.error(f"expected a whole number, not {quoted(self.text())}")
        return int(value)

    def flag(self) -> bool:
        """Return a YAML boolean."""
        value = self.node.value.lower() if isinstance(self.node, yaml.ScalarNode) else None
        if self.node.tag != _BOOL or value not in (*_TRUE, *_FALSE):
            raise self.error(f"expected true or false, not {self._kind()}")
        return value in _TRUE


def _is_known_to_pyyaml(text: str) -> bool:
    """Return whether a plain scalar is anything but a text by the rules of YAML 1.1, which PyYAML follows."""
    resolvers = yaml.SafeLoader.yaml_implicit_resolvers.get(text[:1], ())
    return any(pattern.match(text) for _, pattern in resolvers)


def plain_value(text: str) -> Any:
    """Return the value of a plain scalar by the rules of YAML 1.2; a number that JSON cannot hold is a text.

    >>> plain_value("007"), plain_value("1e3"), plain_value("yes")
    (7, 1000.0, 'yes')
    """
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text.replace("_", ""))
    if _DECIMAL.fullmatch(text):
        number = float(text.replace("_", ""))
        return number if math.isfinite(number) else text
    sign, digits = text[:1] if text[:1] in ("-", "+") else "", text.lstrip("+-")
    if base := _BASES.get(digits[:2]):
        try:
            return int(sign + digits[2:].replace("_", ""), base)
        except ValueError:
            return text
    return text


def in_file(node: yaml.Node, file: str) -> yaml.Node:
    """Note the file of a node that comes to stand among those of other files."""
    setattr(node, _FILE, file)
    return node


def hide(node: yaml.Node) -> None:
    """Leave the entry of a key, or an item of a list, out of all that is read from now on."""
    setattr(node, _HIDDEN, True)


def is_hidden(node: yaml.Node) -> bool:
    """Return whether the entry of a key, or an item of a list, is left out."""
    return hasattr(node, _HIDDEN)


def read_yaml(path: Path, kind: FileKind) -> YamlNode:
    """Read one YAML file.

    Raises:
        FileError: the file cannot be read, is not UTF-8, too large, nested too deep or not YAML.
    """
    return parse_yaml(read_text(path, kind), str(path), kind)


def parse_yaml(text: str, file: str, kind: FileKind) -> YamlNode:
    """Read YAML from a string; `file` stands for it in errors."""
    check_characters(text, file, kind)
    try:
        _check_events(text, file, kind)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}" if mark else file
        raise kind.error(f"{place}: not valid YAML ({reason(text, error)})") from None
    except yaml.YAMLError as error:
        raise kind.error(f"{file}: not valid YAML ({error})") from None
    if node is None or node.tag == _NULL:
        raise kind.error(f"{file}:1: the file is empty")
    _check_anchors(node, file, kind)
    return YamlNode(node, file, kind=kind)


def _check_events(text: str, file: str, kind: FileKind) -> None:
    """Refuse a text that cannot be composed safely: composing recurses in C, and keeps it all in memory."""
    depth = entries = documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise kind.error(
                    f"{file}:{line}: a second YAML document begins here; {article(kind.noun)} has only one"
                )
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.NodeEvent):
            entries += 1
            depth += isinstance(event, yaml.CollectionStartEvent)
            if depth > MAX_DEPTH:
                raise kind.error(f"{file}:{line}: nested deeper than {MAX_DEPTH} levels")
            if entries > kind.max_entries:
                raise kind.error(
                    f"{file}:{line}: more than {kind.max_entries} entries, the limit for {article(kind.noun)}"
                )
            tag = getattr(event, "tag", None)
            if tag not in _TAGS:
                raise kind.error(f"{file}:{line}: the tag {quoted(str(tag))} is not used in {kind.noun}s")


def _check_anchors(root: yaml.Node, file: str, kind: FileKind) -> None:
    """Refuse anchors that contain themselves, and those that expand beyond the limits."""
    sizes: dict[int, tuple[int, int]] = {}  # by node: its entries and its levels, expanded
    open_nodes: set[int] = set()
    stack: list[tuple[yaml.Node, bool]] = [(root, False)]
    while stack:
        node, leaving = stack.pop()
        line = node.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode):
            sizes[id(node)] = (1, 0)
            continue
        pairs = isinstance(node, yaml.MappingNode)
        children = [part for pair in node.value for part in pair] if pairs else node.value
        if leaving:
            open_nodes.discard(id(node))
            inner = [sizes[id(child)] for child in children]
            size = 1 + sum(entries for entries, _ in inner)
            depth = 1 + max((levels for _, levels in inner), default=0)
            if size > kind.max_entries or depth > MAX_DEPTH:
                raise kind.error(f"{file}:{line}: too large or too deep once its anchors are expanded")
            sizes[id(node)] = (size, depth)
        elif id(node) in open_nodes:
            raise kind.error(f"{file}:{line}: an anchor here contains itself")
        elif id(node) not in sizes:
            open_nodes.add(id(node))
            stack.append((node, True))
            stack.extend((child, False) for child in children)


class _PlainDumper(yaml.SafeDumper):
    """Writer of indented lists, without aliases, and of texts that cannot be taken for anything else."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:
        return True


_PlainDumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str",
        text,
        style=None if text.isprintable() and not _LOOKS_TYPED.fullmatch(text) else '"',
    ),
)


def dump_yaml(content: Any) -> str:
    """Return content as YAML that versions 1.1 and 1.2 read alike."""
    return str(
        yaml.dump(
            content,
            Dumper=_PlainDumper,
            sort_keys=False,
            allow_unicode=True,
            width=ONE_LINE,
            default_flow_style=False,
        )
    )


def flow_yaml(content: Any, width: int = ONE_LINE, indent: int = 2) -> str:
    """Return content as YAML in brackets; lists in it go on in a next line, by the indent, beyond a width.

    >>> flow_yaml({"when": {"over": "yes"}, "then": ["a", "b"]})
    "{when: {over: 'yes'}, then: [a, b]}"
    """
    lines = [""]
    for text in _flow(content):
        if lines[-1].strip() and len(lines[-1]) + len(text.rstrip()) > width:
            lines.append(" " * indent)
        lines[-1] += text
    return "\n".join(line.rstrip() for line in lines)


def _flow(content: Any) -> list[str]:
    """Return content in brackets, cut where a line may end."""
    if isinstance(content, dict):
        pairs = [(_scalar(key), _flow(value)) for key, value in content.items()]
        return _bracketed("{", [[f"{key}: {first}", *rest] for key, (first, *rest) in pairs], "}")
    if isinstance(content, list | tuple):
        return _bracketed("[", [_flow(value) for value in content], "]")
    return [_scalar(content)]


def _bracketed(begin: str, parts: list[list[str]], end: str) -> list[str]:
    texts = [
        text if place < len(part) - 1 else f"{text}, " for part in parts for place, text in enumerate(part)
    ]
    if not texts:
        return [begin + end]
    texts[-1] = texts[-1].removesuffix(", ") + end
    return [begin + texts[0], *texts[1:]]


def _scalar(value: Any) -> str:
    """Return a text or number as it can stand between brackets."""
    dumped = yaml.dump(
        [value], Dumper=_PlainDumper, allow_unicode=True, width=ONE_LINE, default_flow_style=True
    )
    return str(dumped).strip()[1:-1]
