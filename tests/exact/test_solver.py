"""The solver against the rules it enumerates."""

from __future__ import annotations

import dataclasses

import gymnasium as gym
import pytest

from dialogue_gym import Domain, load_domain, rules
from dialogue_gym.bounds.bounding import known_bound
from dialogue_gym.bounds.enumeration import Enumeration
from dialogue_gym.bounds.sampled_bound import sample_bound
from dialogue_gym.bounds.upper_bound import Clairvoyant, bound
from dialogue_gym.domain.model import Condition
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.exact.solver import SolverPolicy, solve
from dialogue_gym.rules.tables import FAILURE, PATIENCE, STEPS, SUCCESS, TRUNCATED, Settings
from dialogue_gym.training.evaluation import evaluate
from tests.conftest import BUILT_IN, TINY, domain_from, make


@pytest.mark.parametrize("env_id", BUILT_IN)
def test_both_bounds_agree_with_simulation_without_noise(env_id: str) -> None:
    solution = solve(make(env_id))
    lower = solution.lower
    assert 0 <= solution.upper - lower.mean_return < 0.001 * solution.upper
    played = evaluate(make(env_id), SolverPolicy(make(env_id), solution), 4000)
    assert abs(played.mean_return - lower.mean_return) < 3.5 * played.return_error + 1e-9
    assert played.mean_turns == pytest.approx(lower.mean_turns, abs=0.05)
    assert played.success_rate == pytest.approx(lower.success_rate, abs=0.005)


@pytest.mark.slow
def test_lower_bound_agrees_with_simulation_under_noise() -> None:
    keywords = {"semantic_error_rate": 0.3}
    solution = solve(make(BUILT_IN[1], **keywords))
    assert solution.lower.mean_return < solution.upper
    policy = SolverPolicy(make(BUILT_IN[1], **keywords), solution)
    played = evaluate(make(BUILT_IN[1], **keywords), policy, 4000)
    assert abs(played.mean_return - solution.lower.mean_return) < 3.5 * played.return_error + 1e-3


def test_the_user_whom_a_reset_has_chosen_changes_no_bound() -> None:
    env = DialogueEnv(
        domain_from(TINY + "      users: {unfriendly: {patience: 1}}\n"), semantic_error_rate=0.3
    )
    before = bound(env), solve(env).lower, known_bound(env)
    env.reset(seed=1, options={"user": "unfriendly"})
    assert (bound(env), solve(env).lower, known_bound(env)) == before
    assert bound(DialogueEnv(env.domain, semantic_error_rate=0.3, user="unfriendly")) < before[0] - 0.1


@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"turn_taking": "explicit", "max_episode_steps": 9},
        {"indecisiveness": 0.3, "patience": 2},
        {"semantic_error_rate": 0.3, "patience": 3, "max_episode_steps": 7},
        {"reward": (("useless", -0.5), ("failure", -4.0), ("wrap", 0.25)), "patience": 3},
    ],
)
def test_bound_equals_plain_recursion(keywords: dict[str, object]) -> None:
    """Compare with the optimum over whole rows, step by step, on a small domain without factoring."""
    domain = domain_from(TINY)
    tables = rules.build_tables(domain, Settings(**{"max_episode_steps": 12, "patience": 4} | keywords))
    plain = _PlainRecursion(domain, tables)
    enumeration = Enumeration(domain, tables)
    expected = sum(chance * plain.value(row, 0) for row, chance in enumeration.beginnings.items())
    assert Clairvoyant(enumeration).bound() == pytest.approx(expected, abs=1e-9)


class _PlainRecursion:
    def __init__(self, domain: Domain, tables: rules.Tables) -> None:
        self._tables = tables
        self._enumeration = Enumeration(domain, tables)
        self._values: dict[tuple[tuple[int, ...], int], float] = {}

    def value(self, key: tuple[int, ...], step: int) -> float:
        if (key, step) not in self._values:
            first = self._enumeration.first_action
            self._values[key, step] = max(
                self._action_value(key, step, action) for action in range(first, self._tables.actions)
            )
        return self._values[key, step]

    def _action_value(self, key: tuple[int, ...], step: int, action: int) -> float:
        row = list(key)
        total = 0.0

        def run() -> int:
            row[:] = key
            row[STEPS] = step
            return rules.step(row, self._tables, action, self._enumeration._chance.draw)

        outcomes = [
            (chance, events, self._enumeration.key(row))
            for chance, events in self._enumeration._chance.outcomes(run)
        ]
        for chance, events, after in outcomes:
            total += chance * self._enumeration.reward(action, events)
            if not events & (SUCCESS | FAILURE | TRUNCATED):
                assert after[PATIENCE] > 0
                total += chance * self.value(after, step + 1)
        return total


def without_masks(domain: Domain) -> Domain:
    assert domain.fake_user
    actions = tuple(dataclasses.replace(model, needs=Condition()) for model in domain.fake_user.actions)
    return dataclasses.replace(domain, fake_user=dataclasses.replace(domain.fake_user, actions=actions))


@pytest.mark.parametrize("name", [pytest.param("restaurant", marks=pytest.mark.slow), "concert"])
def test_the_masks_do_not_change_the_optimum(name: str) -> None:
    free = bound(gym.make("Dialogue-v0", domain=without_masks(load_domain(name))))
    assert bound(gym.make("Dialogue-v0", domain=name)) == pytest.approx(free, abs=1e-9)


def test_bounds_end_at_the_horizon_of_the_wrappers() -> None:
    env = gym.make(BUILT_IN[1], max_episode_steps=1)
    assert bound(env) == solve(env).upper == sample_bound(env, 3).mean == -1


def test_a_domain_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialogue_gym.bounds.upper_bound.MAX_STATES", 3)
    with pytest.raises(ValueError, match="more than 3 states: this domain is too large to be solved"):
        bound(make(BUILT_IN[1]))
