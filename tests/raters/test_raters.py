"""The report on raters, on simulated ratings with a known truth, and on published examples."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue_gym.raters import Opinion, Rater, RaterReport, agreement_of, judge_raters

KRIPPENDORFF = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""
"""Four observers of twelve units (Krippendorff 2011, Computing Krippendorff's alpha-reliability)."""

Answer = Callable[[bool], bool]
"""A rater: from the truth on an item to their rating of it."""


def survey(answers: dict[str, Answer], items: int, each: int, seed: int, outcomes: int = 0) -> RaterReport:
    """Return the report on raters who each rate some of the items, half of which are good.

    As many items as `outcomes` says have one rater only, and an outcome that is wrong in one of ten.
    """
    random = np.random.default_rng(seed)
    truth = random.random(items) < 0.5
    opinions, known = [], dict[Hashable, bool]()
    for name, answer in answers.items():
        for item in random.choice(items, each, replace=False):
            opinions.append(Opinion(Rater(name), int(item), 1.0 if answer(truth[item]) else -1.0))
        for number in range(outcomes):
            is_good = bool(random.random() < 0.5)
            known[name, number] = is_good == (random.random() < 0.9)
            opinions.append(Opinion(Rater(name), (name, number), 1.0 if answer(is_good) else -1.0))
    return judge_raters(opinions, known)


def weights(report: RaterReport) -> dict[str, float]:
    return {one.rater.name: one.weight for one in report.verdicts}


def erring(chance: float, seed: int) -> Answer:
    random = np.random.default_rng(seed)
    return lambda truth: bool(truth != (random.random() < chance))


def crowd(honest: int = 20) -> dict[str, Answer]:
    return {f"honest {number}": erring(0.05, number) for number in range(honest)}


def test_agreement_is_that_of_the_published_example() -> None:
    values = [line.split() for line in KRIPPENDORFF.split("\n") if line]
    pairs = [(unit, float(one)) for row in values for unit, one in enumerate(row) if one != "."]
    units, given_values = (np.array(column) for column in zip(*pairs, strict=True))
    found = agreement_of(units, given_values)
    assert found is not None
    assert found.alpha == pytest.approx(0.849, abs=5e-4)
    assert found.low < found.alpha < found.high <= 1
    assert (found.items, found.opinions) == (11, 40)  # one unit has a single value, which is left out


def test_agreement_needs_two_who_rated_the_same_and_some_difference() -> None:
    assert agreement_of(np.array([], np.int64), np.array([])) is None
    assert agreement_of(np.arange(30), np.arange(30) % 2 - 0.5) is None
    pairs, opposed = np.arange(30) // 2, np.arange(30) % 2 - 0.5
    assert agreement_of(pairs, np.ones(30)) is None
    assert agreement_of(pairs[:18], opposed[:18]) is None  # nine things that two rated
    found = agreement_of(pairs, opposed)
    assert found is not None and found.high < 0


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-2, 2)), min_size=2, max_size=24))
def test_agreement_is_krippendorffs_by_its_pairs(pairs: list[tuple[int, int]]) -> None:
    """By the definition: the mean squared difference within items, and over all pairs of values."""
    by_item: dict[int, list[int]] = {}
    for item, value in pairs:
        by_item.setdefault(item, []).append(value)
    units = [some for some in by_item.values() if len(some) > 1]
    values = [value for some in units for value in some]
    within = sum(
        Fraction((a - b) ** 2, len(some) - 1) for some in units for a in some for b in some
    )  # a value and itself differ by nothing
    total = sum((a - b) ** 2 for a in values for b in values)
    found = agreement_of(np.array([one for one, _ in pairs]), np.array([float(one) for _, one in pairs]), 1)
    if not total:
        assert found is None
        return
    expected = 1 - within / len(values) / Fraction(total, len(values) * (len(values) - 1))
    assert found is not None and found.alpha == pytest.approx(float(expected))


