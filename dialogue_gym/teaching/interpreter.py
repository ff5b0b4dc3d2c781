"""An interpreter of the teacher's own messages, which remembers corrected meanings."""

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
    """Reads acts in the fixed format and corrected sentences; leaves other text to another interpreter.

    The intents and entities of an act need not be in the domain: they may be new ones.
    """

    def __init__(self, session: Session, interpreter: Interpreter | None) -> None:
        """Use the corrections of a session's teachers, and `interpreter`, if given, for other text."""
        self._session = session
        self._interpreter = interpreter

    def parse(self, text: str) -> Interpretation:
        """Return the meaning of a text; its intent is None if it is not understood.

        Raises:
            InterpreterError: the text cannot be interpreted; one line gives the reason.
        """
        if text.lstrip().startswith("/"):
            return parse_act(text)
        understood = self._interpreter.parse(text) if self._interpreter else Interpretation(text)
        if meant := corrected_messages(self._session.history).get(_sentence(text)):
            assert meant.intent is not None
            others = tuple(pair for pair in understood.ranking if pair[0] != meant.intent)
            return Interpretation(text, meant.intent, 1.0, meant.entities, ((meant.intent, 1.0), *others))
        return understood


def corrected_messages(history: History) -> dict[str, UserUttered]:
    """Return the corrected meanings of sentences; the last correction of a sentence holds."""
    found: dict[int, UserUttered] = {}
    for conversation in history.conversations:
        for entry in history.path(conversation):
            if entry.kind == MEND:
                (message,) = entry_events(entry)
                assert isinstance(message, UserUttered)
                found[entry.id] = message
    in_order = [found[entry] for entry in sorted(found)]
    return {_sentence(message.text): message for message in in_order if message.text and message.intent}


def correction_text(session: Session, message: UserUttered) -> str:
    """Return a line on the effect of a corrected message: whether its sentence is remembered."""
    is_sentence = message.text is not None and not message.text.lstrip().startswith("/")
    is_kept = is_sentence and not session.has_fake_user
    return "Corrected." + " The same sentence will have this meaning from now on." * is_kept


def _sentence(text: str) -> str:
    return " ".join(text.split()).casefold()


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
