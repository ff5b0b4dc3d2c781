"""What stands in a journal: entries, their kinds, and what each kind says. No input or output."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dialogue_gym._files import FileError
from dialogue_gym._text import nearest, shorten
from dialogue_gym.conversation.events import ActionExecuted, Event, Json, UserUttered, from_json

USER, LABEL, RESULT, EVENT, MEND, END = "user", "label", "result", "event", "mend", "end"
HEAD, DOMAIN, RATING, NOTE = "head", "domain", "rating", "note"
STEPS = (USER, LABEL, RESULT, EVENT, MEND, END)
"""The kinds that a conversation consists of; the others say something about it, or about the store."""
KINDS = (*STEPS, HEAD, DOMAIN, RATING, NOTE)

PERSON, EXPERT, STORY = "person", "expert", "story"
TEACHERS = (PERSON, EXPERT, STORY)
"""Who can know what is right, in a label's `by`."""
BOT = "bot"
"""In a label's `by`: the bot did it by itself, and nobody said that it was right."""
LIVE = "live"
"""The key under which the beginning of a live conversation says whose it is."""
PENDING = "pending"
"""The key under which a rating says that it counts only once somebody approves of it."""
DECLINED = "declined"
"""The key under which a rating that waited says that it is never to count."""
DECIDES = "decides"
"""The key under which a note in a live conversation says which teacher decides from then on, if one does."""
FAKE_USER = "fake user"
"""The author of messages that no person typed."""

_TEXT, _NUMBER = "a text", "a number"
_TYPES: dict[str, Any] = {
    _TEXT: (str,),
    _NUMBER: (int, float),
    "a list": (list,),
    "an object": (dict,),
    "the id of an entry": (int,),
    "the id of an entry or null": (int, type(None)),
    "a text or null": (str, type(None)),
    "a number or null": (int, float, type(None)),
}
_SHAPES: dict[str, dict[str, str]] = {
    LABEL: {"action": _TEXT, "right": "a list", "by": _TEXT},
    RESULT: {"events": "a list"},
    MEND: {"message": "an object"},
    END: {"outcome": "a text or null"},
    HEAD: {"to": "the id of an entry or null"},
    DOMAIN: {"add": _TEXT, "name": _TEXT},
    RATING: {"value": _NUMBER, "about": "the id of an entry"},
}
_OPTIONAL: dict[str, dict[str, str]] = {
    LABEL: {"proposal": "a text or null", "probability": "a number or null"},
    DOMAIN: {"texts": "a list", "type": _TEXT, "values": "a list"},
    NOTE: {DECIDES: "a text or null"},
}
_LISTS_OF_TEXTS = ("right", "texts", "values")
_CHOICES = {(LABEL, "by"): (*TEACHERS, BOT), (DOMAIN, "add"): ("action", "intent", "slot")}


class StoreError(FileError):
    """A store that cannot be used, or that cannot take what it is given. The message is one line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, for good.

    Attributes:
        id: its number; later entries have larger ones, and none is used twice.
        conversation: which one it belongs to; empty where it is about the whole store. What the domain grows
            by for an answer stands before it in its conversation; what belongs to none holds for good.
        parent: the id of the entry that it follows, in another conversation where this one is a fork; None
            at the beginning.
        kind: one of `KINDS`.
        content: what happened, as JSON has it.
        author: who did it, if that is known.
        time: when, in seconds since 1970; never less than that of an earlier entry.
        revision: how many entries had made the domain grow before, forgotten ones among them.
    """

    id: int
    conversation: str
    parent: int | None
    kind: str
    content: Json
    author: str = ""
    time: float = 0.0
    revision: int = 0


@dataclass(frozen=True, eq=False)
class Draft:
    """An entry to be; its parent can be a draft that stands before it in the same list."""

    conversation: str
    kind: str
    content: Mapping[str, Any]
    parent: int | Draft | None = None
    author: str = ""


def events_of(kind: str, content: Mapping[str, Any]) -> list[Event]:
    """Return the events that an entry stands for: none if it is about the conversation or the store.

    Raises:
        ValueError: the content is none of its kind.
    """
    try:
        if kind in (USER, MEND):
            message = from_json(content["message"] if kind == MEND else content)
            if not isinstance(message, UserUttered):
                raise ValueError("this is no message of the user")
            return [message]
        if kind == LABEL:
            return [ActionExecuted(content["action"], content.get("probability"))]
        if kind == RESULT:
            return [from_json(event) for event in content["events"]]
        return [from_json(content)] if kind == EVENT else []
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"this is no event ({error})") from None


def entry_events(entry: Entry) -> list[Event]:
    """Return the events that an entry stands for.

    Raises:
        StoreError: its content is none of its kind.
    """
    try:
        return events_of(entry.kind, entry.content)
    except ValueError as error:
        raise StoreError(f"entry {entry.id}: {error}") from None


def fault(kind: str, content: object) -> str | None:
    """Say why a content cannot be that of a kind; None if it can."""
    if (reason := shape_fault(kind, content)) or not isinstance(content, dict):
        return reason
    try:
        events_of(kind, content)
    except ValueError as error:
        return str(error)
    return None


def shape_fault(kind: str, content: object) -> str | None:
    """Say what a content lacks to be that of a kind, without a look into its events; None if nothing."""
    if not isinstance(content, dict):
        return "its content is no object"
    shape = _SHAPES.get(kind, {})
    for key, what in (shape | _OPTIONAL.get(kind, {})).items():
        if key not in content:
            if key in shape:
                return f"its content has no {key!r}"
            continue
        value: Any = content[key]
        if isinstance(value, bool) or not isinstance(value, _TYPES[what]):
            return f"{key!r} is {what}, not {shorten(str(value))}"
        if key in _LISTS_OF_TEXTS and not all(isinstance(item, str) for item in value):
            return f"{key!r} is a list of texts"
        valid = _CHOICES.get((kind, key), ())
        if valid and value not in valid:
            return f"{key!r} cannot be {shorten(value)}; {nearest(value, valid)}"
    return None


def problems(entries: Iterable[Entry], unreadable: Iterable[int] = ()) -> Iterator[str]:
    """Yield what is wrong with a journal's entries, one line each, beginning with `error:` or `warning:`.

    `unreadable` are the ids of entries that are there, but are none.
    """
    known = set(unreadable)
    time = -math.inf
    last = revision = gaps = 0
    for entry in entries:
        here = f"entry {entry.id}"
        gaps += entry.id - last - 1
        last = entry.id
        if entry.parent is not None and entry.parent not in known:
            yield f"error: {here}: it follows entry {entry.parent}, which is not there"
        if entry.time < time:
            yield f"error: {here}: it is older than the one before"
        if revision <= entry.revision <= revision + gaps:  # what was forgotten may have made it grow
            gaps -= entry.revision - revision
            revision = entry.revision
        else:
            yield f"error: {here}: its revision is {entry.revision}, not {revision}"
        if entry.kind not in KINDS:
            yield f"warning: {here}: {shorten(entry.kind)} is no kind of entry; {nearest(entry.kind, KINDS)}"
        if reason := fault(entry.kind, entry.content):
            yield f"error: {here}: {reason}"
        elif entry.kind == HEAD and entry.content["to"] != entry.parent:
            yield f"error: {here}: the head points to entry {entry.content['to']}, but follows {entry.parent}"
        elif entry.kind == RATING and entry.content["about"] not in known:
            yield f"warning: {here}: it rates entry {entry.content['about']}, which is not there"
        known.add(entry.id)
        time = max(time, entry.time)
        revision += entry.kind == DOMAIN
