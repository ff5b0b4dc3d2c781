"""The entries of a journal, their kinds, and the content of each kind. No input or output."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dialogue_gym._files import FileError
from dialogue_gym._text import name_fault, nearest, quoted
from dialogue_gym.conversation.events import ActionExecuted, Event, Json, UserUttered, from_json
from dialogue_gym.domain.additions import ACTION, RESPONSE
from dialogue_gym.domain.additions import KINDS as ADDITIONS

USER, LABEL, RESULT, EVENT, MEND, END = "user", "label", "result", "event", "mend", "end"
HEAD, DOMAIN, RATING, NOTE, RENAME = "head", "domain", "rating", "note", "rename"
STEPS = (USER, LABEL, RESULT, EVENT, MEND, END)
"""The kinds of steps in a conversation; the other kinds are about a conversation, or about the store."""
KINDS = (*STEPS, HEAD, DOMAIN, RATING, NOTE, RENAME)

PERSON, EXPERT, STORY = "person", "expert", "story"
TEACHERS = (PERSON, EXPERT, STORY)
"""Values of a label's `by` that make its `right` hold."""
BOT = "bot"
"""Value of a label's `by`: the bot's own decision, which nobody approved."""
LIVE = "live"
"""Key of a live conversation's beginning: the person who talks to the bot."""
PENDING = "pending"
"""Key of a rating that counts only once it is approved."""
BURST = "burst"
"""Key of a rating that awaits approval since too many came from one source."""
DECLINED = "declined"
"""Key of a rating that was rejected."""
CHANCES = "chances"
"""Key of a live bot's decision: the chance of each action that was possible, by name. Older ones lack it."""
DECIDES = "decides"
"""Key of a note in a live conversation: the teacher who decides from then on; null for the bot."""
IMPORTED = "imported stories"
"""The name under which notes hold imported stories as they were written; not a conversation."""
KEY = "key"
"""Key of a note in a live conversation: a sender's own key of the message after it, or of `COMMAND`."""
COMMAND = "command"
"""Key of a note in a live conversation: the text of a command, which is not on record as a message."""
PROCESS = "process"
"""Key of a note with a `KEY`: the process that answers the message, where several share the store."""
LATE = "late"
"""Key of a note in a live conversation: true where the bot goes on with a turn that was cut off, while nobody
waits for its answer."""
NAMES = "names"
"""Key of a note: the id of the entry with a person's own words that have become an action."""
FAKE_USER = "fake user"
"""The author of a fake user's messages."""

_NAMING = ("action", "active_loop", "action_execution_rejected")
"""The events of an action or a form, which name it."""
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
    RENAME: {"action": _TEXT, "to": _TEXT},
}
_OPTIONAL: dict[str, dict[str, str]] = {
    LABEL: {"proposal": "a text or null", "probability": "a number or null", CHANCES: "an object"},
    DOMAIN: {"texts": "a list", "type": _TEXT, "values": "a list", "was": "a list"},
    NOTE: {
        DECIDES: "a text or null",
        NAMES: "the id of an entry",
        KEY: _TEXT,
        COMMAND: _TEXT,
        PROCESS: _TEXT,
    },
}
_LISTS_OF_TEXTS = ("right", "texts", "values", "was")
_CHOICES = {(LABEL, "by"): (*TEACHERS, BOT), (DOMAIN, "add"): ADDITIONS}


class StoreError(FileError):
    """A store that cannot be used, or an entry that it refuses. The message is one line."""


class StoreUnreachable(StoreError):
    """The server of the database cannot be reached: whether the last write was done is unknown."""


class LeaseLost(StoreError):
    """Another process has taken over the person whose conversation was to be written."""


