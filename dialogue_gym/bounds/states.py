"""States of the user's half: the parts of rows that affect the future, for a policy that sees all of them.

Observations are left out, apart from fields that preconditions read, and actions that the rules treat alike
count as one. Exchangeable slots are put in order on request: the values of states stay the same, but their
actions are then those of the slots in order.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from dialogue_gym.bounds.enumeration import Enumeration, RowKey
from dialogue_gym.bounds.exchange import Exchange
from dialogue_gym.rules import AWAITED, MISTAKEN, PATIENCE, UNHEARD

_CERTAIN = 1
"""Index of the table of chances that has a single outcome."""


class States:
    """The states of a dialogue, and its distinct actions."""

    def __init__(self, enumeration: Enumeration, *, exchanges: bool = False) -> None:
        """Find out which parts of a row matter.

        Args:
            enumeration: the dialogue.
            exchanges: give rows that differ by an exchange of alike slots the same state.
        """
        tables = enumeration.tables
        slot_fields = {at for at in tables.slot_at if at >= 0}
        self._read = sorted(set(tables.clause_field) - slot_fields)
        if not self._read:  # confidence, and which wrong intent the bot understood, then make no difference
            tables = dataclasses.replace(
                tables, right_chance=_CERTAIN, wrong_chance=_CERTAIN, intents=min(tables.intents, 2)
            )
        self.enumeration = Enumeration(enumeration.domain, tables, reads_labels=False)
        self._exchange = Exchange(tables) if exchanges else None
        self._same: dict[int, int] = {0: 0, MISTAKEN: MISTAKEN}
        self.actions = self._distinct_actions()
        """One action of each kind; the rules treat all actions of a kind alike."""

    def _distinct_actions(self) -> list[int]:
        tables = self.enumeration.tables
        kinds: dict[Any, int] = {}
        for action in range(self.enumeration.first_action, tables.actions):
            answers = tuple(answered[action] for answered in tables.item_answers)
            kind: tuple[Any, ...] = (
                tables.speaks[action],
                tables.reaction[action],
                tables.about[action],
                tables.effects[action],
                tables.precondition[action],
                tables.action_reward[action],
                answers,
                action <= 1,
                action if self._read else None,  # a precondition may depend on the last action
            )
            self._same[action] = kinds.setdefault(kind, action)
        return sorted(kinds.values())

    def kind(self, action: int) -> int:
        """Return the index in `actions` of the action that represents the kind of an action."""
        return self.actions.index(self._same[action])

    def state(self, key: RowKey) -> RowKey:
        """Return the state of a row, without its counters of patience and of unheard actions."""
        tables = self.enumeration.tables
        row = list(self.enumeration.key(list(key)))
        read = [row[index] for index in self._read]
        row[: tables.values] = [0] * tables.values
        for index, code in zip(self._read, read, strict=True):
            row[index] = code
        for slot, at in enumerate(tables.slot_at):
            if at >= 0:
                row[at] = tables.seen[slot][row[tables.values + slot]]
        row[PATIENCE] = 0
        row[UNHEARD] = 0
        if self._exchange:
            row = self._exchange.moved(row, AWAITED)
        row[AWAITED] = self._same[row[AWAITED]]
        return tuple(row)
