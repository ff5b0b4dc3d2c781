"""What a story is: a name, and steps that are events or one of the things that only stories have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dialogue_gym._files import FileError, FileKind
from dialogue_gym._text import shorten
from dialogue_gym.conversation.events import (
    ActionExecuted,
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

OWN_ACTIONS = (
    "action_session_start",
    "action_default_fallback",
    "action_deactivate_loop",
    "action_deactivate_form",
    "action_revert_fallback_events",
    "action_default_ask_affirmation",
    "action_default_ask_rephrase",
    "action_two_stage_fallback",
    "action_unlikely_intent",
    "action_back",
    "action_extract_slots",
)
OWN_INTENTS = ("restart", "back", "session_start", "nlu_fallback", "out_of_scope")
OWN_SLOTS = ("requested_slot", "session_started_metadata")
"""What every Rasa bot has without its domain file saying so."""

OTHER_EVENTS = (
    "form",
    "active_loop",
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
"""Names of Rasa's events that have none of ours; the first two say which form asks."""


class StoryError(FileError):
    """A story file that cannot be read, or stories that cannot be written or used."""


STORY_FILE = FileKind("story file", StoryError, max_bytes=200_000_000, max_entries=1_000_000)


class Place(NamedTuple):
    """Where something stands."""

    file: str
    line: int

    def __str__(self) -> str:
        """The place as errors have it."""
        return f"{self.file}:{self.line}"

    def error(self, message: str) -> StoryError:
        """Return the error that `message` is about this place."""
        return StoryError(f"{self}: {message}")


@dataclass(frozen=True, slots=True)
class StoryCheckpoint:
    """A place where stories meet: what begins with it goes on from what ends with it, if the slots are so."""

    name: str
    slots: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Either:
    """One of several things happens, each of them one event or several."""

    options: tuple[tuple[Event, ...], ...]


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """An event that only Rasa has, such as the beginning of a form: kept, so that it can be written."""

    name: str
    parameters: Mapping[str, Value] = field(default_factory=dict)


Step = Event | StoryCheckpoint | Either | OtherEvent


@dataclass(frozen=True, slots=True)
class Story:
    """The written form of a conversation.

    Attributes:
        name: what the file calls it.
        steps: what happens, in order. That the bot listens is not said, it follows from the user's turns.
        file: where it stands.
        line: the line of its name.
        places: where each step stands; empty if the story was not read.
        is_rule: whether it holds at any point of a dialogue, as the rules of Rasa 2 do.
        conditions: of a rule, how many of the first steps say when it holds.
        conversation_start: of a rule, whether it only holds when a dialogue begins.
        wait_for_user_input: of a rule, whether it is the user's turn after it.

    Two stories are equal if all but their places is.
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
        """Where the story begins."""
        return Place(self.file, self.line)

    def place_of(self, step: int) -> Place:
        """Return where a step stands, or the story's end if there are not so many."""
        if not self.places:
            return self.place
        return self.places[min(step, len(self.places) - 1)]


def events_named(name: str, parameters: Mapping[str, Value]) -> tuple[Step, ...]:
    """Return what a line of the bot's stands for: an event under its name in Rasa, or else an action.

    Raises:
        ValueError: the event needs other parameters.
    """
    if name == "slot":
        if not parameters:
            raise ValueError("a slot needs its name and value")
        return tuple(SlotSet(slot, value) for slot, value in parameters.items())
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
        raise ValueError(f"{what} needs its {key!r}, not {shorten(repr(value))}")
    return value
