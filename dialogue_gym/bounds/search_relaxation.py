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
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym import rules
from dialogue_gym._text import counted
from dialogue_gym.bounds.enumeration import MAX_PATHS, Chance, RowKey, TooLarge
from dialogue_gym.bounds.interval import SampledBound
from dialogue_gym.bounds.search_rows import SearchRows
from dialogue_gym.domain.model import SEARCH_ACTS
from dialogue_gym.rules import (
    AWAITED,
    CERTAIN,
    FAILURE,
    LISTENING,
    PATIENCE,
    RANDOM,
    RESTARTING,
    SUCCESS,
    TURN,
    USELESS,
    Tables,
)
from dialogue_gym.rules.search import find_venues, store
from dialogue_gym.rules.search_user import draw_goal
from dialogue_gym.rules.tables import (
    ACCEPTED,
    ALTERNATIVE,
    ANSWER,
    ASKED,
    ASKS_MORE,
    BYE,
    CERTAIN_SCORE,
    CHANGES,
    CHOSEN,
    CONFIRMED,
    FIRST_VENUE,
    GIVEN,
    INVALID,
    IS_FIRST,
    LEAVES,
    MAY_WISH,
    MORE,
    NEW_WISH,
    OFFER,
    ON_OFFER,
    OTHER_WANTED,
    REPEAT,
    REQUEST,
    RETOLD,
    TOLD,
    UNHEARD,
    UNTOLD,
    WANTED,
    WANTS_OTHER,
    WISHES,
    Row,
)

