"""Stories: their names and steps, which are events, checkpoints, alternatives and events of Rasa's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dialogue_gym._files import FileError, FileKind
from dialogue_gym._text import quoted
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    Entity,
    Event,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
    Value,
    from_json,
)

OTHER_EVENTS = (
    "rewind",
    "undo",
    "reset_slots",
    "pause",
    "resume",
    "export",
    "followup",
    "reminder",
    "cancel_reminder",
    "form_validation",
    "loop_interrupted",
    "agent",
)
"""Names of Rasa's events that have no counterpart here."""


class StoryError(FileError):
    """Raised if a story file cannot be read, or stories cannot be written or used."""


STORY_FILE = FileKind("story file", StoryError, max_bytes=200_000_000, max_entries=1_000_000)


class Place(NamedTuple):
    """A file and a line."""

    file: str
    line: int

    def __str__(self) -> str:
        """Return the place as errors have it."""
        return f"{self.file}:{self.line}"

    def error(self, message: str) -> StoryError:
        """Return an error about this place."""
        return StoryError(f"{self}: {message}")


@dataclass(frozen=True, slots=True)
class StoryCheckpoint:
    """A point where stories meet: one that ends with it continues with those that begin with it.

    `slots` has the values that slots must have for that.
    """

    name: str
    slots: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Either:
    """Alternatives, each of one or several events."""

    options: tuple[tuple[Event, ...], ...]


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """An event of Rasa without a counterpart here, such as a pause; kept for writing."""

    name: str
    parameters: Mapping[str, Value] = field(default_factory=dict)


Step = Event | StoryCheckpoint | Either | OtherEvent


@dataclass(frozen=True, slots=True)
class Story:
    """The written form of a conversation.

    Attributes:
        name: the name in the file.
        steps: the steps in order, without the bot's listening, which follows from the user's turns.
        file: the file.
        line: the line of the name.
        places: the place of each step; empty if the story was not read from a file.
        is_rule: whether it applies at any point of a dialogue, as the rules of Rasa 2 do.
        conditions: the number of first steps that are the condition of a rule.
        conversation_start: whether a rule applies only at the start of a dialogue.
        wait_for_user_input: whether it is the user's turn after a rule.

    Stories are equal if they differ only in their places.
    """

    name: str
    steps: tuple[Step, ...]
    file: str = field(default="stories", compare=False)
    line: int = field(default=1, compare=False)
    places: tuple[Place, ...] = field(default=(), compare=False, repr=False)
    is_rule: bool = False
    conditions: int = 0
    conversation_start: bool = False
    wait_for_user_input: bool = True

    @property
    def place(self) -> Place:
        """The place of the story's name."""
        return Place(self.file, self.line)

    def place_of(self, step: int) -> Place:
        """Return the place of a step, or that of the last step if there are fewer."""
        if not self.places:
            return self.place
        return self.places[min(step, len(self.places) - 1)]


def events_named(name: str, parameters: Mapping[str, Value]) -> tuple[Step, ...]:
    """Return the steps of a line of the bot's: an event by its name in Rasa, or else an action.

    Raises:
        ValueError: the event needs other parameters.
    """
    if name == "slot":
        if not parameters:
            raise ValueError("a slot needs its name and value")
        return tuple(SlotSet(slot, value) for slot, value in parameters.items())
    if name in ("active_loop", "form"):
        form = parameters.get("name")
        if form is not None and not isinstance(form, str):
            raise ValueError(f"an active loop needs its name or null, not {quoted(repr(form))}")
        return (ActiveLoop(form),)
    if name == "restart":
        return (Restarted(),)
    if name == "session_started":
        return (SessionStarted(),)
    if name == "action":
        return (ActionExecuted(_text(parameters, "name", "an action")),)
    if name == "bot":
        return (BotUttered(_text(parameters, "text", "a message of the bot's")),)
    if name == "user":
        return (_message(parameters),)
    if name in OTHER_EVENTS:
        return (OtherEvent(name, dict(parameters)),)
    return (ActionExecuted(name),)


def message_parameters(message: UserUttered) -> dict[str, Value]:
    """Return a message as the parameters that `events_named` reads."""
    entities = [Entity(entity.name, entity.value).to_json() for entity in message.entities]
    return {
        "text": message.text,
        "parse_data": {"intent": {"name": message.intent or None}, "entities": entities},
    }


def _message(parameters: Mapping[str, Value]) -> UserUttered:
    message = from_json({**parameters, "event": "user"})
    if not isinstance(message, UserUttered) or not all(
        isinstance(text, (str, type(None))) for text in (message.text, message.intent)
    ):
        raise ValueError("a user's message needs 'text' and 'parse_data' as Rasa's trackers have them")
    entities = tuple(Entity(entity.name, entity.value) for entity in message.entities)
    return UserUttered(message.text, message.intent or None, entities)


def _text(parameters: Mapping[str, Value], key: str, what: str) -> str:
    value = parameters.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{what} needs its {key!r}, not {quoted(repr(value))}")
    return value
