"""Beliefs as observations: the scores of the rules, in every kind of domain, single and in lanes."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env as check_stable_baselines_env

from dialogue_gym import DialogueEnv
from dialogue_gym.rules import belief
from tests.rules.test_search import PLACES

SOURCES: list[Any] = ["restaurant", "concert", PLACES]


@pytest.mark.parametrize("source", SOURCES, ids=["restaurant", "concert", "places"])
@pytest.mark.parametrize("error", [0.0, 0.3])
def test_beliefs_lead_back_to_the_fields(source: Any, error: float) -> None:
    env = DialogueEnv(source, observation="belief", semantic_error_rate=error)
    plain = DialogueEnv(source, semantic_error_rate=error)
    random = np.random.default_rng(1)
    for seed in range(20):
        observation, _ = env.reset(seed=seed)
        codes, _ = plain.reset(seed=seed)
        for _ in range(15):
            assert observation in env.observation_space
            assert np.array_equal(env.codes(observation), codes)
            assert env.describe(observation) == plain.describe(codes)
            action = int(random.integers(env.action_space.n))
            observation, _, terminated, truncated, _ = env.step(action)
            codes, *_ = plain.step(action)
            if terminated or truncated:
                break


def test_scores_are_those_of_the_two_likeliest_values() -> None:
    env = DialogueEnv(PLACES, observation="belief", semantic_error_rate=1.0)
    seen = set()
    for seed in range(60):
        env.reset(seed=seed)
        observation, *_ = env.step(env.action_names.index("ask_kind"))
        first, second = belief(env._simulation.row, env.tables, 0)
        assert observation[:4] == pytest.approx(
            [
                float(env.describe(observation)["slot.kind"] == label)
                for label in ("empty", "filled", "dontcare")
            ]
            + [first / 100]
        )
        assert observation[4:6] == pytest.approx([second / 100, (100 - first - second) / 100])
        seen.add((first > 0, second > 0))
    assert {(True, True), (True, False)} <= seen


@pytest.mark.parametrize(
    "source",
    ["restaurant", pytest.param("concert", marks=pytest.mark.slow), pytest.param(PLACES, id="places")],
)
def test_lanes_have_the_same_beliefs(source: Any) -> None:
    lanes: Any = gym.make_vec("Dialogue-v0", 3, domain=source, observation="belief", semantic_error_rate=0.3)
    single = [DialogueEnv(source, observation="belief", semantic_error_rate=0.3) for _ in range(3)]
    observations, _ = lanes.reset(seed=7)
    expected = [env.reset(seed=7 + lane)[0] for lane, env in enumerate(single)]
    random = np.random.default_rng(2)
    is_over = [False] * 3
    for _ in range(100):
        assert np.array_equal(observations, expected)
        actions = random.integers(lanes.single_action_space.n, size=3)
        observations, *_ = lanes.step(actions)
        for lane, env in enumerate(single):
            if is_over[lane]:
                expected[lane], _ = env.reset()
                is_over[lane] = False
            else:
                expected[lane], _, terminated, truncated, _ = env.step(int(actions[lane]))
                is_over[lane] = terminated or truncated


def test_checkers_and_plain_networks_take_beliefs() -> None:
    env = gym.make("Dialogue-v0", domain=PLACES, observation="belief", semantic_error_rate=0.3)
    check_env(env.unwrapped, skip_render_check=True)
    check_stable_baselines_env(env)
    PPO("MlpPolicy", env, n_steps=64, batch_size=32).learn(128)


def test_beliefs_are_of_one_observation() -> None:
    with pytest.raises(ValueError, match="max_history=2: must be 1 with observation='belief'"):
        DialogueEnv("restaurant", observation="belief", max_history=2)
    with pytest.raises(ValueError, match="unknown form; did you mean 'belief'"):
        DialogueEnv("restaurant", observation="beliefs")
    env = DialogueEnv("restaurant", observation="belief")
    with pytest.raises(ValueError, match="a single 1 for each other field"):
        env.codes(np.full(env.observation_space.shape, 0.5, np.float32))
