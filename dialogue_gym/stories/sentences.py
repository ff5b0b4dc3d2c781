"""The sentences of a story's messages, kept under its `metadata`, beside steps that have intents alone.

Rasa reads a message with both `intent` and `user` as a state of its own when it looks for contradictions and
duplicates, and as an example of the intent. The metadata of a story is ignored by Rasa.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from dialogue_gym._yaml import YamlNode
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.stories.entity_markup import read_marked, write_marked
from dialogue_gym.stories.model import Step, Story

KEY = "sentences"
Sentence = tuple[str, str | None]
"""The intent of a message, and its text with the entities marked."""


def without_sentences(story: Story) -> Story:
    """Return a story whose messages have no text where they have an intent."""
    return dataclasses.replace(story, steps=tuple(map(bare, story.steps)))


def bare(step: Step) -> Step:
    """Return a step without the text of a message that has an intent, and without the places in it."""
    if not isinstance(step, UserUttered) or not step.intent:
        return step
    entities = tuple(dataclasses.replace(entity, start=None, end=None) for entity in step.entities)
    return dataclasses.replace(step, text=None, entities=entities)


def sentences(steps: Iterable[Step]) -> list[Sentence]:
    """Return the sentences of all messages with an intent; empty if none of them has a text."""
    messages = [step for step in steps if isinstance(step, UserUttered) and step.intent]
    found = [(message.intent or "", write_marked(message)) for message in messages]
    return found if any(text for _, text in found) else []


def read_sentences(metadata: YamlNode | None) -> list[Sentence]:
    """Return the sentences in the metadata of a story; metadata of any other shape has none."""
    content = metadata.value() if metadata else None
    listed = content.get(KEY) if isinstance(content, dict) else None
    items = listed if isinstance(listed, list) else []
    pairs = [pair for item in items if isinstance(item, dict) for pair in item.items()]
    return [(str(intent), None if text is None else str(text)) for intent, text in pairs]


def with_sentences(steps: Sequence[Step], said: Sequence[Sentence]) -> list[Step]:
    """Return steps with the texts of their messages, unless somebody has changed the messages since."""
    places = [place for place, step in enumerate(steps) if isinstance(step, UserUttered) and step.intent]
    messages = [step for step in steps if isinstance(step, UserUttered) and step.intent]
    found = list(steps)
    if [message.intent for message in messages] == [intent for intent, _ in said]:
        for place, message, (_, text) in zip(places, messages, said, strict=True):
            found[place] = message if text is None or message.text else _said(message, text)
    return found


def _said(message: UserUttered, text: str) -> UserUttered:
    plain, marked = read_marked(text)
    is_same = [(one.name, repr(one.value)) for one in marked] == [
        (one.name, repr(one.value)) for one in message.entities
    ]
    return dataclasses.replace(message, text=plain, entities=marked if is_same else message.entities)
