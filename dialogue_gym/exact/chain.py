"""The Markov chain of a policy's dialogues: its states, and what can follow each.

A state is a row of the rules without its patience, in which the policy has just chosen an action. What the
step overwrites unread, such as the last intent, is left out, so that it is merged with other states that have
the same future. States are gone through on demand, and the policy is asked in batches.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dialogue_gym._text import counted
from dialogue_gym.bounds.enumeration import Enumeration, RowKey, TooLarge
from dialogue_gym.exact.choices import Choices, Observed
from dialogue_gym.rules import AWAITED, FAILURE, LISTENING, OPEN, RESTARTING, SUCCESS, USELESS, Tables

State = tuple[RowKey, Observed, int]
"""A row, the earlier observations that the policy will see, and the action."""
Floats = npt.NDArray[np.float64]
ENDED = -1


class Reopened(Exception):
    """The policy asks for the opening again, so that its content matters."""


class Beginning(NamedTuple):
    """One way to begin: its chance, its state, its row, and the number of the policy's decision."""

    chance: float
    state: int
    row: RowKey
    decision: int


class Edges(NamedTuple):
    """Results of the actions in states, of shape (edges,); those of a state lie together.

    Attributes:
        chance: the chance of each.
        next: the state that follows; -1 if the dialogue has ended in success.
        decision: the policy's decision that follows, by its number in `Choices`; -1 at the end.
        is_useless: whether it costs patience.
        turns: the utterances of the user in the step, 0 or 1.
        reward: the reward of the step.
        last_reward: the reward if the user's patience runs out.
    """

    chance: npt.NDArray[Any]
    next: npt.NDArray[Any]
    decision: npt.NDArray[Any]
    is_useless: npt.NDArray[Any]
    turns: npt.NDArray[Any]
    reward: npt.NDArray[Any]
    last_reward: npt.NDArray[Any]


