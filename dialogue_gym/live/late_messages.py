"""Messages that other processes have written for people who are connected here, such as those of teachers."""

from __future__ import annotations

from collections.abc import Callable

from dialogue_gym.conversation.events import BotUttered
from dialogue_gym.journal.store import Store
from dialogue_gym.live.sessions import Sessions

OnLate = Callable[[str, tuple[BotUttered, ...]], object]
"""Takes a person, and the messages since their last one that did not come as the answer to it."""


class LateMessages:
    """Reader of the conversations that teachers have taken over, in a store that processes share."""

    def __init__(self, sessions: Sessions, on_late: OnLate) -> None:
        """Begin to watch.

        Args:
            sessions: the sessions of this process, which find out about the conversations of others.
            on_late: called for each conversation with news.
        """
        self._sessions = sessions
        self._store: Store = sessions.bot.conversations.store
        self._on_late = on_late
        self._known: dict[str, int] = {}
        """The id of the last entry that was read, by conversation."""

    def look(self) -> None:
        """Report what was written since the last look.

        Raises:
            StoreError: the journal cannot be read.
        """
        conversations = self._sessions.bot.conversations
        with self._sessions.lock:
            now = conversations.teachers
        # The bot may have answered since a teacher gave one back.
        for name in now.keys() | self._known.keys():
            last = self._known.get(name, 0)
            for entry in self._store.entries(name, after=last):
                last = entry.id
            if last > self._known.get(name, 0):
                trace = conversations.on_record(name)
                if trace.late:
                    self._on_late(trace.person, tuple(trace.late))
            self._known[name] = last
        self._known = {name: last for name, last in self._known.items() if name in now}
