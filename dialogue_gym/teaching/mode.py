"""How a session is held, noted in its journal: who talks, and who says when the turn is over."""

from __future__ import annotations

from collections.abc import Iterable

from dialogue_gym.journal.entry import END, NOTE, Draft, Entry
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.navigation import is_live

FAKE, ME = "fake", "me"
"""Who talks to the bot: the domain's fake user, or the teacher."""
_KEY = "teaching"


def use_mode(journal: Store, user: str, turn_taking: str) -> None:
    """Note how the next session is held; a conversation that was held otherwise is not gone on with.

    Those of people who talk to the bot have nothing to do with it. A fake user cannot take up what a person
    began, nor one turn taking what follows from the other.

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
    """Return the turn taking under which a journal was taught last: explicit if it does not say."""
    return str(_last(entries).get("turn_taking", "explicit"))


def _last(entries: Iterable[Entry]) -> dict[str, str]:
    modes = [entry.content[_KEY] for entry in entries if entry.kind == NOTE and _KEY in entry.content]
    return modes[-1] if modes else {}
