"""Reader of the response of an action: from JSON to events of the conversation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from dialogue_gym._text import article, nearest, quoted
from dialogue_gym._yaml import MAX_DEPTH
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.effects import reset_slots, utterance
from dialogue_gym.conversation.events import (
    ActionExecutionRejected,
    ActiveLoop,
    BotUttered,
    Event,
    Json,
    Restarted,
    SlotSet,
    Value,
)
from dialogue_gym.conversation.wording import ATTACHMENTS, Speaker, is_showable
from dialogue_gym.domain.loader import LISTS_OF_OBJECTS
from dialogue_gym.domain.slot import REQUESTED_SLOT


class ResponseReader:
    """Reader of one response; unusable parts are left out and listed in `faults`."""

    def __init__(self, conversation: Conversation, speaker: Speaker) -> None:
        """Prepare to read the response of an action in a conversation."""
        self._conversation = conversation
        self._domain = conversation.domain
        self._slots = conversation.slots
        self._speaker = speaker
        self.faults: list[str] = []

    def read(self, messages: object, events: object) -> tuple[Event, ...]:
        """Return the events of a response, with messages first, as in Rasa's trackers."""
        uttered = [self._message(message) for message in self._items(messages, "responses")]
        others = [event for content in self._items(events, "events") for event in self._event(content)]
        return (*(event for event in uttered if event), *others)

    def _items(self, content: object, key: str) -> Iterator[Json]:
        """Yield the objects of a list, each as JSON would transmit it."""
        if content is None:
            return
        if not isinstance(content, (list, tuple)):
            self.faults.append(f"expected a list of {key}, not {article(type(content).__name__)}")
            return
        for item in content:
            try:
                plain = plain_json(item)
            except ValueError as error:
                self.faults.append(f"an item of its {key} is not JSON ({error})")
                continue
            if isinstance(plain, dict):
                yield plain
            else:
                self.faults.append(f"expected objects in its {key}, not {quoted(str(plain))}")

    def _event(self, content: Json) -> list[Event]:
        kind = content.get("event")
        if kind == "slot":
            event = self._slot_set(content)
            return [event] if event else []
        if kind == "reset_slots":
            return list(reset_slots(self._domain))
        if kind == "bot":
            data = content.get("data")
            message = self._message((data if isinstance(data, dict) else {}) | {"text": content.get("text")})
            return [message] if message else []
        if kind == "restart":
            return [Restarted()]
        if kind in ("active_loop", "form"):
            if isinstance(name := content.get("name"), (str, type(None))):
                return [ActiveLoop(name or None)]
            self.faults.append(f"a form needs its name or null, not {quoted(str(name))}")
            return []
        if kind == "action_execution_rejected" and isinstance(name := content.get("name"), str):
            return [ActionExecutionRejected(name)]
        self.faults.append(f"unknown kind of event {quoted(str(kind))}")
        return []

    def _slot_set(self, content: Json) -> SlotSet | None:
        names = {REQUESTED_SLOT, *(slot.name for slot in self._domain.slots)}
        name, value = content.get("name"), content.get("value")
        if not isinstance(name, str) or name not in names:
            self.faults.append(f"unknown slot {quoted(str(name))}; {nearest(str(name), names)}")
            return None
        if name == REQUESTED_SLOT and not isinstance(value, str | None):
            self.faults.append(f"{name} needs the name of a slot or null, not {quoted(str(value))}")
            return None
        return SlotSet(name, value)

    def _message(self, content: Json) -> BotUttered | None:
        """Return the event of a message; None if the message is empty.

        As in Rasa, it can begin with a response of the domain: its own buttons are added to those of the
        response, and everything else of its own takes precedence.
        """
        name = content.get("response") or content.get("template")
        said = None if name is None else self._response(str(name), content)
        data = dict(said.data) if said else {}
        given = {key: content[key] for key in ATTACHMENTS if content.get(key)}
        for key in LISTS_OF_OBJECTS:
            if key in given and not is_showable(key, given[key]):
                self.faults.append(f"expected a list of objects under {key!r}, not {quoted(str(given[key]))}")
                del given[key]
        if "buttons" in given:
            given["buttons"] = data.get("buttons", []) + given["buttons"]
        data |= given
        text = content.get("text")
        if text is None and said:
            text = said.text
        if text is None and not data:
            return None
        return BotUttered(None if text is None else str(text), data)

    def _response(self, name: str, further: Mapping[str, Value]) -> BotUttered | None:
        """Return a response of the domain, filled with slots and further values."""
        if not self._domain.variations(name):
            names = [response.name for response in self._domain.responses]
            if name not in names and not any(known.startswith(f"{name}/") for known in names):
                self.faults.append(f"unknown response {quoted(name)}; {nearest(name, names)}")
        return utterance(name, self._conversation, self._speaker, self._slots | dict(further))


def plain_json(content: object) -> Any:
    """Return content as JSON would transmit it: tuples become lists, keys become text.

    Raises:
        ValueError: the content is not JSON, or its values are too large or nested too deeply.
    """
    try:
        plain = json.loads(json.dumps(content, allow_nan=False, ensure_ascii=False).encode())
        _check(plain, MAX_DEPTH)
    except (TypeError, OverflowError, RecursionError, UnicodeError) as error:
        raise ValueError(str(error)) from None
    return plain


def _check(value: Any, depth: int) -> None:
    if not depth:
        raise ValueError("nested too deeply")
    if isinstance(value, int):
        float(value)  # raises OverflowError for a number that observations cannot show
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check(child, depth - 1)
