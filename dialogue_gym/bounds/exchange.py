"""Exchangeable slots: the rules treat them alike, so rows that differ by an exchange are equivalent.

Two slots are exchangeable if swapping them, together with the actions that concern them, changes no table
of the rules. The rules read slots through these tables alone, in loops whose draws are uniform over slots. So
the swap is a symmetry of the whole dialogue: it maps each row to one with the same future.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dialogue_gym.rules import LISTENING, MISTAKEN, RESTARTING, Tables

Kind = tuple[Any, ...]


class Exchange:
    """The exchangeable slots of a domain, and the actions that go with them."""

    def __init__(self, tables: Tables) -> None:
        """Find the classes of exchangeable slots.

        There are none if preconditions read observations other than the labels of slots: these can tell
        slots apart.
        """
        self._tables = tables
        self._slot_of_field = {at: slot for slot, at in enumerate(tables.slot_at) if at >= 0}
        self._kinds: dict[Kind, int] = {}
        self.classes: list[list[int]] = []
        if not set(tables.clause_field) <= set(self._slot_of_field):
            return
        for action in range(tables.actions):
            self._kinds.setdefault(self._kind(action, lambda slot: slot), action)
        for slot in range(tables.slots):
            for others in self.classes:
                if self._are_alike(others[0], slot):
                    others.append(slot)
                    break
            else:
                self.classes.append([slot])
        self.classes = [slots for slots in self.classes if len(slots) > 1]

    def _are_alike(self, one: int, other: int) -> bool:
        tables = self._tables
        by_slot = (
            tables.goal_size,
            tables.goal_draw,
            tables.seen,
            [at >= 0 for at in tables.slot_at],
            tables.start[tables.values :],
            *tables.item_tells,
        )
        if any(table[one] != table[other] for table in by_slot):
            return False
        swapped = {one: other, other: one}
        kinds = (self._kind(action, lambda slot: swapped.get(slot, slot)) for action in range(tables.actions))
        return all(kind in self._kinds for kind in kinds)

    def _kind(self, action: int, moved: Callable[[int], int]) -> Kind:
        """Return all that the rules know of an action once its slots have moved."""
        tables = self._tables
        about = tables.about[action]
        needs: dict[Any, int] = {}
        bit = tables.precondition[action]
        for field, blocks in zip(tables.clause_field, tables.clause_blocks, strict=True):
            labels = tuple(bool(of_label & bit) for of_label in blocks)
            if any(labels):
                place = moved(self._slot_of_field[field]), labels
                needs[place] = needs.get(place, 0) + 1
        return (
            action if action in (LISTENING, RESTARTING) else None,
            tables.speaks[action],
            tables.reaction[action],
            moved(about) if about >= 0 else about,
            tuple(
                (moved(tables.effect_slot[effect]), tables.effect_value[effect])
                for effect in sorted(tables.effects[action], key=lambda one: moved(tables.effect_slot[one]))
            ),
            frozenset(needs),
            tables.action_reward[action],
            tuple(answers[action] for answers in tables.item_answers),
        )

    def moved(self, row: list[int], awaited: int) -> list[int]:
        """Return the equivalent row in which the slots of each class are in order.

        Args:
            row: a row, which is changed; its observation has nothing but the labels of slots.
            awaited: the place in the row of the action that the user will answer.
        """
        if not self.classes:
            return row
        tables = self._tables
        action = row[awaited]
        is_plain = action in (LISTENING, RESTARTING, MISTAKEN)
        about = -1 if is_plain else tables.about[action]
        target: dict[int, int] = {}
        blocks = (tables.values, tables.goal, tables.opening)
        for slots in self.classes:
            contents = [(slot == about, *(row[block + slot] for block in blocks)) for slot in slots]
            order = sorted(range(len(slots)), key=contents.__getitem__)
            if order == sorted(order):
                continue
            labels = [row[tables.slot_at[slot]] if tables.slot_at[slot] >= 0 else 0 for slot in slots]
            for slot, source in zip(slots, order, strict=True):
                target[slots[source]] = slot
                for block, content in zip(blocks, contents[source][1:], strict=True):
                    row[block + slot] = content
                if tables.slot_at[slot] >= 0:
                    row[tables.slot_at[slot]] = labels[source]
        if target and not is_plain:
            row[awaited] = self._kinds[self._kind(action, lambda slot: target.get(slot, slot))]
        return row
