"""What a teacher can answer in the browser, and what each answer brings along. No page.

What comes from a browser may be anything: each value is checked before it is used.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dialogue_gym._text import name_fault, shorten, visible
from dialogue_gym.conversation.events import Entity, UserUttered
from dialogue_gym.domain.additions import Addition
from dialogue_gym.teaching.interpreter import (
    TaughtInterpreter,
    mended_text,
    new_action,
    new_name,
    unknown_names,
)
from dialogue_gym.teaching.mode import FAKE, ME
from dialogue_gym.teaching.navigation import is_simulated
from dialogue_gym.teaching.pending import SessionError
from dialogue_gym.web.view import Json, Note

if TYPE_CHECKING:
    from dialogue_gym.web.workspace import Workspace


MOST_CHARACTERS = 2000
"""Of a message, or of what an action says."""
_MOST_ENTITIES = 50


@dataclass(frozen=True)
class Unknown:
    """A message, said or mended, with names that the domain does not have: kind, name, and a hint each."""

    message: UserUttered
    is_mend: bool
    names: tuple[tuple[str, str, str], ...]

    def to_json(self) -> Json:
        """Return what a page asks about it."""
        names = [[kind, visible(name), visible(hint)] for kind, name, hint in self.names]
        return {"names": names, "text": visible(self.message.text or "/" + self.message.act)}


@dataclass(frozen=True)
class Command:
    """An answer: what it does with a room, and the type of each value that it brings along."""

    do: Callable[..., None]
    takes: tuple[tuple[str, type], ...] = ()

    def call(self, room: Workspace, given: Json) -> None:
        """Do it.

        Raises:
            SessionError: it does not fit what the session waits for, or a value is missing or wrong.
            FileError: it cannot be written down.
        """
        values = []
        for name, kind in self.takes:
            value = given.get(name)
            if kind is float and isinstance(value, int):
                value = float(value)
            if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
                raise SessionError(f"the answer lacks {name!r}")
            if isinstance(value, str) and len(value) > MOST_CHARACTERS:
                raise SessionError(f"a text has at most {MOST_CHARACTERS} characters, this one {len(value)}")
            values.append(value)
        if room.unknown and self.do not in (_add_unknown, _leave_unknown):
            room.unknown = None
        self.do(room, *values)


def _correct(room: Workspace, action: str) -> None:
    room.session.correct(action)


def _correct_with_new(room: Workspace, action: str, text: str) -> None:
    is_new = action not in room.session.domain.actions
    room.session.correct(action, [new_action(action, text)] if is_new else [])


def _say(room: Workspace, text: str) -> None:
    if text.strip():
        interpreter = TaughtInterpreter(room.session, room.rooms.words())
        _tell(room, interpreter.parse(text.strip()).message, is_mend=False)


def _mend(room: Workspace, intent: str, entities: list[Any]) -> None:
    message = room.session.conversation.latest_message
    if message is None or not room.session.can_mend:
        raise SessionError("the bot has acted on the message by now: undo that first")
    if fault := name_fault(intent.strip()):
        raise SessionError(f"{shorten(intent)} is no intent: {fault}")
    if len(entities) > _MOST_ENTITIES:
        raise SessionError(f"a message has at most {_MOST_ENTITIES} entities")
    marked = tuple(_entity(one, message) for one in entities)
    meant = dataclasses.replace(message, intent=intent.strip(), entities=marked, confidence=1.0)
    _tell(room, meant, is_mend=True)


def _entity(given: object, message: UserUttered) -> Entity:
    if not isinstance(given, dict):
        raise SessionError("an entity has a name and a value")
    name, value = given.get("name"), given.get("value")
    if not isinstance(name, str) or not isinstance(value, str) or not value.strip():
        raise SessionError("an entity has a name and a value")
    if fault := name_fault(name):
        raise SessionError(f"{shorten(name)} is no entity: {fault}")
    if len(value) > MOST_CHARACTERS:
        raise SessionError(f"a value has at most {MOST_CHARACTERS} characters")
    start, end = given.get("start"), given.get("end")
    for known in message.entities:  # what was not touched stays as it was, a number for instance
        if (known.name, str(known.value), known.start, known.end) == (name, value, start, end):
            return known
    is_placed = type(start) is int and type(end) is int and 0 <= start < end <= len(message.text or "")
    return Entity(name, value.strip(), start if is_placed else None, end if is_placed else None)


def _tell(room: Workspace, message: UserUttered, is_mend: bool) -> None:
    """Say or mend a message; where it has unknown names, ask about them first."""
    if names := unknown_names(room.session.domain, message):
        room.unknown = Unknown(message, is_mend, tuple(names))
    else:
        _write(room, message, is_mend)


def _write(room: Workspace, message: UserUttered, is_mend: bool, new: Sequence[Addition] = ()) -> None:
    if is_mend:
        room.session.correct_message(message, new)
        room.notes.append(Note(mended_text(room.session, message), "good"))
    else:
        room.session.say(message, new)


def _add_unknown(room: Workspace) -> None:
    unknown, room.unknown = room.unknown, None
    if unknown is None:
        raise SessionError("nothing is new")
    names = unknown_names(room.session.domain, unknown.message)  # others may have added some meanwhile
    _write(room, unknown.message, unknown.is_mend, [new_name(kind, name) for kind, name, _ in names])


def _leave_unknown(room: Workspace) -> None:
    room.unknown = None


def _undo(room: Workspace) -> None:
    room.session.undo()
    room.notes.append(Note("Undone."))


def _redo(room: Workspace) -> None:
    room.session.redo()
    room.notes.append(Note("Done again."))


def _set_wizard(room: Workspace, on: bool) -> None:
    room.settings.is_wizard = on


def _set_threshold(room: Workspace, threshold: float) -> None:
    if not 0 <= threshold <= 1:
        raise SessionError(f"{threshold:g} is no number from 0 to 1")
    room.settings.threshold = threshold


def _fork(room: Workspace, entry: int) -> None:
    room.use(FAKE if is_simulated(room.session.history, entry) else ME)
    room.session.fork(entry)


def _take_up(room: Workspace, conversation: str) -> None:
    head = room.session.history.head(conversation)
    if head is not None:
        room.use(FAKE if is_simulated(room.session.history, head) else ME)
    room.session.resume(conversation)


ANSWERS = {
    "confirm": Command(lambda room: room.session.confirm()),
    "correct": Command(_correct, (("action", str),)),
    "correct_with_new": Command(_correct_with_new, (("action", str), ("text", str))),
    "settle": Command(lambda room, which: room.session.resolve(which), (("which", str),)),
    "reconsider": Command(lambda room: room.session.cancel()),
    "say": Command(_say, (("text", str),)),
    "mend": Command(_mend, (("intent", str), ("entities", list))),
    "add_unknown": Command(_add_unknown),
    "leave_unknown": Command(_leave_unknown),
    "run_action": Command(lambda room: room.session.run_action()),
    "skip_action": Command(lambda room: room.session.skip_action()),
    "undo": Command(_undo),
    "redo": Command(_redo),
    "restart": Command(lambda room: room.session.restart()),
    "fork": Command(_fork, (("entry", int),)),
    "take_up": Command(_take_up, (("conversation", str),)),
    "run": Command(lambda room: room.begin_run()),
    "wizard": Command(_set_wizard, (("on", bool),)),
    "threshold": Command(_set_threshold, (("threshold", float),)),
    "user": Command(lambda room, user: room.use(user), (("user", str),)),
}
"""All answers, by the name under which a page sends them."""
