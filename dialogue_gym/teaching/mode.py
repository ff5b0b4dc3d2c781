"""The mode of teaching, noted in the journal: the user, and the turn taking."""

from __future__ import annotations

from collections.abc import Iterable

from dialogue_gym.journal.entry import END, NOTE, Draft, Entry
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.navigation import is_live

FAKE, ME = "fake", "me"
"""Values for the user: the domain's fake user, or the teacher."""
TURN_TAKINGS = ("explicit", "auto")
_KEY = "teaching"


def use_mode(journal: Store, user: str, turn_taking: str) -> None:
    """Note the mode of the next session; end the current conversation if it has another mode.

    A fake user cannot continue a conversation that a person began, nor can turn taking change within one.
    Live conversations are not affected.

    Raises:
        StoreError: the journal cannot be read or written.
    """
    mode = {"user": user, "turn_taking": turn_taking}
    entries = list(journal.entries())
    if _last(entries) == mode:
        return
    drafts = [Draft("", NOTE, {_KEY: mode})]
    history = History(entries)
    taught = [name for name in history.conversations if not is_live(history, name)]
    for conversation in taught[-1:]:
        if history.outcome(conversation) is None:
            drafts.append(Draft(conversation, END, {"outcome": "truncated"}, history.head(conversation)))
    journal.append_all(drafts)


def turn_taking_of(entries: Iterable[Entry]) -> str:
    """Return the turn taking of the last session of a journal; explicit if none is noted."""
    return str(_last(entries).get("turn_taking", "explicit"))


def turn_taking_in(history: History) -> str:
    """Return the turn taking of the last session in a history; explicit if none is noted."""
    modes = history.notes(_KEY)
    return str(modes[-1][_KEY].get("turn_taking", "explicit")) if modes else "explicit"


def _last(entries: Iterable[Entry]) -> dict[str, str]:
    modes = [entry.content[_KEY] for entry in entries if entry.kind == NOTE and _KEY in entry.content]
    return modes[-1] if modes else {}