USERS = 10_000
FEWEST_USERS = 100
"""They are drawn even if the time is over."""
MAX_GOALS = 1_000_000
"""Paths through the draws of a goal: some ten seconds."""
_TOLERANCE = 1e-10
_HABITS = (WANTS_OTHER, ASKS_MORE, LEAVES, NEW_WISH)
"""The figures of behaviour that matter to a bot that knows all constraints."""
_SERVICES = (REQUEST, OFFER, ALTERNATIVE, ANSWER, MORE, BYE)
"""The acts that can count: a question counts once a venue is chosen, since it lets the user go on."""
_LEVELS = 4
_UNMET, _ANY = 1, 2
"""The codes of the only constraint: the value that no venue has, and "does not care"."""
_NUMBERS = 1_000_000
"""Numbers in an array of paths by kinds of users."""
Floats = npt.NDArray[np.float64]
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
        self.tables = _easier(tables)
        fewest = tables.fewest_wishes
        self._wishes = range(fewest, fewest + tables.wish_counts)
        self._tables_of_values: dict[tuple[int, ...], Floats] = {}

    @functools.cached_property
    def _graph(self) -> _Graph:
        return _Graph(self.tables, self._wishes)

    def values(self, behaviours: Sequence[Sequence[int]]) -> Floats:
        """Return the best mean returns of users, from the beginning of a dialogue.

        Args:
            behaviours: for each kind of user the tables of chances, by figure of behaviour.

        Returns:
            Shape `(kinds, numbers of wishes, 2)`; the last axis is 0 if no venue meets the constraints.
        """
        chances = np.array(
            [
                [
                    1 - self.tables.chances[behaviour[figure] - rules.UNIFORM][0] / CERTAIN
                    for figure in _HABITS
                ]
                for behaviour in behaviours
            ]
        )
        size = max(1, _NUMBERS // self._graph.paths)
        parts = [chances[start : start + size] for start in range(0, len(chances), size)]
        return np.concatenate([self._graph.values(part.T, self.tables.step_limit) for part in parts])

    def _chances(self, behaviours: Sequence[Sequence[int]]) -> Floats:
        certain = [each[0] / CERTAIN for each in self.tables.chances]
        return np.array(
            [[1 - certain[behaviour[habit] - rules.UNIFORM] for habit in _HABITS] for behaviour in behaviours]
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
        chance = _Habits(tables)

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
            drawn.append(self._user(row, is_met=_is_met(row, self._real)))
        return SampledBound.of(self._of_users(drawn).tolist(), "users")

    def of_row(self, row: Sequence[int]) -> float:
        """Return a bound of the return with the user in a row of the real dialogue, who has just been met."""
        if not is_hasty(self._real):
            return largest_return(self._real)
        return float(self._of_users([self._user(row, is_met=_is_met(row, self._real))])[0])

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
        figures = len(self.tables.levels[0]) // _LEVELS
        at = self.tables.behaviour
        behaviour = tuple(
            level if place in _HABITS else 0 for place, level in enumerate(row[at : at + figures])
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


class _Graph:
    """The rows of the easier dialogue and their successors, for users of any habits."""

    def __init__(self, tables: Tables, wishes: Sequence[int]) -> None:
        """Enumerate the rows that a dialogue can reach with users of so many wishes."""
        first = rules.UNIFORM + len(tables.chances)
        even = (CERTAIN // 2, CERTAIN)  # stands in for a chance that the graph leaves open
        tables = dataclasses.replace(tables, chances=(*tables.chances, *[even] * len(_HABITS)))
        chance = _Counting(tables, first)
        actions = _distinct_actions(tables)
        ignored = PATIENCE, UNHEARD, TOLD, RETOLD, CONFIRMED, UNTOLD, FIRST_VENUE
        rows = SearchRows(tables, actions, ignored, chance)
        self._tables, self._rows, self._first = tables, rows, first
        self._numbers = numbers = dict[RowKey, int]()
        for count in wishes:
            for code in (_UNMET, _ANY):
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
                if not _counts(tables, key[AWAITED], action):
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
        row = _told(tables, code)
        row[tables.goal + tables.constraints[0]] = code
        for place, figure in enumerate(_HABITS):
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
        like = self._start(row[WISHES], _ANY if is_met else _UNMET)
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


class _Counting(Chance):
    """A source of chance that counts the outcomes of draws on habits, two for each."""

    def __init__(self, tables: Tables, first: int) -> None:
        """Count draws from the tables from `first` on."""
        super().__init__(tables)
        self._first = first
        self.counts = [0] * (2 * len(_HABITS))

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


def _is_spoken(tables: Tables) -> bool:
    """Return whether all offers, answers and questions are spoken."""
    return all(tables.speaks[action] or act not in _SERVICES for action, act in enumerate(tables.reaction))


def _distinct_actions(tables: Tables) -> list[int]:
    """Return one action of each kind, of those that can count.

    Where an offer or an answer is silent, any other action may be the one that hands over the turn.
    """
    acts = _SERVICES if _is_spoken(tables) else range(len(SEARCH_ACTS))
    kinds: dict[tuple[Any, ...], int] = {}
    for action in range(1 if tables.is_auto else 0, tables.actions):
        speaks, act = tables.speaks[action], tables.reaction[action]
        if action == LISTENING or (action != RESTARTING and act in acts and act != REPEAT):
            kinds.setdefault((speaks, act, tables.action_reward[action], action == LISTENING), action)
    return list(kinds.values())


def _counts(tables: Tables, spoken: int, action: int) -> bool:
    """Return whether an action can count after another one, or none (0), in the same turn.

    The user answers the last of them. Only the attributes of an earlier answer are heard as well.
    """
    if not spoken or action == LISTENING or not _is_spoken(tables):
        return True
    return tables.reaction[spoken] == ANSWER != tables.reaction[action]


def _told(tables: Tables, code: int) -> list[int]:
    """Return the row of a bot that is told the only constraint of the easier dialogue."""
    row = [0] * tables.size
    store(row, tables, tables.constraints[0], code, CERTAIN_SCORE)
    return row


def _easier(tables: Tables) -> Tables:
    """Return the tables of the easier dialogue: two venues, one constraint of one value, nothing misheard."""
    slot = tables.constraints[0]
    venues = {0: 3, _UNMET: 0, _ANY: 3, _ANY + 1: 0}
    never = rules.UNIFORM + len(tables.chances)
    tables = dataclasses.replace(
        tables,
        chances=(*tables.chances, (CERTAIN, CERTAIN)),
        levels=tuple(
            tuple(level if place // _LEVELS in _HABITS else never for place, level in enumerate(persona))
            for persona in tables.levels
        ),
        is_noisy=False,
        precondition=(0,) * tables.actions,
        restricted=(),
        clause_field=(),
        clause_blocks=(),
        effects=((),) * tables.actions,
        about=tuple(slot if about >= 0 else -1 for about in tables.about),
        constraints=(slot,),
        plain_slots=(),
        is_constraint=tuple(other == slot for other in range(tables.slots)),
        values_of=tuple(int(other == slot) for other in range(tables.slots)),
        match_at=(0,) * tables.slots,
        venues=2,
        words=1,
        all_venues=(3,),
        venues_with=tuple(venues[code] for code in sorted(venues)),
        venue_codes=(0, 0),
        fewest_constraints=0,
        constraint_counts=1,
    )
    return dataclasses.replace(tables, start=tuple(_told(tables, _ANY)[tables.start_block]))


def is_hasty(tables: Tables) -> bool:
    """Return whether no step gains by coming later, so that the easier dialogue is a bound."""
    rewards = tables.event_reward
    return (tables.is_auto or tables.action_reward[LISTENING] >= 0) and all(
        (events & SUCCESS or reward + max(tables.action_reward) <= 0)
        and all(reward <= rewards[events & ~bit] for bit in (FAILURE, USELESS, INVALID))
        for events, reward in enumerate(rewards)
    )


def largest_return(tables: Tables) -> float:
    """Return the largest return that the rewards allow."""
    added = max(tables.action_reward)
    failing = max(reward for events, reward in enumerate(tables.event_reward) if not events & SUCCESS) + added
    return max(0.0, failing) * (tables.step_limit - 1) + max(tables.event_reward) + added


def _is_met(row: Sequence[int], tables: Tables) -> bool:
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
    return sum(share for goal, share in found.items() if _is_met(goal, tables))


class _Habits(Chance):
    """A source of chance for a new user that takes levels of behaviour with the same chance as one."""

    def __init__(self, tables: Tables) -> None:
        """Find out which levels of a figure are alike in all personas."""
        super().__init__(tables)
        self._figures = len(tables.levels[0]) // _LEVELS
        for figure in range(self._figures):
            levels: dict[tuple[Any, ...], list[int]] = defaultdict(list)
            for level in range(_LEVELS):
                numbers = [persona[figure * _LEVELS + level] for persona in tables.levels]
                levels[tuple(tables.chances[number - rules.UNIFORM] for number in numbers)].append(level)
            self._options[-1 - figure] = [(some[0], len(some) / _LEVELS) for some in levels.values()]

    def draw(self, row: Row, tables: Tables, table: int) -> int:
        """Return the outcome on the current path. Levels are drawn in order, from the first figure on."""
        drawn = sum(1 for level in row[tables.behaviour : tables.behaviour + self._figures] if level)
        if table == _LEVELS and drawn < self._figures:
            table = -1 - drawn
        return super().draw(row, tables, table)
