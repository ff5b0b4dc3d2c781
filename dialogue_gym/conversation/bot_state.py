"""The bot's knowledge of a dialogue: from events to observations.

All events, whether of a fake user, a person, a story or an action, change the bot's half of a row through
`hear`, `did` and `set_slot` alone, so an observation of a conversation is the environment's.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym import rules
from dialogue_gym._text import nearest, quoted
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    Event,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
    Value,
    entity_values,
)
from dialogue_gym.conversation.search_state import (
    SearchState,
    Service,
    search_state,
    service_of,
    venue_on_offer,
)
from dialogue_gym.conversation.slot_filling import NO_LOOP, LoopState, named_value, slots_filled, stored_value
from dialogue_gym.domain import Domain
from dialogue_gym.domain.default_names import known_actions
from dialogue_gym.domain.model import ATTRIBUTE, LISTEN, DomainError, FakeUser, Profile
from dialogue_gym.domain.observation import (
    ACTIVE_LOOP,
    confidence_bin,
    observation_dtype,
    observation_fields,
    slot_codes,
)
from dialogue_gym.domain.slot import REQUESTED_SLOT
from dialogue_gym.domain.venues import Database
from dialogue_gym.rules.tables import (
    CERTAIN_SCORE,
    HEARD_ATTRIBUTES,
    HIGH,
    ON_OFFER,
    RESTARTING,
)

_NOBODY = FakeUser("goal", (), (("standard", Profile()),))


def with_user(domain: Domain) -> Domain:
    """Return a domain with a fake user: its own, or a silent one without a goal."""
    return domain if domain.fake_user else dataclasses.replace(domain, fake_user=_NOBODY)


@functools.lru_cache(maxsize=64)
def _tables(domain: Domain) -> rules.Tables:
    """Return the tables for the bot's half, which are the same at all settings."""
    return rules.build_tables(with_user(domain), rules.Settings())


@functools.lru_cache(maxsize=64)
def _loop_field(domain: Domain) -> int:
    """Return the place of the active form in an observation of a domain with forms."""
    return [field.name for field in observation_fields(domain)].index(ACTIVE_LOOP)


def _confidence(message: UserUttered) -> float:
    """Return the confidence of a message, or the lowest one of its entities."""
    return min(
        [message.confidence, *(one.confidence for one in message.entities if one.confidence is not None)]
    )


