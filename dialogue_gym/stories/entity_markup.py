"""Entities marked in the text of a message, as in Rasa's training data.

`[Paris](city)`, `[Paris](city:paris)`, `[Paris]{"entity": "city", "role": "to"}`, or a list of such objects
after the text; a text that begins with
a slash is an act in the fixed format. Unlike in NLU files, a mark that cannot be read is left in the text.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Sequence
from typing import Any

from dialogue_gym._text import finite_number
from dialogue_gym.conversation.events import Entity, UserUttered, Value, entities_from

_DECODER = json.JSONDecoder(strict=False, parse_float=finite_number, parse_constant=finite_number)
# A bracket ends the search for its partner: otherwise a text of brackets would take quadratic time.
_MARKED = re.compile(
    r"\[([^\[\]]+)\](?:\(([^():]+)(?::([^()]*))?\)|(\{[^{}]*\})|\[\s*((?:\{[^{}]*\}[\s,]*)+)\])"
)
_OBJECT = re.compile(r"\{[^{}]*\}")


def decode_object(text: str, start: int = 0) -> tuple[dict[str, Value], int]:
    """Return the JSON object that begins at a brace, and the position after its end.

    Raises:
        ValueError: the text there is not valid JSON.
    """
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON after the name ({error.msg})") from None
    except RecursionError:
        raise ValueError("the JSON after the name is nested too deeply") from None
    except ValueError:
        raise ValueError("a number in the JSON after the name is too long or not finite") from None
    return value, end


def read_marked(text: str) -> tuple[str, tuple[Entity, ...]]:
    """Return a text without its marks, and the marked entities."""
    if text.startswith("/"):
        try:
            return text, _of_act(text)
        except ValueError:
            return text, ()
    said: list[str] = []
    entities: list[Entity] = []
    length = last = 0
    for match in _MARKED.finditer(text):
        if not (found := _entities(match)):
            continue
        before = text[last : match.start()]
        start = length + len(before)
        length = start + len(match[1])
        entities += (dataclasses.replace(entity, start=start, end=length) for entity in found)
        said += (before, match[1])
        last = match.end()
    return "".join((*said, text[last:])), tuple(entities)


def _of_act(text: str) -> tuple[Entity, ...]:
    """Return the entities of an act in the fixed format, `/inform{"cuisine": "french"}`."""
    begin = text.find("{")
    if begin < 0:
        return ()
    values, end = decode_object(text, begin)
    return entities_from(values) if not text[end:].strip() else ()


def _entities(match: re.Match[str]) -> list[Entity]:
    """Return the entities of a mark; none if one of them cannot be read."""
    value, name, synonym, options, several = match.groups()
    if name is not None:
        return [Entity(name, value if synonym is None else synonym)]
    found = [_entity(value, one) for one in _OBJECT.findall(several or options)]
    return [] if None in found else [one for one in found if one is not None]


def _entity(value: str, options: str) -> Entity | None:
    """Return the entity that a JSON object describes; None if it cannot be read."""
    try:
        parts: dict[str, Any] = decode_object(options)[0]
    except ValueError:
        return None
    texts = [parts.get(key) for key in ("entity", "role", "group")]
    if not isinstance(texts[0], str) or not all(isinstance(part, (str, type(None))) for part in texts):
        return None
    return Entity(texts[0], parts.get("value", value), role=texts[1], group=texts[2])


def write_marked(message: UserUttered) -> str | None:
    """Return the text of a message with its entities marked; None if one of them cannot be marked."""
    text = message.text
    if text is None:
        return None
    parts: list[str] = []
    last = 0
    spans = sorted(_spans(text, message.entities), key=lambda span: span[:2])
    for (start, end), group in itertools.groupby(spans, key=lambda span: span[:2]):
        same = [entity for *_, entity in group]
        # Only those with a place of their own are known to be in the same words.
        if start < last or (len(same) > 1 and any(entity.start != start for entity in same)):
            return None
        parts += (text[last:start], _mark(text[start:end], same))
        last = end
    marked = "".join((*parts, text[last:]))
    said, entities = read_marked(marked)
    return marked if said == text and _bare(entities) == _bare(message.entities) else None


def _spans(text: str, entities: Sequence[Entity]) -> list[tuple[int, int, Entity]]:
    spans = []
    for entity in () if text.startswith("/") else entities:
        start, end = entity.start, entity.end
        if start is None or end is None or not 0 <= start < end <= len(text):
            value = entity.value if isinstance(entity.value, str) else json.dumps(entity.value)
            start = text.find(value) if value else -1
            end = start + len(value)
        if start >= 0:
            spans.append((start, end, entity))
    return spans


def _mark(said: str, entities: Sequence[Entity]) -> str:
    """Return words marked as an entity, or as several."""
    if len(entities) > 1:
        return f"[{said}][{', '.join(map(_json, entities))}]"
    (entity,) = entities
    if entity.value == said and entity.role is None and entity.group is None:
        return f"[{said}]({entity.name})"
    return f"[{said}]{_json(entity)}"


def _json(entity: Entity) -> str:
    parts = {"entity": entity.name, "value": entity.value, "role": entity.role, "group": entity.group}
    kept = {key: value for key, value in parts.items() if key in ("entity", "value") or value is not None}
    return json.dumps(kept, ensure_ascii=False)


def _bare(entities: Sequence[Entity]) -> list[str]:
    """Return the parts of entities that have to survive, as text, since 1 == True."""
    return [repr((entity.name, entity.value, entity.role, entity.group)) for entity in entities]
