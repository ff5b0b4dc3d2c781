"""Rasa's NLU training data: examples, synonyms, lookup tables and patterns, and their reading.

The formats are those of Rasa's documentation: YAML of Rasa 2 and 3
(https://legacy-docs-oss.rasa.com/docs/rasa/training-data-format) and the Markdown before it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from dialogue_gym._files import FileError, FileKind, Problem, check_characters, read_text
from dialogue_gym._markdown import is_markdown, lines
from dialogue_gym._text import name_fault, nearest, quoted
from dialogue_gym._yaml import YamlNode, parse_yaml
from dialogue_gym._yaml_errors import errors_of
from dialogue_gym.conversation.events import Entity
from dialogue_gym.domain.model import DomainError
from dialogue_gym.domain.slot import number_text
from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.nlu.interpreter import read_json
from dialogue_gym.nlu.regex import MAX_PROGRAM, compile_pattern


class NluError(FileError):
    """Raised if NLU training data cannot be used."""


NLU_FILE = FileKind("NLU file", NluError, max_bytes=20_000_000, max_entries=1_000_000)
KINDS = ("intent", "synonym", "lookup", "regex")
"""The kinds of sections of the training data."""

# The repeats are bounded: otherwise a text of brackets would take quadratic time.
_ANNOTATION = re.compile(
    r"\[(?P<text>[^\[\]]{1,1000})\]"
    r"(?:\((?P<name>[^():]{1,200})(?::(?P<value>[^()]{1,1000}))?\)|(?P<json>\{[^{}]{0,2000}\})"
    r"|\[\s*(?P<several>(?:\{[^{}]{0,2000}\}[\s,]*){1,20})\])"
)
_HALF = re.compile(r"\][(\[{]|\[\w[^\[\]]{0,1000}$|\[[^\[\]]{0,1000}\(\w+\)")
"""A part of an annotation in a text without whole ones; a bracket of a smiley is none."""
_OBJECT = re.compile(r"\{[^{}]*\}")
_BULLETS = ("-", "*", "+")
_ANNOTATION_KEYS = ("entity", "value", "role", "group")


@dataclass(frozen=True)
class Example:
    """A message of a user with its intent, and its entities with their places in the text."""

    text: str
    intent: str
    entities: tuple[Entity, ...] = ()
    file: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class NluData:
    """Training data.

    `synonyms` pairs texts with the values that they stand for, `lookups` entities with lists of their values,
    and `regexes` entities with patterns. `warnings` name the parts that are left out.
    """

    examples: tuple[Example, ...] = ()
    synonyms: tuple[tuple[str, str], ...] = ()
    lookups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    regexes: tuple[tuple[str, str], ...] = ()
    warnings: tuple[Problem, ...] = field(default=(), compare=False)

    @functools.cached_property
    def all_synonyms(self) -> tuple[tuple[str, str], ...]:
        """The synonyms, and those that annotations give, as `[NYC](city:New York)` does."""
        known = dict(self.synonyms)
        for example in self.examples:
            for entity in example.entities:
                if (said := example.text[entity.start : entity.end]) and said != entity.value:
                    known.setdefault(said, entity.value)
        return tuple(known.items())

    def canonical(self, value: str) -> str:
        """Return the value that a text stands for, by Rasa's mapping of synonyms, in any case."""
        return self._meant.get(value.casefold(), value)

    @functools.cached_property
    def _meant(self) -> dict[str, str]:
        return {text.casefold(): meant for text, meant in self.all_synonyms}


def builtin_path(domain: str, file: str = "nlu.yml") -> Path:
    """Return the path of a file of a built-in domain.

    Raises:
        DomainError: the domain is unknown.
    """
    if domain not in builtin_names():
        raise DomainError(f"unknown built-in domain {quoted(domain)}; {nearest(domain, builtin_names())}")
    return Path(str(resources.files("dialogue_gym.domains") / domain / file))


def read_examples(paths: str | Path | Iterable[str | Path], *, may_read_files: bool = True) -> NluData:
    """Read NLU files: Markdown by the name of the file, or else YAML, whose other sections are ignored.

    Args:
        paths: the files.
        may_read_files: whether a lookup table may name a file of values. No stranger's data should, since
            that would show them any file.

    Raises:
        NluError: one sentence with file and line.
    """
    collected = _Collected(may_read_files)
    for path in map(Path, [paths] if isinstance(paths, (str, Path)) else paths):
        _read(read_text(path, NLU_FILE), path, collected)
    return collected.data()


