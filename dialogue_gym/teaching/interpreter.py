"""A teacher's messages and corrections: the names in them, their entities, and their effect."""

from __future__ import annotations

from dialogue_gym._text import nearest, shorten
from dialogue_gym.conversation.events import Entity, UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.domain.additions import ACTION, INTENT, SLOT, Addition
from dialogue_gym.nlu.interpreter import InterpreterError
from dialogue_gym.teaching.session import Session


def correction_text(session: Session, message: UserUttered) -> str:
    """Return a line on the effect of a corrected message: whether its sentence is remembered."""
    is_sentence = message.text is not None and not message.text.lstrip().startswith("/")
    is_kept = is_sentence and session.simulated_user is None
    return "Corrected." + " This sentence and like ones will have this meaning from now on." * is_kept


def parse_entities(typed: str, text: str | None) -> tuple[Entity, ...]:
    """Return the entities in `cuisine=french, people=2`; `-` is for none.

    A value that occurs in the message gets its place there.

    Raises:
        InterpreterError: a name or a value is missing.
    """
    entities = []
    for part in typed.split(",") if typed.strip() != "-" else ():
        name, _, value = (piece.strip() for piece in part.partition("="))
        if not name or not value:
            raise InterpreterError(f"malformed entity {shorten(part.strip())}; the format is cuisine=french")
        start = text.casefold().find(value.casefold()) if text else -1
        if text is None or start < 0 or text[start : start + len(value)].casefold() != value.casefold():
            entities.append(Entity(name, value))
        else:
            entities.append(Entity(name, value, start, start + len(value)))
    return tuple(entities)


def entities_text(message: UserUttered) -> str:
    """Return the entities of a message in the format of `parse_entities`."""
    return ", ".join(f"{entity.name}={entity.value}" for entity in message.entities) or "-"


def unknown_names(domain: Domain, message: UserUttered) -> list[tuple[str, str, str]]:
    """Return the unknown names in a message: kind, name, and a clause with the nearest known name."""
    found = []
    if message.intent is not None and message.intent.partition("/")[0] not in domain.intents:
        found.append(("intent", message.intent, nearest(message.intent, domain.intents)))
    for name in dict.fromkeys(entity.name for entity in message.entities):
        if name not in domain.known_entities:
            found.append(("entity", name, nearest(name, domain.known_entities)))
    return found


def new_name(kind: str, name: str) -> Addition:
    """Return the addition that makes one of the `unknown_names` known; an entity needs a slot of its name."""
    return Addition(INTENT if kind == "intent" else SLOT, name)


def new_action(name: str, typed: str) -> Addition:
    """Return a new action with the typed text; without one if it is blank."""
    return Addition(ACTION, name, (typed.strip(),) if typed.strip() else ())