class BotState:
    """The bot's knowledge at one point of a conversation: its half of a row, and the slots in words."""

    def __init__(self, domain: Domain) -> None:
        """Begin a dialogue."""
        self.domain = domain
        self._tables = _tables(domain)
        self._codes = slot_codes(domain)
        self._intent = {name: code for code, name in enumerate(domain.intents, 1)}
        self._action = {name: index for index, name in enumerate(domain.actions)}
        self._slot = {slot.name: index for index, slot in enumerate(domain.slots)}
        self._forms = {form.name: form for form in domain.forms}
        self._fields = len(observation_fields(domain))
        self._dtype = observation_dtype(observation_fields(domain))
        self._row = [0] * self._tables.size
        self.slots: dict[str, Value] = {}
        """The value of every slot, None if empty."""
        self.loop = NO_LOOP
        """The active form, which decides the slots that a message fills."""
        self.extracted: dict[str, Value] = {}
        """The slots that were set since the last message, by it or by actions."""
        self.last_action: str | None = None
        """The last action; listening after a message, None at the start."""
        self._before_form: tuple[list[int], str | None] | None = None
        self._forget()

    def _forget(self) -> None:
        rules.forget(self._row, self._tables)
        self.slots = {slot.name: copy.deepcopy(slot.initial_value) for slot in self.domain.slots}
        self.loop = NO_LOOP
        self.extracted, self.last_action, self._before_form = {}, None, None
        self._has_restarted = False
        self._filled: dict[str, Value] = {}

    def apply(self, event: Event) -> None:
        """Apply an event.

        Raises:
            DomainError: the domain has no such action or slot.
        """
        is_news = self.is_news(event)
        self._has_restarted = False
        if isinstance(event, UserUttered):
            self._hear(event)
        elif isinstance(event, ActionExecuted):
            self._did(event.name)
        elif isinstance(event, SlotSet) and is_news:
            self._set_slot(event)
        elif isinstance(event, ActiveLoop):
            self._enter(LoopState(event.name))
        elif isinstance(event, ActionExecutionRejected):
            self._reject(event.name)
        elif isinstance(event, (Restarted, SessionStarted)) and is_news:
            self._forget()

    def is_news(self, event: Event) -> bool:
        """Return whether an event says more than follows from those before it.

        Rasa writes down which slots the entities of a message fill, and says a restart twice.
        """
        if isinstance(event, SlotSet) and event.name in self._filled:
            known = self._filled[event.name]
            return type(known) is not type(event.value) or bool(known != event.value)
        return not (isinstance(event, Restarted) and self._has_restarted)

    def _enter(self, loop: LoopState) -> None:
        self.loop = loop
        if self._forms:
            at = _loop_field(self.domain)
            self._row[at] = list(self._forms).index(loop.name) + 1 if loop.name in self._forms else 0
            self._row[at + 1] = int(loop.is_unanswered or loop.is_rejected)

    def _reject(self, name: str) -> None:
        """Take back the last action, which has declined."""
        if self._before_form is not None and self.last_action == name:
            self._row[:], self.last_action = self._before_form
        if name == self.loop.name:
            self._enter(dataclasses.replace(self.loop, is_rejected=True))

    def _hear(self, message: UserUttered) -> None:
        row, tables = self._row, self._tables
        self._filled = slots_filled(self.domain, message, self.loop)
        self.extracted, self.last_action = dict(self._filled), LISTEN
        if form := self._forms.get(self.loop.name or ""):
            wanted = {*form.required_slots, self.loop.requested_slot}
            is_unanswered = wanted.isdisjoint(self._filled)
            self._enter(dataclasses.replace(self.loop, is_unanswered=is_unanswered, is_rejected=False))
        self.slots |= self._filled
        if tables.is_search:
            self._hear_search(message)
            return
        row[tables.heard_block] = [code.encode(self._filled.get(code.slot.name)) for code in self._codes]
        rules.hear(
            row,
            tables,
            self._intent_of(message),
            confidence_bin(_confidence(message), self.domain),
            tables.heard_block,
        )

    def _intent_of(self, message: UserUttered) -> int:
        return self._intent.get(self.domain.intent_of(message.intent) or "", 0)

    def _hear_search(self, message: UserUttered) -> None:
        row, tables = self._row, self._tables
        others = entity_values(message.alternatives)
        for index, code in enumerate(self._codes):
            row[tables.heard + index] = code.encode(self._filled.get(code.slot.name))
            row[tables.others + index] = code.encode(others.get(code.slot.entity or ""))
        asked = [entity.value for entity in message.entities if entity.name == ATTRIBUTE]
        row[HEARD_ATTRIBUTES] = sum(
            1 << bit for bit, name in enumerate(rules.attribute_columns(self.domain)) if name in asked
        )
        score = round(100 * _confidence(message))
        rivals = [round(100 * one.confidence) for one in message.alternatives if one.confidence is not None]
        rival = rivals[0] if rivals else rules.rival_score(score)
        rules.hear_search(row, tables, self._intent_of(message), score, min(rival, 100 - score))
        # The likelier value of a slot may be one that was heard as the second one.
        for index, code in enumerate(self._codes):
            believed = row[tables.values + index]
            if code.slot.is_constraint and code.encode(self.slots[code.slot.name]) != believed:
                self.slots[code.slot.name] = code.decode(believed)

    def _did(self, name: str) -> None:
        is_known = name not in self._action and name in known_actions(self.domain)
        index = 0 if is_known else self._index(name)  # an unknown one changes nothing
        self._before_form = (list(self._row), self.last_action) if name in self._forms else None
        self.last_action = name
        if name == self.loop.name:
            self._enter(dataclasses.replace(self.loop, is_unanswered=False, is_rejected=False))
        if is_known:
            self._filled = {}  # no observation shows it
            return
        if name != LISTEN:
            self._filled = {}
        if index == RESTARTING:
            self._forget()
            self._has_restarted = True  # a Rasa tracker says it twice
        can_serve = self._tables.is_search and rules.allowed(self._row, self._tables, index)
        rules.did(self._row, self._tables, index)
        if can_serve:
            rules.serve(self._row, self._tables, index)

    def _set_slot(self, event: SlotSet) -> None:
        if event.name == REQUESTED_SLOT:
            requested = event.value if isinstance(event.value, str) else None  # a tracker may have anything
            self._enter(dataclasses.replace(self.loop, requested_slot=requested))
            if event.name not in self._slot:
                return
        if self._tables.is_search and event.name == self._venues.name:
            self._offer(event.value)
            return
        if event.name not in self._slot:
            valid = nearest(event.name, self._slot)
            raise DomainError(f"{self.domain.name}: unknown slot {quoted(event.name)}; {valid}")
        index = self._slot[event.name]
        code = self._codes[index]
        value = named_value(code.slot) if event.is_named_only else stored_value(code.slot, event.value)
        self.slots[event.name] = value
        if event.name != REQUESTED_SLOT:
            self.extracted[event.name] = value
        self._filled.pop(event.name, None)
        if self._tables.is_search:
            rules.store(self._row, self._tables, index, code.encode(value), CERTAIN_SCORE)
        else:
            rules.set_slot(self._row, self._tables, index, code.encode(value), HIGH)

    @property
    def _venues(self) -> Database:
        assert self.domain.database is not None
        return self.domain.database

    def _offer(self, name: Value) -> None:
        """Take note of the venue that is on offer, or that there is none (None)."""
        venue = None if name is None else self._venues.venue(str(name))
        if name is not None and venue is None:
            valid = nearest(str(name), list(self._venues.names))
            raise DomainError(f"{self.domain.name}: unknown {self._venues.name} {quoted(str(name))}; {valid}")
        self._row[self._tables.search + ON_OFFER] = 0 if venue is None else venue + 1

    @property
    def venue(self) -> dict[str, str | None]:
        """The venue on offer, its cells by column; empty if there is none."""
        return venue_on_offer(self._row, self._tables, self.domain)

    @property
    def search(self) -> SearchState | None:
        """The search as the bot knows it; None if the users of the domain do not search."""
        return search_state(self._row, self._tables, self.domain)

    def service(self, action: str) -> Service | None:
        """Return the service of an action to a user who searches, if it were done now; else None."""
        if not self._tables.is_search or not self.is_possible(action):
            return None
        return service_of(self._row, self._tables, self.domain, action)

    @property
    def observation(self) -> npt.NDArray[Any]:
        """The environment's observation, shape (components,)."""
        return np.array(self._row[: self._fields], dtype=self._dtype)

    @property
    def row(self) -> list[int]:
        """The bot's half of a row: the observation, and the code of each slot's value."""
        return self._row[self._tables.start_block]

    def _index(self, action: str) -> int:
        if action not in self._action:
            valid = nearest(str(action), self._action)
            raise DomainError(f"{self.domain.name}: unknown action {quoted(str(action))}; {valid}")
        return self._action[action]

    def is_possible(self, action: str) -> bool:
        """Return whether the precondition of an action holds; that of one of Rasa's own always does.

        Raises:
            DomainError: there is no such action.
        """
        if action not in self._action and action in known_actions(self.domain):
            return True
        return rules.allowed(self._row, self._tables, self._index(action))

    def action_mask(self, actions: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Return whether the precondition of each action holds, shape `(actions,)`; see `is_possible`."""
        out = [1] * self._tables.actions
        rules.mask(self._tables, rules.blocked(self._row, self._tables), out)
        places = (self._action.get(name) for name in actions)
        holds = [
            self.is_possible(name) if place is None else out[place]
            for name, place in zip(actions, places, strict=True)
        ]
        return np.array(holds, dtype=np.bool_)
