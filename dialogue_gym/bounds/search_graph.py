"""The graph of the easier dialogue with users who search: its rows, their successors and their values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from dialogue_gym import rules
from dialogue_gym.bounds.easier_dialogue import ANY, HABITS, UNMET, counts_after, distinct_actions, told_row
from dialogue_gym.bounds.enumeration import MAX_PATHS, Chance, RowKey
from dialogue_gym.bounds.search_rows import SearchRows
from dialogue_gym.rules import (
    AWAITED,
    CERTAIN,
    PATIENCE,
    SUCCESS,
    TURN,
    Tables,
)
from dialogue_gym.rules.tables import (
    ACCEPTED,
    ASKED,
    CHOSEN,
    CONFIRMED,
    FIRST_VENUE,
    IS_FIRST,
    MAY_WISH,
    ON_OFFER,
    OTHER_WANTED,
    RETOLD,
    TOLD,
    UNHEARD,
    UNTOLD,
    WANTED,
    WISHES,
    Row,
)

_TOLERANCE = 1e-10
Floats = npt.NDArray[np.float64]


class SearchGraph:
    """The rows of the easier dialogue and their successors, for users of any habits."""

    def __init__(self, tables: Tables, wishes: Sequence[int]) -> None:
        """Enumerate the rows that a dialogue can reach with users of so many wishes."""
        first = rules.UNIFORM + len(tables.chances)
        even = (CERTAIN // 2, CERTAIN)  # stands in for a chance that the graph leaves open
        tables = dataclasses.replace(tables, chances=(*tables.chances, *[even] * len(HABITS)))
        chance = _CountingChance(tables, first)
        actions = distinct_actions(tables)
        ignored = PATIENCE, UNHEARD, TOLD, RETOLD, CONFIRMED, UNTOLD, FIRST_VENUE
        rows = SearchRows(tables, actions, ignored, chance)
        self._tables, self._rows, self._first = tables, rows, first
        self._numbers = numbers = dict[RowKey, int]()
        for count in wishes:
            for code in (UNMET, ANY):
                numbers[rows.key(self._start((1 << count) - 1, code))] = len(numbers)
        self._starts = (len(wishes), 2)
        todo = list(numbers)
        shares: list[float] = []
        counts: list[tuple[int, ...]] = []
        rewards: list[float] = []
        following: list[int] = []
        pairs: list[int] = []
        first_pairs: list[int] = []
        for key in todo:  # it grows
            first_pairs.append(len(pairs))
            for action in actions:
                if not counts_after(tables, key[AWAITED], action):
                    continue
                pairs.append(len(shares))
                for share, events, after in rows.paths(key, action):
                    counts.append(tuple(chance.counts))
                    shares.append(share * 2 ** sum(chance.counts))
                    reward = tables.event_reward[events & (SUCCESS | TURN)] + tables.action_reward[action]
                    rewards.append(reward)
                    if events & SUCCESS:
                        following.append(-1)
                        continue
                    if after not in numbers:
                        numbers[after] = len(numbers)
                        todo.append(after)
                    following.append(numbers[after])
        self._shares, self._counts, self._pairs = np.array(shares), np.array(counts), np.array(pairs)
        self._rewards, self._following = np.array(rewards), np.array(following)
        self._first_pairs = np.array(first_pairs)
        self.paths = len(shares)

    def _start(self, wishes: int, code: int) -> list[int]:
        """Return the row of a user who has just been met."""
        tables = self._tables
        row = told_row(tables, code)
        row[tables.goal + tables.constraints[0]] = code
        for place, figure in enumerate(HABITS):
            row[tables.behaviour + figure] = self._first + place
        row[WISHES] = row[WANTED] = wishes
        row[IS_FIRST] = row[MAY_WISH] = 1
        return row

    def values(self, chances: Floats, steps: int) -> Floats:
        """Return the best mean returns from the beginning on, shape `(kinds, numbers of wishes, 2)`.

        The arguments are those of `all_values`.
        """
        return self.all_values(chances, steps)[: np.prod(self._starts)].T.reshape(-1, *self._starts)

    def number(self, row: Sequence[int], real: Tables, *, is_met: bool) -> int | None:
        """Return the number of a row of the easier dialogue that is at least as good as a real one.

        None if there is none at hand.
        """
        tables = self._tables
        like = self._start(row[WISHES], ANY if is_met else UNMET)
        like[MAY_WISH] = row[MAY_WISH]
        if row[CHOSEN]:
            like[CHOSEN] = like[tables.search + ON_OFFER] = 1
            like[tables.offer] = ACCEPTED
            like[IS_FIRST] = 0
            like[WANTED] = row[WANTED]
            like[tables.search + ASKED] = row[real.search + ASKED]
        elif row[IS_FIRST] == 0:
            like[IS_FIRST] = 0
            like[tables.search + ON_OFFER] = 1
            like[tables.offer] = OTHER_WANTED
            like[tables.refused] = like[tables.turned_down] = 1
        return self._numbers.get(self._rows.key(like))

    def all_values(self, chances: Floats, steps: int) -> Floats:
        """Return the best mean returns within so many steps, from every row on.

        Args:
            chances: those of the habits, shape `(habits, kinds of users)`.
            steps: the most steps of a dialogue.

        Returns:
            Shape `(rows, kinds)`.
        """
        weights = np.repeat(self._shares[:, None], chances.shape[1], 1)
        for habit, chance in enumerate(chances):
            weights *= (1 - chance) ** self._counts[:, 2 * habit, None]
            weights *= chance ** self._counts[:, 2 * habit + 1, None]
        values: Floats = np.zeros((len(self._first_pairs) + 1, chances.shape[1]))  # the last one: the end
        for _ in range(steps):
            paths = weights * (self._rewards[:, None] + values[self._following])
            best = np.maximum.reduceat(np.add.reduceat(paths, self._pairs), self._first_pairs)
            before = values[:-1].copy()
            values[:-1] = np.maximum(best, 0.0)  # the bot may stop
            if np.abs(values[:-1] - before).max() < _TOLERANCE:
                break
        return values[:-1]


class _CountingChance(Chance):
    """A source of chance that counts the outcomes of draws on habits, two for each."""

    def __init__(self, tables: Tables, first: int) -> None:
        """Count draws from the tables from `first` on."""
        super().__init__(tables)
        self._first = first
        self.counts = [0] * (2 * len(HABITS))

    def outcomes(self, run: Callable[[], int], most: int = MAX_PATHS) -> Iterator[tuple[float, int]]:
        """Call `run` once for every path through its draws, each with counts of its own."""

        def counted() -> int:
            self.counts = [0] * len(self.counts)
            return run()

        return super().outcomes(counted, most)

    def draw(self, row: Row, tables: Tables, table: int) -> int:
        """Return the outcome on the current path."""
        outcome = super().draw(row, tables, table)
        if table >= self._first:
            self.counts[2 * (table - self._first) + outcome] += 1
        return outcome
