"""Interprets the texts that a teacher types as the user, with their corrections so far."""

from __future__ import annotations

from dialogue_gym._text import nearest, shorten
from dialogue_gym.conversation.events import Entity, UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.domain.additions import ACTION, INTENT, SLOT, Addition
from dialogue_gym.journal.entry import MEND, entry_events
from dialogue_gym.journal.history import History
from dialogue_gym.nlu.interpreter import Interpretation, Interpreter, InterpreterError, parse_act
from dialogue_gym.teaching.session import Session


class TaughtInterpreter(Interpreter):
    """Reads acts in the fixed format and mended sentences; any other text is left to another interpreter.

    The intents and entities of an act need not be in the domain: they may be new ones.
    """

    def __init__(self, session: Session, words: Interpreter | None) -> None:
        """Use a session's corrected messages, and `words` for all other texts, if it is given."""
        self._session = session
        self._words = words

    def parse(self, text: str) -> Interpretation:
        """Return what a text means; where nothing understands words, its intent is None.

        Raises:
            InterpreterError: it cannot be interpreted; one line says why.
        """
        if text.lstrip().startswith("/"):
            return parse_act(text)
        understood = self._words.parse(text) if self._words else Interpretation(text)
        if meant := mended(self._session.history).get(_sentence(text)):
            assert meant.intent is not None
            others = tuple(pair for pair in understood.ranking if pair[0] != meant.intent)
            return Interpretation(text, meant.intent, 1.0, meant.entities, ((meant.intent, 1.0), *others))
        return understood


def mended(history: History) -> dict[str, UserUttered]:
    """Return the corrected meanings by sentence; the last correction of a sentence holds."""
    found: dict[int, UserUttered] = {}
    for conversation in history.conversations:
        for entry in history.path(conversation):
            if entry.kind == MEND:
                (message,) = entry_events(entry)
                assert isinstance(message, UserUttered)
                found[entry.id] = message
    in_order = [found[entry] for entry in sorted(found)]
    return {_sentence(message.text): message for message in in_order if message.text and message.intent}


def mended_text(session: Session, message: UserUttered) -> str:
    """Return a note on a corrected message: a text that a teacher typed keeps its meaning."""
    is_sentence = message.text is not None and not message.text.lstrip().startswith("/")
    is_kept = is_sentence and not session.has_fake_user
    return "Understood." + " The same sentence means that from now on." * is_kept


def _sentence(text: str) -> str:
    return " ".join(text.split()).casefold()


def entities_typed(typed: str, text: str | None) -> tuple[Entity, ...]:
    """Return the entities that a person typed, `cuisine=french, people=2`; `-` is none.

    A value that stands in the message gets its place there.

    Raises:
        InterpreterError: something has no name or no value.
    """
    entities = []
    for part in typed.split(",") if typed.strip() != "-" else ():
        name, _, value = (piece.strip() for piece in part.partition("="))
        if not name or not value:
            raise InterpreterError(f"{shorten(part.strip())} is not an entity; write cuisine=french")
        start = text.casefold().find(value.casefold()) if text else -1
        if text is None or start < 0 or text[start : start + len(value)].casefold() != value.casefold():
            entities.append(Entity(name, value))
        else:
            entities.append(Entity(name, value, start, start + len(value)))
    return tuple(entities)


def entities_text(message: UserUttered) -> str:
    """Return entities as a person types them."""
    return ", ".join(f"{entity.name}={entity.value}" for entity in message.entities) or "-"


def unknown_names(domain: Domain, message: UserUttered) -> list[tuple[str, str, str]]:
    """Return what a domain does not have of a message: its kind, name, and a clause on the nearest one."""
    found = []
    if message.intent is not None and message.intent.partition("/")[0] not in domain.intents:
        found.append(("intent", message.intent, nearest(message.intent, domain.intents)))
    for name in dict.fromkeys(entity.name for entity in message.entities):
        if name not in domain.entities:
            found.append(("entity", name, nearest(name, domain.entities)))
    return found


def new_name(kind: str, name: str) -> Addition:
    """Return what makes one of the `unknown_names` known: an entity is, where a slot has its name."""
    return Addition(INTENT if kind == "intent" else SLOT, name)


def new_action(name: str, typed: str) -> Addition:
    """Return an action that says what a teacher typed, or nothing."""
    return Addition(ACTION, name, (typed.strip(),) if typed.strip() else ())
