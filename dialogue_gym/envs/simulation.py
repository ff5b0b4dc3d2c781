"""A dialogue with a fake user: its player, its chance, its end, and its record."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from dialogue_gym import rules
from dialogue_gym.conversation.recorder import Recorder
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import AgendaItem
from dialogue_gym.domain.observation import slot_codes
from dialogue_gym.envs.options import ResetOptions, tables_for
from dialogue_gym.envs.player import InterpretedPlayer, Player
from dialogue_gym.envs.state import DialogueState
from dialogue_gym.rules import Settings, Tables
from dialogue_gym.rules.tables import (
    AGENDA,
    CERTAIN_SCORE,
    FAILURE,
    HIGH,
    ON_OFFER,
    POSITION,
    RANDOM,
    SUCCESS,
    TRUNCATED,
    WANTED,
    WISHES,
)

if TYPE_CHECKING:
    from dialogue_gym.conversation.conversation import Conversation
    from dialogue_gym.conversation.events import Event, UserUttered

_OVER = SUCCESS | FAILURE | TRUNCATED


class Simulation:
    """Dialogues with the fake user of a domain, one after the other.

    Attributes:
        settings: the settings of the dialogues.
        tables: the rules, for the user of this dialogue.
        player: the row of the dialogue, and the rules that play it.
        step_limit: the number of steps after which a dialogue is truncated.
        has_begun: whether a dialogue has begun; before that there is no chance to draw from.
        is_over: whether the dialogue has ended.
        is_success: whether it ended in success.
    """

    def __init__(
        self,
        domain: Domain,
        settings: Settings,
        player: Callable[[Domain, Tables], Player] = InterpretedPlayer,
    ) -> None:
        """Prepare the rules.

        Args:
            domain: a domain with a fake user.
            settings: the settings of the dialogues.
            player: makes the player.
        """
        self.settings = settings
        self.tables = rules.build_tables(domain, settings)
        self.player = player(domain, self.tables)
        self.step_limit = self.tables.step_limit
        self.has_begun = False
        self.is_over, self.is_success = True, False
        self._domain = domain
        self._user: str | None = None
        self._recorder = Recorder(domain, self.tables)
        self._slot_codes = {code.slot.name: (index, code) for index, code in enumerate(slot_codes(domain))}

    @property
    def row(self) -> list[int]:
        """The state of the dialogue by the rules."""
        return self.player.row

    def set_patience(self, turns: int) -> None:
        """Set the patience of the user from now on."""
        self.settings = dataclasses.replace(self.settings, patience=turns)
        self._use_tables(self._user)

    def _use_tables(self, user: str | None) -> None:
        self._user, self.tables = user, tables_for(user, self._domain, self.settings)
        self.player.use_tables(self.tables)

    def set_chance(self, seed: int) -> None:
        """Let all chance follow from a seed from now on."""
        row = self.row
        row[RANDOM] = rules.mix(seed)
        self.player.set_row(row)

    def begin(self, options: ResetOptions) -> None:
        """Begin a dialogue, which the user opens."""
        self.has_begun = True
        self.is_over, self.is_success = False, False
        self._play_with(options.user)
        self.player.begin(options.goal)
        self._recorder.begin(self.row)

    def _play_with(self, user: str | None) -> None:
        if user != self._user:
            self._use_tables(user)

    def store(self, values: Mapping[str, Any]) -> None:
        """Let the bot know values for certain, by slot, in the step that follows.

        Raises:
            KeyError: the domain has no such slot.
        """
        row = self.row
        for name, value in values.items():
            slot, code = self._slot_codes[name]
            if self.tables.is_search:
                rules.store(row, self.tables, slot, code.encode(value), CERTAIN_SCORE)
            else:
                rules.set_slot(row, self.tables, slot, code.encode(value), HIGH)
        self.player.set_row(row)
        self._recorder.store(values)

    def step(self, action: int) -> tuple[int, bool]:
        """Do an action, by its index in the domain; return the events, and whether the limit is reached."""
        player = self.player
        events = player.step(action)
        truncated = player.steps >= self.step_limit
        if not truncated:
            events &= ~TRUNCATED
        self.is_over, self.is_success = events & _OVER != 0, events & SUCCESS != 0
        self._recorder.add(action, events, player.copy_row)
        return events, truncated

    def get_state(self, key: str, frames: Iterable[Iterable[int]]) -> DialogueState:
        """Return the state of the dialogue.

        Args:
            key: identifies the domain and the settings; see `rules_key`.
            frames: the last observations.
        """
        return DialogueState(
            key,
            self._user,
            tuple(self.row),
            tuple(map(tuple, frames)),
            self.is_over,
            self.is_success,
            self._recorder.get_state(),
        )

    def set_state(self, state: DialogueState) -> None:
        """Go back to a state of this domain and these settings."""
        self._play_with(state.user)
        self.player.set_row(state.row)
        self.is_over, self.is_success = state.is_over, state.is_success
        self.has_begun = True
        self._recorder.set_state(state.record)

    @property
    def conversation(self) -> Conversation:
        """The dialogue so far in words."""
        return self._recorder.conversation

    def foresee(self, action: str) -> tuple[Event, ...]:
        """Return the events that an action would have now, without the user's reply; nothing is done."""
        return self._recorder.foresee(action, self._offered_by(action))

    def _offered_by(self, action: str) -> int | None:
        """Return the venue that would be on offer after an action, + 1; 0 for none, None without a search.

        Which one it is follows from this dialogue's chance, which its words do not show.
        """
        tables = self.tables
        if not tables.is_search:
            return None
        row, index = list(self.row), self._domain.actions.index(action)
        if rules.allowed(row, tables, index):
            rules.did(row, tables, index)
            rules.serve(row, tables, index)
        return row[tables.search + ON_OFFER]

    def replace_last_message(self, message: UserUttered) -> None:
        """Replace the last message as the bot understood it; the user continues from their own meaning.

        Raises:
            ValueError: the last event is not a message of the user.
        """
        self._recorder.replace_last_message(message)
        self.set_bot_half(self.conversation)

    def set_bot_half(self, conversation: Conversation) -> None:
        """Let the bot know what it knows in a conversation."""
        bot_half = conversation.bot_half
        self.player.set_row([*bot_half, *self.row[len(bot_half) :]])

    def goal(self) -> dict[str, str]:
        """Return the values that the user wants, by slot."""
        row, codes = self.row, enumerate(slot_codes(self._domain), self.tables.goal)
        return {code.slot.name: str(code.decode(row[at])) for at, code in codes if row[at]}

    def wishes(self) -> dict[str, bool]:
        """Return the attributes that the user asks for, and whether the bot has told each."""
        row = self.row
        wished, wanted = (row[WISHES], row[WANTED]) if self.tables.is_search else (0, 0)
        columns = enumerate(rules.attribute_columns(self._domain))
        return {name: not wanted >> bit & 1 for bit, name in columns if wished >> bit & 1}

    def agenda(self) -> tuple[tuple[AgendaItem, ...], int]:
        """Return the messages that an agenda-driven user plans, and how many of them were said."""
        user = self._domain.fake_user
        if user is None or not user.agendas:
            return (), 0
        row = self.row
        items = user.agendas[row[AGENDA]].items
        return items, min(row[POSITION] + 1, len(items))
