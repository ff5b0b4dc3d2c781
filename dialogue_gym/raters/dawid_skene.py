"""The accuracy of raters, estimated without knowing the truth.

The model of Dawid and Skene 1979, Maximum likelihood estimation of observer error-rates using the EM
algorithm, for two answers: each item is good or bad, and each rater calls a good one good with one chance
and a bad one bad with another. Both have a Beta prior, so that a few ratings say little on their rater
(maximum a posteriori, as in Raykar et al. 2010, Learning from crowds).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dialogue_gym.raters.opinions import Floats, Ints

_ROUNDS, _CLOSE = 500, 1e-6


@dataclass(frozen=True, eq=False)
class RaterModel:
    """Estimates of the accuracy of raters, and of the quality of items.

    Attributes:
        sensitivity: the chance that a rater calls a good item good, shape (raters,).
        specificity: the chance that they call a bad item bad, shape (raters,).
        evidence: the log odds that each item is good, by its ratings alone, shape (items,).
        own: the part of each rating in the evidence on its item, shape (ratings,).
    """

    sensitivity: Floats
    specificity: Floats
    evidence: Floats
    own: Floats


def fit_raters(
    rater: Ints,
    item: Ints,
    is_good: npt.NDArray[np.bool_],
    right: Floats,
    wrong: Floats,
) -> RaterModel:
    """Fit the model.

    Items with a single rating say nothing on its rater, and are left out of the fit.

    Args:
        rater: the rater of each rating, shape (ratings,).
        item: the item of each rating, shape (ratings,).
        is_good: whether the rating is good, shape (ratings,).
        right: the prior of each rater, as a number of right ratings for good and for bad items, shape
            (raters,).
        wrong: the same for wrong ratings.
    """
    items = int(item.max(initial=-1)) + 1
    is_shared = np.bincount(item, minlength=items) > 1
    is_used = is_shared[item]
    who, what, good = rater[is_used], item[is_used], is_good[is_used].astype(np.float64)
    sensitivity = specificity = right / (right + wrong)
    belief = np.bincount(what, good, items) / np.maximum(np.bincount(what, minlength=items), 1)
    for _ in range(_ROUNDS):
        said = belief[what]
        share = (belief[is_shared].sum() + 1) / (is_shared.sum() + 2)
        sensitivity = (right + np.bincount(who, said * good, len(right))) / (
            right + wrong + np.bincount(who, said, len(right))
        )
        specificity = (right + np.bincount(who, (1 - said) * (1 - good), len(right))) / (
            right + wrong + np.bincount(who, 1 - said, len(right))
        )
        odds = np.bincount(what, _part(sensitivity, specificity, who, good > 0), items)
        before, belief = belief, 1 / (1 + np.exp(-np.clip(odds + np.log(share / (1 - share)), -50, 50)))
        if not len(belief) or np.abs(belief - before).max() < _CLOSE:
            break
    own = _part(sensitivity, specificity, rater, is_good)
    evidence: Floats = np.bincount(item, own, items).astype(np.float64)
    return RaterModel(sensitivity, specificity, evidence, own)


def _part(
    sensitivity: Floats, specificity: Floats, rater: Ints, is_good: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Return the log likelihood ratio of each rating, for a good item against a bad one."""
    good = np.log(sensitivity / (1 - specificity))[rater]
    bad = np.log((1 - sensitivity) / specificity)[rater]
    return np.where(is_good, good, bad)
