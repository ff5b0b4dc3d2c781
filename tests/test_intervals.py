"""Intervals of figures: 95 % of them hold the truth, also those from a few dialogues."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from dialogue_gym import ExpertPolicy
from dialogue_gym._intervals import half_of_rate, student_quantile
from dialogue_gym.bounds import greedy_returns, sample_bound, sample_optimum
from dialogue_gym.datasets import collect
from dialogue_gym.exact import evaluate_exactly
from dialogue_gym.policies import load_agent, success_rate
from dialogue_gym.text import FieldAgent, TextDialogue
from dialogue_gym.training import compare, demonstrate, evaluate, evaluate_text
from dialogue_gym.training.evaluation import figures_of
from tests.conftest import BUILT_IN, make


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_quantiles_are_those_of_student(level: float) -> None:
    for freedom in (1, 2, 3, 4, 7.5, 19, 49, 999):
        exact = stats.t.ppf((1 + level) / 2, freedom)
        assert student_quantile(freedom, level) == pytest.approx(exact, rel=0.02), freedom


@pytest.mark.parametrize("dialogues", [2, 5, 20])
def test_intervals_from_few_dialogues_cover_the_mean(dialogues: int) -> None:
    random = np.random.default_rng(dialogues)
    tables = np.zeros((4000, dialogues, 4))
    tables[:, :, 2] = random.normal(12.0, 4.0, tables.shape[:2])
    found = [figures_of(table) for table in tables]
    covered = np.mean([abs(one.mean_return - 12.0) <= one.half_interval() for one in found])
    assert 0.935 <= covered <= 0.965


@pytest.mark.parametrize("dialogues", [20, 100, 500])
@pytest.mark.parametrize("rate", [0.5, 0.8, 0.9, 0.95, 0.98, 0.995])
def test_intervals_of_rates_cover_them_near_one_too(rate: float, dialogues: int) -> None:
    found = np.arange(dialogues + 1) / dialogues
    halves = np.array([half_of_rate(one, dialogues) for one in found.tolist()])
    covered = stats.binom.pmf(np.arange(dialogues + 1), dialogues, rate)[abs(found - rate) <= halves].sum()
    assert covered >= 0.94
    for one, half in zip(found.tolist(), halves.tolist(), strict=True):
        wilson = stats.binomtest(round(one * dialogues), dialogues).proportion_ci(method="wilson")
        assert half == pytest.approx(max(one - wilson.low, wilson.high - one))


def test_one_dialogue_has_no_interval() -> None:
    env = make(BUILT_IN[0])
    figures = evaluate(env, ExpertPolicy(env), 1)
    assert figures.return_error == figures.success_error == figures.half_interval() == 0
    assert "±" not in str(figures) and str(figures).endswith("turns (1 dialogue)")
    assert "±" not in str(compare(env, ExpertPolicy(env), ExpertPolicy(env), 1))
    assert "±" in str(compare(env, ExpertPolicy(env), ExpertPolicy(env), 2))


SAMPLES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "evaluate": (lambda env: evaluate(env, ExpertPolicy(env), 0), "dialogues=0: must be a whole .* from 1"),
    "compare": (lambda env: compare(env, None, None, -1), "dialogues=-1: must be a whole .* from 1"),
    "success_rate": (lambda env: success_rate(env, lambda seen, mask: 0, []), "seeds: at least one"),
    "evaluate_exactly": (
        lambda env: evaluate_exactly(ExpertPolicy(env), dialogues=0),
        "dialogues=0: must be",
    ),
    "demonstrate": (lambda env: demonstrate(env, 0, 0), "dialogues=0: must be"),
    "sample_bound": (lambda env: sample_bound(env, tapes=1), "tapes=1: must be a whole number of at least 2"),
    "greedy_returns": (lambda env: greedy_returns(env, 1), "dialogues=1: must be a whole .* at least 2"),
    "sample_optimum": (lambda env: sample_optimum(env, 1), "users=1: must be a whole .* at least 2"),
    "collect": (lambda env: next(collect(env, [], 1, 0)), "behaviours: at least one policy is needed"),
    "evaluate_text": (
        lambda env: evaluate_text(TextDialogue("restaurant"), None, 0),  # type: ignore[arg-type]
        "users=0: must be",
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_of_nothing_is_refused_in_one_sentence(name: str) -> None:
    call, message = SAMPLES[name]
    with pytest.raises(ValueError, match=message):
        call(make("FakeUserCity-v0"))


def test_nearly_all_is_not_shown_as_all() -> None:
    table = np.ones((5000, 4))
    table[0, 1] = 0
    assert str(figures_of(table)).startswith("success 99.98%, ")
    table[0, 1] = 1
    assert str(figures_of(table)).startswith("success 100.0%, ")


def test_tries_with_one_user_count_once() -> None:
    agent = load_agent("expert", "restaurant")
    assert agent is not None
    text = TextDialogue("restaurant", semantic_error_rate=0.3)
    found = evaluate_text(text, FieldAgent(agent), 3, tries=4)
    half = stats.t.ppf(0.975, 2) * found.figures.return_error
    assert found.users == 3 and found.figures.dialogues == 12
    assert f"± {half:.2f}, " in str(found) and str(found).endswith("(12 dialogues)")
