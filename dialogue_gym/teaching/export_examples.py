"""Messages as examples to learn to understand people from, and the files that can hold them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from dialogue_gym._files import check_characters
from dialogue_gym._text import first_free, places_of
from dialogue_gym.conversation.events import Entity, UserUttered, Value
from dialogue_gym.domain.slot import number_text
from dialogue_gym.nlu.example_writer import annotate, dump_examples
from dialogue_gym.nlu.examples import NLU_FILE, Example, NluData, NluError, parse_examples

_NOT_IN_MARKDOWN = ("\n", "\r", "<!--")


def dump_markdown(examples: Iterable[Example]) -> str:
    """Return examples in the Markdown of Rasa 1, without those that it has no way to write."""
    by_intent: dict[str, list[str]] = {}
    for example in examples:
        if _is_one_line(example.text):
            by_intent.setdefault(example.intent, []).append(f"- {annotate(example)}\n")
    return "\n".join(f"## intent:{intent}\n{''.join(lines)}" for intent, lines in by_intent.items())


def _is_one_line(text: str) -> bool:
    """Return whether Markdown, which has no way to escape a character, can hold a text."""
    try:
        check_characters(text, "example", NLU_FILE)
    except NluError:
        return False
    return not any(part in text for part in _NOT_IN_MARKDOWN)


def example_of(message: UserUttered) -> Example | None:
    """Return a message as an example; None for an act in the fixed format, and for one without meaning."""
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
    """Return a message without space around its text, with the places of its entities if they occur in it."""
    if message.text is None:
        return message
    text = message.text.strip()
    before = message.text.find(text)
    placed: dict[int, Entity] = {}
    # Entities with a place come first, so that another one of the same value gets the next place.
    order = sorted(range(len(message.entities)), key=lambda index: message.entities[index].start is None)
    for index in order:
        entity = message.entities[index]
        taken = [(one.start, one.end) for one in placed.values() if one.start is not None and one.end]
        place = first_free(_places(text, entity, before), taken)
        # Several entities may be those of the same words.
        own = next(_own_place(text, entity, before), None)
        start, end = place or (own if own and own in taken else (None, None))
        placed[index] = dataclasses.replace(entity, start=start, end=end)
    entities = tuple(placed[index] for index in range(len(message.entities)))
    return dataclasses.replace(message, text=text, entities=entities)


def _places(text: str, entity: Entity, before: int) -> Iterator[tuple[int, int]]:
    """Yield the possible places of an entity in a text: its own, then as whole words, then within a word.

    Its own place counts from the start of a text with `before` more characters at the front.
    """
    yield from _own_place(text, entity, before)
    yield from places_of(text, _value_text(entity.value).strip())


def _own_place(text: str, entity: Entity, before: int) -> Iterator[tuple[int, int]]:
    if entity.start is not None and entity.end is not None:
        start, end = entity.start - before, entity.end - before
        if 0 <= start < end <= len(text):
            yield start, end


def is_writable(example: Example) -> bool:
    """Return whether a file can hold an example: another text than its own would be read otherwise."""
    try:
        return parse_examples(dump_examples(NluData((example,))), Path("example.yml")).examples == (example,)
    except NluError:
        return False
