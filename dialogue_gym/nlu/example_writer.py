"""Writing of NLU training data in the YAML of Rasa 3."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import yaml

from dialogue_gym._text import quoted
from dialogue_gym.conversation.events import Entity
from dialogue_gym.nlu.examples import Example, NluData, NluError, parse_example


class _Block(str):
    """A text that YAML writes as a block of lines."""

    __slots__ = ()


class _ExampleDumper(yaml.SafeDumper):
    """A dumper that writes blocks of lines."""


_ExampleDumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"'
    ),
)
_ExampleDumper.add_representer(
    _Block, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")
)


def dump_examples(data: NluData) -> str:
    """Return training data as YAML for Rasa 3; reading it gives the same data.

    Raises:
        NluError: the text of an example would be read as an annotation.
    """
    sections: list[dict[str, Any]] = []
    for intent, group in itertools.groupby(data.examples, key=lambda example: example.intent):
        texts = [annotate(example) for example in group]
        sections.append({"intent": intent, "examples": _listed(texts)})
    by_value = itertools.groupby(data.synonyms, key=lambda pair: pair[1])
    groups = [("synonym", value, [text for text, _ in pairs]) for value, pairs in by_value]
    groups += [("lookup", name, list(values)) for name, values in data.lookups]
    by_name = itertools.groupby(data.regexes, key=lambda pair: pair[0])
    groups += [("regex", name, [pattern for _, pattern in pairs]) for name, pairs in by_name]
    sections += [{kind: title, "examples": _listed(items)} for kind, title, items in groups]
    content = {"version": "3.1", "nlu": sections}
    return str(yaml.dump(content, Dumper=_ExampleDumper, sort_keys=False, allow_unicode=True, width=1000))


def _listed(texts: list[str]) -> Any:
    if any(text.splitlines() != [text] for text in texts):  # in a block, each line is an example
        return [{"text": text} for text in texts]
    return _Block("".join(f"- {text}\n" for text in texts))


def annotate(example: Example) -> str:
    """Return the text of an example with its entities marked in it.

    Raises:
        NluError: the text would be read differently.
    """
    parts: list[str] = []
    end = 0
    for (start, until), group in itertools.groupby(example.entities, lambda one: (one.start, one.end)):
        begin = end if start is None else start
        parts.append(example.text[end:begin])
        end = begin if until is None else until
        parts.append(_annotation(example.text[begin:end], list(group)))
    text = "".join([*parts, example.text[end:]])
    if text != text.strip() or parse_example(text, example.intent) != example:
        raise NluError(
            f"the example {quoted(example.text)} and its entities cannot be written as annotated text"
        )
    return text


def _annotation(text: str, entities: Sequence[Entity]) -> str:
    if len(entities) > 1:
        return f"[{text}][{', '.join(map(_json, entities))}]"
    (entity,) = entities
    is_plain = entity.role is None and entity.group is None and not set(entity.name) & set("(:)")
    if is_plain and entity.value == text:
        return f"[{text}]({entity.name})"
    if is_plain and entity.value and not set(entity.value) & set("()"):
        return f"[{text}]({entity.name}:{entity.value})"
    return f"[{text}]{_json(entity)}"


def _json(entity: Entity) -> str:
    """Return an entity as an object in an annotation."""
    parts = {"entity": entity.name, "value": entity.value, "role": entity.role, "group": entity.group}
    written = json.dumps(
        {key: value for key, value in parts.items() if value is not None}, ensure_ascii=False
    )
    inner = written[1:-1].replace("{", "\\u007b").replace("}", "\\u007d")
    return f"{{{inner}}}"
