"""Fitted Q evaluation on the situations that were logged: a table, refitted until it is its own target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dialogue_gym.off_policy.logs import Bools, Floats, Ints, Logs

SWEEPS = 200
"""The largest number of refits; the values of shorter dialogues settle much earlier."""
SETTLED = 1e-6


def situations_of(logs: Logs) -> Ints:
    """Return a number for the situation of each decision, shape (decisions,), by equal observations."""
    _, numbers = np.unique(logs.observations, axis=0, return_inverse=True)
    return np.asarray(numbers.reshape(-1), np.int64)


@dataclass(frozen=True, eq=False)
class FittedValues:
    """Values of logged situations and decisions under a policy.

    Attributes:
        states: the value of each decision's situation under the policy, shape (decisions,).
        decisions: the value of each decision: that of its action, and the policy from then on; shape
            (decisions,).
        visits: how often the policy makes a decision for each logged one, in the fitted world, shape
            (decisions,).
    """

    states: Floats
    decisions: Floats
    visits: Floats


def fit_values(
    logs: Logs, target: Floats, rewards: Floats, situations: Ints, used: Bools | None = None
) -> FittedValues:
    """Return the values of a policy, fitted to logged decisions.

    The fit of a table by least squares is the mean of the targets in each cell. Where the policy's actions
    were never tried in a situation, the value is that of the logged decisions there; where a situation was
    never met in the used dialogues, it is the mean of all.

    Source: Le, Voloshin and Yue 2019, Batch policy learning under constraints (fitted Q evaluation).

    Args:
        logs: the logged dialogues.
        target: the policy's chance of each action at each decision, shape (decisions, actions).
        rewards: the reward of each decision, shape (decisions,).
        situations: the number of the situation of each decision, shape (decisions,).
        used: whether each dialogue is fitted to, shape (dialogues,); by default all are.
    """
    count, actions = len(logs.actions), target.shape[1]
    states = int(situations.max()) + 1
    chosen = np.ones(count, np.bool_) if used is None else used[logs.dialogues]
    fitted = np.flatnonzero(chosen)
    cells, cell = np.unique(situations * actions + logs.actions, return_inverse=True)
    cell = cell.reshape(-1)
    at = cells // actions

    def by_cell(values: Floats) -> Floats:
        return np.bincount(cell[fitted], values[fitted], len(cells)).astype(np.float64)

    def by_state(of_cells: Floats) -> Floats:
        return np.bincount(at, of_cells, states).astype(np.float64)

    sizes = by_cell(np.ones(count))
    some = np.maximum(sizes, 1.0)
    likely = by_cell(target[np.arange(count), logs.actions]) / some
    total, met = by_state(likely), by_state(sizes)
    share = np.where(
        total[at] > 0, likely / np.where(total > 0, total, 1.0)[at], sizes / np.maximum(met, 1.0)[at]
    )
    goes_on = np.ones(count, np.bool_)
    goes_on[logs.ends - 1] = False
    following = np.append(situations[1:], 0)
    values, means = np.zeros(states), np.zeros(len(cells))
    for _ in range(SWEEPS):
        aims = np.where(goes_on, rewards + values[following], rewards)
        means = by_cell(aims) / some
        new = np.where(met > 0, by_state(share * means), aims[fitted].mean())
        change, values = np.abs(new - values).max(), new
        if change < SETTLED:
            break
    begun = logs.starts if used is None else logs.starts[used]
    first = np.bincount(situations[begun], minlength=states) / len(begun)
    onward = fitted[goes_on[fitted]]
    visits = np.zeros(states)
    for _ in range(SWEEPS):
        led = (visits[at] * share / some)[cell[onward]]
        new = first + np.bincount(following[onward], led, states)
        change, visits = np.abs(new - visits).max(), new
        if change < SETTLED:
            break
    return FittedValues(
        values[situations],
        np.where(sizes[cell] > 0, means[cell], values[situations]),
        np.where(chosen, (visits[at] * share / some)[cell], 0.0),
    )
