"""Tables improved until no other action in an observation is better."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from agents.exact.table_ascent import improved
from dialogue_gym import DialogueEnv
from dialogue_gym.bounds import TooLarge
from dialogue_gym.exact import Solution, SolverPolicy, evaluate_exactly, solve
from tests.conftest import TINY, domain_from


def mean_return(env: DialogueEnv, solution: Solution) -> float:
    report = evaluate_exactly(SolverPolicy(env, solution), failures=0)
    assert report.method == "exact" and report.mean_return is not None
    return report.mean_return


def test_no_change_of_one_action_betters_an_improved_table() -> None:
    noise = "      noise: {error_rate: 0.3, right: {high: 0.6, low: 0.4}, wrong: {high: 0.3, low: 0.7}}\n"
    env = DialogueEnv(domain_from(TINY + noise), patience=2)
    solution = solve(env)
    start = dataclasses.replace(solution, table=dict.fromkeys(solution.table, 0))
    found = improved(env, start)
    best = mean_return(env, found)
    assert best > mean_return(env, start) + 1
    others = [
        mean_return(env, dataclasses.replace(found, table=found.table | {observed: action}))
        for observed, own in found.table.items()
        for action in range(len(env.action_names))
        if action != own
    ]
    assert len(others) > 10 and max(others) <= best + 1e-6
    assert best <= solution.upper + 1e-6


def test_an_improved_table_is_better_than_the_solvers_under_noise() -> None:
    env = DialogueEnv("concert", semantic_error_rate=0.3, patience=2)
    solution = solve(env)
    before, after = mean_return(env, solution), mean_return(env, improved(env, solution))
    assert before + 0.1 < after < solution.upper
    assert np.isclose(mean_return(env, improved(env, improved(env, solution))), after)


def test_a_dialogue_with_too_many_rows_is_refused() -> None:
    env = DialogueEnv("concert", semantic_error_rate=0.3)
    with pytest.raises(TooLarge, match="more than 100 rows"):
        improved(env, solve(env), 100)
