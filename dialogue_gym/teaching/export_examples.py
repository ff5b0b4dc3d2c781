"""Messages that a teacher corrected, as examples to learn to understand people from."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator

from dialogue_gym._yaml import parse_yaml
from dialogue_gym.conversation.events import Entity, UserUttered, Value
from dialogue_gym.domain.model import number_text
from dialogue_gym.journal.history import History
from dialogue_gym.nlu.examples import NLU_FILE, Example, NluData, NluError, dump_examples
from dialogue_gym.teaching.review import corrections


def examples_of(history: History) -> list[Example]:
    """Return the messages that a teacher corrected, as examples of their meaning.

    Acts in the fixed format are none. An entity that is not in the text by its value is left out, and so is a
    message whose text would be read as something else, such as one with entities marked in it.

    Raises:
        StoreError: the content of an entry is none of its kind.
    """
    messages = [
        correction.message
        for conversation in history.conversations
        for correction in corrections(history, conversation)
        if correction.message
    ]
    examples = dict.fromkeys(map(_example, messages))
    return [example for example in examples if example and _is_writable(example)]


def _example(message: UserUttered) -> Example | None:
    message = placed(message)
    if not message.text or message.text.startswith("/") or not message.intent:
        return None
    entities = [
        dataclasses.replace(entity, value=_value_text(entity.value), confidence=None)
        for entity in message.entities
        if entity.start is not None
    ]
    return Example(
        message.text, message.intent, tuple(sorted(entities, key=lambda entity: entity.start or 0))
    )


def _value_text(value: Value) -> str:
    if isinstance(value, str):
        return value
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number_text(value) if is_number else json.dumps(value, ensure_ascii=False)


def placed(message: UserUttered) -> UserUttered:
    """Return a message without space around its text, and with its entities' places, if they have any."""
    if message.text is None:
        return message
    text = message.text.strip()
    before = message.text.find(text)
    placed: dict[int, Entity] = {}
    # Those that have a place come first: another one of the same value then finds the next.
    order = sorted(range(len(message.entities)), key=lambda index: message.entities[index].start is None)
    for index in order:
        entity = message.entities[index]
        taken = [(one.start, one.end) for one in placed.values() if one.start is not None and one.end]
        place = next(
            (
                (start, end)
                for start, end in _places(text, entity, before)
                if not any(start < last and first < end for first, last in taken)
            ),
            (None, None),
        )
        placed[index] = dataclasses.replace(entity, start=place[0], end=place[1])
    entities = tuple(placed[index] for index in range(len(message.entities)))
    return dataclasses.replace(message, text=text, entities=entities)


def _places(text: str, entity: Entity, before: int) -> Iterator[tuple[int, int]]:
    """Yield where an entity can stand in a text: where it says itself, then as words, then within one.

    It says so by the text that had so many characters `before`.
    """
    if entity.start is not None and entity.end is not None:
        start, end = entity.start - before, entity.end - before
        if 0 <= start < end <= len(text):
            yield start, end
    if value := _value_text(entity.value).strip():
        for pattern in (rf"(?<!\w){re.escape(value)}(?!\w)", re.escape(value)):
            yield from (match.span() for match in re.finditer(pattern, text, re.IGNORECASE))


def _is_writable(example: Example) -> bool:
    try:
        parse_yaml(dump_examples(NluData((example,))), "example", NLU_FILE)
    except NluError:
        return False
    return True
