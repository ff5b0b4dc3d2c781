"""Teachers' own words: messages to people that no action stood for, and the actions that they become.

The conversation with the person stays as it was. The action stands in a fork that ends right after it, so
that the situation before the message has a label. No input or output but the journal.
"""

from __future__ import annotations

from dataclasses import dataclass

from dialogue_gym._text import quoted
from dialogue_gym.conversation.events import BotUttered
from dialogue_gym.domain import Domain
from dialogue_gym.domain.additions import ACTION, Addition
from dialogue_gym.domain.model import LISTEN, RESTART, DomainError
from dialogue_gym.journal.entry import NAMES, NOTE, PERSON, Draft, entry_events
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store, StoreError
from dialogue_gym.journal.writer import ConversationWriter
from dialogue_gym.teaching.navigation import PREFIX


@dataclass(frozen=True)
class OwnWords:
    """A message that a teacher wrote: its entry, its conversation, its text and the teacher's name."""

    entry: int
    conversation: str
    text: str
    writer: str


def unnamed(history: History, store: Store) -> list[OwnWords]:
    """Return the messages that teachers wrote and that no action stands for yet, the oldest first."""
    named = set(store.noted(NAMES).values())
    return [
        OwnWords(entry.id, entry.conversation, event.text or "", event.writer)
        for entry in history.written
        if entry.id not in named
        for event in entry_events(entry)
        if isinstance(event, BotUttered) and event.writer
    ]


def name_words(store: Store, history: History, domain: Domain, entry: int, action: str, teacher: str) -> str:
    """Let an action stand for a teacher's own words: it was right there.

    Args:
        store: the journal.
        history: its entries.
        domain: the domain with its additions. A new action is added, with the words as its response.
        entry: the id of the entry with the words.
        action: the name of the action, known or new.
        teacher: the teacher who names it.

    Returns:
        The conversation with the label.

    Raises:
        DomainError: the name cannot be that of an action that says something.
        StoreError: no unnamed words are there, or the journal could not be written.
    """
    words = next((one for one in unnamed(history, store) if one.entry == entry), None)
    if words is None:
        raise StoreError(f"entry {entry} has no words to be named")
    if action in (LISTEN, RESTART):
        raise DomainError(f"{quoted(action)} says nothing; choose or invent another action")
    conversation = f"{PREFIX}{store.last_number(PREFIX) + 1}"
    before = history.before(entry)
    writer = ConversationWriter(conversation, before, teacher)
    if action not in domain.actions:
        domain.with_action(action, words.text)
        writer.addition(Addition(ACTION, action, (words.text,)))
    writer.decision(action, PERSON)
    writer.result([BotUttered(words.text)])
    writer.end(None)
    drafts = writer.take()
    store.append_all([*drafts, Draft(conversation, NOTE, {NAMES: entry}, drafts[-1], teacher)])
    return conversation
