"""A table from observations to actions, improved until no other action in an observation is better.

The solver's table is the clairvoyant's mean choice: good, but not the best of all tables, and a small change
of the fake user's figures may change it in many observations at once. Here it is improved by policy iteration
over observations: the gain of another action in an observation is the mean, over the rows that may be behind
it, of the action's value under the table (Jaakkola, Singh and Jordan 1995, Reinforcement learning algorithm
for partially observable Markov decision problems). All figures are exact, the step limit included.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.bounds import Enumeration, RowKey, TooLarge, tables_of
from dialogue_gym.envs import unwrapped_dialogue
from dialogue_gym.exact import Solution
from dialogue_gym.rules import FAILURE, OPEN, PATIENCE, RESTARTING, SUCCESS, USELESS

MAX_ROWS = 3_000
"""Rows apart from their patience: the concert has 2,088, and the restaurant tens of thousands."""
_ROUNDS = 200
_TOLERANCE = 1e-9
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def improved(env: Any, solution: Solution, most_rows: int = MAX_ROWS) -> Solution:
    """Return a solution of an environment with its table improved; the rest of it is as it was.

    Raises:
        TooLarge: the environment has too many rows.
    """
    rows = _Rows(env, solution, most_rows)
    chosen = rows.first_choice(solution)
    best = rows.mean_return(chosen)
    for _ in range(_ROUNDS):
        gains = rows.gains(chosen)
        at_best = gains.argmax(axis=1)
        gain = gains[np.arange(len(gains)), at_best]
        order = np.argsort(-gain)
        order = order[gain[order] > _TOLERANCE]
        # All that gain at once; a gain holds for small changes, so if that was too much, one alone.
        for changed in (order, *order[:, None]):
            other = chosen.copy()
            other[changed] = at_best[changed]
            value = rows.mean_return(other)
            if value > best + _TOLERANCE:
                best, chosen = value, other
                break
        else:
            break
    table = {
        observed: int(rows.actions[kind]) - rows.first_action
        for observed, kind in zip(rows.observed, chosen, strict=True)
    }
    return dataclasses.replace(solution, table=table)


@dataclass(frozen=True, eq=False)
class _Step:
    """Consequences of actions in rows, as matrices of shape (pairs of action and row, rows).

    `patient` and `useless` are the chances of those that cost no patience, and that do; `reward` is the mean
    reward, and `last` that if one more useless turn is the last. Both have shape (pairs,).
    """

    patient: Any
    useless: Any
    reward: Floats
    last: Floats

    def of(self, pairs: Ints) -> _Step:
        """Return those of some pairs."""
        return _Step(self.patient[pairs], self.useless[pairs], self.reward[pairs], self.last[pairs])

    def values(self, following: Floats) -> Floats:
        """Return the value of each pair, shape (patience, pairs), given those that follow."""
        lower = np.vstack([np.zeros_like(following[:1]), following[:-1]])
        found: Floats = (self.patient @ following.T + self.useless @ lower.T).T + self.reward
        found[0] += self.last - self.reward
        return found

    def pushed(self, weights: Floats) -> Floats:
        """Return the chances of the rows that follow, shape (patience, rows)."""
        found: Floats = (self.patient.T @ weights.T).T
        found[:-1] += (self.useless.T @ weights[1:].T).T
        return found


class _Rows:
    """All rows of a dialogue, and choices of an action in each observation: arrays of `actions`' places."""

    def __init__(self, env: Any, solution: Solution, most: int) -> None:
        dialogue = unwrapped_dialogue(env)
        tables = tables_of(env)
        self.first_action = dialogue.first_action
        reopening = {action for action in range(tables.actions) if tables.reaction[action] == OPEN}
        self.actions = [
            action
            for action in range(self.first_action, tables.actions)
            if action not in reopening | {RESTARTING}
        ]
        # Without an action that asks for the opening again, its content does not matter.
        unread = set(range(tables.values)) - set(solution.read)
        unread |= set(range(tables.opening, tables.opening + tables.slots))
        enumeration = Enumeration(dialogue.domain, tables, unread)
        self._patience, self._limit = tables.patience, tables.step_limit
        keys, self._steps = _explored(enumeration, self.actions, most)
        self._begins = np.zeros((self._patience, len(keys)))
        for row, chance in enumeration.beginnings.items():
            self._begins[-1, keys[_impatient(row)]] += chance
        seen: dict[RowKey, int] = {}
        self._places = np.array([seen.setdefault(key[: enumeration.components], len(seen)) for key in keys])
        self.observed = list(seen)

    def first_choice(self, solution: Solution) -> Ints:
        """Return the number of a table's action by observation; any, where it has none."""
        first = self.first_action
        chosen = [solution.table.get(one, 0) + first for one in self.observed]
        return np.array([self.actions.index(one) if one in self.actions else 0 for one in chosen])

    def mean_return(self, chosen: Ints) -> float:
        """Return the mean return of a choice."""
        own = self._own(chosen)
        following = np.zeros_like(self._begins)
        for _ in range(self._limit):
            following = own.values(following)
        return float((self._begins * following).sum())

    def gains(self, chosen: Ints) -> Floats:
        """Return the gain of each action over the chosen one, shape (observations, actions)."""
        own = self._own(chosen)
        reached = [self._begins]
        for _ in range(self._limit - 1):
            reached.append(own.pushed(reached[-1]))
        rows = len(self._places)
        gains = np.zeros((len(self.actions), rows))
        following = np.zeros_like(self._begins)
        for weights in reversed(reached):
            values = own.values(following)
            if weights.sum() > _TOLERANCE:
                others = self._steps.values(following).reshape(self._patience, len(self.actions), rows)
                gains += np.einsum("ps,pas->as", weights, others - values[:, None])
            following = values
        return np.stack([np.bincount(self._places, one, len(self.observed)) for one in gains], axis=1)

    def _own(self, chosen: Ints) -> _Step:
        rows = len(self._places)
        return self._steps.of(chosen[self._places] * rows + np.arange(rows))


