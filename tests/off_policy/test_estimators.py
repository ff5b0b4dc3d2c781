"""The estimators from logs, on a small world with a known truth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from dialogue_gym.off_policy import ESTIMATORS, CannotSay, Logs, compare_by_logs, evaluate_logs
from dialogue_gym.off_policy.evaluation import Estimate

GOOD = np.array([[0.3, 0.9], [0.6, 0.2], [0.5, 0.8]])
"""The chance that a dialogue goes on well after each action, by step; it fails at once otherwise."""
RANGE = (-3.0, 9.0)
NEW = np.array([[0.1, 0.9], [1.0, 0.0], [0.0, 1.0]])
OLD = np.array([[0.3, 0.7], [0.8, 0.2], [0.3, 0.7]])

Table = npt.NDArray[np.float64]


def truth(policy: Table) -> tuple[float, float]:
    """Return the exact success rate and mean return: -1 for each step, 10 for success after the last."""
    well = (policy * GOOD).sum(axis=1).cumprod()
    return float(well[-1]), float(10 * well[-1] - 1 - well[:-1].sum())


def logs(policy: Table, dialogues: int, seed: int) -> Logs:
    random = np.random.default_rng(seed)
    steps, actions, rewards, ends, successes = [], [], [], [], []
    for _ in range(dialogues):
        is_well = True
        for step in range(len(GOOD)):
            steps.append(step)
            actions.append(int(random.random() < policy[step, 1]))
            is_well = random.random() < GOOD[step, actions[-1]]
            rewards.append(9.0 if is_well and step == len(GOOD) - 1 else -1.0)
            if not is_well:
                break
        ends.append(len(actions))
        successes.append(is_well)
    chances = policy[steps]
    columns = map(np.array, (np.array(steps)[:, None], actions, chances, rewards, ends, successes))
    return Logs(*columns)


def joined(first: Logs, second: Logs) -> Logs:
    ends = np.concatenate([first.ends, second.ends + first.ends[-1]])
    names = ("observations", "actions", "chances", "rewards")
    each = [np.concatenate([getattr(first, name), getattr(second, name)]) for name in names]
    return Logs(*each, ends, np.concatenate([first.successes, second.successes]))


def target(log: Logs, policy: Table) -> Table:
    return np.asarray(policy[log.observations[:, 0]])


def covers(one: Estimate, figure: float) -> bool:
    return one.low <= figure <= one.high


def test_intervals_cover_the_truth() -> None:
    """Also that of the difference of two policies; and the estimates are not biased."""
    rate, mean = truth(NEW)
    old_rate, old_mean = truth(OLD)
    errors = {name: [0.0] for name in ESTIMATORS}
    hits = {name: [True][:0] for name in ESTIMATORS}
    for seed in range(60):
        log = logs(OLD, 400, seed)
        new, old = (evaluate_logs(log, target(log, policy), RANGE) for policy in (NEW, OLD))
        assert covers(new.logged_return, new.logged_return.value)
        apart = compare_by_logs(new, old, RANGE)
        for name in ESTIMATORS:
            errors[name].append(new.mean_return[name].value - mean)
            hits[name] += [covers(new.success_rate[name], rate), covers(new.mean_return[name], mean)]
            hits[name] += [
                covers(apart.success_rate[name], rate - old_rate),
                covers(apart.mean_return[name], mean - old_mean),
            ]
    for name in ESTIMATORS:
        assert np.mean(hits[name]) >= 0.9, name  # of 60 logs, whose figures go together
        assert abs(np.mean(errors[name])) <= 4 * np.std(errors[name]) / 60**0.5, name


def test_intervals_lie_within_the_range_even_where_an_estimate_does_not() -> None:
    actions = np.arange(100) < 70  # by luck, more often than the chance of a half
    ones = np.ones(100)
    log = Logs(
        ones[:, None], actions.astype(np.int64), np.full((100, 2), 0.5), 9 * ones, np.arange(1, 101), actions
    )
    report = evaluate_logs(log, np.stack([0 * ones, ones], axis=1), RANGE)
    assert report.mean_return["importance sampling"].value > RANGE[1]
    assert all(RANGE[0] <= one.low <= one.high <= RANGE[1] for one in report.mean_return.values())
    with pytest.raises(ValueError, match="fewest=1: must be at least 2"):
        evaluate_logs(log, log.chances, RANGE, fewest=1)


def test_a_bot_that_could_not_yet_try_an_action_says_nothing_on_it() -> None:
    """Its dialogues have no weight where the new policy differs: importance sampling gave 0.4, not 1.7."""
    never = np.array([[0.3, 0.7], [0.0, 1.0], [0.3, 0.7]])
    log = joined(logs(never, 200, 1), logs(OLD, 200, 2))
    with pytest.raises(CannotSay, match=r"in about \d\d% of its dialogues .* hardly ever tried"):
        evaluate_logs(log, target(log, NEW), RANGE)
    same = np.array([NEW[0], never[1], NEW[2]])  # what the first ones did counts
    assert evaluate_logs(log, target(log, same), RANGE).missing_share == 0
    log = joined(logs(never, 10, 1), logs(OLD, 390, 2))
    report = evaluate_logs(log, target(log, NEW), RANGE)
    assert 0 < report.missing_share < 0.05
    assert all(covers(one, truth(NEW)[1]) for one in report.mean_return.values())


def test_what_logs_do_not_say_may_be_the_worst_also_where_no_return_is_near_0() -> None:
    actions = np.arange(1000) % 2
    ones = np.ones(1000)
    chances = np.stack([0.5 * ones, 0.5 * ones, 0 * ones], axis=1)
    log = Logs(ones[:, None], actions, chances, -10 * ones, np.arange(1, 1001), ones == 1)
    rare = np.stack([0.5 * ones, 0.47 * ones, 0.03 * ones], axis=1)
    report = evaluate_logs(log, rare, (-20, -10))
    assert report.missing_share == pytest.approx(0.03)
    for name, one in report.mean_return.items():  # the third action may lose 10 more
        assert covers(one, -10.3), name


def test_policy_in_use_has_the_figures_of_the_logs() -> None:
    log = logs(OLD, 100, 0)
    report = evaluate_logs(log, target(log, OLD), RANGE)
    for name in ESTIMATORS:
        if "sampling" in name:
            assert report.mean_return[name].value == pytest.approx(log.returns.mean())
            assert report.success_rate[name].value == pytest.approx(log.successes.mean())
    assert report.effective_size == pytest.approx(100) and report.followed == 100
    assert report.logged_success_rate.value == log.successes.mean()
    assert report != evaluate_logs(log, target(log, OLD), RANGE)  # arrays have no plain equality


def test_flawless_logs_leave_room_for_failures() -> None:
    log = logs(OLD, 100, 0)
    fine = Logs(log.observations, log.actions, log.chances, log.rewards, log.ends, np.ones(100, np.bool_))
    for one in evaluate_logs(fine, target(log, OLD), RANGE).success_rate.values():
        assert one.high == pytest.approx(1) and 0.9 < one.low < 0.98


def test_returns_that_are_all_the_same_leave_room_for_others() -> None:
    """Of sixty dialogues that went well one in forty may go wrong, whatever it costs."""
    log = Logs(
        np.ones((60, 1)),
        np.zeros(60, np.int64),
        np.ones((60, 1)),
        np.full(60, 0.1) * 90,
        np.arange(1, 61),
        np.ones(60, np.bool_),
    )
    report = evaluate_logs(log, log.chances, RANGE)
    for one in (report.logged_return, *report.mean_return.values()):
        assert one.low < 9 - 12 / 60 and one.high == pytest.approx(9)


def test_what_logs_cannot_say_is_refused() -> None:
    log = logs(OLD, 200, 0)
    with pytest.raises(CannotSay, match="only 30 logged dialogues can be used, fewer than 50"):
        evaluate_logs(few := logs(OLD, 30, 0), target(few, NEW), RANGE)
    never = np.array([[0.3, 0.7], [0.0, 1.0], [0.3, 0.7]])
    log = logs(never, 200, 0)
    with pytest.raises(CannotSay, match=r"in about \d+% of its dialogues .* hardly ever tried"):
        evaluate_logs(log, target(log, NEW), RANGE)
    log = logs(np.array([[0.95, 0.05], [0.8, 0.2], [0.3, 0.7]]), 400, 0)
    with pytest.raises(
        CannotSay, match=r"400 logged dialogues with the weight of only \d+ of the new policy's"
    ):
        evaluate_logs(log, target(log, NEW), RANGE)
    chances = log.chances.copy()
    chances[3] = 0
    with pytest.raises(CannotSay, match="lack the chance"):
        Logs(log.observations, log.actions, chances, log.rewards, log.ends, log.successes)
    with pytest.raises(ValueError, match="do not sum to one"):
        evaluate_logs(log, target(log, NEW) / 2, RANGE)
