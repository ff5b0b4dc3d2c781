"""A teacher's messages and corrections: the names in them, their entities, and their effect."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from dialogue_gym._text import first_free, nearest, places_of, quoted, visible
from dialogue_gym.conversation.events import Entity, UserUttered
from dialogue_gym.conversation.slot_filling import value_notes
from dialogue_gym.domain import Domain
from dialogue_gym.domain.additions import ACTION, INTENT, RESPONSE, SLOT, Addition
from dialogue_gym.domain.default_names import BACK, SESSION_START, command_of, known_intents
from dialogue_gym.domain.edits import action_of
from dialogue_gym.domain.model import RESTART
from dialogue_gym.nlu.interpreter import InterpreterError
from dialogue_gym.outline.names import misspelled, written_name
from dialogue_gym.stories.entity_markup import read_marked
from dialogue_gym.teaching.pending import SessionError
from dialogue_gym.teaching.session import Session


def notes_on_values(session: Session, message: UserUttered) -> list[str]:
    """Return a sentence for each value in a new or corrected message that its slot does not list."""
    return value_notes(session.domain, message, session.conversation.loop)


def correction_text(session: Session, message: UserUttered) -> str:
    """Return a line on the effect of a corrected message: whether its sentence is remembered."""
    is_sentence = message.text is not None and not message.text.lstrip().startswith("/")
    is_kept = is_sentence and session.simulated_user is None
    return "Corrected." + " This sentence and like ones will have this meaning from now on." * is_kept


def parse_entities(typed: str, text: str | None) -> tuple[Entity, ...]:
    """Return the entities in `cuisine=french, people=2`, or marked in words of the message; `-` is for none.

    A value that occurs in the message gets its place there. A mark, `[biggest](size:large)`, has a value that
    differs from the words; it stands alone or in the whole message.

    Raises:
        InterpreterError: a name or a value is missing.
    """
    said, marked = read_marked(typed)
    if marked and said == text:
        return marked
    if marked:
        # Several entities may be marked in the same words.
        marks = list(dict.fromkeys((one.start, one.end) for one in marked))
        places = dict(zip(marks, _placed(text, [said[start:end] for start, end in marks]), strict=True))
        return tuple(_at(one, places[one.start, one.end]) for one in marked)
    entities = []
    for part in typed.split(",") if typed.strip() != "-" else ():
        name, _, value = (piece.strip() for piece in part.partition("="))
        if not name or not value:
            raise InterpreterError(f"malformed entity {quoted(part.strip())}; the format is cuisine=french")
        entities.append(Entity(name, value))
    found = _placed(text, [str(one.value) for one in entities])
    return tuple(_at(one, place) for one, place in zip(entities, found, strict=True))


def _at(entity: Entity, place: tuple[int, int] | None) -> Entity:
    start, end = place or (None, None)
    return dataclasses.replace(entity, start=start, end=end)


def _placed(text: str | None, several: Iterable[str]) -> list[tuple[int, int] | None]:
    """Return the places of some words in a text; None for those that are not there."""
    found: list[tuple[int, int] | None] = []
    for words in several:
        found.append(first_free(places_of(text or "", words), [one for one in found if one]))
    return found


def entity_hints(domain: Domain) -> list[str]:
    """Return lines on the format of `parse_entities`, with the entities of a domain."""
    known = domain.known_entities
    slots = {slot.name: slot for slot in domain.slots}
    one = next((name for name in known if name in slots and slots[name].values), next(iter(known), "size"))
    value = str(slots[one].values[0]) if one in slots and slots[one].values else "..."
    mark = f"[words]({one}:{value}) if the words differ"
    line = f"format: {one}={value}, or {mark}; - for none; Enter keeps them"
    return [f"known: {', '.join(known)}", line] if known else [line]


def entities_text(message: UserUttered) -> str:
    """Return the entities of a message in the format of `parse_entities`."""
    return ", ".join(f"{entity.name}={entity.value}" for entity in message.entities) or "-"


def obeyed(session: Session, message: UserUttered) -> bool:
    """Begin a new conversation for Rasa's `/restart`; return whether the message was that.

    Raises:
        SessionError: the message asks for another of Rasa's default actions, which people alone can do.
    """
    command = command_of(session.domain, message.intent)
    if command == BACK:
        raise SessionError(
            "/back takes a turn back when people talk to the bot; here, undo takes your answers back"
        )
    if command == SESSION_START:
        raise SessionError(
            "/session_start begins a session with the slots so far when people talk to the bot; here, new"
            " begins a conversation"
        )
    if command == RESTART and session.conversation.events[1:]:
        session.restart()
    return command is not None


def with_written_names(domain: Domain, message: UserUttered) -> UserUttered:
    """Return a message in which new names of its intent and entities are in the form that files can have."""
    intents, entities = known_intents(domain), domain.known_entities
    intent = message.intent and written_name(message.intent, "intent", {*domain.intents, *intents})
    marked = tuple(
        dataclasses.replace(one, name=written_name(one.name, "entity", entities)) for one in message.entities
    )
    return dataclasses.replace(message, intent=intent, entities=marked)


def unknown_names(domain: Domain, message: UserUttered) -> list[tuple[str, str, str]]:
    """Return the unknown names in a message: kind, name, and a clause with the nearest known name."""
    found = []
    if message.intent is not None and message.intent.partition("/")[0] not in known_intents(domain):
        found.append(("intent", message.intent, nearest(message.intent, domain.intents)))
    for name in dict.fromkeys(entity.name for entity in message.entities):
        if name not in domain.known_entities:
            found.append(("entity", name, nearest(name, domain.known_entities)))
    return found


def meant_name(domain: Domain, kind: str, name: str) -> str | None:
    """Return the known name from which one of the `unknown_names` differs by a slip; None without one."""
    return misspelled(name, domain.intents if kind == "intent" else domain.known_entities)


def with_name(message: UserUttered, kind: str, name: str, meant: str) -> UserUttered:
    """Return a message with another name for its intent, or for an entity."""
    if kind == "intent":
        return dataclasses.replace(message, intent=meant)
    entities = (dataclasses.replace(one, name=meant) if one.name == name else one for one in message.entities)
    return dataclasses.replace(message, entities=tuple(entities))


def default_names(domain: Domain, message: UserUttered) -> list[Addition]:
    """Return the addition of one of Rasa's own intents, which a domain need not list; empty without any."""
    name = message.intent
    is_own = name in known_intents(domain) and name not in domain.intents
    return [Addition(INTENT, name)] if name and is_own else []


def new_name(kind: str, name: str) -> Addition:
    """Return the addition that makes one of the `unknown_names` known; an entity needs a slot of its name."""
    return Addition(INTENT, name.partition("/")[0]) if kind == "intent" else Addition(SLOT, name)


def new_intent(domain: Domain, name: str) -> list[Addition]:
    """Return the addition that makes an intent known; empty for a question, `faq/pets`, of a known `faq`."""
    return [] if domain.intent_of(name) else [new_name("intent", name)]


def new_action(domain: Domain, name: str, typed: str) -> tuple[str, Addition]:
    """Return a new action, and its addition with the typed text; without one if it is blank.

    `utter_faq/pets` with a text is a response of the action `utter_faq`: its answer to the intent `faq/pets`.

    Raises:
        SessionError: the action has this response already.
    """
    text, action = typed.strip(), action_of(name)
    if not text or action == name or action not in domain.actions:
        return name, Addition(ACTION, name, (text,) if text else ())
    if any(name == one.name for one in domain.responses):
        raise SessionError(
            f"{visible(name, 40)} is there already: pick {visible(action, 40)}, or another name"
        )
    return action, Addition(RESPONSE, name, (text,))
