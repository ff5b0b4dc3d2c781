"""The Bayes filter: its beliefs are calibrated, and memory pays."""

from __future__ import annotations

import numpy as np
import pytest
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor

from agents.exact.bayes_filter import FilterPolicy
from dialogue_gym import ExpertPolicy
from dialogue_gym.bounds.upper_bound import bound
from dialogue_gym.rules.tables import AGENDA, POSITION
from dialogue_gym.training.evaluation import evaluate
from tests.conftest import BUILT_IN, TURN_TAKINGS, make


@pytest.mark.parametrize("turn_taking", TURN_TAKINGS)
def test_filter_reaches_the_bound_without_noise(turn_taking: str) -> None:
    env = make(BUILT_IN[1], turn_taking=turn_taking)
    figures = evaluate(env, FilterPolicy(env), 1000)
    assert figures.success_rate == 1.0
    assert abs(figures.mean_return - bound(env)) < 0.001 * 15 + 3 * figures.return_error


@pytest.mark.parametrize("turn_taking", TURN_TAKINGS)
def test_memory_pays_under_noise(turn_taking: str) -> None:
    env = make(BUILT_IN[1], turn_taking=turn_taking, semantic_error_rate=0.3)
    own, expert = (evaluate(env, policy, 2000) for policy in (FilterPolicy(env), ExpertPolicy(env, 0)))
    assert own.mean_return > expert.mean_return + 3 * np.hypot(own.return_error, expert.return_error)
    assert own.mean_return < bound(env)


def test_the_belief_is_calibrated() -> None:
    """A row with some probability in the belief is the true one with that frequency."""
    env = make(BUILT_IN[1], semantic_error_rate=0.3)
    dialogue = env.unwrapped
    policy = FilterPolicy(env)
    claimed, true = [], []
    for seed in range(600):
        observation, _ = env.reset(seed=seed)
        state, is_over = None, False
        while not is_over:
            action, state = policy.predict(observation, state)
            chances: dict[tuple[int, int], float] = {}
            for row, chance in state[0].rows.items():
                place = row[AGENDA], row[POSITION]
                chances[place] = chances.get(place, 0.0) + chance
            for place, chance in chances.items():
                claimed.append(chance)
                true.append(place == (dialogue._simulation.row[AGENDA], dialogue._simulation.row[POSITION]))
            observation, _, terminated, truncated, _ = env.step(action)
            is_over = terminated or truncated
    bins = np.digitize(claimed, [0.05, 0.2, 0.4, 0.6, 0.8, 0.95])
    filled = [which for which in range(7) if (bins == which).sum() > 30]
    assert len(filled) >= 4
    for which in filled:
        some = bins == which
        expected, found = np.mean(np.array(claimed)[some]), np.mean(np.array(true)[some])
        assert abs(expected - found) < 4 * np.sqrt(0.25 / some.sum())
    assert np.mean(claimed) == pytest.approx(np.mean(true), abs=0.005)


def test_stable_baselines3_evaluates_it() -> None:
    env = make(BUILT_IN[1], semantic_error_rate=0.3)
    returns, _ = evaluate_policy(
        FilterPolicy(env), Monitor(env), n_eval_episodes=100, return_episode_rewards=True
    )
    assert np.mean(returns) > 13


def test_lanes_do_not_disturb_each_other() -> None:
    """Each lane has its own belief, which restarts with each dialogue."""
    envs = [make(BUILT_IN[1], semantic_error_rate=0.3) for _ in range(2)]
    together, alone = FilterPolicy(envs[0]), [FilterPolicy(env) for env in envs]
    observations = [env.reset(seed=lane)[0] for lane, env in enumerate(envs)]
    state, own_states = None, [None, None]
    begins = np.array([True, True])
    seen = set()
    for _ in range(300):
        actions, state = together.predict(np.stack(observations), state, begins)
        for lane, env in enumerate(envs):
            own = None if begins[lane] else own_states[lane]
            action, own_states[lane] = alone[lane].predict(observations[lane], own)
            assert action == actions[lane]
            assert own_states[lane][0].rows == state[lane].rows
            observations[lane], _, terminated, truncated, _ = env.step(action)
            begins[lane] = terminated or truncated
            if begins[lane]:
                observations[lane], _ = env.reset()
        seen.add((int(actions[0]), int(actions[1])))
    assert len(seen) > 10
