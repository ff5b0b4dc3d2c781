"""The commands that a teacher's browser sends, with the arguments of each. No page.

A browser may send anything: each argument is checked before it is used.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dialogue_gym._text import name_fault, nearest, quoted, typed_name, visible
from dialogue_gym.conversation.events import Entity, UserUttered
from dialogue_gym.domain.additions import Addition, extend
from dialogue_gym.domain.doubts import place_faults
from dialogue_gym.nlu.indifference import with_question
from dialogue_gym.outline.names import misspelled, spoken_name, written_name
from dialogue_gym.teaching.interpreter import (
    correction_text,
    default_names,
    meant_name,
    new_action,
    new_name,
    notes_on_values,
    obeyed,
    unknown_names,
    with_name,
    with_written_names,
)
from dialogue_gym.teaching.mode import FAKE, ME
from dialogue_gym.teaching.navigation import is_simulated
from dialogue_gym.teaching.pending import SessionError
from dialogue_gym.web.view import Json, Note, UnknownNames
from dialogue_gym.web.workspace import Workspace

MOST_CHARACTERS = 2000
"""The length of a message, or of a new action's text, at most."""
_MOST_ENTITIES = 50
_MOST_NUMBER = 1 << 53


@dataclass(frozen=True)
class Command:
    """A command: the function that carries it out in a workspace, and the types of its arguments."""

    run: Callable[..., None]
    parameters: tuple[tuple[str, type], ...] = ()

    def call(self, workspace: Workspace, args: Json) -> None:
        """Carry it out.

        Raises:
            SessionError: the command does not fit the session's state, or an argument is missing or wrong.
            FileError: the journal cannot be written.
        """
        values = []
        for name, kind in self.parameters:
            value = args.get(name)
            if kind is float and isinstance(value, int) and abs(value) < _MOST_NUMBER:
                value = float(value)
            # To Python True is an integer, too.
            if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
                raise SessionError(f"the command lacks {name!r}")
            if isinstance(value, str) and len(value) > MOST_CHARACTERS:
                raise SessionError(f"a text has at most {MOST_CHARACTERS} characters, this one {len(value)}")
            values.append(value)
        if workspace.unknown and self.run not in (_use_meant, _add_unknown, _dismiss_unknown):
            workspace.unknown = None
        self.run(workspace, *values)


def dispatch(workspace: Workspace, step: str, name: str, args: Json) -> None:
    """Carry out a teacher's command; an error becomes a note in the workspace.

    Args:
        workspace: the workspace of the teacher.
        step: the step that was shown when the command was given.
        name: the name of the command.
        args: the arguments by name.

    Raises:
        StaleCommand: the workspace shows another step by now.
    """
    with workspace.change(step):
        if name not in COMMANDS:
            raise SessionError(f"unknown command {quoted(name)}; {nearest(name, COMMANDS)}")
        COMMANDS[name].call(workspace, args)


def _correct(workspace: Workspace, action: str) -> None:
    workspace.session.correct(action)


def _correct_with_new(workspace: Workspace, action: str, text: str) -> None:
    known = workspace.session.domain.actions
    name = written_name(action, "action", known)
    name = spoken_name(name, known) if text.strip() else name
    if name in known:
        workspace.session.correct(name)
        return
    if meant := misspelled(name, known):
        raise SessionError(f"unknown action {quoted(name)}; did you mean {meant!r}?")
    right, addition = new_action(workspace.session.domain, name, text)
    workspace.session.correct(right, [addition])
    slots = [slot.name for slot in workspace.session.domain.slots]
    workspace.notes += [Note(f"But: {visible(fault, 300)}.") for fault in place_faults(text, slots)]
    if name != typed_name(action):
        workspace.notes.append(Note(f"The action is called {visible(name)}."))


def _say(workspace: Workspace, text: str) -> None:
    if text.strip():
        understood = workspace.session.interpreter.parse(text.strip()).message
        message = with_question(understood, workspace.session.conversation)
        if not obeyed(workspace.session, message):
            _take(workspace, with_written_names(workspace.session.domain, message), is_correction=False)


def _correct_message(workspace: Workspace, intent: str, entities: list[Any]) -> None:
    message = workspace.session.message_to_correct()
    intent = _name(intent, "intent")
    if len(entities) > _MOST_ENTITIES:
        raise SessionError(f"a message has at most {_MOST_ENTITIES} entities")
    marked = tuple(_entity(one, message) for one in entities)
    meant = dataclasses.replace(message, intent=intent, entities=marked, confidence=1.0)
    _take(workspace, with_written_names(workspace.session.domain, meant), is_correction=True)


def _name(typed: str, kind: str) -> str:
    name = typed_name(typed)
    if fault := name_fault(name):
        raise SessionError(f"{quoted(name)} is not an {kind}: {fault}")
    return name


