"""The report on raters: who agrees with whom, who contradicts outcomes, and the weight of each."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from dialogue_gym.raters.agreement import Agreement, agreement_of
from dialogue_gym.raters.dawid_skene import fit_raters
from dialogue_gym.raters.opinions import Floats, Opinion, OpinionTable, Rater

RIGHT, WRONG = 4.0, 1.0
"""The prior of a rater: as if so many ratings of good items, and of bad ones, had been right or wrong."""
OUTCOME_RIGHT, OUTCOME_WRONG = 18.0, 2.0
"""The prior of the outcome of a dialogue, which counts as one more rater of it."""
_CLEAR = math.log(9)
"""Log odds from which the others are clear: nine to one."""
_BEYOND_CHANCE = NormalDist().inv_cdf(0.995)


@dataclass(frozen=True)
class RaterVerdict:
    """The verdict on one rater.

    Attributes:
        rater: the rater.
        opinions: the number of different things that they rated.
        checked: the number of those on which the others and the outcome are clear, as good or as bad.
        contradicted: the number of those that the rater sees the other way round.
        outcomes: the number of rated dialogues whose outcome is known.
        against_outcomes: the number of those that the rater sees the other way round.
        sensitivity: the estimated chance that they call something good that is good.
        specificity: the estimated chance that they call something bad that is bad.
        weight: the weight of their ratings, from 0 to 1. It is 1 before anything is known of them, and 0 if
            their ratings say nothing, or the opposite.
    """

    rater: Rater
    opinions: int
    checked: int
    contradicted: int
    outcomes: int
    against_outcomes: int
    sensitivity: float
    specificity: float
    weight: float

    @property
    def is_contrary(self) -> bool:
        """Whether most of their ratings contradict the others, beyond chance (a score test at 0.5%)."""
        return self.excess > _BEYOND_CHANCE

    @property
    def excess(self) -> float:
        """The contradictions above one half of the ratings that were checked, in standard errors."""
        return (2 * self.contradicted - self.checked) / math.sqrt(max(self.checked, 1))


@dataclass(frozen=True)
class RaterReport:
    """The report on all raters.

    Attributes:
        agreement: the agreement of people who rated the same things; None if these are too few, or all said
            the same.
        outcomes: the number of opinions on dialogues whose outcome is known.
        against_outcomes: the number of those that contradict the outcome.
        verdicts: the verdict on each rater, those who contradict most first.
    """

    agreement: Agreement | None
    outcomes: int
    against_outcomes: int
    verdicts: tuple[RaterVerdict, ...]

    @property
    def contrary(self) -> tuple[RaterVerdict, ...]:
        """The verdicts on raters who mostly contradict the others."""
        return tuple(one for one in self.verdicts if one.is_contrary)


def judge_raters(opinions: Iterable[Opinion], outcomes: Mapping[Hashable, bool]) -> RaterReport:
    """Return the report on raters.

    A rater's several opinions on one item count as their mean; a mean of 0 counts as none.

    Args:
        opinions: the opinions.
        outcomes: whether dialogues were a success, by the item that stands for them, where that is known.
    """
    table = OpinionTable.of(opinions)
    verdicts = sorted(_verdicts(table, outcomes), key=lambda one: (-one.excess, one.weight, one.rater))
    tallies = sum(one.outcomes for one in verdicts), sum(one.against_outcomes for one in verdicts)
    return RaterReport(agreement_of(table.item, table.value), *tallies, tuple(verdicts))


def weigh_raters(opinions: Iterable[Opinion], outcomes: Mapping[Hashable, bool]) -> dict[Rater, float]:
    """Return the weight of each rater; arguments are those of `judge_raters`, and so is the meaning."""
    return {one.rater: one.weight for one in _verdicts(OpinionTable.of(opinions), outcomes)}


def _verdicts(table: OpinionTable, outcomes: Mapping[Hashable, bool]) -> list[RaterVerdict]:
    """Return the verdict on each rater, in the order of the table."""
    known = [(number, outcomes[item]) for number, item in enumerate(table.items) if item in outcomes]
    rated, succeeded = (np.array(column) for column in zip(*known, strict=True)) if known else ((), ())
    is_said = table.value != 0
    # The outcome is the last rater.
    people = len(table.raters)
    rater = np.concatenate([table.rater[is_said], np.full(len(known), people)]).astype(np.int64)
    item = np.concatenate([table.item[is_said], rated]).astype(np.int64)
    is_good = np.concatenate([table.value[is_said] > 0, succeeded]).astype(np.bool_)
    right = np.array([RIGHT] * people + [OUTCOME_RIGHT])
    wrong = np.array([WRONG] * people + [OUTCOME_WRONG])
    model = fit_raters(rater, item, is_good, right, wrong)
    others = model.evidence[item] - model.own
    is_clear = np.abs(others) >= _CLEAR
    is_against = is_clear & ((others > 0) != is_good)
    outcome = np.full(len(table.items), -1)
    for number, is_success in known:
        outcome[number] = is_success
    has_outcome = outcome[item] >= 0
    is_opposed = has_outcome & (outcome[item] != is_good)

    def count(flags: npt.NDArray[np.bool_]) -> list[int]:
        return [int(one) for one in np.bincount(rater[flags], minlength=people + 1)[:people]]

    columns = zip(
        table.raters,
        np.bincount(table.rater, minlength=people).tolist(),
        count(is_clear),
        count(is_against),
        count(has_outcome),
        count(is_opposed),
        model.sensitivity.tolist(),
        model.specificity.tolist(),
        _weights(model.sensitivity, model.specificity).tolist(),
        strict=False,  # the models have the outcome as well
    )
    return [RaterVerdict(*column) for column in columns]


def _weights(sensitivity: Floats, specificity: Floats) -> Floats:
    """Return the weights: the surplus over guessing (Youden 1950), as a part of that of an unknown rater."""
    unknown = 2 * RIGHT / (RIGHT + WRONG) - 1
    return np.asarray(np.clip((sensitivity + specificity - 1) / unknown, 0.0, 1.0))
