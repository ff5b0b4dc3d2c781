"""Reading and writing of story files in both formats."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from dialogue_gym._files import FileError, OutputKind, read_text
from dialogue_gym._markdown import is_markdown
from dialogue_gym._text import nearest, quoted
from dialogue_gym.conversation.bot_state import BotState
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActionExecutionRejected,
    BotUttered,
    Event,
    Restarted,
    SlotSet,
    UserUttered,
)
from dialogue_gym.conversation.slot_filling import slots_filled, slots_of_entities
from dialogue_gym.domain.default_names import FALLBACK_INTENT
from dialogue_gym.domain.model import LISTEN, RESTART
from dialogue_gym.stories import markdown, yaml_reader, yaml_writer
from dialogue_gym.stories.model import STORY_FILE, OtherEvent, Story, StoryError

FORMATS = ("markdown", "yaml")
_NEW_NAMES = {"action_deactivate_form": "action_deactivate_loop", "form": "active_loop"}
_OLD_NAMES = {new: old for old, new in _NEW_NAMES.items()}
_YAML_BEGINS = re.compile(r"^(version|stories|rules|nlu)\s*:|^---\s*$", re.MULTILINE)


def format_of(path: str | Path) -> str | None:
    """Return the format of a file by its name; None if the name does not tell."""
    path = Path(path)
    return "markdown" if is_markdown(path) else "yaml" if path.suffix.lower() in (".yml", ".yaml") else None


def load(path: str | Path) -> list[Story]:
    """Return the stories and rules of a file.

    Raises:
        StoryError: the file cannot be read, or is YAML without stories and rules; one sentence with file
            and line.
    """
    path = Path(path)
    text = read_text(path, STORY_FILE)
    stories = parse(text, str(path), format_of(path))
    if not stories and not is_markdown(path):
        yaml_reader.refuse_other_files(text, str(path))
    return stories


def _is_written(path: Path) -> bool:
    """Return whether a file is as `dump` writes it: nobody has edited it, and it has nothing but stories."""
    try:
        text = read_text(path, STORY_FILE)
        stories = parse(text, str(path), format_of(path))
        return text in (dump(stories, format) for format in FORMATS)
    except FileError:
        return False


WRITTEN_STORIES = OutputKind("as `dialogue-gym stories` writes stories", _is_written)


def errors_of_stories(path: Path) -> list[FileError]:
    """Return all errors of a file that can be told apart; `load` raises the first."""
    try:
        text = read_text(path, STORY_FILE)
    except FileError as error:
        return [error]
    return (markdown.errors if is_markdown(path) else yaml_reader.errors)(text, str(path))


def parse(text: str, file: str = "stories", format: str | None = None) -> list[Story]:
    """Return the stories and rules of a text; without `format`, the content decides.

    Raises:
        StoryError: one sentence with file and line; `file` stands for the text.
    """
    is_yaml = _YAML_BEGINS.search(text) if format is None else _is_yaml(format)
    return yaml_reader.read(text, file) if is_yaml else markdown.read(text, file)


def dump(stories: Iterable[Story], format: str, *, for_training: bool = False) -> str:
    """Return stories as the text of a file: `"markdown"` or `"yaml"`.

    Names that Rasa has changed are those of the format's versions: `action_deactivate_form` and `form` in
    Markdown, `action_deactivate_loop` and `active_loop` in YAML.

    Reading it gives the same acts, actions, slots and checkpoints. Markdown does not keep the user's text;
    YAML keeps it if all entities of the message can be marked in it; with `for_training` it is beside the
    steps, where Rasa learns from the intent alone.

    Raises:
        StoryError: the format has no way to write something, such as an action called `restart` in YAML.
    """
    if _is_yaml(format):
        return yaml_writer.write((_renamed(story, _NEW_NAMES) for story in stories), for_training)
    return markdown.write(_renamed(story, _OLD_NAMES) for story in stories)


def _renamed(story: Story, names: Mapping[str, str]) -> Story:
    steps = tuple(
        dataclasses.replace(step, name=names[step.name])
        if isinstance(step, (ActionExecuted, OtherEvent))
        and step.name in names
        and isinstance(step, ActionExecuted) == step.name.startswith("action_")
        else step
        for step in story.steps
    )
    return story if steps == story.steps else dataclasses.replace(story, steps=steps)


def _is_yaml(format: str) -> bool:
    if format not in FORMATS:
        raise StoryError(f"unknown story format {quoted(format)}; {nearest(format, FORMATS)}")
    return format == "yaml"


def story_of(conversation: Conversation, name: str, *, tells_slots: bool = False) -> Story:
    """Return the story of a conversation.

    It has the user's messages, the bot's actions, and the slots that actions set. It leaves out listening,
    confidences, and events that follow from others: slots filled by entities, and the second half of a
    restart. With `tells_slots`, the observed slots that Rasa's reader would get wrong are set after the
    message, such as those that a form fills by the text; acts in the fixed format lose their text, as Rasa
    would take it for an example of the intent.
    """
    steps: list[Event] = []
    state = BotState(conversation.domain)
    for event in conversation.events:
        is_news = state.is_news(event)
        state.apply(event)
        if isinstance(event, ActionExecutionRejected) and steps[-1:] == [ActionExecuted(event.name)]:
            steps.pop()
        if not is_news or isinstance(event, (BotUttered, ActionExecutionRejected)):
            continue
        if isinstance(event, UserUttered):
            entities = tuple(dataclasses.replace(entity, confidence=None) for entity in event.entities)
            message = UserUttered(event.text, event.intent, entities)
            steps += _told(message, state) if tells_slots else [message]
        elif isinstance(event, ActionExecuted):
            if event.name != LISTEN:
                steps.append(ActionExecuted(event.name))
        else:
            if isinstance(event, Restarted) and steps[-1:] == [ActionExecuted(RESTART)]:
                steps.append(event)  # the second half of that action; the next one is another restart
            steps.append(event)
    return Story(name, tuple(steps))


def _told(message: UserUttered, state: BotState) -> Iterator[Event]:
    """Yield a message as Rasa's reader needs it, and the slots that it would get wrong.

    A message that was not understood has the intent that Rasa gives it; without one, Rasa would learn its
    words in its place.
    """
    filled = state.extracted
    if not message.intent:
        message = dataclasses.replace(message, intent=FALLBACK_INTENT)
    if message.intent and (message.text or "").startswith("/"):
        silent = dataclasses.replace(message, text=None)
        if slots_filled(state.domain, silent, state.loop) == filled:
            message = silent
    yield message
    read = slots_of_entities(state.domain, message)
    for slot in state.domain.slots:
        is_same = read.get(slot.name) == filled.get(slot.name)
        if slot.is_observed and not (is_same and (slot.name in read) == (slot.name in filled)):
            yield SlotSet(slot.name, state.slots[slot.name])


def own_stories(domain_file: str | Path) -> list[Story]:
    """Return the stories beside a domain file, in `stories.yml` or `stories.md`.

    Raises:
        ValueError: neither file exists, or it cannot be read.
    """
    domain_file = Path(domain_file)
    for name in ("stories.yml", "stories.md"):
        if (path := domain_file.with_name(name)).is_file():
            return load(path)
    raise ValueError(f"{quoted(str(domain_file.parent))} has no stories.yml or stories.md")
