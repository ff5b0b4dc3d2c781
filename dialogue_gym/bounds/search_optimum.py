"""The optimum where users search a database, for a bot that sees the user's half of the row.

Such a bot still acts by the rules: it must ask for constraints, since the search runs on what it was told.
Without noise, its optimum lies between the best policy on observations and the bound of the easier dialogue.

The optimum is exact with each user: expected values over every outcome of the rules, and the best action in
every row, within the step limit. Actions are tried in the order of an upper bound, the easier dialogue's from
where they lead, and those whose bound is not above the best one so far are left out. Users are drawn, so
their mean has an interval.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from dialogue_gym import rules
from dialogue_gym.bounds.easier_dialogue import is_hasty, largest_return
from dialogue_gym.bounds.enumeration import RowKey, TooLarge, tables_of
from dialogue_gym.bounds.interval import SampledBound
from dialogue_gym.bounds.search_greedy import Greedy
from dialogue_gym.bounds.search_relaxation import Relaxation
from dialogue_gym.bounds.search_rows import SearchRows
from dialogue_gym.envs.settings import whole_number
from dialogue_gym.rules import CERTAIN, FAILURE, RANDOM, SUCCESS, TRUNCATED, UNHEARD, UNIFORM, Tables
from dialogue_gym.rules.tables import (
    ALTERNATIVE,
    ANSWER,
    BYE,
    CHOSEN,
    COMBINE,
    FIRST_VENUE,
    IS_FIRST,
    OFFER,
    RELAX,
    REQUEST,
    WORD,
)

MOST_STEPS = 3_000
"""Steps of the rules with one user, after which they are too many."""
_CLOSE = 1e-10
_SELDOM = 1e-2
_NEGLIGIBLE = (1e-3, 1e-2, 3e-2, 0.1, 1.0)
_FIRST = (ANSWER, OFFER, BYE, ALTERNATIVE, REQUEST)
"""Acts that are tried first."""
_Path = tuple[float, float, RowKey | None]
"""A chance, the reward and the next row, if the dialogue goes on."""


class SearchOptimum:
    """The best mean return with a user who searches, for a bot that sees everything."""

    def __init__(self, tables: Tables, most_steps: int = MOST_STEPS, negligible: float = 0.0) -> None:
        """Prepare the computation.

        Args:
            tables: the tables of users who search, without noise.
            most_steps: the largest number of steps of the rules with one user.
            negligible: rows that are reached with a smaller chance count with their upper bound. Then the
                result is an upper bound of the optimum, and a close one.

        Raises:
            ValueError: users do not search, or are misheard.
        """
        self.tables = tables
        if not tables.is_search or tables.is_noisy:
            raise ValueError("the optimum is found for users who search a database, without noise")
        actions = range(1 if tables.is_auto else 0, tables.actions)
        self._actions = sorted(
            actions,
            key=lambda action: (
                _FIRST.index(tables.reaction[action]) if tables.reaction[action] in _FIRST else len(_FIRST)
            ),
        )
        self._rows = SearchRows(tables, self._actions)
        self._guide = Guide(tables)
        self._is_hasty = is_hasty(tables)
        self._largest = largest_return(tables)
        self._worst = min(tables.event_reward) + min(tables.action_reward)
        self._most_steps, self._negligible = most_steps, negligible
        self._values: dict[tuple[RowKey, int], float] = {}
        self._upper: dict[tuple[RowKey, int], float] = {}
        self._floors: dict[tuple[RowKey, int], float] = {}
        self._greedy = Greedy(tables)
        self._most: dict[RowKey, float] = {}

    def of_user(self, row: Sequence[int]) -> float:
        """Return the optimum with the user in a row, who has just been met.

        Raises:
            TooLarge: there are too many steps.
        """
        self._rows.forget()
        self._values.clear()
        self._upper.clear()
        self._floors.clear()
        self._most.clear()
        openings = self._rows.openings(row)
        return sum(
            chance * self.value(key, self.tables.step_limit, chance) for key, chance in openings.items()
        )

    def value(self, key: RowKey, left: int, reached: float = 1.0, alpha: float = -np.inf) -> float:
        """Return the optimum from a row on, if it is above `alpha`; else an upper bound that is not.

        Args:
            key: the row.
            left: the steps that are left.
            reached: the chance to reach the row.
            alpha: values up to this one make no difference to the caller.
        """
        known = self._values.get((key, left))
        if known is not None:
            return known
        most_here = min(self._most_of(key), self._upper.get((key, left), np.inf))
        if reached < self._negligible or most_here <= alpha:
            return most_here
        best = self._floor(key, left)
        options: list[tuple[float, list[_Path]]] = []
        for action in self._actions:
            most, paths = self._option(key, action, left)
            if most < most_here - _CLOSE:
                options.append((most, paths))
                continue
            best = max(best, self._mean(paths, most, left, reached, max(best, alpha)))
            if best >= most_here - _CLOSE:
                break
        else:
            for most, paths in sorted(options, key=lambda option: -option[0]):
                if most <= max(best, alpha) + _CLOSE:
                    best = max(best, most) if best <= alpha else best
                    break
                best = max(best, self._mean(paths, most, left, reached, max(best, alpha)))
        if best > alpha:
            self._values[key, left] = best
        else:
            self._upper[key, left] = best
        return best

    def _mean(self, paths: list[_Path], most: float, left: int, reached: float, alpha: float) -> float:
        """Return the expected value of an action if it is above `alpha`, else an upper bound that is not."""
        for chance, _, row in paths:
            if row is None:
                continue
            own = self._most_of(row)
            enough = own - (most - alpha) / chance  # with less, the action cannot be worth more than alpha
            most -= chance * (own - self.value(row, left - 1, reached * chance, enough))
            if most <= alpha:
                break
        return most

    def _floor(self, key: RowKey, left: int, reached: float = 1.0) -> float:
        """Return the greedy policy's value, with the worst reward in rows that it seldom reaches.

        The optimum is not below it.
        """
        if reached < _SELDOM:
            return min(0.0, self._worst * left)
        if (key, left) not in self._floors:
            _, paths = self._option(key, self._greedy.action(key), left)
            self._floors[key, left] = sum(
                chance * (reward + (0.0 if row is None else self._floor(row, left - 1, reached * chance)))
                for chance, reward, row in paths
            )
        return self._floors[key, left]

    def _option(self, key: RowKey, action: int, left: int) -> tuple[float, list[_Path]]:
        """Return an upper bound of the value of an action, and the paths from it."""
        if self._rows.steps > self._most_steps:
            raise TooLarge(f"more than {self._most_steps:,} steps with one user")
        paths: list[_Path] = []
        most = 0.0
        for chance, events, _, row in self._rows.transitions(key, action):
            if left == 1 and not events & (SUCCESS | FAILURE):
                events |= TRUNCATED
            reward = self.tables.event_reward[events] + self.tables.action_reward[action]
            is_over = events & (SUCCESS | FAILURE | TRUNCATED)
            paths.append((chance, reward, None if is_over else row))
            most += chance * (reward + (0.0 if is_over else self._most_of(row)))
        return most, paths

    def _most_of(self, key: RowKey) -> float:
        """Return an upper bound of the optimum from a row on."""
        if not self._is_hasty:
            return self._largest
        if key not in self._most:
            self._most[key] = self._guide.most(key)
        return self._most[key]


class Guide:
    """Upper bounds of the optimum in a row, from the easier dialogue and the steps before it can begin.

    A bot that has not been told enough must ask, or offer venues in vain, before it can offer one that fits
    (or, if there is none, say so). A message tells one constraint, and each further one with the chance
    `combine`; the guide lets the bot choose which.
    """

    def __init__(self, tables: Tables) -> None:
        """Prepare the bounds."""
        self._tables = tables
        self._relaxation = Relaxation(tables)
        events = (reward for events, reward in enumerate(tables.event_reward) if not events & SUCCESS)
        self._step = max(events) + max(tables.action_reward)
        self._venues = WORD * tables.words
        self._met: dict[tuple[tuple[int, ...], int, float], float] = {}

    def most(self, row: RowKey) -> float:
        """Return an upper bound of the optimum from a row on; rewards must be hasty."""
        tables = self._tables
        if row[CHOSEN] or row[UNHEARD]:
            return self._relaxation.of_key(row, is_met=True)
        wanted = [slot for slot in tables.constraints if row[tables.goal + slot] <= tables.values_of[slot]]
        fitting = self._having((slot, row[tables.goal + slot]) for slot in wanted)
        fitting &= ~self._set(row, tables.refused)
        is_met = fitting != 0
        # Of the easier dialogue's rows, that after a refusal has a venue at hand.
        free = self._relaxation.of_key(row, is_met=is_met or not row[IS_FIRST])
        bound = self._relaxation.of_key(row, is_met=is_met or not row[IS_FIRST], is_known=True)
        if free + self._step > bound:  # what is known might be forgotten in order to avoid a change
            bound = free
        if not is_met:
            further = 1 - self._met_after_change(row)
            further += 0 if row[IS_FIRST] else 1
            free += self._step * further
            bound += self._step * further
        known = {slot: row[tables.values + slot] for slot in tables.constraints if row[tables.values + slot]}
        wrong = [slot for slot in wanted if slot in known and known[slot] != row[tables.goal + slot]]
        turned_down = self._set(row, tables.turned_down)
        open_slots = [
            slot
            for slot in tables.constraints
            if known.get(slot, 0) != row[tables.goal + slot] and (slot in known or slot in wanted)
        ]
        is_known = any(slot in known for slot in wanted)
        combine = 1 - tables.chances[row[tables.behaviour + COMBINE] - UNIFORM][0] / CERTAIN
        values: dict[int, float] = {}
        for told in sorted(range(1 << len(open_slots)), key=int.bit_count, reverse=True):
            new = [slot for place, slot in enumerate(open_slots) if told >> place & 1]
            codes = known | {slot: row[tables.goal + slot] for slot in new}
            found = self._having(codes.items())
            offers = self._vain_offers(found & ~turned_down, fitting, row[FIRST_VENUE])
            offers = max(0, offers - len(wrong))  # an offer in vain may also correct a value that is wrong
            is_free = not is_known and not any(slot in wanted for slot in new)
            value = (free if is_free else bound) + self._step * offers
            left = len(open_slots) - len(new)
            is_wrong = any(slot in wrong for slot in open_slots if slot not in new)
            if left and (offers or is_wrong):
                asked = self._after_question(told, left, combine, values)
                value = asked if is_wrong else max(value, asked)
            values[told] = max(0.0, value)  # the user may also hang up, before more steps are paid for
        return values[0]

    def _met_after_change(self, row: RowKey) -> float:
        """Return the largest chance that a venue fits after a change of one constraint."""
        tables = self._tables
        goal = tuple(row[tables.goal + slot] for slot in tables.constraints)
        refused = self._set(row, tables.refused)
        relax = 1 - tables.chances[row[tables.behaviour + RELAX] - UNIFORM][0] / CERTAIN
        key = goal, refused, relax
        if key not in self._met:
            chances = [0.0]
            for slot, code in zip(tables.constraints, goal, strict=True):
                count = tables.values_of[slot]
                if code <= count:
                    others = [o for o in zip(tables.constraints, goal, strict=True) if o[0] != slot]
                    fitting = self._having(others) & ~refused
                    fits = [
                        self._having([(slot, other)]) & fitting != 0
                        for other in range(1, count + 1)
                        if other != code
                    ]
                    share = sum(fits) / len(fits) if fits else 0.0
                    kept = relax if fits else 1.0
                    chances.append(kept * (fitting != 0) + (1 - kept) * share)
            self._met[key] = max(chances)
        return self._met[key]

    def _after_question(self, told: int, left: int, combine: float, values: dict[int, float]) -> float:
        """Return the bound after a question: its answer tells one of the slots left, and perhaps more."""
        total = self._step
        for more in range(1, left + 1):
            share = combine ** (more - 1) * (1 if more == left else 1 - combine)
            count = told.bit_count() + more
            total += share * max(
                value
                for other, value in values.items()
                if other & told == told and other.bit_count() == count
            )
        return total

    def _vain_offers(self, found: int, fitting: int, first: int) -> int:
        """Return the number of venues that are offered before one that fits, or before none is left."""
        if not found & fitting:
            return found.bit_count()
        low = (1 << first) - 1
        turned = (found >> first) | (found & low) << (self._venues - first)
        good = (fitting >> first) | (fitting & low) << (self._venues - first)
        good &= turned
        return (turned & ((good & -good) - 1)).bit_count()

    def _having(self, constraints: Iterable[tuple[int, int]]) -> int:
        """Return the set of venues that have these codes of slots."""
        tables = self._tables
        venues = self._set(tables.all_venues, 0)
        for slot, code in constraints:
            venues &= self._set(tables.venues_with, tables.match_at[slot] + code * tables.words)
        return venues

    def _set(self, words: Sequence[int], at: int) -> int:
        """Return a set of venues that lies in words as one number."""
        return sum(words[at + word] << (WORD * word) for word in range(self._tables.words))


def sample_optimum(env: Any, users: int = 100, seconds: float = 600.0, seed: int = 0) -> SampledBound:
    """Estimate the mean optimum over users from above, with an interval, for a bot that sees the user's half.

    Where the steps with a user are too many, more and more of the rows that are seldom reached count with an
    upper bound; `cut_off` is the number of these users. So the result is a bound, and close to the optimum.
    What the users have in common with the easier dialogue is taken from that one, with many more users.

    Args:
        env: a dialogue environment whose users search, without noise; it is not stepped.
        users: the number of users who are drawn, at least 2.
        seconds: time after which no further user is drawn, apart from the first two.
        seed: seed of the users.

    Raises:
        ValueError: users do not search, or are misheard, or fewer than 2 are to be drawn.
        TooLarge: there are too many steps with a user even so.
    """
    users = whole_number("users", users, 2)
    tables = tables_of(env)
    optima = [SearchOptimum(tables, negligible=negligible) for negligible in _NEGLIGIBLE]
    start = time.monotonic()
    relaxation = Relaxation(tables)
    lower: list[float] = []
    cut_off = 0
    row = [0] * tables.size
    while len(lower) < users and (len(lower) < 2 or time.monotonic() - start < seconds):
        row[RANDOM] = rules.mix(rules.mix(seed) + len(lower))
        rules.meet(row, tables, rules.draw)
        value, tried = _first(optima, row)
        lower.append(relaxation.of_row(row) - value)
        cut_off += tried > 1
    easier, gap = relaxation.sample(seed=seed), SampledBound.of(lower)
    mean, half = easier.mean - gap.mean, float(np.hypot(easier.high - easier.mean, gap.high - gap.mean))
    return SampledBound(mean, mean - half, mean + half, len(lower), cut_off, "users")


def _first(optima: Sequence[SearchOptimum], row: Sequence[int]) -> tuple[float, int]:
    """Return the first result that does not take too many steps, and the number of tries."""
    for tries, optimum in enumerate(optima[:-1], 1):
        try:
            return optimum.of_user(row), tries
        except TooLarge:
            continue
    return optima[-1].of_user(row), len(optima)