class LeaseTaken(StoreError):
    """Another process has held the person for longer than anybody should wait."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One step, rating, note or addition, which never changes.

    Attributes:
        id: the number of the entry; later entries have larger ones, and none is used twice.
        conversation: the id of its conversation; empty if it is about the whole store. An addition to the
            domain for an answer stands before that in its conversation; one without a conversation holds for
            good.
        parent: the id of the entry that it follows, in another conversation where this one is a fork; None
            at the beginning.
        kind: one of `KINDS`.
        content: the data, as JSON-serializable values.
        author: the author, if known.
        time: the time of writing, in seconds since 1970; never less than that of an earlier entry.
        revision: the number of additions to the domain before it, including erased ones.
    """

    id: int
    conversation: str
    parent: int | None
    kind: str
    content: Json
    author: str = ""
    time: float = 0.0
    revision: int = 0

    @property
    def is_answer(self) -> bool:
        """Whether this is a teacher's decision: neither the bot's own nor a story's."""
        return self.kind == LABEL and self.content["by"] not in (BOT, STORY)

    @property
    def is_correction(self) -> bool:
        """Whether this is an answer with another action than the proposed one."""
        action = self.content.get("action")
        return self.is_answer and self.content.get("proposal", action) != action


@dataclass(frozen=True, eq=False)
class Draft:
    """A new entry; its parent can be an earlier draft of the same list."""

    conversation: str
    kind: str
    content: Mapping[str, Any]
    parent: int | Draft | None = None
    author: str = ""


def events_of(kind: str, content: Mapping[str, Any]) -> list[Event]:
    """Return the events of an entry: none if it is about the conversation or the store.

    Raises:
        ValueError: the content does not fit the kind.
    """
    try:
        if kind in (USER, MEND):
            message = from_json(content["message"] if kind == MEND else content)
            if not isinstance(message, UserUttered):
                raise ValueError("not a message of the user")
            return [message]
        if kind == LABEL:
            return [ActionExecuted(content["action"], content.get("probability"))]
        if kind == RESULT:
            return [from_json(event) for event in content["events"]]
        return [from_json(content)] if kind == EVENT else []
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not an event ({error})") from None


def entry_events(entry: Entry) -> list[Event]:
    """Return the events of an entry.

    Raises:
        StoreError: the entry's content does not fit its kind.
    """
    try:
        return events_of(entry.kind, entry.content)
    except ValueError as error:
        raise StoreError(f"entry {entry.id}: {error}") from None


def in_words(path: Iterable[Entry]) -> list[tuple[Entry, Event]]:
    """Return the events along a path, each with its entry; a corrected message replaces the original one.

    Raises:
        StoreError: the content of an entry does not fit its kind.
    """
    words: list[tuple[Entry, Event]] = []
    last_message: int | None = None
    for entry in path:
        events = entry_events(entry)
        if entry.kind == MEND:
            if last_message is None:
                raise StoreError(f"entry {entry.id}: it has no message before it to correct")
            words[last_message] = (entry, events[0])
            continue
        for event in events:
            if isinstance(event, UserUttered):
                last_message = len(words)
            words.append((entry, event))
    return words


def actions_in(entry: Entry) -> Iterator[str]:
    """Yield the names of actions in an entry, some perhaps twice."""
    content = entry.content
    if shape_fault(entry.kind, content):
        return
    if entry.kind == LABEL:
        yield from (content["action"], *content["right"])
        if proposal := content.get("proposal"):
            yield proposal
        yield from content.get(CHANCES, ())
    elif entry.kind == DOMAIN and content["add"] in (ACTION, RESPONSE):
        yield content["name"]
    elif entry.kind in (RESULT, EVENT):
        for event in content["events"] if entry.kind == RESULT else (content,):
            if isinstance(event, dict) and event.get("event") in _NAMING and event.get("name"):
                yield event["name"]


def renamed(entry: Entry, rename: Entry) -> Entry:
    """Return an entry with the new name of an action if it is older than the renaming."""
    old, new = rename.content["action"], rename.content["to"]
    if entry.id >= rename.id or old not in actions_in(entry):
        return entry

    def event_of(event: Any) -> Any:
        is_one = isinstance(event, dict) and event.get("event") in _NAMING and event.get("name") == old
        return event | {"name": new} if is_one else event

    content: Json = dict(entry.content)
    if entry.kind == LABEL:
        content |= {key: new for key in ("action", "proposal") if content.get(key) == old}
        content["right"] = list(dict.fromkeys(new if name == old else name for name in content["right"]))
        if chances := content.get(CHANCES):
            content[CHANCES] = {new if name == old else name: chance for name, chance in chances.items()}
    elif entry.kind == DOMAIN:
        content["name"] = new
    elif entry.kind == RESULT:
        content["events"] = list(map(event_of, content["events"]))
    else:
        content = event_of(content)
    return dataclasses.replace(entry, content=content)


