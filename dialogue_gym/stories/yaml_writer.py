"""Writer of stories as YAML for Rasa 2 and 3."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator

from dialogue_gym._text import quoted
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    BotUttered,
    Entity,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
    Value,
)
from dialogue_gym.stories.entity_markup import write_marked
from dialogue_gym.stories.model import (
    Either,
    OtherEvent,
    Step,
    Story,
    StoryCheckpoint,
    StoryError,
    events_named,
)
from dialogue_gym.stories.sentences import KEY, sentences, without_sentences

VERSION = "3.1"
_PLAIN = re.compile(r"[A-Za-z_][\w./+-]*( [\w./+-]+)*", re.ASCII)
_RESERVED = ("null", "true", "false", "yes", "no", "on", "off", "y", "n")
_MAX_KEY = 1000
"""YAML does not look for a colon after a longer name."""
_MAX_LEVELS = 30
LARGEST_WHOLE = 10**100
"""Whole numbers from this on are not written."""


def write(stories: Iterable[Story], for_training: bool = False) -> str:
    """Return stories, and then rules, as YAML.

    Args:
        stories: the stories and rules.
        for_training: whether messages with an intent have their text under the metadata of the story.

    Raises:
        StoryError: the format has no way to write something.
    """
    plain: list[str] = []
    rules: list[str] = []
    for story in stories:
        (rules if story.is_rule else plain).append(_story(story, for_training))
    parts = [f'version: "{VERSION}"\n']
    for head, texts in (("stories", plain), ("rules", rules)):
        if texts:
            parts.append(f"\n{head}:\n" + "\n".join(texts))
    return "".join(parts) if plain or rules else f"{parts[0]}\nstories: []\n"


def _story(story: Story, for_training: bool) -> str:
    said = sentences(story.steps) if for_training else []
    story = without_sentences(story) if for_training else story
    try:
        lines = [f"- {'rule' if story.is_rule else 'story'}: {_quoted(story.name)}"]
        if said:
            lines += ["  metadata:", f"    {KEY}:"]
            lines += (f"    - {_key(intent)}: {_value(text)}" for intent, text in said)
    except StoryError as error:
        raise story.place.error(str(error)) from None
    conditions = story.conditions if story.is_rule else 0
    if story.is_rule and story.conversation_start:
        lines.append("  conversation_start: true")
    if conditions:
        lines.append("  condition:")
    for index, step in enumerate(story.steps):
        if index == conditions:
            lines.append("  steps:")
        try:
            first, *rest = _step(step)
        except StoryError as error:
            raise story.place_of(index).error(f"{quoted(story.name)}: {error}") from None
        lines.append(f"  - {first}")
        lines += (f"    {line}" for line in rest)
    if len(story.steps) == conditions:
        lines.append("  steps: []")
    if story.is_rule and not story.wait_for_user_input:
        lines.append("  wait_for_user_input: false")
    return "\n".join(lines) + "\n"


def _step(step: Step) -> Iterator[str]:
    """Yield the lines of a step, indented within it."""
    if isinstance(step, UserUttered):
        yield from _message(step)
    elif isinstance(step, ActionExecuted):
        if not step.name or _action_named(step.name) != step.name:
            raise StoryError(
                f"YAML cannot tell an action called {quoted(step.name)} from an event of that name"
            )
        yield f"action: {_quoted(step.name)}"
    elif isinstance(step, SlotSet):
        yield "slot_was_set:"
        yield f"- {_slot(step)}"
    elif isinstance(step, ActiveLoop):
        yield f"active_loop: {'null' if step.name is None else _quoted(step.name)}"
    elif isinstance(step, BotUttered):
        yield f"bot: {_quoted(step.text or '')}"
    elif isinstance(step, (Restarted, SessionStarted)):
        yield "action: restart" if isinstance(step, Restarted) else "action: session_started"
    elif isinstance(step, StoryCheckpoint):
        yield f"checkpoint: {_quoted(step.name)}"
        if step.slots:
            yield "slot_was_set:"
            yield from (f"- {_key(name)}: {_value(value)}" for name, value in step.slots.items())
    elif isinstance(step, Either):
        yield "or:"
        for option in step.options:
            first, *rest = _option(option)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    elif isinstance(step, ActionExecutionRejected):
        raise StoryError(f"a story has no declined actions such as {step.name}")
    else:
        yield _other(step)


def _option(option: tuple[object, ...]) -> Iterator[str]:
    if len(option) == 1 and isinstance(option[0], UserUttered):
        yield from _message(option[0])
        return
    yield "slot_was_set:"
    for event in option:
        if not isinstance(event, SlotSet):
            raise StoryError("YAML can only have messages and slots as alternatives")
        yield f"- {_slot(event)}"


def _slot(event: SlotSet) -> str:
    return _quoted(event.name) if event.is_named_only else f"{_key(event.name)}: {_value(event.value)}"


def _other(event: OtherEvent) -> str:
    if event.parameters:
        raise StoryError(f"YAML cannot have the event {event.name!r} with parameters")
    return f"action: {event.name}"


def _action_named(name: str) -> str | None:
    """Return the action that a name stands for in a story; None if it is the name of an event."""
    try:
        (event,) = events_named(name, {})
    except ValueError:
        return None
    return event.name if isinstance(event, ActionExecuted) else None


def _message(message: UserUttered) -> Iterator[str]:
    """Yield the keys of a message, with its text if all of its entities can be marked in it.

    Rasa takes the entities from the text if there is one.
    """
    marked = write_marked(message)
    if marked is not None and marked != marked.strip():
        marked = None
    if message.intent:
        slash = "/" if message.intent.startswith("/") else ""
        yield f"intent: {_quoted(slash + message.intent)}"
    elif marked is None:
        marked = ""
    if marked is not None:
        yield f"user: {_quoted(marked)}"
    if message.entities and not marked:
        yield "entities:"
        for entity in message.entities:
            yield from _entity(entity)


def _entity(entity: Entity) -> Iterator[str]:
    options = {"role": entity.role, "group": entity.group}
    given = {key: value for key, value in options.items() if value is not None}
    if given and entity.name in options:  # the short form would read it as a role or group
        yield f"- entity: {_key(entity.name)}"
        yield f"  value: {_value(entity.value)}"
    else:
        yield f"- {_key(entity.name)}: {_value(entity.value)}"
    yield from (f"  {key}: {_quoted(value)}" for key, value in given.items())


def _key(name: str) -> str:
    text = _quoted(name)
    if len(text) > _MAX_KEY:
        raise StoryError(f"the name {quoted(name)} is too long for YAML")
    return text


def _value(value: Value, level: int = 0) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int):
        return str(value) if abs(value) < LARGEST_WHOLE else _refuse(value)
    if isinstance(value, float) and math.isfinite(value):
        text = repr(value)
        return text.replace("e", ".0e") if "e" in text and "." not in text else text
    if isinstance(value, (list, tuple)) and level < _MAX_LEVELS:
        return "[" + ", ".join(_value(item, level + 1) for item in value) + "]"
    if isinstance(value, dict) and level < _MAX_LEVELS and all(isinstance(key, str) for key in value):
        return "{" + ", ".join(f"{_key(key)}: {_value(item, level + 1)}" for key, item in value.items()) + "}"
    return _refuse(value)


def _refuse(value: Value) -> str:
    raise StoryError(f"the value {quoted(repr(value))} cannot be written in YAML")


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isprintable():
        return char
    code = ord(char)
    if 0xD800 <= code < 0xE000:
        raise StoryError(f"{char!r} is half a character, which a file cannot have")
    return {"\n": "\\n", "\t": "\\t"}.get(char) or (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )
