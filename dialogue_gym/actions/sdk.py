"""The interface of Python actions and their arguments, in the shape of rasa_sdk's classes.

A class written for rasa_sdk (https://rasa.com/docs/rasa/action-server/sdk-actions) runs unchanged; others do
not need rasa_sdk.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Protocol

from dialogue_gym.actions.payloads import tracker_json
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import Json, Value
from dialogue_gym.domain.model import LISTEN

_FALLBACK = "nlu_fallback"


class Action(Protocol):
    """An action in Python."""

    def name(self) -> str:
        """Return the action's name in the domain."""
        ...

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> Any:
        """Send messages with the dispatcher and return events as JSON; `run` may be a coroutine."""
        ...


class Dispatcher:
    """Collector of the messages of an action."""

    def __init__(self) -> None:
        """Begin without messages."""
        self.messages: list[Json] = []
        """The messages, in the format of an action server."""

    def utter_message(
        self,
        text: str | None = None,
        image: str | None = None,
        json_message: Json | None = None,
        template: str | None = None,
        response: str | None = None,
        attachment: Any = None,
        buttons: list[Json] | None = None,
        elements: list[Json] | None = None,
        **kwargs: Any,
    ) -> None:
        """Send a text, or a response of the domain with its placeholders filled from further keywords."""
        name = response or template
        message = {
            "text": text,
            "buttons": buttons or [],
            "elements": elements or [],
            "custom": json_message or {},
            "template": name,
            "response": name,
            "image": image,
            "attachment": attachment,
        }
        self.messages.append(message | kwargs)

    # The older methods of rasa_sdk.

    def utter_template(self, template: str, tracker: Any, silent_fail: bool = False, **kwargs: Any) -> None:
        """Send a response of the domain."""
        self.utter_message(response=template, **kwargs)

    def utter_button_message(self, text: str, buttons: list[Json], **kwargs: Any) -> None:
        """Send a text with buttons."""
        self.utter_message(text=text, buttons=buttons, **kwargs)

    def utter_button_template(
        self, template: str, buttons: list[Json], tracker: Any, silent_fail: bool = False, **kwargs: Any
    ) -> None:
        """Send a response of the domain with buttons."""
        self.utter_message(response=template, buttons=buttons, **kwargs)

    def utter_attachment(self, attachment: Any, **kwargs: Any) -> None:
        """Send an attachment."""
        self.utter_message(attachment=attachment, **kwargs)

    def utter_image_url(self, image: str, **kwargs: Any) -> None:
        """Send an image by its address."""
        self.utter_message(image=image, **kwargs)

    def utter_custom_json(self, json_message: Json, **kwargs: Any) -> None:
        """Send any JSON."""
        self.utter_message(json_message=json_message, **kwargs)

    def utter_elements(self, *elements: Json, **kwargs: Any) -> None:
        """Send the elements of a carousel."""
        self.utter_message(elements=list(elements), **kwargs)

    utter_custom_message = utter_elements

    # Streams are collected too: each chunk is a message.

    async def stream_start(self) -> None:
        """Begin a stream."""

    async def stream_chunk(self, text: str | None = None, **kwargs: Any) -> None:
        """Send one chunk of a stream."""
        self.utter_message(text=text, **kwargs)

    async def stream_end(self) -> None:
        """End a stream."""

    def cancel_stream(self) -> None:
        """Do nothing, since streams are never interrupted."""

    is_streaming_active = False
    is_streaming_cancelled = False


class Tracker:
    """The state of a conversation for an action, as a copy that the action may change."""

    def __init__(
        self,
        sender_id: str,
        slots: dict[str, Value],
        latest_message: Json | None,
        events: list[Json],
        paused: bool = False,
        followup_action: str | None = None,
        active_loop: Json | None = None,
        latest_action_name: str | None = None,
        stack: list[Json] | None = None,
        user_id: str | None = None,
    ) -> None:
        """Make a tracker from its parts."""
        self.sender_id = sender_id
        self.slots = slots
        self.latest_message = latest_message or {}
        self.events = events
        self.followup_action = followup_action
        self.active_loop = active_loop or {}
        self.latest_action_name = latest_action_name
        self.stack = stack or []
        self.user_id = user_id
        self._is_paused = paused

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Tracker:
        """Return a tracker from its state as JSON."""
        return cls(
            state["sender_id"],
            state.get("slots", {}),
            state.get("latest_message", {}),
            state.get("events", []),
            state.get("paused", False),
            state.get("followup_action"),
            state.get("active_loop", {}),
            state.get("latest_action_name"),
            state.get("stack", []),
            state.get("user_id"),
        )

    @classmethod
    def of(cls, conversation: Conversation) -> Tracker:
        """Return the tracker of a conversation."""
        return cls.from_dict(tracker_json(conversation))

    def current_state(self) -> Json:
        """Return the state as JSON."""
        return {
            "sender_id": self.sender_id,
            "slots": self.slots,
            "latest_message": self.latest_message,
            "latest_event_time": self.events[-1].get("timestamp") if self.events else None,
            "paused": self.is_paused(),
            "events": self.events,
            "latest_input_channel": self.get_latest_input_channel(),
            "active_loop": self.active_loop,
            "latest_action_name": self.latest_action_name,
            "stack": self.stack,
            "user_id": self.user_id,
        }

    def copy(self) -> Tracker:
        """Return a deep copy."""
        return copy.deepcopy(self)

    def __eq__(self, other: object) -> bool:
        """Return whether both trackers have the same sender and events."""
        if not isinstance(other, Tracker):
            return NotImplemented
        return (self.sender_id, self.events) == (other.sender_id, other.events)

    __hash__ = None  # type: ignore[assignment]

    # Slots and entities.

    def get_slot(self, key: str) -> Value:
        """Return the value of a slot; None if it is empty or unknown."""
        return self.slots.get(key)

    def current_slot_values(self) -> dict[str, Value]:
        """Return the values of all slots."""
        return self.slots

    def slots_to_validate(self) -> dict[str, Value]:
        """Return the slots set by the latest events, after any other event."""
        recent: list[Json] = []
        for event in reversed(self.events):
            if event.get("event") != "slot":
                break
            recent.insert(0, event)
        return {event["name"]: event["value"] for event in recent}

    def add_slots(self, slots: Iterable[Json]) -> None:
        """Apply events that set slots."""
        for event in slots:
            if event.get("event") == "slot":
                self.slots[event["name"]] = event["value"]
                self.events.append(event)

    def get_latest_entity_values(
        self, entity_type: str, entity_role: str | None = None, entity_group: str | None = None
    ) -> Iterator[Value]:
        """Yield the values of an entity in the last message, with this role and group."""
        wanted = (entity_type, entity_role, entity_group)
        for entity in self.latest_message.get("entities") or ():
            if (entity.get("entity"), entity.get("role"), entity.get("group")) == wanted:
                yield entity.get("value")

    # Events.

    def get_intent_of_latest_message(self, skip_fallback_intent: bool = True) -> str | None:
        """Return the most likely intent of the last message; None without one."""
        ranked = [intent["name"] for intent in self.latest_message.get("intent_ranking") or ()]
        if skip_fallback_intent and ranked[:1] == [_FALLBACK]:
            ranked = ranked[1:]
        return ranked[0] if ranked else None

    def get_latest_input_channel(self) -> str | None:
        """Return the channel of the last message; None if it is unknown."""
        channels = (event.get("input_channel") for event in reversed(self.events) if event["event"] == "user")
        return next(channels, None)

    def idx_after_latest_restart(self) -> int:
        """Return the index of the first event after the last restart."""
        restarts = [index for index, event in enumerate(self.events) if event["event"] == "restart"]
        return restarts[-1] + 1 if restarts else 0

    def events_after_latest_restart(self) -> list[Json]:
        """Return the events after the last restart."""
        return self.events[self.idx_after_latest_restart() :]

    def applied_events(self) -> list[Json]:
        """Return the events still in effect; only a restart takes events back."""
        return self.events_after_latest_restart()

    def get_last_event_for(
        self, event_type: str, exclude: Collection[str] = (), skip: int = 0
    ) -> Json | None:
        """Return the last event of a type, skipping `skip` of them and the actions named in `exclude`."""
        found = [
            event
            for event in reversed(self.applied_events())
            if event["event"] == event_type and not (event_type == "action" and event["name"] in exclude)
        ]
        return found[skip] if len(found) > skip else None

    def last_executed_action_has(self, name: str, skip: int = 0) -> bool:
        """Return whether the bot's last action, except for listening, has this name."""
        last = self.get_last_event_for("action", exclude=[LISTEN], skip=skip)
        return last is not None and last["name"] == name

    # Features of Rasa alone: conversations here are never paused.

    def is_paused(self) -> bool:
        """Return whether the conversation is paused."""
        return self._is_paused

    @property
    def active_form(self) -> Json:
        """The older name of `active_loop`."""
        return self.active_loop

    @property
    def active_loop_name(self) -> str | None:
        """The name of the active form; None without one."""
        return self.active_loop.get("name")
