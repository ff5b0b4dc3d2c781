"""The figures of a fake user, each with a 95% interval, from the likeliest chances.

Shares have Wilson's interval (Wilson 1927, Probable inference, the law of succession, and statistical
inference) for the number of draws that would say as much as the dialogues do. Further slots in an opening
have the score interval of a Poisson mean in the same way (Rao 1948, Large sample tests of statistical
hypotheses concerning several parameters). Patience is the median of a Kaplan-Meier curve over useless turns
(Kaplan and Meier 1958, Nonparametric estimation from incomplete observations), with the interval of
Brookmeyer and Crowley 1982, A confidence interval for the median survival time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from dialogue_gym.domain.fake_user import MAX_PATIENCE
from dialogue_gym.domain.model import FakeUser
from dialogue_gym.fitting.likelihood import Likeliest
from dialogue_gym.fitting.unknowns import (
    CORRECTS,
    ERROR,
    FAULT,
    MIND,
    OPENING,
    PART,
    PATIENCE,
    RIGHT,
    WRONG,
    Unknowns,
)
from dialogue_gym.rules.build import opening_chances

Z = NormalDist().inv_cdf(0.975)
VAGUE = 0.5
"""A share whose interval is wider than this is not identified."""
INFORMATIVENESS, INDECISIVENESS = "informativeness", "indecisiveness"
ERROR_RATE, CONFIDENCE_RIGHT, CONFIDENCE_WRONG, FAULTS = "error_rate", "right", "wrong", "faults"
_SHARES = {RIGHT: CONFIDENCE_RIGHT, WRONG: CONFIDENCE_WRONG, FAULT: FAULTS}
LABELS = {
    RIGHT: ("high", "medium", "low"),
    WRONG: ("high", "medium", "low"),
    FAULT: ("intent", "value", "lost"),
}


@dataclass(frozen=True)
class Figure:
    """A figure of the fake user.

    Attributes:
        name: the key, such as `patience`.
        part: which of the shares it is, such as `high`; empty for a figure of its own.
        value: the estimate; the default, if it is not identified.
        low: the lower end of the 95% interval.
        high: the upper end; infinity where there is none.
        reason: why it is not identified; empty if it is.
    """

    name: str
    part: str
    value: float
    low: float
    high: float
    reason: str = ""

    @property
    def is_identified(self) -> bool:
        """Whether the dialogues say it."""
        return not self.reason


def figures_of(
    user: FakeUser, unknowns: Unknowns, found: Likeliest, *, is_noisy: bool, messages: int
) -> list[Figure]:
    """Return all figures of a user.

    Args:
        user: the user of the domain, with the defaults.
        unknowns: the unknown chances.
        found: the likeliest of them.
        is_noisy: whether messages are misheard.
        messages: the number of messages in the dialogues.
    """
    profile = user.profile("standard")
    figures = [_patience(unknowns, found, profile.patience)]
    if OPENING in unknowns.tables:
        figures.append(_informativeness(unknowns, found))
    shares = [(MIND, INDECISIVENESS, profile.indecisiveness), (CORRECTS, CORRECTS, profile.correction_rate)]
    for table, name, default in shares:
        if table in unknowns.tables:
            figures.append(_share(unknowns, found, table, name, "", 1, default, _TOO_FEW[table]))
    if not is_noisy:
        figures.append(Figure(ERROR_RATE, "", 0.0, *wilson(0.0, messages)))
    else:
        figures.append(
            _share(unknowns, found, ERROR, ERROR_RATE, "", 1, user.noise.error_rate, _TOO_FEW[ERROR])
        )
        for table, name in _SHARES.items():
            figures += _table(unknowns, found, table, name, LABELS[table], getattr(user.noise, name))
    figures += _agenda(user, unknowns, found)
    return figures


_TOO_FEW = {
    MIND: "too few answers",
    CORRECTS: "too few wrong values were suggested",
    ERROR: "too few messages were contradicted",
    RIGHT: "too few messages are certain",
    WRONG: "too few messages were misheard for certain",
    FAULT: "too few messages that tell slots were misheard for certain",
}


def wilson(share: float, draws: float) -> tuple[float, float]:
    """Return Wilson's interval of a share in a number of draws, which need not be whole."""
    if draws <= 0:
        return 0.0, 1.0
    middle = (share + Z**2 / (2 * draws)) / (1 + Z**2 / draws)
    half = Z / (1 + Z**2 / draws) * math.sqrt(share * (1 - share) / draws + Z**2 / (4 * draws**2))
    return max(0.0, middle - half) if share > 0 else 0.0, min(1.0, middle + half) if share < 1 else 1.0


def draws_worth(share: float, variance: float, draws: float) -> float:
    """Return the number of draws whose share would have a variance; at most those that there were."""
    if variance <= 0:
        return draws  # no error by the curvature: the share is 0 or 1
    return min(draws, share * (1 - share) / variance)


