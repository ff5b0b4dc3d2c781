"""Enumeration of a dialogue: its rules run over every outcome of chance, with equivalent rows merged.

The rules are those of the library, called with a source of chance that takes each outcome in turn; none of
them is written again here. Two rows are equivalent if they differ only in names: a text slot is observed as
filled or not, and its values are drawn uniformly, so it only matters whether a value is the goal's.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from dialogue_gym import rules
from dialogue_gym.domain import Domain
from dialogue_gym.envs.wrapping import horizon_of, unwrapped_dialogue
from dialogue_gym.rules import (
    AWAITED,
    CERTAIN,
    FAILURE,
    HEARD_CONFIDENCE,
    HEARD_INTENT,
    PATIENCE,
    RANDOM,
    RESTARTING,
    SAID_INTENT,
    STEPS,
    SUCCESS,
    TRUNCATED,
    TURNS,
    UNIFORM,
    USELESS,
    Tables,
)
from dialogue_gym.rules.user import be_heard

RowKey = tuple[int, ...]
_RIGHT, _WRONG = 1, 2
_PLENTY = 1_000_000
MAX_STATES = 100_000
MAX_PATHS = 300_000
"""Paths through the draws of one step or beginning: some seconds."""


class TooLarge(ValueError):
    """A dialogue with more states, or more outcomes of chance, than can be enumerated."""


class Consequence(NamedTuple):
    """One possible result of an action: its chance, the events, the user's utterances and the next row."""

    chance: float
    events: int
    turns: int
    row: RowKey


class Chance:
    """A source of chance that iterates over all outcomes, depth first."""

    def __init__(self, tables: Tables) -> None:
        """Prepare the possible outcomes of each table of chances."""
        self._options: dict[int, list[tuple[int, float]]] = {}
        for number, thresholds in enumerate(tables.chances):
            lower = (0, *thresholds[:-1])
            shares = [(top - low) / CERTAIN for low, top in zip(lower, thresholds, strict=True)]
            options = [(outcome, share) for outcome, share in enumerate(shares) if share > 0]
            self._options[UNIFORM + number] = options
        self._path: list[int] = []
        self._widths: list[int] = []
        self._depth = 0
        self._chance = 1.0

    def draw(self, row: rules.Row, tables: Tables, table: int) -> int:
        """Return the outcome on the current path."""
        if table < UNIFORM and table not in self._options:
            self._options[table] = [(outcome, 1 / max(table, 1)) for outcome in range(max(table, 1))]
        options = self._options[table]
        if len(options) == 1:
            return options[0][0]
        depth = self._depth
        self._depth = depth + 1
        if depth == len(self._path):
            self._path.append(0)
            self._widths.append(len(options))
        outcome, share = options[self._path[depth]]
        self._chance *= share
        return outcome

    def outcomes(self, run: Callable[[], int], most: int = MAX_PATHS) -> Iterator[tuple[float, int]]:
        """Call `run` once for every path through its draws; yield the path's chance and run's result.

        Raises:
            TooLarge: there are too many paths.
        """
        self._path, self._widths = [], []
        for _ in range(most):
            self._depth, self._chance = 0, 1.0
            result = run()
            yield self._chance, result
            while self._path and self._path[-1] + 1 == self._widths[-1]:
                self._path.pop()
                self._widths.pop()
            if not self._path:
                return
            self._path[-1] += 1
        raise TooLarge(f"more than {most} outcomes of chance: this domain is too large to be solved")


def _is_only_named(tables: Tables, slot: int) -> bool:
    """Return whether no precondition tells the values of a slot apart, only whether there is one."""
    return all(tables.seen[slot][1 : 1 + tables.goal_size[slot]]) and all(
        len(set(blocks[1:])) <= 1
        for field, blocks in zip(tables.clause_field, tables.clause_blocks, strict=True)
        if field == tables.slot_at[slot]
    )


def tables_of(env: Any) -> Tables:
    """Return the tables of a dialogue environment, with the number of steps that its wrappers leave.

    The user is that of its settings, whomever a reset has chosen for the dialogue in progress.
    """
    dialogue = unwrapped_dialogue(env)
    tables = rules.build_tables(dialogue.domain, dialogue.settings)
    return dataclasses.replace(tables, step_limit=horizon_of(env))