def errors_of_examples(path: Path) -> list[FileError]:
    """Return all errors of an NLU file that can be told apart; `read_examples` raises the first."""
    refused: list[FileError] = []

    def read(root: YamlNode) -> None:
        refused.clear()
        _read_yaml(root, _Collected(may_read_files=True, refuse=refused.append))

    try:
        text = read_text(path, NLU_FILE)
        if not is_markdown(path):
            return errors_of(parse_yaml(text, str(path), NLU_FILE), read) + refused
        _read_markdown(text, str(path), _Collected(may_read_files=True, refuse=refused.append))
    except FileError as error:  # beyond it, nothing can be read
        refused.append(error)
    return refused


def parse_examples(text: str, path: Path) -> NluData:
    """Return the training data in the text of a file, whose name tells the format; see `read_examples`."""
    collected = _Collected(may_read_files=True)
    _read(text, path, collected)
    return collected.data()


def _read(text: str, path: Path, collected: _Collected) -> None:
    if is_markdown(path):
        _read_markdown(text, str(path), collected)
    elif text.strip():
        _read_yaml(parse_yaml(text, str(path), NLU_FILE), collected)


def parse_example(
    text: str,
    intent: str,
    file: str = "example",
    line: int = 0,
    warn: Callable[[str], object] = lambda message: None,
) -> Example:
    """Return an example from its annotated text.

    Args:
        text: the annotated text.
        intent: its intent.
        file: stands for the file in errors.
        line: the line in the file.
        warn: called with a sentence about each part that is left out.

    Raises:
        NluError: an annotation cannot be read.
    """
    plain: list[str] = []
    entities: list[Entity] = []
    start = end = 0
    for found in _ANNOTATION.finditer(text):
        plain.append(text[end : found.start()])
        start += found.start() - end
        end = found.end()
        try:
            entities += _annotated(found, start, warn)
        except ValueError as error:
            raise NluError(f"{file}:{line}: invalid annotation {quoted(found[0])}: {error}") from None
        plain.append(found["text"])
        start += len(found["text"])
    plain.append(text[end:])
    if any(map(_HALF.search, plain[::2])):
        warn(f"an annotation in {quoted(text)} is incomplete; an entity is written as [text](entity)")
    return Example("".join(plain), intent, tuple(entities), file, line)


def _annotated(found: re.Match[str], start: int, warn: Callable[[str], object]) -> Iterator[Entity]:
    """Yield the entities of an annotated text: one, or several of the same text."""
    if found["name"] is not None:
        end = start + len(found["text"])
        yield Entity(_name(found["name"], "name"), found["value"] or found["text"], start, end)
    for content in _OBJECT.findall(found["json"] or found["several"] or ""):
        yield _described(found, content, start, warn)


def _described(found: re.Match[str], content: str, start: int, warn: Callable[[str], object]) -> Entity:
    parts = read_json(content)
    for key in parts:
        if key not in _ANNOTATION_KEYS:
            hint = nearest(key, _ANNOTATION_KEYS)
            warn(f"unknown key {quoted(key)} in the annotation {quoted(found[0])}: it is ignored; {hint}")
    if "entity" not in parts:
        raise ValueError("it has no 'entity'")
    value = parts.get("value", found["text"])
    if isinstance(value, (int, float)):
        value = number_text(value) if not isinstance(value, bool) else str(value).lower()
    if not isinstance(value, str):
        raise ValueError("its 'value' is not a text or a number")
    labels = {key: _name(parts[key], key) for key in ("entity", "role", "group") if key in parts}
    name = labels.pop("entity")
    return Entity(name, value, start, start + len(found["text"]), **labels)  # type: ignore[arg-type]


def _name(name: object, key: str) -> str:
    if not isinstance(name, str) or (fault := name_fault(name)):
        raise ValueError(f"its {key!r} is not a name" + (f": {fault}" if isinstance(name, str) else ""))
    return name


def _raise(error: NluError) -> None:
    raise error from None


