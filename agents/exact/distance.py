"""The fewest steps in which a dialogue can succeed, by counting: a guide for searches, never too large.

A goal-driven user is satisfied once the bot has every slot right, and few of them become right in one step:
those that the user tells, one whose wish changes to what the bot has, and those that the action sets. An
agenda-driven user is satisfied at the end of the agenda, which goes on by at most one item a message.
"""

from __future__ import annotations

from collections.abc import Sequence

from dialogue_gym.rules import AGENDA, POSITION, Tables


class Distance:
    """Counts the steps to success from rows of one dialogue."""

    def __init__(self, tables: Tables) -> None:
        """Count the slots of the goal that an action can set, or a restart."""
        self._tables = tables
        self._wanted = [slot for slot in range(tables.slots) if tables.goal_size[slot]]
        by_effects = (
            sum(
                tables.effect_value[effect] > 0 and tables.effect_slot[effect] in self._wanted
                for effect in effects
            )
            for effects in tables.effects
        )
        by_restart = sum(tables.start[tables.values + slot] > 0 for slot in self._wanted)
        self._set = max(by_restart, *by_effects)

    def steps(self, row: Sequence[int], turns: int, changes: Sequence[int]) -> int:
        """Return a number of steps that success takes at least.

        Args:
            row: the row.
            turns: number of the user's messages so far.
            changes: by number of messages, 1 if the user may change a wish before the next one, else 0.
        """
        tables = self._tables
        if tables.is_agenda:
            return tables.agenda_length[row[AGENDA]] - row[POSITION]
        values, goal, opening = tables.values, tables.goal, tables.opening
        left = sum(row[values + slot] != row[goal + slot] for slot in self._wanted)
        told = max(1, sum(row[opening + slot] for slot in self._wanted))
        steps = 1  # the last one, in which the user is satisfied, tells nothing
        left -= self._set + (changes[turns] if turns < len(changes) else 0)
        while left > 0:
            later = turns + steps
            left -= told + self._set + (changes[later] if later < len(changes) else 0)
            steps += 1
        return steps
