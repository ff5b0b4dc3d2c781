"""The events of a conversation, frozen and under Rasa's names, and their JSON.

The JSON is that of Rasa's trackers (https://rasa.com/docs/rasa/action-server/events), which action servers
read and answer with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dialogue_gym.conversation.wording import act_text
from dialogue_gym.domain.default_names import FALLBACK_ACTION

Value = Any
"""The value of a slot or entity: anything that JSON can hold."""
Json = dict[str, Any]
WRITER = "written_by"
"""Key of the data of a message that a person wrote in the place of the bot: their name."""


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity recognised in a message.

    `start` and `end` are its place in the text, if that is known; `confidence` is that of the extractor.
    Its value is not a list: several values are several entities of one name.
    """

    name: str
    value: Value
    start: int | None = None
    end: int | None = None
    confidence: float | None = None
    role: str | None = None
    group: str | None = None

    def to_json(self) -> Json:
        """Return the entity as Rasa writes it."""
        parts: Json = {"entity": self.name, "value": self.value}
        optional = {
            "start": self.start,
            "end": self.end,
            "confidence_entity": self.confidence,
            "role": self.role,
            "group": self.group,
        }
        return parts | {key: value for key, value in optional.items() if value is not None}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Entity:
        """Return the entity that Rasa wrote.

        Raises:
            ValueError: the content does not describe an entity.
        """
        if not isinstance(content, Mapping) or not isinstance(content.get("entity"), str):
            raise ValueError("an entity needs its name under 'entity'")
        return cls(
            content["entity"],
            content.get("value"),
            _whole(content.get("start")),
            _whole(content.get("end")),
            _number(content.get("confidence_entity", content.get("confidence"))),
            _optional(content, "role"),
            _optional(content, "group"),
        )


@dataclass(frozen=True, slots=True)
class UserUttered:
    """A message of the user.

    `intent` is None if nothing was understood. `meant` is the act in the fixed format that a fake
    user had in mind, where it may have been misheard. `channel` is where it came from, if that is known.
    `alternatives` are second hypotheses: entities that may have been meant instead.
    """

    text: str | None = None
    intent: str | None = None
    entities: tuple[Entity, ...] = ()
    confidence: float = 1.0
    meant: str | None = None
    channel: str | None = field(default=None, compare=False)
    alternatives: tuple[Entity, ...] = ()

    @property
    def act(self) -> str:
        """The act in the fixed format, `inform{"cuisine": "french"}`; `?` where nothing was understood."""
        return act_text(self.intent or "?", entity_values(self.entities))


@dataclass(frozen=True, slots=True)
class ActionExecuted:
    """An action of the bot; `confidence` is the probability that its policy gave it."""

    name: str
    confidence: float | None = None
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class BotUttered:
    """A message of the bot; `data` has its buttons, image and so on."""

    text: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def writer(self) -> str | None:
        """The person, or the fallback action, that wrote the message in place of the bot; or None."""
        writer = self.data.get(WRITER)
        return writer if isinstance(writer, str) else None

    @property
    def teacher(self) -> str | None:
        """The teacher who wrote the message in their own words; None if an action said it."""
        return None if self.writer == FALLBACK_ACTION else self.writer


@dataclass(frozen=True, slots=True)
class SlotSet:
    """A slot set (None: emptied) by an action or a story.

    `is_named_only` is true if a story only names the slot: its value then follows from the slot's type.
    """

    name: str
    value: Value = None
    is_named_only: bool = False


@dataclass(frozen=True, slots=True)
class ActiveLoop:
    """A form becomes active (None: the active one ends)."""

    name: str | None


@dataclass(frozen=True, slots=True)
class ActionExecutionRejected:
    """An action declines: it counts as not done, and the bot decides again."""

    name: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """A restart: the bot forgets everything."""


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """The start of a new session, and with it of a new dialogue."""


Event = (
    UserUttered
    | ActionExecuted
    | BotUttered
    | SlotSet
    | ActiveLoop
    | ActionExecutionRejected
    | Restarted
    | SessionStarted
)


def entity_values(entities: Iterable[Entity]) -> dict[str, Value]:
    """Return entities as a mapping from names to values; several of one name become a list."""
    values: dict[str, Value] = {}
    seen: dict[str, int] = {}
    for entity in entities:
        seen[entity.name] = seen.get(entity.name, 0) + 1
        if seen[entity.name] == 1:
            values[entity.name] = entity.value
        elif seen[entity.name] == 2:
            values[entity.name] = [values[entity.name], entity.value]
        else:
            values[entity.name].append(entity.value)
    return values