class Enumeration:
    """The dialogue of a domain under given settings, as transition probabilities between rows."""

    def __init__(
        self, domain: Domain, tables: Tables, unread: Collection[int] = (), *, reads_labels: bool = True
    ) -> None:
        """Find the slots whose values are only names.

        Args:
            domain: the domain.
            tables: the domain's tables under the settings.
            unread: places in a row that the caller never reads, so that they can be left out.
            reads_labels: whether the caller reads the labels of slots. Otherwise the values of any slot are
                only names, if no precondition tells them apart.

        Raises:
            TooLarge: the users search a database.
        """
        if tables.is_search:
            raise TooLarge("users who search a database have too many states to be solved")
        self.domain = domain
        self.tables = tables
        self.first_action = 1 if self.tables.is_auto else 0
        self.components = self.tables.values
        self._chance = Chance(tables)
        set_to_value = {
            slot for slot, value in zip(tables.effect_slot, tables.effect_value, strict=True) if value
        }
        self.symmetric = [
            slot
            for slot in range(tables.slots)
            if (domain.slots[slot].type == "text" or (not reads_labels and _is_only_named(tables, slot)))
            and tables.goal_size[slot]
            and slot not in set_to_value
            and domain.slots[slot].initial_value is None
        ]
        # Values that a step leaves behind and no later step reads.
        self._scratch = (RANDOM, STEPS, TURNS, SAID_INTENT, HEARD_INTENT, HEARD_CONFIDENCE, *unread)
        self._keeps_said = tables.said not in self._scratch
        self._blank = [0] * (2 * tables.slots)
        # Fields that every message sets, and the bot's own last one.
        fields = (tables.intent, tables.intent_confidence, tables.said, tables.spoken, tables.done)
        self._overheard = (*fields, *range(*tables.unheard_block.indices(tables.size)))
        self._known: dict[tuple[RowKey, int], list[Consequence]] = {}
        self._heard: dict[tuple[Any, ...], list[tuple[float, RowKey]]] = {}

    def key(self, row: list[int]) -> RowKey:
        """Return the row that represents all rows equivalent to this one."""
        tables = self.tables
        like = row.copy()
        for index in self._scratch:
            like[index] = 0
        like[tables.told : tables.heard + tables.slots] = self._blank
        values, goal = tables.values, tables.goal
        for slot in self.symmetric:
            if value := row[values + slot]:
                like[values + slot] = _RIGHT if value == row[goal + slot] else _WRONG
            like[goal + slot] = _RIGHT
        return tuple(like)

    @functools.cached_property
    def beginnings(self) -> dict[RowKey, float]:
        """The probabilities of the rows with which a dialogue begins."""
        row = [0] * self.tables.size
        found: dict[RowKey, float] = {}
        # The values of a symmetric slot are equivalent: it is enough to start with one, drawn for certain.
        sizes = tuple(
            1 if slot in self.symmetric else size for slot, size in enumerate(self.tables.goal_size)
        )
        draws = dataclasses.replace(self.tables, goal_draw=sizes)

        def run() -> int:
            rules.begin(row, draws, self._chance.draw)
            return 0

        for chance, _ in self._chance.outcomes(run):
            key = self.key(row)
            found[key] = found.get(key, 0.0) + chance
        return found

    def transitions(self, key: RowKey, action: int) -> list[Consequence]:
        """Return the possible results of an action (an index in the domain's actions), without truncation."""
        patience = key[PATIENCE]
        result = []
        for transition in self.patient_transitions(key, action):
            chance, events, turns, row = transition
            left = patience - bool(events & USELESS)
            if left <= 0 and not events & SUCCESS:
                events |= FAILURE
            result.append(Consequence(chance, events, turns, (*row[:PATIENCE], left, *row[PATIENCE + 1 :])))
        return result

    def patient_transitions(self, key: RowKey, action: int) -> list[Consequence]:
        """Return the possible results of an action while there is patience left; its count in `row` is 0.

        Patience affects the rules only when it runs out, so these hold for any amount that is left. Earlier
        messages of the bot do not matter to an action that speaks, apart from a restart.
        """
        start = list(key)
        start[PATIENCE] = _PLENTY
        if self.tables.speaks[action] and key[AWAITED] != RESTARTING:
            start[AWAITED] = 0
        known = (tuple(start), action)
        if known in self._known:
            return self._known[known]
        found: dict[tuple[int, int, RowKey], float] = {}
        for chance, events, turns, row in self._results(start, action):
            result = (events, turns, row)
            found[result] = found.get(result, 0.0) + chance
        self._known[known] = [Consequence(chance, *result) for result, chance in found.items()]
        return self._known[known]

    def _results(self, start: list[int], action: int) -> Iterator[Consequence]:
        """Yield the results of an action, some of them more than once.

        Under noise the step ends with what the bot hears. That depends on few things, and has many outcomes:
        so all that comes before it is gone through first, as if it were heard right.
        """
        row: list[int] = []
        meant: list[list[int]] = []
        tables = self.tables
        perfect = {tables.error_chance, tables.right_chance}

        def draw(row: rules.Row, tables: Tables, table: int) -> int:
            if table not in perfect:
                return self._chance.draw(row, tables, table)
            if table == tables.error_chance:
                meant.append(list(row))
            return 0

        def run() -> int:
            row[:] = start
            meant.clear()
            return rules.step(row, tables, action, draw if tables.is_noisy else self._chance.draw)

        spoken: dict[tuple[Any, ...], float] = {}
        rows: dict[tuple[Any, ...], list[int]] = {}
        bot_half = tables.start_block
        for chance, events in self._chance.outcomes(run):
            row[PATIENCE] = 0
            if not meant:
                yield Consequence(chance, events & ~TRUNCATED, row[TURNS], self.key(row))
                continue
            before = row.copy()
            before[bot_half] = meant[0][bot_half]
            own = before[tables.said] if self._keeps_said else 0  # hearing leaves it as it is
            for at in self._overheard:
                before[at] = 0
            said = (self.key(before), row[SAID_INTENT], *map(bool, row[tables.told_block]))
            case = (said, own, events & ~TRUNCATED, row[TURNS])
            spoken[case] = spoken.get(case, 0.0) + chance
            rows.setdefault(said, before)
        place = tables.said
        for (said, own, events, turns), chance in spoken.items():
            for share, heard in self._hear(said, rows[said]):
                after = (*heard[:place], own, *heard[place + 1 :])
                yield Consequence(chance * share, events, turns, after)

    def _hear(self, said: tuple[Any, ...], before: list[int]) -> list[tuple[float, RowKey]]:
        """Return the rows after the bot has heard a message, with their chances."""
        if said not in self._heard:
            row: list[int] = []

            def run() -> int:
                row[:] = before
                be_heard(row, self.tables, self._chance.draw)
                return 0

            found: dict[RowKey, float] = {}
            for chance, _ in self._chance.outcomes(run):
                key = self.key(row)
                found[key] = found.get(key, 0.0) + chance
            self._heard[said] = [(chance, key) for key, chance in found.items()]
        return self._heard[said]

    def reward(self, action: int, events: int) -> float:
        """Return the reward of a step."""
        return self.tables.event_reward[events] + self.tables.action_reward[action]
