"""The upper bound: the optimum of a policy that sees the user's half of the row.

Such a policy knows the stale slots, the agenda and the patience that is left, so it does at least as well as
any policy on observations, with or without memory. With full sight the task is a Markov decision process with
a finite horizon, solved here by backward induction over the remaining steps.

The result is exact: all probabilities and rewards come from the rules themselves, and the step limit is
included. Two counters are factored out, so that the rules need not be enumerated for each of their values:
patience affects the rules only when it runs out, and the count of actions since the user's last message only
when it reaches its limit. Induction stops early once another step to go changes no value by more than 1e-10.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.bounds.enumeration import MAX_STATES, Enumeration, RowKey, TooLarge, tables_of
from dialogue_gym.bounds.scipy_module import scipy_module
from dialogue_gym.bounds.search_relaxation import Relaxation
from dialogue_gym.bounds.states import States
from dialogue_gym.envs.wrapping import unwrapped_dialogue
from dialogue_gym.rules import (
    FAILURE,
    MAX_UNHEARD,
    PATIENCE,
    SUCCESS,
    UNHEARD,
    USELESS,
)

_TOLERANCE = 1e-10
Floats = npt.NDArray[np.float64]


class Clairvoyant:
    """Values of the states of the user's half, for a policy that sees them."""

    def __init__(
        self, enumeration: Enumeration, *, exchanges: bool = False, most_states: int | None = None
    ) -> None:
        """Enumerate the states and solve.

        Args:
            enumeration: the dialogue.
            exchanges: treat rows that differ by an exchange of alike slots as one. The bound is the same, but
                `action_values` are then of no use: they belong to the slots in order.
            most_states: the largest number of states, `MAX_STATES` by default.

        Raises:
            TooLarge: the dialogue has too many states to be enumerated.
        """
        self._states = States(enumeration, exchanges=exchanges)
        self._enumeration = enumeration = self._states.enumeration
        self.actions = self._states.actions
        self._most_states = most_states or MAX_STATES
        tables = enumeration.tables
        self._index: dict[RowKey, int] = {}
        self._openings = sorted({key[tables.opening : tables.told] for key in enumeration.beginnings})
        self._explore(list(enumeration.beginnings))
        self._solve(tables.patience, tables.step_limit)

    @property
    def states(self) -> int:
        """The number of states."""
        return len(self._index)

    def _number(self, key: RowKey, todo: list[RowKey]) -> int:
        state = self._states.state(key)
        if state not in self._index:
            if len(self._index) >= self._most_states:
                raise TooLarge(f"more than {self._most_states} states: this domain is too large to be solved")
            self._index[state] = len(self._index)
            todo.append(state)
        return self._index[state]

    def _explore(self, beginnings: list[RowKey]) -> None:
        todo: list[RowKey] = []
        for key in beginnings:
            self._number(key, todo)
        passing: list[tuple[Any, ...]] = []
        forced: list[tuple[Any, ...]] = []
        staying: list[tuple[Any, ...]] = []
        while todo:
            state = todo.pop()
            for kind, action in enumerate(self.actions):
                pair = (self._index[state], kind)
                if not self._add(passing, pair, state, action, todo):
                    self._add(staying, pair, state, action, todo, stays=True)
                    late = list(state)
                    late[UNHEARD] = MAX_UNHEARD - 1
                    self._add(forced, pair, tuple(late), action, todo)
        kinds = len(self.actions)
        self._passing, self._forced, self._staying = (
            _Sums(entries, kinds, len(self._index)) for entries in (passing, forced, staying)
        )

    def _add(
        self,
        entries: list[tuple[Any, ...]],
        pair: tuple[int, int],
        state: RowKey,
        action: int,
        todo: list[RowKey],
        stays: bool = False,
    ) -> bool:
        """Add an action's transitions if it hands over the turn (or, with `stays`, if it does not)."""
        transitions = self._enumeration.patient_transitions(state, action)
        if not stays and any(to.row[UNHEARD] for to in transitions):
            return False
        for chance, events, _, row in transitions:
            entries.append(
                (
                    *pair,
                    chance,
                    0 if events & SUCCESS else self._number(row, todo),
                    bool(events & USELESS),
                    bool(events & SUCCESS),
                    self._enumeration.reward(action, events),
                    self._enumeration.reward(action, events | FAILURE),
                )
            )
        return True

    def _solve(self, patience: int, steps: int) -> None:
        """Iterate backwards from the last step.

        The axes of `values` are patience (from 0), actions since the user last spoke, and states.
        """
        shape = (patience + 1, MAX_UNHEARD, len(self._index))
        self.values: Floats = np.zeros(shape)
        for _ in range(steps):
            values = self.action_values().max(axis=-1)
            values[0] = 0.0  # the user has hung up
            change = np.abs(values - self.values).max()
            self.values = values
            if change < _TOLERANCE:
                break

    def action_values(self) -> Floats:
        """Return the value of each kind of action, of shape `(*values.shape, kinds)`."""
        patience, unheard, states = self.values.shape
        result = np.full((patience, unheard, states, len(self.actions)), -np.inf)
        by_pair = result.reshape(patience, unheard, -1)
        handed_over = self._passing(self.values[:, 0])
        for count in range(unheard):
            by_pair[:, count, self._passing.pairs] = handed_over
            if count + 1 < unheard:
                by_pair[:, count, self._staying.pairs] = self._staying(self.values[:, count + 1])
            else:
                by_pair[:, count, self._forced.pairs] = self._forced(self.values[:, 0])
        return result

    def kind(self, action: int) -> int:
        """Return the index in `actions` of the action that represents the kind of an action."""
        return self._states.kind(action)

    def place(self, key: RowKey) -> tuple[int, int, int]:
        """Return the index in `values` of a row; a row without its opening gets the index of any opening."""
        state = self._states.state(key)
        tables = self._enumeration.tables
        for opening in (state[tables.opening : tables.told], *self._openings):
            like = (*state[: tables.opening], *opening, *state[tables.told :])
            if like in self._index:
                return key[PATIENCE], key[UNHEARD], self._index[like]
        raise KeyError(key)

    def bound(self) -> float:
        """Return the mean return of the optimum, from the beginning of a dialogue."""
        beginnings = self._enumeration.beginnings
        return float(sum(chance * self.values[self.place(key)] for key, chance in beginnings.items()))


