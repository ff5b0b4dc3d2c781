"""Agreement between raters: Krippendorff's alpha for numbers, with an interval.

Sources: Krippendorff 2011, Computing Krippendorff's alpha-reliability; Hayes and Krippendorff 2007, Answering
the call for a standard reliability measure for coding data (intervals by resampling).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dialogue_gym.raters.opinions import Floats, Ints

LEAST = 10
"""The smallest number of shared items of which anything is said."""
_RESAMPLES, _AT_ONCE = 20, 50


@dataclass(frozen=True)
class Agreement:
    """Agreement between raters.

    Attributes:
        alpha: Krippendorff's alpha with squared differences: 1 for perfect agreement, 0 for agreement by
            chance alone, less for contradiction.
        low: the lower end of its 95% interval, over resampled items.
        high: the upper end.
        items: the number of items that several have rated.
        opinions: the number of opinions on these.
    """

    alpha: float
    low: float
    high: float
    items: int
    opinions: int


def agreement_of(item: Ints, value: Floats, least: int = LEAST, seed: int = 0) -> Agreement | None:
    """Return the agreement of opinions; None if too few items have several, or all opinions are the same.

    Args:
        item: the item of each opinion, shape (opinions,).
        value: its value, shape (opinions,).
        least: the smallest number of items with several opinions, at least 1.
        seed: the seed of the resampling.
    """
    _, item = np.unique(item, return_inverse=True)
    sizes = np.bincount(item)
    is_shared = sizes > 1
    if is_shared.sum() < least:
        return None
    parts = np.array([sizes, np.bincount(item, value), np.bincount(item, value**2)], np.float64)[:, is_shared]
    number = parts.shape[1]
    (alpha,) = _alphas(parts, np.ones((1, number)))
    if np.isnan(alpha):
        return None
    random = np.random.default_rng(seed)
    chances = np.full(number, 1 / number)
    drawn = [_alphas(parts, random.multinomial(number, chances, _AT_ONCE)) for _ in range(_RESAMPLES)]
    low, high = np.nanquantile(drawn, (0.025, 0.975))
    return Agreement(float(alpha), float(low), float(high), number, int(parts[0].sum()))


def _alphas(parts: Floats, counts: Floats | Ints) -> Floats:
    """Return alpha for some samples of the items; NaN where all values are the same.

    Args:
        parts: of each item the number of values, their sum and the sum of their squares, shape (3, items).
        counts: the number of times that each item counts, shape (samples, items).
    """
    size, total, squares = parts
    number, grand, all_squares = parts @ counts.T
    observed = counts @ (2 * (size * squares - total**2) / (size - 1)) / number
    expected = 2 * (number * all_squares - grand**2) / (number * (number - 1))
    differs = expected > 1e-12
    return np.where(differs, 1 - observed / np.where(differs, expected, 1.0), np.nan)