@pytest.mark.parametrize("seed", range(5))
def test_weights_tell_raters_apart(seed: int) -> None:
    answers = crowd() | {
        "liar": lambda truth: not truth,
        "liar by habit": erring(0.9, 100 + seed),
        "guesser": erring(0.5, 200 + seed),
        "careless": erring(0.3, 300 + seed),
        "flatterer": lambda truth: True,
    }
    report = survey(answers, items=100, each=80, seed=seed)
    found = weights(report)
    assert min(weight for name, weight in found.items() if name.startswith("honest")) > 0.9
    assert found["liar"] == found["liar by habit"] == 0
    assert found["guesser"] < 0.5 and 0.2 < found["careless"] < 1
    assert found["flatterer"] < 0.3
    assert {one.rater.name for one in report.contrary} == {"liar", "liar by habit"}
    # The ratings of a fair pair correlate with 0.44, the square of their mean correlation with the truth.
    assert report.agreement is not None and report.agreement.alpha == pytest.approx(0.44, abs=0.05)


def test_outcomes_tell_raters_apart_who_share_nothing() -> None:
    answers = crowd(10) | {"liar": lambda truth: not truth}
    report = survey(answers, items=1000, each=1, seed=3, outcomes=30)
    found = weights(report)
    assert found.pop("liar") == 0 and min(found.values()) > 0.8
    (liar,) = report.contrary
    assert liar.outcomes == 30 and liar.against_outcomes > 20
    assert report.outcomes == 330 and 0.1 < report.against_outcomes / 330 < 0.35


def test_few_ratings_change_little() -> None:
    answers = crowd() | {"new": lambda truth: not truth}
    by_ratings = [weights(survey(answers | {}, items=40, each=each, seed=1))["new"] for each in (1, 2, 30)]
    assert by_ratings[0] > 0.6 and by_ratings[0] > by_ratings[1] > by_ratings[2] == 0


def test_nothing_shared_leaves_all_weights_at_one() -> None:
    """Ten thousand ratings that nobody else can confirm are no evidence for or against anybody."""
    opinions = [Opinion(Rater("ann"), number, (-1.0) ** number) for number in range(10_000)]
    opinions += [Opinion(Rater("bob"), -1 - number, 1.0) for number in range(3)]
    report = judge_raters(opinions, {})
    assert weights(report) == {"ann": 1.0, "bob": 1.0}
    assert report.agreement is None and not report.contrary and report.outcomes == 0
    assert judge_raters([], {}).verdicts == ()


def test_one_reply_that_all_have_seen_does_not_decide_on_others() -> None:
    """The share of good things is one of things: of ratings, a bad greeting would make all else bad."""
    opinions = [Opinion(Rater(f"visitor {number}"), "greeting", -1.0) for number in range(1000)]
    for item in range(50):
        opinions += [Opinion(Rater(f"honest {(2 * item + more) % 40}"), item, 1.0) for more in range(2)]
        opinions.append(Opinion(Rater("liar"), item, -1.0))
    report = judge_raters(opinions, {})
    assert [one.rater.name for one in report.contrary] == ["liar"]
    found = weights(report)
    assert found.pop("liar") == 0 and min(found.values()) == 1


def test_repeated_ratings_of_one_thing_count_once() -> None:
    """Otherwise the one who repeats an opinion most would be right."""
    honest = [Opinion(Rater(f"honest {n}"), item, 1.0) for n in range(4) for item in range(10)]
    report = judge_raters(honest + [Opinion(Rater("liar"), n % 10, -1.0) for n in range(5000)], {})
    assert [one.rater.name for one in report.contrary] == ["liar"]
    assert (report.contrary[0].opinions, report.contrary[0].contradicted) == (10, 10)


def test_a_teacher_and_a_visitor_of_the_same_name_differ() -> None:
    report = judge_raters([Opinion(Rater("ann"), 1, 1.0), Opinion(Rater("ann", True), 1, -1.0)], {})
    assert {one.rater for one in report.verdicts} == {Rater("ann"), Rater("ann", True)}


@settings(max_examples=20)
@given(st.permutations(range(24)))
def test_report_does_not_depend_on_the_order(order: list[int]) -> None:
    answers = crowd(5) | {"liar": lambda truth: not truth}
    names = list(answers)

    def rate(number: int) -> Opinion:
        name = names[number % 6]
        return Opinion(Rater(name), number // 6, 1.0 if answers[name](number < 12) else -1.0)

    opinions = [rate(number) for number in range(24)]
    first, second = judge_raters(opinions, {0: True}), judge_raters([opinions[n] for n in order], {0: True})
    assert [one.rater for one in first.verdicts] == [one.rater for one in second.verdicts]
    assert weights(first) == pytest.approx(weights(second), abs=1e-6)