def bound(env: Any, most_states: int | None = None) -> float:
    """Return the largest mean return that a policy can have, from the beginning of a dialogue.

    Where users search a database, it is the mean return of an easier dialogue, see `Relaxation`.

    Args:
        env: a dialogue environment; its domain and settings are used, and it is not stepped.
        most_states: the largest number of states, `MAX_STATES` by default.

    Raises:
        TooLarge: the environment has too many states to be enumerated, or its users too many goals.
    """
    tables = tables_of(env)
    if tables.is_search:
        return Relaxation(tables).exact()
    domain = unwrapped_dialogue(env).domain
    return Clairvoyant(Enumeration(domain, tables), exchanges=True, most_states=most_states).bound()


class _Sums:
    """Expected rewards and values of pairs of state and action, over their transitions."""

    def __init__(self, entries: list[tuple[Any, ...]], kinds: int, states: int) -> None:
        sparse = scipy_module("sparse")

        columns = (
            [np.array(column) for column in zip(*entries, strict=True)] if entries else [np.zeros(0)] * 8
        )
        state, kind, chance, next_state, useless, success, reward, hang_up = columns
        self.pairs, pair = np.unique((state * kinds + kind).astype(np.int64), return_inverse=True)
        at_last = np.where(useless, hang_up, reward)  # with one useless turn left
        shape = (len(self.pairs), states)

        def matrix(weights: Floats) -> Any:
            return sparse.csr_array((weights, (pair, next_state.astype(np.int64))), shape=shape)

        self._patient = matrix(chance * (success == 0) * (useless == 0))
        self._useless = matrix(chance * (useless != 0))
        self._reward = np.bincount(pair, chance * reward, len(self.pairs))
        self._last_reward = np.bincount(pair, chance * at_last, len(self.pairs))

    def __call__(self, values: Floats) -> Floats:
        """Return the expected reward plus value, shape (patience, pairs); `values` is (patience, states)."""
        lower = np.vstack([np.zeros((1, values.shape[1])), values[:-1]])
        result: Floats = (self._patient @ values.T + self._useless @ lower.T).T + self._reward
        result[:2] += self._last_reward - self._reward
        return result
