"""The hidden moves of a fake user, by running the rules over every outcome of chance.

No rule is written again here: the tables of chances that are fitted count as unknown, and each possible move
notes its outcomes of them. Values are told apart only by whether the dialogue has them, so that moves are
the same in many dialogues: all that it never has are one.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dialogue_gym import rules
from dialogue_gym.bounds.enumeration import Chance
from dialogue_gym.domain import Domain
from dialogue_gym.fitting.dialogues import Act, Heard
from dialogue_gym.fitting.unknowns import Factor, Unknowns
from dialogue_gym.rules import (
    AGENDA,
    AWAITED,
    CERTAIN,
    HEARD_CONFIDENCE,
    HEARD_INTENT,
    PATIENCE,
    POSITION,
    SAID_INTENT,
    SUCCESS,
    TURN,
    UNHEARD,
    UNIFORM,
    USELESS,
    Tables,
)
from dialogue_gym.rules.tables import HIGH
from dialogue_gym.rules.user import be_heard, new_user, say_opening

UserState = tuple[int, ...]
"""Goal, opening, agenda, position, the action that waits for an answer, and actions since the last one."""
_PLENTY = 1_000_000
_SAME, _BOTS, _OTHER = 1, 2, 3
"""Codes of values that stand for all: the goal's, a wrong one of the bot's, and any further one."""


class UserMove(NamedTuple):
    """A possible move of the user after an action.

    `share` is the part of its chance that is known, `factor` the outcomes of unknown chances. `said` is None
    if the turn was not handed over.
    """

    share: float
    factor: Factor
    state: UserState
    said: Act | None
    is_useless: bool
    is_success: bool


class _AlikeMove(NamedTuple):
    """A move in a dialogue in which the goal's values are `_SAME`, and the bot's are so or `_BOTS`.

    `changed` is the slot whose wish has changed (-1: none), `to` its new value, and `said` an intent and
    whether each slot is told.
    """

    share: float
    factor: Factor
    changed: int
    to: int
    rest: UserState
    said: tuple[int, tuple[bool, ...]] | None
    is_useless: bool
    is_success: bool


class UserPaths:
    """The possible moves of the fake user of a domain."""

    def __init__(self, domain: Domain, turn_taking: str, is_noisy: bool, unknowns: Unknowns) -> None:
        """Prepare the rules, with or without noise."""
        settings = rules.Settings(turn_taking, 0.5 if is_noisy else 0.0)
        built = rules.build_tables(domain, settings)
        self._unknown = unknowns.by_table(built)
        even = list(built.chances)
        for table, outcomes in self._unknown.items():
            count = len(outcomes)
            even[table - UNIFORM] = tuple(round(CERTAIN * (k + 1) / count) for k in range(count))
        self.tables: Tables = dataclasses.replace(built, chances=tuple(even))
        self.is_noisy = is_noisy
        goal, values = self.tables.goal_size, range(self.tables.slots)
        self.goal_slots = tuple(slot for slot in values if goal[slot])
        set_to = zip(self.tables.effect_slot, self.tables.effect_value, strict=True)
        start = self.tables.start[self.tables.values :]
        # Values that an action sets by name cannot be renamed.
        self.is_renamed = not any(goal[slot] and value for slot, value in set_to) and not any(
            goal[slot] and start[slot] for slot in values
        )
        self.named = tuple((slot, value) for slot, value in set_to if goal[slot] and value)
        self.reopening = frozenset(
            action
            for action in range(self.tables.actions)
            if action == rules.RESTARTING or self.tables.reaction[action] == rules.OPEN
        )
        self._chance = Chance(self.tables)
        self._trace: list[tuple[int, int]] = []
        self._moves: dict[tuple[object, ...], list[UserMove]] = {}
        self._alike: dict[tuple[object, ...], list[_AlikeMove]] = {}
        self._heard: dict[Act, dict[Heard, list[tuple[float, Factor]]]] = {}
        self._openings = self._enumerate_openings()

    def _draw(self, row: rules.Row, tables: Tables, table: int) -> int:
        outcome = self._chance.draw(row, tables, table)
        if table in self._unknown:
            self._trace.append((table, outcome))
        return outcome

    def _split(self, chance: float) -> tuple[float, Factor]:
        """Return the known part of a chance, and the outcomes of the unknown ones."""
        factor: list[int] = []
        for table, outcome in self._trace:
            outcomes = self._unknown[table]
            chance *= len(outcomes)
            factor += outcomes[outcome]
        return chance, tuple(sorted(factor))

    def _enumerate_openings(self) -> list[tuple[float, Factor, tuple[int, ...], int]]:
        tables = self.tables
        certain = dataclasses.replace(tables, goal_draw=tuple(map(bool, tables.goal_size)))
        row = [0] * tables.size

        def run() -> int:
            self._trace.clear()
            new_user(row, certain, self._draw)
            return 0

        found: dict[tuple[Factor, tuple[int, ...], int], float] = defaultdict(float)
        for chance, _ in self._chance.outcomes(run):
            share, factor = self._split(chance)
            found[factor, tuple(row[tables.opening_block]), row[AGENDA]] += share
        return [(share, *key) for key, share in found.items()]

    def beginnings(self, seen: Sequence[int], *, reopens: bool) -> list[tuple[float, Factor, UserState, Act]]:
        """Return the users who may begin a dialogue, with the act of their opening.

        Args:
            seen: by slot, the number of values that the dialogue has.
            reopens: whether the user may have to open again, so that it matters what the opening told.
        """
        goals: list[tuple[float, tuple[int, ...]]] = [(1.0, ())]
        for slot, size in enumerate(self.tables.goal_size):
            known = [(1 / size, value) for value in range(1, seen[slot] + 1)] if size else [(1.0, 0)]
            if seen[slot] < size:
                known.append((1 - seen[slot] / size, seen[slot] + 1))
            goals = [(share * part, (*goal, value)) for share, goal in goals for part, value in known]
        found = []
        nothing = (0,) * self.tables.slots
        for share, factor, opening, agenda in self._openings:
            for part, goal in goals:
                row = self._row((*goal, *opening, agenda, 0, 0, 0), ())
                say_opening(row, self.tables)
                state = (*goal, *(opening if reopens else nothing), agenda, 0, 0, 0)
                found.append((share * part, factor, state, self._said(row)))
        return found

    def _row(self, state: UserState, bot_half: Sequence[int]) -> list[int]:
        tables, slots = self.tables, self.tables.slots
        row = [0] * tables.size
        row[: len(bot_half)] = bot_half
        row[tables.goal : tables.goal + slots] = state[:slots]
        row[tables.opening_block] = state[slots : 2 * slots]
        row[AGENDA], row[POSITION], row[AWAITED], row[UNHEARD] = state[2 * slots :]
        row[PATIENCE] = _PLENTY
        return row

    def _said(self, row: rules.Row) -> Act:
        return row[SAID_INTENT], tuple(row[self.tables.told_block])

    def moves(
        self, bot_half: Sequence[int], state: UserState, action: int, seen: Sequence[int]
    ) -> list[UserMove]:
        """Return the possible moves after an action.

        Args:
            bot_half: the bot's half of a row before the action.
            state: the state of the user.
            action: the index of the action.
            seen: by slot, the number of values that the dialogue has.
        """
        values = tuple(bot_half[self.tables.values :])
        is_allowed = rules.allowed(bot_half, self.tables, action)  # type: ignore[arg-type]
        key = (values, is_allowed, state, action, tuple(seen))
        if key not in self._moves:
            goal = state[: self.tables.slots]
            relations = tuple(map(self._relation, range(self.tables.slots), goal, values))
            like = (relations, is_allowed, state[self.tables.slots :], action)
            if like not in self._alike:
                self._alike[like] = self._enumerate_moves(bot_half, relations, like[2], action)
            self._moves[key] = [
                move for one in self._alike[like] for move in self._renamed(one, goal, values, seen)
            ]
        return self._moves[key]

    def _relation(self, slot: int, goal: int, value: int) -> tuple[int, int]:
        """Return the codes of the goal and of the bot's value of a slot in a dialogue that is alike."""
        size = self.tables.goal_size[slot]
        if not size or not self.is_renamed:
            return goal, value
        return _SAME, value if value == 0 or value > size else _SAME if value == goal else _BOTS

    def _enumerate_moves(
        self, bot_half: Sequence[int], relations: Sequence[tuple[int, int]], rest: UserState, action: int
    ) -> list[_AlikeMove]:
        tables, slots = self.tables, self.tables.slots
        goals = tuple(goal for goal, _ in relations)
        values = [value for _, value in relations]
        start = self._row((*goals, *rest), (*bot_half[: tables.values], *values))
        row: list[int] = []
        perfect = (tables.error_chance, tables.right_chance)

        def draw(row: rules.Row, tables: Tables, table: int) -> int:
            # The user's own part comes first, as if it were heard right; see `hearings`.
            return 0 if self.is_noisy and table in perfect else self._draw(row, tables, table)

        def run() -> int:
            row[:] = start
            self._trace.clear()
            return rules.step(row, tables, action, draw)

        found: dict[tuple[object, ...], float] = defaultdict(float)
        for chance, events in self._chance.outcomes(run):
            share, factor = self._split(chance)
            after = row[tables.goal : tables.goal + slots]
            changed, to = -1, 0
            for slot in range(slots):
                if after[slot] != goals[slot]:
                    changed, to = slot, after[slot]
            if self.is_renamed and to and to != values[changed]:
                to = _OTHER
            rest = (*row[tables.opening_block], row[AGENDA], row[POSITION], row[AWAITED], row[UNHEARD])
            speaks = events & TURN and not (tables.is_agenda and events & SUCCESS)  # content, they just leave
            said = (row[SAID_INTENT], tuple(map(bool, row[tables.told_block]))) if speaks else None
            found[factor, changed, to, rest, said, bool(events & USELESS), bool(events & SUCCESS)] += share
        return [_AlikeMove(share, *key) for key, share in found.items()]  # type: ignore[arg-type]

    def _renamed(
        self, move: _AlikeMove, goal: UserState, values: Sequence[int], seen: Sequence[int]
    ) -> Iterator[UserMove]:
        """Yield a move of a dialogue that is alike with the values of this one."""
        slot = move.changed
        if slot < 0:
            options = [(1.0, goal)]
        elif not self.is_renamed:
            options = [(1.0, (*goal[:slot], move.to, *goal[slot + 1 :]))]
        elif move.to != _OTHER:
            options = [(1.0, (*goal[:slot], values[slot], *goal[slot + 1 :]))]
        else:
            taken = {goal[slot], values[slot]}
            unseen = self.tables.goal_size[slot] - seen[slot]
            left = {value: 1 for value in range(1, seen[slot] + 1) if value not in taken}
            left[seen[slot] + 1] = unseen - (goal[slot] > seen[slot])
            count = sum(left.values())
            options = [
                (number / count, (*goal[:slot], value, *goal[slot + 1 :]))
                for value, number in left.items()
                if number
            ]
        for part, after in options:
            said: Act | None = None
            if move.said is not None:
                intent, are_told = move.said
                told = zip(after, are_told, strict=True)
                said = intent, tuple(value if is_told else 0 for value, is_told in told)
            yield UserMove(
                move.share * part, move.factor, (*after, *move.rest), said, move.is_useless, move.is_success
            )

    def hearings(self, said: Act) -> dict[Heard, list[tuple[float, Factor]]]:
        """Return the ways in which an act may be understood: known shares, and unknown outcomes."""
        if said not in self._heard:
            self._heard[said] = self._enumerate_hearings(said)
        return self._heard[said]

    def _enumerate_hearings(self, said: Act) -> dict[Heard, list[tuple[float, Factor]]]:
        intent, told = said
        if not self.is_noisy:
            return {(intent, told, HIGH): [(1.0, ())]}
        tables = self.tables
        row = [0] * tables.size

        def run() -> int:
            row[SAID_INTENT], row[tables.told_block] = intent, told
            self._trace.clear()
            be_heard(row, tables, self._draw)
            return 0

        found: dict[Heard, dict[Factor, float]] = defaultdict(lambda: defaultdict(float))
        for chance, _ in self._chance.outcomes(run):
            share, factor = self._split(chance)
            heard = row[HEARD_INTENT], tuple(row[tables.heard_block]), row[HEARD_CONFIDENCE]
            found[heard][factor] += share
        return {heard: [(share, factor) for factor, share in ways.items()] for heard, ways in found.items()}
