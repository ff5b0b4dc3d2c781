"""The journal: an append-only store of everything that people and bots do."""

from dialogue_gym.journal.entry import (
    BOT,
    END,
    EVENT,
    EXPERT,
    FAKE_USER,
    LABEL,
    LIVE,
    PERSON,
    RESULT,
    USER,
    Draft,
    Entry,
    StoreError,
)
from dialogue_gym.journal.history import History
from dialogue_gym.journal.labels import Label
from dialogue_gym.journal.store import Store, forget
from dialogue_gym.journal.writer import ConversationWriter

__all__ = [
    "BOT",
    "END",
    "EVENT",
    "EXPERT",
    "FAKE_USER",
    "LABEL",
    "LIVE",
    "PERSON",
    "RESULT",
    "USER",
    "ConversationWriter",
    "Draft",
    "Entry",
    "History",
    "Label",
    "Store",
    "StoreError",
    "forget",
]
