"""The likeliest chances of a fake user, and how much the dialogues say about each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dialogue_gym.fitting.lattice import Lattice
from dialogue_gym.fitting.unknowns import PATIENCE, Floats, Unknowns, UnknownTable

ROUNDS = 500
TOLERANCE = 1e-4
"""Steps end when the logarithm of the likelihood grows by less: a standard error moves it by a half."""
SMALLEST = 1e-6
"""Shares below this are taken for 0: they have no error by the curvature."""


@dataclass(frozen=True, eq=False)
class Likeliest:
    """The likeliest chances.

    Attributes:
        chances: of each outcome, shape (outcomes,).
        counts: the expected number of each outcome in the dialogues, shape (outcomes,).
        covariance: of the errors of the chances, shape (outcomes, outcomes); 0 where nothing is known, or
            the chance is 0.
        draws: for each outcome, the number of draws of its table whose share would have that error; at most
            those that there were, shape (outcomes,).
        log_likelihood: the logarithm of the likelihood.
    """

    chances: Floats
    counts: Floats
    covariance: Floats
    draws: Floats
    log_likelihood: float


def likeliest(lattice: Lattice, unknowns: Unknowns) -> Likeliest:
    """Return the chances under which logged dialogues are likeliest.

    Each round takes two steps of expectation and maximization (Dempster et al. 1977, Maximum likelihood from
    incomplete data via the EM algorithm) and goes on in their direction (Varadhan and Roland 2008, Simple
    and globally convergent methods for accelerating the convergence of any EM algorithm).
    """
    chances = unknowns.guess
    before = -np.inf
    for _ in range(ROUNDS):
        first, value = _step(lattice, unknowns, chances)
        if value - before < TOLERANCE:
            break
        before = value
        second, _ = _step(lattice, unknowns, first)
        change, bend = first - chances, second - 2 * first + chances
        length = float(np.linalg.norm(change)) / max(float(np.linalg.norm(bend)), 1e-12)
        far = np.maximum(chances + 2 * length * change + length**2 * bend, 0.001 * second)
        far = unknowns.normalized(far, second)
        is_better = length > 1 and lattice.log_likelihood(far) > lattice.log_likelihood(second)
        chances = far if is_better else second
    counts, covariance = _information(lattice, unknowns, chances)
    draws = np.zeros_like(chances)
    for table in unknowns.tables.values():
        total = float(counts[table.place].sum())
        for number in range(table.first, table.first + table.size if total > 0 else table.first):
            share, variance = float(chances[number]), float(covariance[number, number])
            if SMALLEST < share < 1 - SMALLEST and variance > 0:
                worth = share * (1 - share) / variance
            elif table.name.startswith(PATIENCE):
                worth = total  # seen as it is
            else:
                worth = _draws_at_the_edge(lattice, table, chances, number, total)
            draws[number] = min(worth, total)
    return Likeliest(chances, counts, covariance, draws, before)


def _draws_at_the_edge(
    lattice: Lattice, table: UnknownTable, chances: Floats, number: int, total: float
) -> float:
    """Return the number of draws that would say as much of a share of 0 or 1.

    There the curvature says nothing; it is taken where two more draws of either kind would put the share
    (Agresti and Coull 1998, Approximate is better than "exact" for interval estimation of binomial
    proportions).
    """
    moved = chances.copy()
    share = (round(float(chances[number])) * total + 2) / (total + 4)
    others = [other for other in range(table.first, table.first + table.size) if other != number]
    moved[others] += 1e-12
    moved[others] *= (1 - share) / moved[others].sum()
    moved[number] = share
    _, each = lattice.expected(moved)
    scores = each[:, number] / share - each[:, others].sum(axis=1) / (1 - share)
    mean = float(lattice.counts @ scores) / lattice.counts.sum()
    return float(lattice.counts @ (scores - mean) ** 2) * share * (1 - share)


def _step(lattice: Lattice, unknowns: Unknowns, chances: Floats) -> tuple[Floats, float]:
    logs, counts = lattice.expected(chances)
    return unknowns.normalized(lattice.counts @ counts, chances), float(lattice.counts @ logs)


def _information(lattice: Lattice, unknowns: Unknowns, chances: Floats) -> tuple[Floats, Floats]:
    """Return the expected numbers of the outcomes, and the covariance of the errors of their chances.

    The information is the sum of the squared scores of the dialogues (Berndt et al. 1974, Estimation and
    inference in nonlinear structural models); each score is the expected one of the hidden paths (Louis
    1982, Finding the observed information matrix when using the EM algorithm).
    """
    _, each = lattice.expected(chances)
    counts = lattice.counts @ each
    scores = np.zeros_like(each)
    free: list[int] = []
    spread = np.zeros((len(chances), len(chances)))
    for table in unknowns.tables.values():
        place = np.arange(table.first, table.first + table.size)
        largest = place[int(np.argmax(chances[place]))]
        if counts[place].sum() < 1e-9:
            continue
        for number in place:
            if number != largest and chances[number] > SMALLEST:
                free.append(int(number))
                scores[:, number] = each[:, number] / chances[number] - each[:, largest] / chances[largest]
                spread[number, number], spread[largest, number] = 1.0, -1.0
    if not free:
        return counts, np.zeros_like(spread)
    found = scores[:, free]
    information = found.T @ (found * lattice.counts[:, None])
    inverse = np.linalg.pinv(information, rcond=1e-10, hermitian=True)
    across = spread[:, free]
    return counts, across @ inverse @ across.T
