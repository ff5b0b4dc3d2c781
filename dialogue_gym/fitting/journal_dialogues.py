"""The dialogues of people in a journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.conversation.slot_filling import slots_filled
from dialogue_gym.domain import Domain
from dialogue_gym.fitting.dialogues import DialogueReader, LoggedDialogue
from dialogue_gym.fitting.phrasing import LoggedMessage
from dialogue_gym.journal.entry import (
    BOT,
    FAKE_USER,
    LIVE,
    MEND,
    STORY,
    USER,
    Entry,
    entry_events,
    in_words,
)
from dialogue_gym.journal.history import History


@dataclass(frozen=True)
class JournalDialogues:
    """The dialogues of people in a journal.

    Attributes:
        dialogues: all dialogues.
        messages: their messages in words.
        live: the number of conversations with a live bot.
        taught: the number of conversations in which a teacher played the user and read every message.
    """

    dialogues: tuple[LoggedDialogue, ...]
    messages: tuple[LoggedMessage, ...]
    live: int
    taught: int


def journal_dialogues(history: History, domain: Domain) -> JournalDialogues:
    """Return the dialogues of people in a journal; those of fake users, stories and forks are left out.

    Raises:
        StoreError: the content of an entry does not fit its kind.
        DomainError: an event names an action or a slot that the domain does not have.
    """
    reader = DialogueReader(domain)
    dialogues: list[LoggedDialogue] = []
    messages: list[LoggedMessage] = []
    live = 0
    for name in history.conversations:
        path = history.path(name)
        if not _is_of_a_person(path, name):
            continue
        events = [event for _, event in in_words(path)]
        is_live = LIVE in path[0].content
        person = path[0].content[LIVE] if is_live else _teacher(path)
        found = reader.read(events, history.outcome(name), _originals(path), is_read=not is_live)
        if found is None:
            continue
        live += is_live
        dialogues.append(found)
        said = [event for event in events if isinstance(event, UserUttered)]
        messages += [_message(domain, person, one) for one in said if one.text and one.intent]
    return JournalDialogues(tuple(dialogues), tuple(messages), live, len(dialogues) - live)


def _is_of_a_person(path: Sequence[Entry], name: str) -> bool:
    said = [entry for entry in path if entry.kind == USER]
    others = (BOT, FAKE_USER, STORY)
    return bool(said) and path[0].conversation == name and not any(entry.author in others for entry in said)


def _originals(path: Sequence[Entry]) -> dict[int, UserUttered]:
    """Return the corrected messages as they were understood at first, by their number."""
    originals: dict[int, UserUttered] = {}
    number, latest = -1, None
    for entry in path:
        if entry.kind == USER:
            (latest,) = entry_events(entry)
            number += 1
        elif entry.kind == MEND and isinstance(latest, UserUttered):
            originals.setdefault(number, latest)
    return originals


def _teacher(path: Sequence[Entry]) -> str:
    """Return the teacher who played the user."""
    return next(f"teacher {entry.author}" for entry in path if entry.kind == USER)


def _message(domain: Domain, person: str, message: UserUttered) -> LoggedMessage:
    told = tuple((slot, str(value)) for slot, value in slots_filled(domain, message).items())
    intent = domain.intent_of(message.intent) or ""
    return LoggedMessage(person, message.text or "", intent, told)