class _Collected:
    """Training data while a file is read."""

    def __init__(self, may_read_files: bool, refuse: Callable[[NluError], object] = _raise) -> None:
        """Begin; `refuse` gets the error of an item, without which reading may go on."""
        self.may_read_files = may_read_files
        self._refuse = refuse
        self._examples: list[Example] = []
        self._synonyms: dict[str, str] = {}
        self._lookups: dict[str, dict[str, None]] = {}
        self._regexes: dict[tuple[str, str], None] = {}
        self._program = 0
        self._warnings: list[Problem] = []

    def warn(self, file: str, line: int, message: str) -> None:
        """Add a warning."""
        self._warnings.append(Problem(file, line, message, is_error=False))

    def add(self, kind: str, title: str, item: str, file: str, line: int) -> None:
        """Add an item of a section."""
        try:
            self._add(kind, title, item, file, line)
        except NluError as error:
            self._refuse(error)

    def _add(self, kind: str, title: str, item: str, file: str, line: int) -> None:
        if kind == "intent":
            warn = functools.partial(self.warn, file, line)
            self._examples.append(parse_example(item, title, file, line, warn))
        elif kind == "synonym":
            self._synonyms[item] = title
        elif kind == "lookup":
            self._lookups.setdefault(title, {})[item] = None
        elif (title, item) not in self._regexes:
            # Checked here, where the file and the line are known, and not when it is first used.
            self._regexes[title, item] = None
            self._check_pattern(item, f"{file}:{line}: {quoted(item)}")

    def _check_pattern(self, pattern: str, place: str) -> None:
        try:
            self._program += compile_pattern(pattern).size
        except (ValueError, ImportError) as error:
            raise NluError(f"{place} is not a usable pattern: {error}") from None
        if self._program > MAX_PROGRAM:
            raise NluError(f"{place} and the patterns before it are too large to be matched quickly")

    def data(self) -> NluData:
        return NluData(
            tuple(self._examples),
            tuple(self._synonyms.items()),
            tuple((name, tuple(values)) for name, values in self._lookups.items()),
            tuple(self._regexes),
            tuple(self._warnings),
        )


def _read_yaml(root: YamlNode, collected: _Collected) -> None:
    sections = root.mapping().get("nlu")
    for section in sections.items() if sections else ():
        keys = section.mapping((*KINDS, "examples", "metadata"))
        kinds = [kind for kind in KINDS if kind in keys]
        if len(kinds) != 1:
            raise section.error(f"expected one of {', '.join(KINDS)}, not {len(kinds)} of them")
        kind = kinds[0]
        title = keys[kind].name()
        for item, line in _items(keys["examples"], collected) if "examples" in keys else ():
            collected.add(kind, title, item, section.file, line)


def _items(entry: YamlNode, collected: _Collected) -> Iterator[tuple[str, int]]:
    """Yield the examples of a section with their lines, from a list or from a text of lines with dashes."""
    if entry.is_null:
        return
    if entry.is_list:
        for item in entry.items():
            keys = item.mapping(("text", "metadata")) if item.is_mapping else {"text": item}
            if "text" not in keys:
                raise item.error("the example has no 'text'")
            if text := keys["text"].text().strip():
                yield text, keys["text"].line
        return
    is_block = getattr(entry.node, "style", None) == "|"
    for number, line in enumerate(entry.text().split("\n")):
        place = entry.node.start_mark.line + 2 + number if is_block else entry.line
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):  # Rasa leaves such lines out
            continue
        if not stripped.startswith("-"):
            collected.warn(
                entry.file, place, f"{quoted(stripped)} is left out: it does not begin with a dash"
            )
        elif text := stripped[1:].strip():
            yield text, place


def _read_markdown(text: str, file: str, collected: _Collected) -> None:
    check_characters(text, file, NLU_FILE)
    kind = title = ""
    for number, line in lines(text, file, NLU_FILE):
        place = f"{file}:{number}: {quoted(line)}"
        if line.startswith("##"):
            kind, _, title = (part.strip() for part in line[2:].partition(":"))
            if kind not in KINDS or name_fault(title):
                raise NluError(f"{place} is not a heading such as '## intent:greet'; {nearest(kind, KINDS)}")
        elif kind and line.startswith(_BULLETS):
            if item := line[1:].strip():
                collected.add(kind, title, item, file, number)
        elif kind == "lookup" and not line.startswith("#"):
            if not collected.may_read_files:
                raise NluError(f"{place}: the values of a lookup table must be listed here, not in a file")
            for item in _lookup_file(line, Path(file), number):
                collected.add(kind, title, item, file, number)
        elif kind and not line.startswith("#"):
            collected.warn(file, number, f"{quoted(line)} is left out: it does not begin with a dash")


def _lookup_file(name: str, file: Path, line: int) -> list[str]:
    """Return the values in the file of a lookup table, one a line.

    Raises:
        NluError: there is no such file beside the data or in the current folder, or it cannot be read.
    """
    beside = file.parent / name
    path = beside if beside.is_file() else Path(name)
    if not path.is_file():
        raise NluError(f"{file}:{line}: {quoted(name)} is neither an item after a dash nor a file of values")
    values = read_text(path, NLU_FILE)
    check_characters(values, str(path), NLU_FILE)
    return [value for one in values.splitlines() if (value := one.strip())]