class Chain:
    """The states of a policy's dialogues.

    Attributes:
        states: the states found so far, those without edges included.
        start: the place of each state's first edge in `edges`, -1 before it was gone through.
        count: the number of each state's edges.
    """

    def __init__(
        self, choices: Choices, tables: Tables, *, keeps_opening: bool, most_states: int, until: float
    ) -> None:
        """Find the beginnings.

        Args:
            choices: the policy's choices.
            tables: the rules.
            keeps_opening: whether the policy may ask for the opening again. Otherwise states that differ
                in it alone are merged, and such a choice raises `Reopened`.
            most_states: the largest number of states.
            until: the time, by `time.monotonic`, at which to give up.

        Raises:
            TooLarge: there are too many, or the time is over.
            Reopened: see `keeps_opening`.
        """
        self.choices, self.tables = choices, tables
        self._keeps_opening = keeps_opening or tables.is_agenda
        openings = range(tables.opening, tables.opening + tables.slots)
        self.enumeration = Enumeration(choices.env.domain, tables, () if self._keeps_opening else openings)
        self._most, self.until = most_states, until
        self._components = tables.values
        self._history = choices.env.max_history
        heard = [tables.intent, tables.intent_confidence, *range(*tables.unheard_block.indices(tables.size))]
        own = [tables.said, tables.spoken, tables.done]
        read = set(tables.clause_field)
        self._overwritten = {
            True: tuple(at for at in (*heard, *own) if at not in read),
            False: tuple(at for at in (*heard, *own[1:]) if at not in read),
        }
        """Places in a row that a step in which the user speaks overwrites, by whether the bot speaks too."""
        self._reopening = {RESTARTING, *(a for a in range(tables.actions) if tables.reaction[a] == OPEN)}
        self.states: list[State] = []
        self.start = np.zeros(0, np.int64)
        self.count = np.zeros(0, np.int64)
        self._index: dict[State, int] = {}
        self._parts: list[Edges] = []
        self._edges = 0
        self.edges = Edges(*(np.zeros(0, kind) for kind in _KINDS))
        self.beginnings = self._begin()

    def _begin(self) -> list[Beginning]:
        rows = self.enumeration.beginnings
        nothing = (0,) * self._components * (self._history - 1)
        observed = [nothing + row[: self._components] for row in rows]
        decisions = self.choices.indices(observed)
        found = [
            Beginning(chance, self.number_of(row, one, decision), row, decision)
            for (row, chance), one, decision in zip(rows.items(), observed, decisions, strict=True)
        ]
        self._grow()
        return found

    def number_of(self, row: RowKey, observed: Observed, decision: int) -> int:
        """Return the number of the state in which the policy has chosen.

        Raises:
            Reopened: the policy asks for the opening again, and its content was left out.
        """
        tables, action = self.tables, self.choices.actions[decision]
        if not self._keeps_opening and action in self._reopening:
            raise Reopened
        like = list(row)
        speaks = tables.speaks[action]
        if action == LISTENING or (tables.is_auto and speaks):
            for at in self._overwritten[speaks and action != RESTARTING]:
                like[at] = 0
        if speaks and like[AWAITED] != RESTARTING:
            like[AWAITED] = 0  # the user answers the last message alone
        earlier = observed[self._components :] if self._history > 1 else ()
        state = tuple(like), earlier, action
        if state not in self._index:
            self._index[state] = len(self.states)
            self.states.append(state)
        return self._index[state]

    def _grow(self) -> None:
        new = np.full(len(self.states) - len(self.start), -1, np.int64)
        self.start = np.concatenate([self.start, new])
        self.count = np.concatenate([self.count, np.zeros_like(new)])

    def go_through(self, states: Iterable[int]) -> None:
        """Add the edges of states.

        Raises:
            TooLarge: there are too many states, or the time is over.
            Reopened: the policy asks for the opening again, and its content was left out.
        """
        wanted = list(states)
        try:
            for start in range(0, len(wanted), 256):
                self._go_through(wanted[start : start + 256])
                if len(self.states) > self._most:
                    raise TooLarge(f"there are more than {self._most:,} states")
                if time.monotonic() > self.until:
                    raise TooLarge(
                        f"it takes longer than it may, with {counted(len(self.states), 'state')} so far"
                    )
        finally:
            self.edges = self._joined()

    def _go_through(self, wanted: Sequence[int]) -> None:
        results = []
        observed: list[Observed] = []
        for number in wanted:
            row, earlier, action = self.states[number]
            found = self.enumeration.patient_transitions(row, action)
            results.append((number, action, found))
            observed += [earlier + one.row[: self._components] for one in found if not one.events & SUCCESS]
        decisions = iter(zip(observed, self.choices.indices(observed), strict=True))
        columns: tuple[list[Any], ...] = tuple([] for _ in _KINDS)
        reward = self.enumeration.reward
        starts: list[tuple[int, int, int]] = []
        for number, action, found in results:
            starts.append((number, self._edges, len(found)))
            self._edges += len(found)
            for chance, events, turns, row in found:
                following, decision = ENDED, ENDED
                if not events & SUCCESS:
                    seen, decision = next(decisions)
                    following = self.number_of(row, seen, decision)
                is_useless = bool(events & USELESS)
                values = (chance, following, decision, is_useless, turns, reward(action, events),
                          reward(action, events | FAILURE))  # fmt: skip
                for column, value in zip(columns, values, strict=True):
                    column.append(value)
        self._parts.append(
            Edges(*(np.array(column, kind) for column, kind in zip(columns, _KINDS, strict=True)))
        )
        self._grow()
        for number, at, count in starts:
            self.start[number], self.count[number] = at, count

    def _joined(self) -> Edges:
        parts = [self.edges, *self._parts]
        self._parts = []
        return Edges(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


_KINDS = (np.float64, np.int64, np.int64, np.bool_, np.int64, np.float64, np.float64)
"""The types of the columns of `Edges`."""
