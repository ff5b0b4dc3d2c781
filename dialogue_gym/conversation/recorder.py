"""The recorder: keeps the steps of an environment until somebody asks for them in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dialogue_gym.domain import Domain
from dialogue_gym.rules import Row, Tables
from dialogue_gym.rules.tables import TURN

if TYPE_CHECKING:
    from dialogue_gym.conversation.conversation import Conversation
    from dialogue_gym.conversation.events import Event, UserUttered, Value
    from dialogue_gym.conversation.narrator import Narrator, Note


class Recorder:
    """Record of the steps of a dialogue, which are put into words on demand.

    (Words cost more than the step itself, and their modules a tenth of the time of a short program.)
    """

    def __init__(self, domain: Domain, tables: Tables) -> None:
        """Prepare to record dialogues of this domain."""
        self._domain = domain
        self._tables = tables
        self._notes: list[Note] = []
        self._stored: tuple[tuple[str, Value], ...] = ()
        self._words: Narrator | None = None
        self._told, self._is_replaced = 0, False

    def begin(self, row: Row) -> None:
        """Start anew with the user's opening."""
        self._notes = [(0, TURN, list(row), ())]
        self._stored = ()
        self._words, self._is_replaced = None, False

    def get_state(self) -> tuple[Any, ...]:
        """Return the record so far, for `set_state`; words are left out where they follow from the steps."""
        return (*self._notes,), self._narrator.get_state() if self._is_replaced else None

    def set_state(self, state: tuple[Any, ...]) -> None:
        """Continue from a record that `get_state` returned."""
        notes, words = state
        self._notes = list(notes)
        self._words, self._is_replaced = None, words is not None
        if words is not None:
            self._narrator.set_state(words)

    def store(self, values: Mapping[str, Value]) -> None:
        """Record values that the bot knows from now on, by slot."""
        self._stored += tuple(values.items())

    def add(self, action: int, events: int, copy_row: Callable[[], list[int]]) -> None:
        """Record a step: the bot's action, and the user's message if the turn was handed over."""
        is_kept = events & TURN or self._tables.is_search  # which venue is offered lies in the row
        self._notes.append((action, events, copy_row() if is_kept else [], self._stored))
        self._stored = ()

    @property
    def _narrator(self) -> Narrator:
        """The steps so far in words."""
        if self._words is None:
            from dialogue_gym.conversation.narrator import Narrator

            self._words, self._told = Narrator(self._domain, self._tables, self._notes[0][2]), 1
        for note in self._notes[self._told :]:
            self._words.add(note)
        self._told = len(self._notes)
        return self._words

    @property
    def conversation(self) -> Conversation:
        """The dialogue so far; it continues with the environment until the next reset."""
        return self._narrator.conversation

    def foresee(self, action: str, venue: int | None = None) -> tuple[Event, ...]:
        """Return the events that an action would have now, with the text that it would say.

        `venue` is the number of the venue that would be on offer then, + 1; 0 for none.
        """
        return self._narrator.foresee(action, venue)

    def replace_last_message(self, message: UserUttered) -> None:
        """Replace the user's last message.

        Raises:
            ValueError: the last event is not a message of the user.
        """
        self._narrator.replace_last_message(message)
        self._is_replaced = True
