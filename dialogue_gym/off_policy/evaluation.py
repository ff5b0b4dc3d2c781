"""Estimates of a policy's return and success from logged dialogues, each with an interval.

Each estimator gives a value and the influence of each dialogue on it, from which the standard error follows
(the delta method). The interval is Student's for the effective number of dialogues; that of a success rate
reaches at least as far as Wilson's for that number (Wilson 1927, Probable inference, the law of succession,
and statistical inference), since logs without a failure have no error. For the same reason the error of a
return counts one more dialogue at the other end of the logged returns, or of the possible ones if all of
those are the same. All are widened by the share of dialogues that the logs do not speak of, times the range
of the outcome and of 0, as which they count where nothing is divided by the weights. That of fitted Q
evaluation also spans that of the doubly robust estimate: the fit errs where the observation does not say all
that matters, and its own errors do not show that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from dialogue_gym._intervals import LEVEL, student_quantile
from dialogue_gym._text import counted
from dialogue_gym.off_policy.fitted import fit_values, situations_of
from dialogue_gym.off_policy.logs import Bools, CannotSay, Floats, Ints, Logs
from dialogue_gym.off_policy.weights import Weights, missing_share, spoken_of

DIALOGUES = 50
"""The smallest number of logged dialogues, and the smallest effective one, from which anything is said."""
MISSING = 0.05
"""The largest share of a policy's dialogues that the logs may not speak of."""
FOLDS = 5
_SAME = 1e-9
"""Returns that differ by less are the same."""


@dataclass(frozen=True)
class Estimate:
    """An estimate and its interval.

    Attributes:
        value: the estimate.
        low: the lower end of its 95% interval.
        high: the upper end.
        error: the standard error.
    """

    value: float
    low: float
    high: float
    error: float


@dataclass(frozen=True, eq=False)
class OffPolicyReport:
    """Figures of a policy from logs.

    Attributes:
        success_rate: the estimates of the success rate, by estimator (see `ESTIMATORS`).
        mean_return: the estimates of the mean return, by estimator.
        dialogues: the number of logged dialogues.
        followed: the number of those in which the policy could have made all decisions.
        effective_size: the number of equally weighted dialogues that would be worth as much.
        missing_share: the share of the policy's dialogues with a decision that the logs do not speak of.
        logged_success_rate: the success rate in the logs.
        logged_return: the mean return in the logs.
        span: the difference of the highest and the lowest return in the logs; of the possible ones, if all in
            the logs are the same.
        success_influence: the influence of each dialogue on the success rates, shape (dialogues,).
        return_influence: the same for the mean returns.
    """

    success_rate: Mapping[str, Estimate]
    mean_return: Mapping[str, Estimate]
    dialogues: int
    followed: int
    effective_size: float
    missing_share: float
    logged_success_rate: Estimate
    logged_return: Estimate
    span: float
    success_influence: Mapping[str, Floats]
    return_influence: Mapping[str, Floats]


@dataclass(frozen=True, eq=False)
class _Case:
    """The logs, as an estimator needs them."""

    logs: Logs
    target: Floats
    rewards: Floats
    weights: Weights
    situations: Ints


Estimated = tuple[float, Floats]
"""A value, and the influence of each dialogue on it, shape (dialogues,); its mean is 0."""


def _mean(values: Floats) -> Estimated:
    return float(values.mean()), values - values.mean()


def _weighted(sums: Floats, weights: Floats) -> Estimated:
    """Return the sum over steps of weighted means over dialogues; both have the shape (dialogues, steps)."""
    totals = weights.mean(axis=0)
    parts = np.where(totals > 0, sums.mean(axis=0) / np.where(totals > 0, totals, 1.0), 0.0)
    influence = ((sums - parts * weights) / np.where(totals > 0, totals, 1.0)).sum(axis=1)
    return float(parts.sum()), influence


def importance_sampling(case: _Case) -> Estimated:
    """Return the mean of the whole returns times the weights of the whole dialogues (Precup et al. 2000)."""
    return _mean(case.weights.whole * case.weights.table(case.rewards).sum(axis=1))


def weighted_importance_sampling(case: _Case) -> Estimated:
    """Return the same, divided by the mean weight: biased in small samples, with less variance."""
    whole = case.weights.whole[:, None]
    return _weighted(whole * case.weights.table(case.rewards).sum(axis=1)[:, None], whole)


def per_decision(case: _Case) -> Estimated:
    """Return the sum of rewards, each times the weight of the decisions until then (Precup et al. 2000)."""
    return _mean((case.weights.until * case.weights.table(case.rewards)).sum(axis=1))


