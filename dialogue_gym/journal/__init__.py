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
from dialogue_gym.journal.history import History, Label
from dialogue_gym.journal.store import Store

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
    "Draft",
    "Entry",
    "History",
    "Label",
    "Store",
    "StoreError",
]
