"""Import of conversations that people had with a Rasa bot, to be replayed, corrected and taught from."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dialogue_gym._text import counted, name_fault, printable
from dialogue_gym.conversation.conversation import Conversation, decisions
from dialogue_gym.conversation.effects import reset_slots
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    Json,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
    from_json,
)
from dialogue_gym.domain import Domain
from dialogue_gym.domain.additions import ACTION, INTENT, SLOT, Addition
from dialogue_gym.domain.default_names import DEFAULT_ACTIONS, DEFAULT_INTENTS, DEFAULT_SLOTS
from dialogue_gym.domain.model import DomainError
from dialogue_gym.domain.slot import REQUESTED_SLOT
from dialogue_gym.journal.entry import BOT, DOMAIN, PERSON, Draft
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.journal.writer import ConversationWriter
from dialogue_gym.teaching.tracker_store import RasaTracker

PREFIX = "rasa"
_SENDER, _BEGAN, _EVENTS = "rasa_sender", "rasa_began", "rasa_events"
"""Keys of an imported conversation's beginning: the person, and the time and number of its events."""
_STEPS_OF_RASA = ("action_session_start", "action_extract_slots")
"""Actions that Rasa runs by itself at each session or message."""

_TYPES: dict[type, str] = {list: "list", dict: "any"}
"""The types of new slots by that of their value; otherwise text."""


@dataclass
class _SessionEvents:
    """The events of one session of a tracker."""

    began: float = 0.0
    events: list[Event] = field(default_factory=list)


class _Reader:
    """Reader of Rasa's events, which counts those that are left out or unknown."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.additions: list[Addition] = []
        self.unknown: Counter[tuple[str, str]] = Counter()
        self.left_out: Counter[str] = Counter()

    def sessions(self, tracker: RasaTracker) -> Iterator[_SessionEvents]:
        """Yield the sessions of a tracker in which a person says something."""
        session = _SessionEvents()
        for content in tracker.events:
            if content.get("event") == "session_started":
                if _has_message(session.events):
                    yield session
                session = _SessionEvents()
            time = content.get("timestamp")
            if not session.events and isinstance(time, (int, float)):
                session.began = float(time)
            self._add(session.events, content)
        if _has_message(session.events):
            yield session

    def _add(self, events: list[Event], content: Json) -> None:
        kind = str(content.get("event"))
        if kind == "rewind":
            _take_back(events, UserUttered)
            _take_back(events, ActionExecuted)  # the listening for it
        elif kind == "undo":
            _take_back(events, ActionExecuted)
        elif kind == "reset_slots":
            own = reset_slots(self.domain)
            others = {event.name for event in events if isinstance(event, SlotSet)}
            events += [*own, *map(SlotSet, sorted(others - {event.name for event in own}))]
        else:
            try:
                event = _with_retrieval_intent(from_json(content), content)
            except ValueError:
                self.left_out[kind] += 1
                return
            if self._accept(event):
                events.append(event)

    def _accept(self, event: Event) -> bool:
        """Return whether an event can be kept; a new name is added to the domain for that."""
        if isinstance(event, SessionStarted):
            return False
        if isinstance(event, ActionExecuted):
            return event.name not in _STEPS_OF_RASA and self._ensure(Addition(ACTION, event.name))
        if isinstance(event, SlotSet):
            kind = _TYPES.get(type(event.value), "text")
            if event.name == REQUESTED_SLOT and self.domain.forms:
                return True  # the form's answers depend on it
            return event.name not in DEFAULT_SLOTS and self._ensure(Addition(SLOT, event.name, type=kind))
        if isinstance(event, ActiveLoop):
            return event.name is None or self._ensure(Addition(ACTION, event.name))
        intent = event.intent if isinstance(event, UserUttered) else None
        if intent and intent not in DEFAULT_INTENTS and self.domain.intent_of(intent) is None:
            self._ensure(Addition(INTENT, intent.partition("/")[0]))
        return intent != "session_start"

    def _ensure(self, addition: Addition) -> bool:
        """Return whether the domain has a name, or has it from now on."""
        if addition.is_in(self.domain) and addition not in self.additions:
            return True
        key = (addition.add, addition.name)
        is_new = addition not in self.additions and key not in self.unknown
        if addition.add != ACTION or addition.name not in DEFAULT_ACTIONS:
            self.unknown[key] += 1
        if is_new:
            if name_fault(addition.name):
                return False
            try:
                self.domain = addition.added_to(self.domain)
            except DomainError:
                return False
            self.additions.append(addition)
        return addition.is_in(self.domain)

    def notes(self) -> Iterator[str]:
        """Yield a line for each unknown name, and one for all events that are left out."""
        known = {(one.add, one.name) for one in self.additions}
        for (kind, name), count in self.unknown.items():
            done = "added to the domain of the store" if (kind, name) in known else "left out"
            yield f"unknown {kind} {printable(name)} ({count} time{'s' * (count > 1)}): {done}"
        if self.left_out:
            kinds = ", ".join(f"{count} {printable(kind)}" for kind, count in self.left_out.items())
            yield f"events without a counterpart were left out: {kinds}"


def _with_retrieval_intent(event: Event, content: Json) -> Event:
    """Return a message with the intent that Rasa's response selector found, `faq/hours`, not its group."""
    selectors = (content.get("parse_data") or {}).get("response_selector")
    if isinstance(event, UserUttered) and event.intent and isinstance(selectors, dict):
        for selector in selectors.values():
            response = selector.get("response") if isinstance(selector, dict) else None
            key = response.get("intent_response_key") if isinstance(response, dict) else None
            if isinstance(key, str) and key.startswith(f"{event.intent}/"):
                return dataclasses.replace(event, intent=key)
    return event