def fault(kind: str, content: object) -> str | None:
    """Return the reason that a content does not fit a kind; None if it fits."""
    if (reason := shape_fault(kind, content)) or not isinstance(content, dict):
        return reason
    try:
        events_of(kind, content)
    except ValueError as error:
        return str(error)
    return None


def content_json(draft: Draft) -> str:
    """Return the content of a draft as JSON.

    Raises:
        StoreError: the content does not fit the kind, or a name cannot be one.
    """
    kind = draft.kind
    if kind not in KINDS:
        raise StoreError(f"unknown kind of entry {quoted(kind)}; {nearest(kind, KINDS)}")
    if not draft.conversation and draft.parent is not None:
        raise StoreError("an entry that belongs to no conversation follows none")
    for name in filter(None, (draft.conversation, draft.author)):
        if reason := name_fault(name):
            raise StoreError(f"{quoted(name)} is not a name for a conversation or an author: {reason}")
    if not draft.conversation and kind not in (DOMAIN, NOTE, RENAME):
        raise StoreError(f"an entry of the kind {kind!r} needs a conversation")
    try:
        # Escaped, since a terminal may give halves of characters, which no encoding can write.
        text = json.dumps(dict(draft.content), allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"the content of an entry cannot be written as JSON ({error})") from None
    if reason := fault(kind, json.loads(text)):
        raise StoreError(f"an entry of the kind {kind!r}: {reason}")
    return text


def shape_fault(kind: str, content: object) -> str | None:
    """Return the fault in the keys of a content, without looking into its events; None without any."""
    if not isinstance(content, dict):
        return "its content is not an object"
    shape = _SHAPES.get(kind, {})
    for key, what in (shape | _OPTIONAL.get(kind, {})).items():
        if key not in content:
            if key in shape:
                return f"its content has no {key!r}"
            continue
        value: Any = content[key]
        if isinstance(value, bool) or not isinstance(value, _TYPES[what]):
            return f"{key!r} is {what}, not {quoted(str(value))}"
        if key in _LISTS_OF_TEXTS and not all(isinstance(item, str) for item in value):
            return f"{key!r} is a list of texts"
        if key == CHANCES and not all(map(_is_chance, value.values())):
            return f"{key!r} has numbers from 0 to 1"
        valid = _CHOICES.get((kind, key), ())
        if valid and value not in valid:
            return f"{key!r} cannot be {quoted(value)}; {nearest(value, valid)}"
    return None


def _is_chance(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def problems(entries: Iterable[Entry], unreadable: Iterable[int] = ()) -> Iterator[str]:
    """Yield the problems of a journal's entries, one line each, beginning with `error:` or `warning:`.

    `unreadable` are the ids of entries that exist but cannot be read.
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
        if revision <= entry.revision <= revision + gaps:  # erased entries may have been additions
            gaps -= entry.revision - revision
            revision = entry.revision
        else:
            yield f"error: {here}: its revision is {entry.revision}, not {revision}"
        if entry.kind not in KINDS:
            yield f"warning: {here}: unknown kind {quoted(entry.kind)}; {nearest(entry.kind, KINDS)}"
        if reason := fault(entry.kind, entry.content):
            yield f"error: {here}: {reason}"
        elif entry.kind == HEAD and entry.content["to"] != entry.parent:
            yield f"error: {here}: the head points to entry {entry.content['to']}, but follows {entry.parent}"
        elif entry.kind == RATING and entry.content["about"] not in known:
            yield f"warning: {here}: it rates entry {entry.content['about']}, which is not there"
        known.add(entry.id)
        time = max(time, entry.time)
        revision += entry.kind == DOMAIN