def weighted_per_decision(case: _Case) -> Estimated:
    """Return the same with the weights of each step divided by their mean.

    Source: Thomas 2015, Safe reinforcement learning (consistent weighted per-decision importance sampling).
    """
    until = case.weights.until
    return _weighted(until * case.weights.table(case.rewards), until)


def fitted_q(case: _Case) -> Estimated:
    """Return the value of the first situations by fitted Q evaluation; see `fit_values`.

    Its influence function is that of Kallus and Uehara 2020, Double reinforcement learning for efficient
    off-policy evaluation in Markov decision processes. It takes the observation for all that matters.
    """
    logs = case.logs
    fitted = fit_values(logs, case.target, case.rewards, case.situations)
    firsts = fitted.states[logs.starts]
    ahead = np.append(fitted.states[1:], 0.0)
    ahead[logs.ends - 1] = 0.0
    surprise = case.rewards + ahead - fitted.decisions
    influence = len(logs) * np.bincount(logs.dialogues, fitted.visits * surprise, len(logs))
    return float(firsts.mean()), firsts - firsts.mean() + influence


def doubly_robust(case: _Case) -> Estimated:
    """Return the values of fitted Q evaluation, corrected by weighted importance sampling of its errors.

    The values that correct a dialogue are fitted to others.

    Sources: Jiang and Li 2016, Doubly robust off-policy value evaluation for reinforcement learning; Thomas
    and Brunskill 2016, Data-efficient off-policy policy evaluation for reinforcement learning (its weights).
    """
    logs, weights = case.logs, case.weights
    states, decisions = np.zeros(len(logs.actions)), np.zeros(len(logs.actions))
    fold = np.arange(len(logs)) % FOLDS
    for number in range(FOLDS):
        fitted = fit_values(logs, case.target, case.rewards, case.situations, fold != number)
        held: Bools = (fold == number)[logs.dialogues]
        states[held], decisions[held] = fitted.states[held], fitted.decisions[held]
    value, influence = _weighted(weights.until * weights.table(case.rewards - decisions), weights.until)
    base, more = _weighted(weights.before * weights.table(states), weights.before)
    return value + base, influence + more


ROBUST, FITTED = "doubly robust", "fitted Q"
ESTIMATORS: Mapping[str, Callable[[_Case], Estimated]] = {
    ROBUST: doubly_robust,
    FITTED: fitted_q,
    "weighted per-decision importance sampling": weighted_per_decision,
    "weighted importance sampling": weighted_importance_sampling,
    "per-decision importance sampling": per_decision,
    "importance sampling": importance_sampling,
}
"""The estimators by name, the one to prefer first."""


def evaluate_logs(
    logs: Logs, target: Floats, returns: tuple[float, float], fewest: int = DIALOGUES
) -> OffPolicyReport:
    """Estimate the success rate and the mean return of a policy from logged dialogues of others.

    Args:
        logs: the logged dialogues.
        target: the policy's chance of each action at each logged decision, shape (decisions, actions). For
            one that always takes the same action, 1 for that.
        returns: the lowest and the highest possible return of a dialogue.
        fewest: the smallest number of logged dialogues, and the smallest effective one, at least 2.

    Raises:
        CannotSay: the logs are too few, or too far from what the policy does.
        ValueError: the chances are not those of a policy, or `fewest` is below 2.
    """
    if fewest < 2:
        raise ValueError(f"fewest={fewest!r}: must be at least 2, since one dialogue has no interval")
    if target.shape != logs.chances.shape or not np.allclose(target.sum(axis=1), 1, atol=1e-6):
        raise ValueError("the chances of the policy do not sum to one at each decision")
    if len(logs) < fewest:
        raise CannotSay(f"only {counted(len(logs), 'logged dialogue')} can be used, fewer than {fewest}")
    situations = situations_of(logs)
    spoken = spoken_of(logs, target, situations)
    weights = Weights(logs, spoken)
    missing = missing_share(target, spoken, weights)
    if missing > MISSING:
        raise CannotSay(
            f"in about {missing:.0%} of its dialogues the new policy does something that was hardly ever"
            " tried there in the logs"
        )
    size = weights.effective_size
    if size < fewest:
        raise CannotSay(
            f"{counted(len(logs), 'logged dialogue')} with the weight of only {size:.0f} of the new policy's,"
            f" fewer than {fewest}"
        )
    span = float(np.ptp(logs.returns))
    if span < _SAME:
        span = returns[1] - returns[0]
    unsaid = missing * _with_zero(returns)
    success_rate, mean_return = {}, {}
    success_influence, return_influence = {}, {}
    case = _Case(logs, spoken, logs.success_rewards, weights, situations)
    for name, estimator in ESTIMATORS.items():
        value, success_influence[name] = estimator(case)
        success_rate[name] = _proportion(value, success_influence[name], size, missing)
    success_rate[FITTED] = _spanning(success_rate[FITTED], success_rate[ROBUST])
    case = _Case(logs, spoken, logs.rewards, weights, situations)
    for name, estimator in ESTIMATORS.items():
        value, return_influence[name] = estimator(case)
        mean_return[name] = _mean_value(value, return_influence[name], size, unsaid, returns, span)
    mean_return[FITTED] = _spanning(mean_return[FITTED], mean_return[ROBUST])
    return OffPolicyReport(
        success_rate,
        mean_return,
        len(logs),
        int((weights.whole > 0).sum()),
        size,
        missing,
        _proportion(*_mean(logs.successes.astype(np.float64)), float(len(logs)), 0.0),
        _mean_value(*_mean(logs.returns), float(len(logs)), 0.0, returns, span),
        span,
        success_influence,
        return_influence,
    )


