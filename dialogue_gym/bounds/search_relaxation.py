"""An upper bound where users search a database: the optimum of a dialogue that is easier in every way.

In the easier dialogue the bot is told all constraints before it begins, hears every message as it was meant,
and may do any action at any time. Users never lose patience, and do not change their mind about a constraint.
The database has two venues, and both will do; if no venue meets the user's constraints at first, the user has
one constraint that neither venue meets, until the bot says so. The bot still has to offer, for a user may
refuse the first venue for another one, and to answer: each user has the wishes, and the habits of asking for
them and of leaving, that the domain gives them. It may also stop at any time, for nothing.

No policy has a larger mean return in the real dialogue, with or without noise, with one restriction on
rewards (below). For the easier bot can play a real dialogue in its head, with the same chances, and do only
those of the policy's steps that count:

- The user chooses a venue when one is offered that fits. The first such venue is refused with the chance
  `wants_other`; and with the chance `changes` a constraint is changed, so that the venue is refused as well.
  The easier user only refuses: the real one does not change a constraint that the bot has no value for, and
  no policy gains by a refusal. After it, the easier bot has a venue that fits at hand; the real one needs at
  least one more offer too.
- Where no venue fits, the user must give up or change a constraint before they can choose, and does so only
  in answer to an offer without a venue. The easier user does the same, and then any venue fits.
- Wishes are met by an answer after the user has asked. Whoever leaves the chosen venue for another one has to
  answer everything again, so a policy never gains by that. Noise replaces attributes in a message or takes
  them away; it adds none, so the bot never knows of more requests than were made in as many messages, and an
  answer brings one new message at least as soon as a question would.
- A further wish, thanks and goodbyes have the same chances in both.
- All other steps, among them every useless one, change none of this. The easier bot leaves them out.

So at any time the easier bot has met as many wishes in no more steps. It loses nothing so long as no step
without success has a positive reward, a failure, a useless turn or an invalid action adds nothing, and
listening has no price of its own. If a domain or a setting has other rewards, the bound is only the largest
return that they allow.

Since noise, patience and the constraints themselves do not matter, neither do the settings
`semantic_error_rate`, `patience` and `correction_rate`. The rules are those of the library, on tables with
the smaller database. Users are enumerated, or drawn where their goals are too many: then the mean over those
drawn estimates the bound, with an interval.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from dialogue_gym import rules
from dialogue_gym.bounds.easier_dialogue import HABITS, LEVELS, easier_tables, is_hasty, largest_return
from dialogue_gym.bounds.interval import SampledBound
from dialogue_gym.bounds.search_goals import HabitChance, is_met_by_venues, met_chance
from dialogue_gym.bounds.search_graph import Floats, SearchGraph
from dialogue_gym.rules import (
    CERTAIN,
    RANDOM,
    Tables,
)
from dialogue_gym.rules.tables import (
    CHANGES,
    GIVEN,
    UNHEARD,
    WISHES,
)

USERS = 10_000
FEWEST_USERS = 100
"""They are drawn even if the time is over."""
_NUMBERS = 1_000_000
"""Numbers in an array of paths by kinds of users."""
_User = tuple[tuple[int, ...], int, int]
"""Habits, wishes above the fewest, and whether a venue meets the constraints."""


class Relaxation:
    """The easier dialogue, and the best mean return in it.

    Its graph is the same for all users: rows, and what follows from them. A user's habits only give the
    chances.
    """

    def __init__(self, tables: Tables) -> None:
        """Make the tables of the easier dialogue from those of a real one with users who search."""
        self._real = tables
        self.tables = easier_tables(tables)
        fewest = tables.fewest_wishes
        self._wishes = range(fewest, fewest + tables.wish_counts)
        self._tables_of_values: dict[tuple[int, ...], Floats] = {}

    @functools.cached_property
    def _graph(self) -> SearchGraph:
        return SearchGraph(self.tables, self._wishes)

    def values(self, behaviours: Sequence[Sequence[int]]) -> Floats:
        """Return the best mean returns of users, from the beginning of a dialogue.

        Args:
            behaviours: for each kind of user the tables of chances, by figure of behaviour.

        Returns:
            Shape `(kinds, numbers of wishes, 2)`; the last axis is 0 if no venue meets the constraints.
        """
        chances = np.array(
            [
                [1 - self.tables.chances[behaviour[figure] - rules.UNIFORM][0] / CERTAIN for figure in HABITS]
                for behaviour in behaviours
            ]
        )
        size = max(1, _NUMBERS // self._graph.paths)
        parts = [chances[start : start + size] for start in range(0, len(chances), size)]
        return np.concatenate([self._graph.values(part.T, self.tables.step_limit) for part in parts])

    def _chances(self, behaviours: Sequence[Sequence[int]]) -> Floats:
        certain = [each[0] / CERTAIN for each in self.tables.chances]
        return np.array(
            [[1 - certain[behaviour[habit] - rules.UNIFORM] for habit in HABITS] for behaviour in behaviours]
        )

    def exact(self) -> float:
        """Return the mean over all users.

        Raises:
            TooLarge: users have too many different goals.
        """
        if not is_hasty(self._real):
            return largest_return(self._real)
        met = met_chance(self._real)
        tables = dataclasses.replace(self.tables, venues=1)  # the first one to be offered makes no difference
        row = [0] * tables.size
        chance = HabitChance(tables)

        def meet() -> int:
            rules.meet(row, tables, chance.draw)
            return 0

        users: dict[_User, float] = defaultdict(float)
        for share, _ in chance.outcomes(meet):
            users[self._user(row, is_met=True)] += share * met
            users[self._user(row, is_met=False)] += share * (1 - met)
        return float(np.dot(list(users.values()), self._of_users(list(users))))

    def sample(self, users: int = USERS, seconds: float = 20.0, seed: int = 0) -> SampledBound:
        """Return the mean over users who are drawn, at most so many and in so many seconds."""
        if not is_hasty(self._real):
            return SampledBound.of([largest_return(self._real)] * 2, "users")
        start = time.monotonic()
        drawn: list[_User] = []
        row = [0] * self._real.size
        while len(drawn) < users and (len(drawn) < FEWEST_USERS or time.monotonic() - start < seconds):
            row[RANDOM] = rules.mix(rules.mix(seed) + len(drawn))
            rules.meet(row, self._real, rules.draw)
            drawn.append(self._user(row, is_met=is_met_by_venues(row, self._real)))
        return SampledBound.of(self._of_users(drawn).tolist(), "users")

    def of_row(self, row: Sequence[int]) -> float:
        """Return a bound of the return with the user in a row of the real dialogue, who has just been met."""
        if not is_hasty(self._real):
            return largest_return(self._real)
        return float(self._of_users([self._user(row, is_met=is_met_by_venues(row, self._real))])[0])

    def of_key(self, row: Sequence[int], *, is_met: bool, is_known: bool = False) -> float:
        """Return a bound of the return from any row of the real dialogue on, where `is_hasty` holds.

        Args:
            row: the row.
            is_met: whether a venue meets all constraints.
            is_known: whether the bot has a value for a constraint when it offers a venue that fits. Then the
                user changes a constraint with the chance that the domain gives.
        """
        behaviour, _, _ = self._user(row, is_met=is_met)
        values = self._values_of(behaviour, row[self.tables.behaviour + CHANGES] if is_known else 0)
        in_turn = row[UNHEARD] or row[self.tables.search + GIVEN]
        number = None if in_turn else self._graph.number(row, self._real, is_met=is_met)
        return float(values.max() if number is None else values[number])

    def _values_of(self, behaviour: tuple[int, ...], changes: int = 0) -> Floats:
        """Return the values of all rows with a user of these habits who changes a constraint as given."""
        key = (*behaviour, changes)
        if key not in self._tables_of_values:
            chances = self._chances([behaviour])
            if changes:  # a change takes one more offer at least, as a refusal does
                certain = self.tables.chances[changes - rules.UNIFORM][0] / CERTAIN
                chances[0, 0] = 1 - (1 - chances[0, 0]) * certain
            found = self._graph.all_values(chances.T, self.tables.step_limit)[:, 0]
            self._tables_of_values[key] = found
        return self._tables_of_values[key]

    def _user(self, row: Sequence[int], *, is_met: bool) -> _User:
        figures = len(self.tables.levels[0]) // LEVELS
        at = self.tables.behaviour
        behaviour = tuple(
            level if place in HABITS else 0 for place, level in enumerate(row[at : at + figures])
        )
        return behaviour, row[WISHES].bit_count() - self._wishes[0], int(is_met)

    def _of_users(self, users: list[_User]) -> Floats:
        kinds = {behaviour: number for number, behaviour in enumerate({user[0]: None for user in users})}
        found = self.values(list(kinds))
        result: Floats = found[
            [kinds[behaviour] for behaviour, _, _ in users],
            [wishes for _, wishes, _ in users],
            [is_met for _, _, is_met in users],
        ]
        return result
