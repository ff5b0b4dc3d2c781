"""Users who search, as they are met: the chance that a venue meets their goal, and draws of their habits."""

from __future__ import annotations

import dataclasses
import functools
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from dialogue_gym import rules
from dialogue_gym._text import counted
from dialogue_gym.bounds.easier_dialogue import LEVELS
from dialogue_gym.bounds.enumeration import Chance, TooLarge
from dialogue_gym.rules import (
    Tables,
)
from dialogue_gym.rules.search import find_venues
from dialogue_gym.rules.search_user import draw_goal
from dialogue_gym.rules.tables import (
    Row,
)

MAX_GOALS = 1_000_000
"""Paths through the draws of a goal: some ten seconds."""


def is_met_by_venues(row: Sequence[int], tables: Tables) -> bool:
    """Return whether a venue meets all constraints of the user."""
    told: Row = list(row)
    for slot in tables.constraints:
        told[tables.values + slot] = row[tables.goal + slot]
    find_venues(told, tables)
    return told[tables.matches] > 0


def met_chance(tables: Tables) -> float:
    """Return the chance that a venue meets all constraints of a user.

    Raises:
        TooLarge: users have too many different goals.
    """
    row = [0] * tables.size
    chance = Chance(tables)

    def draw_one(tables: Tables) -> int:
        row[tables.user_block] = tables.no_user
        draw_goal(row, tables, chance.draw)
        return 0

    of_one_venue = functools.partial(draw_one, dataclasses.replace(tables, venues=1))
    goals = tables.venues * sum(1 for _ in chance.outcomes(of_one_venue))
    if goals > MAX_GOALS:
        raise TooLarge(f"about {counted(goals, 'draw')} of a goal: users are too many for an exact bound")
    found: dict[tuple[int, ...], float] = defaultdict(float)
    for share, _ in chance.outcomes(functools.partial(draw_one, tables), 2 * MAX_GOALS):
        found[tuple(row)] += share
    return sum(share for goal, share in found.items() if is_met_by_venues(goal, tables))


class HabitChance(Chance):
    """A source of chance for a new user that takes levels of behaviour with the same chance as one."""

    def __init__(self, tables: Tables) -> None:
        """Find out which levels of a figure are alike in all personas."""
        super().__init__(tables)
        self._figures = len(tables.levels[0]) // LEVELS
        for figure in range(self._figures):
            levels: dict[tuple[Any, ...], list[int]] = defaultdict(list)
            for level in range(LEVELS):
                numbers = [persona[figure * LEVELS + level] for persona in tables.levels]
                levels[tuple(tables.chances[number - rules.UNIFORM] for number in numbers)].append(level)
            self._options[-1 - figure] = [(some[0], len(some) / LEVELS) for some in levels.values()]

    def draw(self, row: Row, tables: Tables, table: int) -> int:
        """Return the outcome on the current path. Levels are drawn in order, from the first figure on."""
        drawn = sum(1 for level in row[tables.behaviour : tables.behaviour + self._figures] if level)
        if table == LEVELS and drawn < self._figures:
            table = -1 - drawn
        return super().draw(row, tables, table)