def entities_from(values: Mapping[str, Value]) -> tuple[Entity, ...]:
    """Return the entities that a mapping from names to values stands for; a list is several."""
    return tuple(
        Entity(name, one)
        for name, value in values.items()
        for one in (value if isinstance(value, (list, tuple)) else [value])
    )


def with_channel(event: Event) -> Json:
    """Return an event as `to_json` does, and of a message the channel."""
    content = to_json(event)
    if isinstance(event, UserUttered) and event.channel is not None:
        content["input_channel"] = event.channel
    return content


def to_json(event: Event) -> Json:
    """Return an event as Rasa's trackers have it (without timestamp and channel)."""
    if isinstance(event, UserUttered):
        parse: Json = {
            "text": event.text,
            "intent": {"name": event.intent, "confidence": event.confidence},
            "entities": [entity.to_json() for entity in event.entities],
        }
        if event.alternatives:
            parse["alternatives"] = [entity.to_json() for entity in event.alternatives]
        content: Json = {"event": "user", "text": event.text, "parse_data": parse}
        return content if event.meant is None else content | {"metadata": {"meant": event.meant}}
    if isinstance(event, ActionExecuted):
        return {
            "event": "action",
            "name": event.name,
            "policy": event.policy,
            "confidence": event.confidence,
        }
    if isinstance(event, BotUttered):
        return {"event": "bot", "text": event.text, "data": dict(event.data)}
    if isinstance(event, SlotSet):
        return {"event": "slot", "name": event.name, "value": event.value}
    if isinstance(event, ActiveLoop):
        return {"event": "active_loop", "name": event.name}
    if isinstance(event, ActionExecutionRejected):
        return {"event": "action_execution_rejected", "name": event.name}
    return {"event": "restart" if isinstance(event, Restarted) else "session_started"}


def from_json(content: Mapping[str, Any]) -> Event:
    """Return the event that Rasa's JSON describes.

    Raises:
        ValueError: the kind is unknown, or a value is invalid.
    """
    if not isinstance(content, Mapping):
        raise ValueError("an event is an object")
    kind = content.get("event")
    if kind == "user":
        return _user_from_json(content)
    if kind == "action":
        confidence = _number(content.get("confidence"))
        return ActionExecuted(_text(content, "name"), confidence, _optional(content, "policy"))
    if kind == "bot":
        return BotUttered(_optional(content, "text"), _object(content, "data"))
    if kind == "slot":
        return SlotSet(_text(content, "name"), content.get("value"))
    if kind in ("active_loop", "form"):
        return ActiveLoop(_optional(content, "name"))
    if kind == "action_execution_rejected":
        return ActionExecutionRejected(_text(content, "name"))
    if kind in ("restart", "session_started"):
        return Restarted() if kind == "restart" else SessionStarted()
    raise ValueError(f"unknown event {kind!r}")


def _user_from_json(content: Mapping[str, Any]) -> UserUttered:
    parse, metadata = _object(content, "parse_data"), _object(content, "metadata")
    intent = _object(parse, "intent")
    confidence = _number(intent.get("confidence"))
    return UserUttered(
        _optional(content, "text"),
        _optional(intent, "name"),
        _entities(parse, "entities"),
        1.0 if confidence is None else confidence,
        _optional(metadata, "meant"),
        _optional(content, "input_channel"),
        _entities(parse, "alternatives"),
    )


def _entities(parse: Mapping[str, Any], key: str) -> tuple[Entity, ...]:
    entities = parse.get(key) or ()
    if not isinstance(entities, (list, tuple)):
        raise ValueError(f"the {key} of a message are a list")
    return tuple(Entity.from_json(entity) for entity in entities)


def _object(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = content.get(key) or {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{key!r} is an object")
    return value


def _optional(content: Mapping[str, Any], key: str) -> str | None:
    value = content.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{key!r} is a text")
    return value


def _text(content: Mapping[str, Any], key: str) -> str:
    if not isinstance(content.get(key), str):
        raise ValueError(f"an event of the kind {content.get('event')!r} needs {key!r}")
    return str(content[key])


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _number(value: object) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type]