def _has_message(events: Iterable[Event]) -> bool:
    return any(isinstance(event, UserUttered) for event in events)


def _take_back(events: list[Event], what: type[Event]) -> None:
    """Remove the last event of a kind and all that follow it; without one, all since the last restart."""
    while events and not isinstance(events[-1], Restarted):
        if isinstance(events.pop(), what):
            return


def import_trackers(journal: Store, domain: Domain, trackers: Iterable[RasaTracker]) -> tuple[int, list[str]]:
    """Write the sessions of trackers as conversations of a store, all or none.

    A bot's decision in them teaches nothing until a teacher corrects or approves it. Sessions that were
    imported before are left out; one that has gone on since comes as a whole, beside its beginning.

    Returns:
        The number of new conversations, and a line for everything that a person should know.

    Raises:
        StoreError: the store cannot be read or written.
        DomainError: the store's additions do not fit the domain.
    """
    history = History(journal.entries())
    beginnings = [history.path(name)[:1] for name in history.conversations]
    known = {
        (entry.content[_SENDER], entry.content[_BEGAN], entry.content[_EVENTS])
        for path in beginnings
        for entry in path
        if _SENDER in entry.content
    }
    reader = _Reader(history.extended(domain))
    found: list[tuple[Json, list[Event]]] = []
    repeated = grown = 0
    begun = {key[:2] for key in known}
    for tracker in trackers:
        for session in reader.sessions(tracker):
            key = (tracker.sender, session.began, len(session.events))
            if key in known:
                repeated += 1
            else:
                grown += key[:2] in begun
                known.add(key)
                found.append((dict(zip((_SENDER, _BEGAN, _EVENTS), key, strict=True)), session.events))
    drafts = [Draft("", DOMAIN, one.content()) for one in reader.additions] if found else []
    last = journal.last_number(PREFIX)
    for number, (details, events) in enumerate(found, last + 1):
        drafts += _drafts(f"{PREFIX}{number}", reader.domain, details, events)
    journal.append_all(drafts)
    notes = [*reader.notes()]
    if repeated:
        notes.append(f"{counted(repeated, 'conversation')} imported before: left out")
    if grown:
        notes.append(f"{counted(grown, 'conversation')} went on since: imported again as a whole")
    return len(found), notes


def _drafts(conversation: str, domain: Domain, details: Json, events: list[Event]) -> list[Draft]:
    record = Conversation(domain, events)
    chosen = {one.event: one.action for one in decisions(record, "explicit", is_finished=False)}
    writer = ConversationWriter(conversation, author=BOT)
    writer.begin(details)
    writer.events(events, chosen, by=BOT, user=PERSON)
    writer.end(None)  # or a session would resume it
    return writer.take()
