"""Figures of a chain: its probabilities followed forwards, and values carried backwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.exact.chain import ENDED, Chain, Floats

_CHUNK = 100_000
"""States of a step that are followed at once, to spare memory."""


@dataclass
class Totals:
    """Sums of the probabilities of dialogues that have ended; `by_turns` has shape (turns,).

    `lost` is the chance of those that were left out as too rare.
    """

    by_turns: Floats
    success: float = 0.0
    hung_up: float = 0.0
    truncated: float = 0.0
    total_return: float = 0.0
    lost: float = 0.0
    most_states: int = field(default=0)


def follow(chain: Chain, cut: float) -> Totals:
    """Follow the probabilities of all states from the beginning to the step limit.

    Args:
        chain: the chain; it goes through all states that are reached.
        cut: the chance under which a state is left out at a step.

    Raises:
        TooLarge: there are too many states, or the time is over.
    """
    tables = chain.tables
    patiences, lengths = tables.patience + 1, tables.step_limit + 2
    totals = Totals(np.zeros(lengths + 1))
    numbers = np.array([one.state for one in chain.beginnings], np.int64)
    keys, weights = _merged(
        (numbers * patiences + tables.patience) * lengths + 1,
        np.array([one.chance for one in chain.beginnings]),
    )
    for step in range(tables.step_limit):
        is_kept = weights >= cut
        totals.lost += float(weights[~is_kept].sum())
        keys, weights = keys[is_kept], weights[is_kept]
        if not len(keys):
            break
        totals.most_states = max(totals.most_states, len(keys))
        states = np.unique(keys // lengths // patiences)
        unknown = states[chain.start[states] < 0]
        if len(unknown):
            chain.go_through(unknown.tolist())
        parts = [
            _advance(chain, keys[at : at + _CHUNK], weights[at : at + _CHUNK], totals)
            for at in range(0, len(keys), _CHUNK)
        ]
        keys, weights = _merged(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        if step + 1 == tables.step_limit:
            totals.truncated = float(weights.sum())
            totals.by_turns += np.bincount(keys % lengths, weights, lengths + 1)
    return totals


def _advance(
    chain: Chain, keys: npt.NDArray[np.int64], weights: Floats, totals: Totals
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the states after a step, with their chances; add the dialogues that end to the totals."""
    edges, tables = chain.edges, chain.tables
    patiences, lengths = tables.patience + 1, tables.step_limit + 2
    turns, rest = keys % lengths, keys // lengths
    patience, states = rest % patiences, rest // patiences
    counts = chain.count[states]
    source = np.repeat(np.arange(len(keys)), counts)
    first = np.cumsum(counts) - counts
    edge = chain.start[states][source] + np.arange(len(source)) - first[source]
    weight = weights[source] * edges.chance[edge]
    turns = turns[source] + edges.turns[edge]
    left = patience[source] - edges.is_useless[edge]
    succeeds = edges.next[edge] == ENDED
    hangs_up = ~succeeds & (left <= 0)
    reward = np.where(hangs_up, edges.last_reward[edge], edges.reward[edge])
    totals.total_return += float(weight @ reward)
    totals.success += float(weight[succeeds].sum())
    totals.hung_up += float(weight[hangs_up].sum())
    over = succeeds | hangs_up
    totals.by_turns += np.bincount(turns[over], weight[over], lengths + 1)
    goes_on = ~over
    following = (edges.next[edge][goes_on] * patiences + left[goes_on]) * lengths + turns[goes_on]
    return _merged(following, weight[goes_on])


def _merged(keys: npt.NDArray[np.int64], weights: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    distinct, places = np.unique(keys, return_inverse=True)
    sums = np.bincount(places, weights, len(distinct)) if len(distinct) else weights[:0]
    return distinct, np.asarray(sums, np.float64)


class Backwards:
    """Values of states, carried from the step limit back to the beginning.

    Edges of a state that lead to the same state count as one.
    """

    def __init__(self, chain: Chain) -> None:
        """Sort the edges of a chain that has been followed."""
        edges, self._chain = chain.edges, chain
        known = np.flatnonzero(chain.start >= 0)
        source = np.repeat(known, chain.count[known])
        edge = np.concatenate(
            [
                np.arange(at, at + count)
                for at, count in zip(chain.start[known], chain.count[known], strict=True)
            ]
        )
        self._order = edge[np.lexsort((edges.is_useless[edge], edges.next[edge], source))]
        source = np.sort(source)
        next_, useless = edges.next[self._order], edges.is_useless[self._order]
        is_new = np.ones(len(source), np.bool_)
        is_new[1:] = (np.diff(source) != 0) | (np.diff(next_) != 0) | (useless[1:] != useless[:-1])
        self._first = np.flatnonzero(is_new)
        self._next, self._useless = next_[is_new], useless[is_new][:, None]
        self._states, self._start = np.unique(source[is_new], return_index=True)

    def values(
        self, chance: Floats, *, success: float, hang_up: float, limit: float, is_best: bool = False
    ) -> Iterator[npt.NDArray[np.float64]]:
        """Yield the values at the step limit, and at each step from the last to the first.

        Args:
            chance: the chance of each edge, shape (edges,).
            success: the value of success.
            hang_up: the value of a user who hangs up.
            limit: the value of the step limit.
            is_best: take the largest product of chance and value, in the place of the sum of them.

        Yields:
            The value of each state by the patience that is left, from 0 on, and a last row for success; shape
            (states + 1, patience + 1). States that were never gone through have the value 0.
        """
        tables = self._chain.tables
        gather: Any = np.maximum if is_best else np.add
        merged = gather.reduceat(chance[self._order], self._first)[:, None]
        values = np.full((len(self._chain.states) + 1, tables.patience + 1), limit)
        values[-1], values[:-1, 0] = success, hang_up
        yield values
        for _ in range(tables.step_limit):
            following = values[self._next]  # -1 is the last row, that of success
            by_edge = np.where(self._useless, following[:, :-1], following[:, 1:]) * merged
            values = np.zeros_like(values)
            values[-1], values[:-1, 0] = success, hang_up
            values[self._states, 1:] = gather.reduceat(by_edge, self._start, axis=0)
            yield values
