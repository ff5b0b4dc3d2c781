"""The journal of all that is said, answered and rated: an append-only store of entries."""

from dialogue_gym.journal.entry import Draft, Entry, StoreError
from dialogue_gym.journal.history import History, Label
from dialogue_gym.journal.store import Store

__all__ = ["Draft", "Entry", "History", "Label", "Store", "StoreError"]
