"""Changes of examples in the text of their file: each in its line, all else stays."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from dialogue_gym._markdown import is_markdown
from dialogue_gym._text import in_lines_of, quoted
from dialogue_gym._yaml import ONE_LINE
from dialogue_gym.domain.yaml_change import node_at, removed
from dialogue_gym.domain.yaml_edit import InsertionError, insert
from dialogue_gym.nlu.example_writer import annotate, dump_examples
from dialogue_gym.nlu.examples import (
    Example,
    NluData,
    NluError,
    parse_example,
    parse_examples,
)
from dialogue_gym.teaching.export_examples import dump_markdown

_LINES = (
    re.compile(r"(\s*[-*+]\s+)(.*?)(\s*)", re.DOTALL),
    re.compile(r"(\s*-\s+)(.*?)(\s+#.*)", re.DOTALL),
)
"""A line with a dash, an example and its end, which in a list of YAML can be a comment."""


def rewritten(text: str, path: Path, gone: Sequence[Example], new: Sequence[Example]) -> str:
    """Return the text of a file with examples without some of them and with others.

    A new one stands in the line of one of its intent that goes, or after the last one of its intent; those of
    intents without any in the file come at the end.

    Args:
        text: of the file.
        path: of the file, whose name tells the format.
        gone: examples of this file, with their lines.
        new: further examples.

    Raises:
        NluError: an example cannot be changed in place.
    """
    expected = Counter(parse_examples(text, path).examples)
    expected.subtract(gone)
    expected.update(new)
    if not is_markdown(path):
        text, gone = _without_items(text, path, gone)
    last = {example.intent: example for example in parse_examples(text, path).examples}
    for is_quoted in (False, True):
        result = _rewritten(text, path, gone, new, last, is_quoted)
        with contextlib.suppress(NluError):
            if Counter(parse_examples(result, path).examples) == +expected:
                return result
    raise NluError(f"{path}: the examples cannot be changed here: they are written in an unusual way")


def _without_items(text: str, path: Path, gone: Sequence[Example]) -> tuple[str, Sequence[Example]]:
    """Return the text of a YAML file without examples that share lines or have keys, and the others that go.

    These are items of a list: `- text: hello`, with `metadata` perhaps, or `[hello, hi]`.
    """
    lines = text.splitlines(keepends=True)
    items = [example for example in gone if _parts(lines, example) is None]
    for example in items:
        if (place := _item_of(text, example)) is None:
            raise NluError(f"{path}:{example.line}: {quoted(example.text)} cannot be changed here")
        try:
            text = removed(text, place)
        except InsertionError as error:
            raise NluError(f"{path}:{example.line}: {quoted(example.text)} cannot go: {error}") from None
    if not items:
        return text, gone
    left = list(parse_examples(text, path).examples)  # with their new lines
    others = [example for example in gone if example not in items]
    return text, [left.pop(left.index(example)) for example in others]


def _item_of(text: str, example: Example) -> tuple[str | int, ...] | None:
    """Return the path of an example in a list; None if it is in none."""
    sections = node_at(text, ("nlu",))
    for number, section in enumerate(sections.value if isinstance(sections, yaml.SequenceNode) else ()):
        intent, listed = _value_of(section, "intent"), _value_of(section, "examples")
        if intent is None or intent.value != example.intent or not isinstance(listed, yaml.SequenceNode):
            continue
        for index, item in enumerate(listed.value):
            said = _value_of(item, "text") or item
            with contextlib.suppress(NluError):
                if parse_example(str(said.value).strip(), example.intent) == example:
                    return "nlu", number, "examples", index
    return None


def _value_of(node: yaml.Node, key: str) -> yaml.Node | None:
    """Return the value of a key; None without any."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for known, value in pairs if known.value == key), None)


def _rewritten(
    text: str,
    path: Path,
    gone: Sequence[Example],
    new: Sequence[Example],
    last: Mapping[str, Example],
    is_quoted: bool,
) -> str:
    """Return the text with other examples; `is_quoted` puts new ones in quotes, as a list may need it."""
    # YAML has more ends of lines than `\n`.
    as_read = re.split(r"(?<=\n)", text) if is_markdown(path) else text.splitlines(keepends=True)
    lines = list(as_read)
    waiting = list(new)
    for example in gone:
        found = _parts(as_read, example)
        if found is None:
            raise NluError(f"{path}:{example.line}: {quoted(example.text)} cannot be changed here")
        becomes = next((one for one in waiting if one.intent == example.intent), None)
        lines[example.line - 1] = ""
        if becomes is not None:
            waiting.remove(becomes)
            lines[example.line - 1] = found[0] + _item(becomes, is_quoted or found[2]) + found[1]
    at_end: list[Example] = []
    for example in waiting:
        beside = last.get(example.intent)
        found = _parts(as_read, beside) if beside else None
        if beside is None or found is None:
            at_end.append(example)
            continue
        line = found[0] + _item(example, is_quoted or found[2])
        lines[beside.line - 1] += in_lines_of(text, f"{line}\n" if found[1].endswith("\n") else f"\n{line}")
    return with_sections("".join(lines), path, at_end)


def _parts(lines: Sequence[str], example: Example) -> tuple[str, str, bool] | None:
    """Return a line before and after an example, and whether it has quotes; None if it shares the line."""
    for line in filter(None, (form.fullmatch(lines[example.line - 1]) for form in _LINES)):
        dash, item, rest = line.groups()
        for text in (item, _unquoted(item)):
            with contextlib.suppress(NluError):
                if parse_example(text, example.intent) == example:
                    return dash, rest, text != item
    return None


def _unquoted(item: str) -> str:
    """Return the text of a list's item, which may be in quotes."""
    is_quoted = item[:1] in ("'", '"') and item[-1:] == item[:1] and len(item) > 1
    with contextlib.suppress(yaml.YAMLError):
        if is_quoted and isinstance(read := yaml.safe_load(item), str):
            return read
    return item


def _item(example: Example, is_quoted: bool) -> str:
    text = annotate(example)
    if not is_quoted:
        return text
    return str(yaml.dump(text, default_style='"', allow_unicode=True, width=ONE_LINE)).strip()


def with_sections(text: str, path: Path, examples: Iterable[Example]) -> str:
    """Return the text of a file with examples in further sections at its end.

    Markdown has no way to write some of them, which are left out.

    Raises:
        NluError: the examples cannot be added to the file.
    """
    found = list(examples)
    if is_markdown(path):
        dumped = dump_markdown(found)
        return (text.rstrip() + in_lines_of(text, "\n\n" + dumped)).lstrip() if dumped else text
    if not found:
        return text
    dumped = dump_examples(NluData(tuple(found)))
    if not text.strip():
        return dumped
    try:
        return insert(text, {"nlu": dumped.partition("\nnlu:\n")[2]})
    except InsertionError as error:
        raise NluError(f"{path}: cannot add examples: {error}") from None
