"""Exact figures against following every row as it is, on random small domains."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dialogue_gym import rules
from dialogue_gym.bounds.enumeration import Chance
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.exact import evaluate_exactly
from dialogue_gym.policies.mask import ActionMask
from dialogue_gym.rules.tables import FAILURE, RANDOM, SUCCESS, TRUNCATED, TURNS
from tests.conftest import domain_of
from tests.exact.policies import FixedTable
from tests.strategies import domains

FEW_ROWS, MANY_ROWS = 400, 4000
SIZES = pytest.mark.parametrize("most", [FEW_ROWS, pytest.param(MANY_ROWS, marks=pytest.mark.slow)])
SMALL = st.fixed_dictionaries(
    {
        "turn_taking": st.sampled_from(["auto", "explicit"]),
        "semantic_error_rate": st.sampled_from([0.0, 0.0, 0.3]),
        "indecisiveness": st.sampled_from([None, 0.4]),
        "patience": st.integers(1, 3),
        "max_episode_steps": st.integers(2, 5),
        "max_history": st.integers(1, 2),
    }
)


def followed(env: DialogueEnv, policy: FixedTable, most: int) -> tuple[float, float, dict[int, float]]:
    """Return success, return and turns, by following every row: nothing is merged or left out."""
    tables, source = env.tables, Chance(env.tables)
    mask = ActionMask(env)
    row = [0] * tables.size
    totals = [0.0, 0.0]
    ended: dict[int, float] = defaultdict(float)
    nothing = (0,) * tables.values * (env.max_history - 1)
    rows: dict[Any, float] = defaultdict(float)

    def begin() -> int:
        rules.begin(row, tables, source.draw)
        return 0

    for chance, _ in source.outcomes(begin):
        row[RANDOM] = 0
        rows[tuple(row), nothing + tuple(row[: tables.values])] += chance
    while rows:
        assume(len(rows) < most)
        following: dict[Any, float] = defaultdict(float)
        for (key, seen), weight in rows.items():
            observation = np.array(seen, env.observation_space.dtype)
            possible = mask(observation[None])[0]
            action = policy.choose(observation, possible, True) + env.first_action

            def step(key: Any = key, action: int = action) -> int:
                row[:] = key
                return rules.step(row, tables, action, source.draw)

            for chance, events in source.outcomes(step):
                row[RANDOM] = 0
                totals[1] += weight * chance * (tables.event_reward[events] + tables.action_reward[action])
                if events & (SUCCESS | FAILURE | TRUNCATED):
                    ended[row[TURNS]] += weight * chance
                    totals[0] += weight * chance * bool(events & SUCCESS)
                else:
                    after = seen[tables.values :] if env.max_history > 1 else ()
                    following[tuple(row), after + tuple(row[: tables.values])] += weight * chance
        rows = following
    return totals[0], totals[1], ended


@SIZES
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(domains(), SMALL, st.integers(0, 5))
def test_exact_figures_are_those_of_following_every_row(
    most: int, content: dict[str, Any], small: dict[str, Any], table: int
) -> None:
    env = DialogueEnv(domain_of(content), **small)
    policy = FixedTable(env, table)
    success, total, turns = followed(env, policy, most)
    report = evaluate_exactly(policy, failures=0)
    assert report.method == "exact"
    assert report.success_rate == pytest.approx(success, abs=1e-8)
    assert report.mean_return == pytest.approx(total, abs=1e-7)
    for number in {*turns, *report.turns}:
        assert report.turns.get(number, 0.0) == pytest.approx(turns.get(number, 0.0), abs=1e-8)
    assert sum(one.share * one.success_rate for one in report.goals) == pytest.approx(success, abs=1e-8)
