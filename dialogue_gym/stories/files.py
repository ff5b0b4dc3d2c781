"""From a story file to stories and back, whichever of the two formats it has."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path

from dialogue_gym.conversation import Conversation, slots_filled
from dialogue_gym.domain.model import LISTEN, RESTART
from dialogue_gym.domain.reader import nearest, read_bytes, shorten
from dialogue_gym.events import ActionExecuted, Event, Restarted, SessionStarted, SlotSet, UserUttered, Value
from dialogue_gym.stories import markdown, yaml_reader, yaml_writer
from dialogue_gym.stories.model import STORY_FILE, Story, StoryError

FORMATS = ("markdown", "yaml")
_SUFFIXES = {".md": "markdown", ".markdown": "markdown", ".yml": "yaml", ".yaml": "yaml"}
_YAML_BEGINS = re.compile(r"^(version|stories|rules|nlu)\s*:|^---\s*$", re.MULTILINE)


def load(path: str | Path) -> list[Story]:
    """Return the stories and rules of a file.

    Raises:
        StoryError: the file cannot be read; one sentence with file and line.
    """
    path = Path(path)
    return parse(read_bytes(path, STORY_FILE), str(path), _SUFFIXES.get(path.suffix.lower()))


def parse(text: str, file: str = "stories", format: str | None = None) -> list[Story]:
    """Return the stories and rules of a text; without `format` its content tells which one it is.

    Raises:
        StoryError: one sentence with file and line, in which `file` stands for the text.
    """
    is_yaml = _YAML_BEGINS.search(text) if format is None else _is_yaml(format)
    return yaml_reader.read(text, file) if is_yaml else markdown.read(text, file)


def dump(stories: Iterable[Story], format: str) -> str:
    """Return stories as the text of a file: `"markdown"` or `"yaml"`.

    What is read from it again has the same acts, actions, slots and checkpoints. Markdown does not keep the
    user's words; YAML keeps them where all entities of the message can be marked in them.

    Raises:
        StoryError: something cannot be said in the format, such as an action called `restart` in YAML.
    """
    return yaml_writer.write(stories) if _is_yaml(format) else markdown.write(stories)


def _is_yaml(format: str) -> bool:
    if format not in FORMATS:
        raise StoryError(f"{shorten(format)} is no format of stories; {nearest(format, FORMATS)}")
    return format == "yaml"


def story_of(conversation: Conversation, name: str) -> Story:
    """Return what happened in a conversation as a story.

    It says what the user meant, what the bot did, and the slots that actions set; not that the bot listened,
    how sure anything was, or what follows from the rest: slots that entities filled, the second half of a
    restart.
    """
    steps: list[Event] = []
    filled: dict[str, Value] = {}
    has_restarted = False
    for event in conversation.events:
        said_before, has_restarted = has_restarted, False
        if isinstance(event, UserUttered):
            filled = slots_filled(conversation.domain, event)
            entities = tuple(dataclasses.replace(entity, confidence=None) for entity in event.entities)
            steps.append(UserUttered(event.text, event.intent, entities))
        elif isinstance(event, ActionExecuted):
            if event.name != LISTEN:
                filled = {}
                has_restarted = event.name == RESTART
                steps.append(ActionExecuted(event.name))
        elif isinstance(event, SlotSet):
            if not (event.name in filled and filled[event.name] == event.value):
                filled.pop(event.name, None)
                steps.append(event)
        elif isinstance(event, SessionStarted) or (isinstance(event, Restarted) and not said_before):
            filled = {}
            if steps and steps[-1] == ActionExecuted(RESTART) and isinstance(event, Restarted):
                steps.append(
                    event
                )  # which is the second half of that action, and the next one another restart
            steps.append(event)
    return Story(name, tuple(steps))