def _explored(enumeration: Enumeration, actions: list[int], most: int) -> tuple[dict[RowKey, int], _Step]:
    """Return the number of each row, and the consequences of all actions in them."""
    from scipy import sparse

    keys: dict[RowKey, int] = {}
    for row in enumeration.beginnings:
        keys.setdefault(_impatient(row), len(keys))
    todo = list(keys)
    edges: list[tuple[int, int, float, int, bool, float, float]] = []
    for row in todo:  # grows meanwhile
        for kind, action in enumerate(actions):
            for chance, events, _, after in enumeration.patient_transitions(row, action):
                place = -1
                if not events & SUCCESS:
                    place = keys.setdefault(after, len(keys))
                    if place == len(todo):
                        todo.append(after)
                is_useless = bool(events & USELESS) and not events & SUCCESS
                reward = enumeration.reward(action, events)
                last = enumeration.reward(action, events | FAILURE) if is_useless else reward
                edges.append((kind, keys[row], chance, place, is_useless, chance * reward, chance * last))
        if len(keys) > most:
            raise TooLarge(f"more than {most:,} rows: too many to improve a table")
    columns = [np.array(column) for column in zip(*edges, strict=True)]
    kinds, sources, chances, places, are_useless, rewards, lasts = columns
    count = len(keys)
    pairs, shape = kinds * count + sources, (len(actions) * count, count)

    def matrix(is_kept: npt.NDArray[np.bool_]) -> Any:
        at = pairs[is_kept], places[is_kept]
        return sparse.csr_array((chances[is_kept], at), shape=shape)

    patient = matrix((places >= 0) & ~are_useless)
    means = [np.bincount(pairs, one, shape[0]).astype(np.float64) for one in (rewards, lasts)]
    return keys, _Step(patient, matrix(are_useless), *means)


def _impatient(row: RowKey) -> RowKey:
    return (*row[:PATIENCE], 0, *row[PATIENCE + 1 :])