@dataclass(frozen=True)
class OffPolicyComparison:
    """Differences of two policies by the same logs: first less second.

    Attributes:
        success_rate: the differences of the success rates, by estimator.
        mean_return: the differences of the mean returns, by estimator.
    """

    success_rate: Mapping[str, Estimate]
    mean_return: Mapping[str, Estimate]


def compare_by_logs(
    first: OffPolicyReport, second: OffPolicyReport, returns: tuple[float, float], level: float = LEVEL
) -> OffPolicyComparison:
    """Compare two policies that were evaluated by the same logs.

    Args:
        first: the report on one policy.
        second: that on the other.
        returns: the lowest and the highest possible return of a dialogue.
        level: the chance with which an interval is to cover the true difference.
    """
    size = min(first.effective_size, second.effective_size)
    missing = first.missing_share + second.missing_share

    def differences(
        own: Mapping[str, Estimate],
        other: Mapping[str, Estimate],
        influences: tuple[Mapping[str, Floats], Mapping[str, Floats]],
        most: float,
        unsaid: float,
        span: float,
    ) -> dict[str, Estimate]:
        mine, others = influences
        return {
            name: _mean_value(
                own[name].value - other[name].value,
                mine[name] - others[name],
                size,
                unsaid,
                (-most, most),
                span,
                level,
            )
            for name in ESTIMATORS
        }

    successes = first.success_influence, second.success_influence
    both = first.return_influence, second.return_influence
    most, unsaid = returns[1] - returns[0], missing * _with_zero(returns)
    return OffPolicyComparison(
        _with_robust(differences(first.success_rate, second.success_rate, successes, 1.0, missing, 1.0)),
        _with_robust(differences(first.mean_return, second.mean_return, both, most, unsaid, first.span)),
    )


def _with_zero(returns: tuple[float, float]) -> float:
    """Return the width of a range of returns that holds 0 as well."""
    return max(returns[1], 0.0) - min(returns[0], 0.0)


def standard_error(influence: Floats) -> float:
    """Return the standard error of an estimate, given the influence of each dialogue."""
    return float(influence.std(ddof=1) / math.sqrt(len(influence)))


def _spanning(fitted: Estimate, robust: Estimate) -> Estimate:
    return Estimate(fitted.value, min(fitted.low, robust.low), max(fitted.high, robust.high), fitted.error)


def _with_robust(found: dict[str, Estimate]) -> dict[str, Estimate]:
    return found | {FITTED: _spanning(found[FITTED], found[ROBUST])}


def _mean_value(
    value: float,
    influence: Floats,
    size: float,
    unsaid: float,
    bounds: tuple[float, float],
    span: float,
    level: float = LEVEL,
) -> Estimate:
    error, (lowest, highest) = standard_error(influence), bounds
    half = student_quantile(size - 1, level) * math.hypot(error, span / size) + unsaid
    low, high = (min(max(end, lowest), highest) for end in (value - half, value + half))
    return Estimate(value, low, high, error)


def _proportion(value: float, influence: Floats, size: float, missing: float) -> Estimate:
    error, z = standard_error(influence), student_quantile(size - 1)
    rate = min(max(value, 0.0), 1.0)
    center = (rate + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z / (1 + z**2 / size) * math.sqrt(rate * (1 - rate) / size + z**2 / (4 * size**2))
    low, high = min(center - half, value - z * error), max(center + half, value + z * error)
    return Estimate(value, max(low - missing, 0.0), min(high + missing, 1.0), error)