def _entity(given: object, message: UserUttered) -> Entity:
    if not isinstance(given, dict):
        raise SessionError("an entity has a name and a value")
    name, value = given.get("name"), given.get("value")
    if not isinstance(name, str) or not isinstance(value, str) or not value.strip():
        raise SessionError("an entity has a name and a value")
    new = _name(name, "entity")
    if len(value) > MOST_CHARACTERS:
        raise SessionError(f"a value has at most {MOST_CHARACTERS} characters")
    start, end = given.get("start"), given.get("end")
    for known in message.entities:  # untouched ones keep their value, which may be a number
        if (known.name, str(known.value), known.start, known.end) == (name, value, start, end):
            return known
    is_placed = type(start) is int and type(end) is int and 0 <= start < end <= len(message.text or "")
    return Entity(new, value.strip(), start if is_placed else None, end if is_placed else None)


def _take(workspace: Workspace, message: UserUttered, is_correction: bool) -> None:
    """Take in a new or corrected message; ask about unknown names first."""
    domain = workspace.session.domain
    if names := unknown_names(domain, message):
        meant = [meant_name(domain, kind, name) for kind, name, _ in names]
        slips = tuple(name for name in meant if name) if all(meant) else ()
        workspace.unknown = UnknownNames(message, is_correction, tuple(names), slips)
    else:
        _write(workspace, message, is_correction)


def _write(
    workspace: Workspace, message: UserUttered, is_correction: bool, new: Sequence[Addition] = ()
) -> None:
    new = [*new, *default_names(extend(workspace.session.domain, new), message)]
    notes = [Note(visible(note)) for note in notes_on_values(workspace.session, message)]
    if is_correction:
        workspace.session.correct_message(message, new)
        workspace.notes.append(Note(correction_text(workspace.session, message), "good"))
    else:
        workspace.session.say(message, new)
    workspace.notes += notes


def _use_meant(workspace: Workspace) -> None:
    """Take the known names from which all unknown ones differ by a slip."""
    unknown = _asked(workspace)
    message = unknown.message
    for (kind, name, _), meant in zip(unknown.names, unknown.meant, strict=False):
        message = with_name(message, kind, name, meant)
    _take(workspace, message, unknown.is_correction)


def _asked(workspace: Workspace) -> UnknownNames:
    unknown, workspace.unknown = workspace.unknown, None
    if unknown is None:
        raise SessionError("no new names await an answer")
    return unknown


def _add_unknown(workspace: Workspace) -> None:
    unknown = _asked(workspace)
    names = unknown_names(workspace.session.domain, unknown.message)  # another teacher may have added some
    _write(
        workspace, unknown.message, unknown.is_correction, [new_name(kind, name) for kind, name, _ in names]
    )


def _dismiss_unknown(workspace: Workspace) -> None:
    workspace.unknown = None


def _undo(workspace: Workspace) -> None:
    workspace.session.undo()
    workspace.notes.append(Note("Undone."))


def _redo(workspace: Workspace) -> None:
    workspace.session.redo()
    workspace.notes.append(Note("Redone."))


def _set_wizard(workspace: Workspace, on: bool) -> None:
    workspace.settings.is_wizard = on


def _set_threshold(workspace: Workspace, threshold: float) -> None:
    if not 0 <= threshold <= 1:
        raise SessionError(f"a confidence is a number from 0 to 1, not {threshold:g}")
    workspace.settings.threshold = threshold


def _fork(workspace: Workspace, entry: int) -> None:
    workspace.use(FAKE if is_simulated(workspace.session.history, entry) else ME)
    workspace.session.fork(entry)


def _resume(workspace: Workspace, conversation: str) -> None:
    head = workspace.session.history.head(conversation)
    if head is not None:
        workspace.use(FAKE if is_simulated(workspace.session.history, head) else ME)
    workspace.session.resume(conversation)


COMMANDS = {
    "confirm": Command(lambda workspace: workspace.session.confirm()),
    "correct": Command(_correct, (("action", str),)),
    "correct_with_new": Command(_correct_with_new, (("action", str), ("text", str))),
    "resolve": Command(lambda workspace, which: workspace.session.resolve(which), (("which", str),)),
    "cancel": Command(lambda workspace: workspace.session.cancel()),
    "say": Command(_say, (("text", str),)),
    "correct_message": Command(_correct_message, (("intent", str), ("entities", list))),
    "use_meant": Command(_use_meant),
    "add_unknown": Command(_add_unknown),
    "dismiss_unknown": Command(_dismiss_unknown),
    "run_action": Command(lambda workspace: workspace.session.run_action()),
    "skip_action": Command(lambda workspace: workspace.session.skip_action()),
    "undo": Command(_undo),
    "redo": Command(_redo),
    "restart": Command(lambda workspace: workspace.session.restart()),
    "fork": Command(_fork, (("entry", int),)),
    "resume": Command(_resume, (("conversation", str),)),
    "run": Command(lambda workspace: workspace.begin_run()),
    "wizard": Command(_set_wizard, (("on", bool),)),
    "threshold": Command(_set_threshold, (("threshold", float),)),
    "user": Command(lambda workspace, user: workspace.use(user), (("user", str),)),
}
"""All commands, by the name that a page sends."""