def _share(
    unknowns: Unknowns,
    found: Likeliest,
    table: str,
    name: str,
    part: str,
    outcome: int,
    default: float,
    too_few: str,
) -> Figure:
    number = unknowns.number(table, outcome)
    value = float(found.chances[number])
    low, high = wilson(value, float(found.draws[number]))
    if high - low > VAGUE:
        return Figure(name, part, default, low, high, too_few)
    return Figure(name, part, value, low, high)


def _table(
    unknowns: Unknowns,
    found: Likeliest,
    table: str,
    name: str,
    labels: tuple[str, ...],
    defaults: tuple[float, ...],
) -> list[Figure]:
    """Return the shares of a table; all are left at their defaults if one is not identified."""
    figures = [
        _share(
            unknowns, found, table, name, label, outcome, default, _TOO_FEW.get(table, "too few dialogues")
        )
        for outcome, (label, default) in enumerate(zip(labels, defaults, strict=True))
    ]
    reason = next((one.reason for one in figures if one.reason), "")
    if not reason:
        return figures
    return [
        Figure(one.name, one.part, default, one.low, one.high, reason)
        for one, default in zip(figures, defaults, strict=True)
    ]


def _agenda(user: FakeUser, unknowns: Unknowns, found: Likeliest) -> Iterator[Figure]:
    for part in unknowns.parts:
        table = unknowns.tables[f"{PART} {part}"]
        shares = [0.0] * table.size
        for agenda in user.agendas:
            shares[agenda.way[part]] += agenda.chance
        labels = tuple(map(str, range(1, table.size + 1)))
        yield from _table(unknowns, found, table.name, f"agenda[{part}]", labels, tuple(shares))


def _informativeness(unknowns: Unknowns, found: Likeliest) -> Figure:
    """Return the mean number of slots that an opening tells, corrected for goals with few slots."""
    place = unknowns.tables[OPENING].place
    told = np.arange(place.stop - place.start, dtype=np.float64)
    shares, total = found.chances[place], float(found.counts[place].sum())
    mean = float(shares @ told)
    variance = float(told @ found.covariance[place, place] @ told)
    if mean <= 1:
        low, high = wilson(mean, draws_worth(mean, variance, total))
        if high > 0.99:  # all but all tell one: the interval may reach openings that tell more
            high = max(high, 1 + poisson(0.0, total)[1])
        return Figure(INFORMATIVENESS, "", mean, low, high)
    further = mean - 1
    worth = min(total, further / variance) if variance > 0 else total
    low, high = poisson(further, worth)
    value, low, high = (_rate_for(1 + end, len(told) - 1) for end in (further, low, high))
    return Figure(INFORMATIVENESS, "", value, low, high)


def poisson(mean: float, draws: float) -> tuple[float, float]:
    """Return the score interval of the mean of a Poisson distribution."""
    middle, half = mean + Z**2 / (2 * draws), Z * math.sqrt(mean / draws + Z**2 / (4 * draws**2))
    return max(0.0, middle - half), middle + half


def _rate_for(mean: float, slots: int) -> float:
    """Return the informativeness at which openings tell so many of the slots on average."""
    if mean <= 1:
        return mean
    low, high = 1.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        told = sum(count * chance for count, chance in enumerate(opening_chances(middle, slots)))
        low, high = (middle, high) if told < mean else (low, middle)
    return low


def _patience(unknowns: Unknowns, found: Likeliest, default: int) -> Figure:
    """Return the number of useless turns after which half of the people have left."""
    stays = 1.0
    error = 0.0
    best: float | None = None
    low: float | None = None
    high = math.inf
    survived = 0
    for turns in range(1, MAX_PATIENCE + 1):
        place = unknowns.tables[f"{PATIENCE} {turns}"].place
        stayed, left = found.counts[place]
        total = stayed + left
        if total < 1e-6:
            break
        survived = turns if stayed > 0.5 else survived
        stays *= stayed / total
        error += left / (total * max(stayed, 1e-12))
        ends = _survival(stays, error, total)
        if best is None and stays <= 0.5:
            best = turns
        if low is None and ends[0] <= 0.5:
            low = turns
        if ends[1] < 0.5:
            high = turns
            break
    if best is None:
        left = sum(
            found.counts[unknowns.number(f"{PATIENCE} {turns}", 1)] for turns in range(1, MAX_PATIENCE + 1)
        )
        reason = "hardly anybody" if left >= 0.5 else "nobody"
        reason += f" lost patience; some bore {survived} useless turns"
        return Figure(PATIENCE, "", default, low or survived + 1, math.inf, reason)
    return Figure(PATIENCE, "", best, low if low is not None else best, high)


def _survival(stays: float, error: float, total: float) -> tuple[float, float]:
    """Return the interval of a value of the survival curve, with Greenwood's error of its logarithm.

    At 0 and 1, which have no such error, the interval is Wilson's for the people who were there at last.
    """
    if stays < 1e-6 or stays > 1 - 1e-6:
        return wilson(float(stays > 0.5), total)
    return wilson(stays, draws_worth(stays, stays**2 * error, 1e12))
