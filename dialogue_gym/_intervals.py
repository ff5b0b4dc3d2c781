"""Intervals of a mean and of a rate from a sample, also from a small one."""

from __future__ import annotations

import math
from statistics import NormalDist

LEVEL = 0.95


def student_quantile(freedom: float, level: float = LEVEL) -> float:
    """Return the number of standard errors, to each side, that hold the mean with a chance of `level`.

    It is Student's quantile: by its expansion, and in closed form for one and two degrees of freedom, which
    need not be whole. Source: Abramowitz and Stegun 1964, 26.7.3 to 26.7.5.

    Args:
        freedom: the degrees of freedom, at least 1: the number of independent values less 1.
        level: the chance, from 0 to 1.

    >>> [round(student_quantile(freedom), 2) for freedom in (1, 2, 3, 19, 999)]
    [12.71, 4.3, 3.18, 2.09, 1.96]
    """
    if freedom == 1:
        return math.tan(math.pi * level / 2)
    if freedom == 2:
        return level * math.sqrt(2 / (1 - level**2))
    z = NormalDist().inv_cdf((1 + level) / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))


def half_of_mean(error: float, count: int) -> float:
    """Return half of the 95 % interval of a mean.

    Args:
        error: its standard error, with the squares divided by the number of values less 1.
        count: the number of independent values; of a single one there is no interval, and the result is 0.
    """
    return student_quantile(count - 1) * error if count > 1 else 0.0


def half_of_rate(rate: float, count: int) -> float:
    """Return half of an interval around the rate in a sample that holds the 95 % interval of Wilson.

    That one is not around the rate, but nearer to a half: of 100 successes of 100 it is from 0.963 to 1.
    Source: Wilson 1927, Probable inference, the law of succession, and statistical inference.

    >>> round(half_of_rate(1.0, 100), 3), round(half_of_rate(0.5, 100), 3)
    (0.037, 0.096)
    """
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    share = z**2 / count
    half = z * math.sqrt(rate * (1 - rate) / count + share / (4 * count)) / (1 + share)
    return half + share * abs(0.5 - rate) / (1 + share)
