"""Flat observations: one-hot vectors, in every kind of environment."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from gymnasium.wrappers import FlattenObservation
from sb3_contrib import MaskablePPO, RecurrentPPO
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env as sb3_check
from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize

from dialogue_gym import DialogueEnv, ExpertPolicy, PretrainedPolicy
from dialogue_gym.exact import evaluate_exactly
from dialogue_gym.policies.q_table import QTable
from dialogue_gym.sb3 import DialogueVecEnv, MaskedDQN, ObservingMaskablePPO, to_numpy
from dialogue_gym.training.evaluation import evaluate
from tests.conftest import BUILT_IN, IDS, make, play

RESTAURANT = BUILT_IN[0]


@pytest.mark.parametrize("history", [1, 3])
@pytest.mark.parametrize("env_id", IDS)
def test_flat_observations_are_those_of_flatten_observation(env_id: str, history: int) -> None:
    flat = make(env_id, observation="flat", max_history=history)
    wrapped = FlattenObservation(make(env_id, max_history=history))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gymnasium_check(flat.unwrapped)
        sb3_check(flat)
    assert flat.observation_space.dtype == np.float32
    assert flat.observation_space.shape == wrapped.observation_space.shape
    observation, expected = flat.reset(seed=0)[0], wrapped.reset(seed=0)[0]
    for action in (3, 4, 2, 5, 1):
        assert observation.dtype == np.float32
        np.testing.assert_array_equal(observation, expected)
        codes = flat.unwrapped.codes(observation)
        assert codes in wrapped.unwrapped.observation_space
        assert flat.unwrapped.describe(observation) == wrapped.unwrapped.describe(codes)
        observation, expected = flat.step(action)[0], wrapped.step(action)[0]


def test_the_newest_of_several_flat_observations_has_codes() -> None:
    env = DialogueEnv("restaurant", observation="flat", max_history=3)
    observation, _ = env.reset(seed=0)
    for action in (3, 4):
        observation = env.step(action)[0]
    newest, codes = observation[-len(observation) // 3 :], env.codes(observation)
    np.testing.assert_array_equal(env.codes(newest), codes[-len(env.fields) :])
    np.testing.assert_array_equal(env.codes([newest, newest * 1]), [codes[-len(env.fields) :]] * 2)


def test_a_vector_that_is_not_flat_is_refused() -> None:
    env = DialogueEnv("restaurant", observation="flat")
    observation, _ = env.reset(seed=0)
    for wrong in (observation * 0, observation * 0 + 1, observation * 0.5):
        with pytest.raises(ValueError, match="a single 1 among the values of each field"):
            env.codes(wrong)
    with pytest.raises(ValueError, match="observation='flatt': unknown form"):
        DialogueEnv("restaurant", observation="flatt")


@pytest.mark.parametrize("policy", [ExpertPolicy, PretrainedPolicy])
def test_policies_read_flat_observations(policy: Any) -> None:
    results = []
    for form in ("fields", "flat"):
        env = make(RESTAURANT, observation=form)
        results.append([play(env, policy(env), env.reset(seed=seed)[0])[0] for seed in range(10)])
    assert results[0] == results[1]
    lanes = gym.make_vec(RESTAURANT, 4, observation="flat")
    assert policy(lanes.single).predict(lanes.reset(seed=0)[0], deterministic=True)[0].shape == (4,)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("algorithm", "policy"), [(PPO, "MlpPolicy"), (MaskablePPO, "MlpPolicy"), (RecurrentPPO, "MlpLstmPolicy")]
)
def test_learners_take_flat_lanes(algorithm: Any, policy: str) -> None:
    env = DialogueVecEnv(RESTAURANT, 8, observation="flat")
    algorithm(policy, env, n_steps=8, batch_size=32, n_epochs=1, seed=0, device="cpu").learn(64)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda env: VecFrameStack(env, 3),
        lambda env: VecNormalize(env),
        lambda env: VecNormalize(VecFrameStack(env, 2)),
    ],
)
def test_stable_baselines_wrappers_take_flat_lanes(wrap: Any) -> None:
    env = wrap(DialogueVecEnv(RESTAURANT, 8, observation="flat"))
    RecurrentPPO("MlpLstmPolicy", env, n_steps=8, batch_size=32, n_epochs=1, device="cpu").learn(64)
    assert env.reset().dtype == np.float32


def test_an_agent_with_a_memory_does_not_become_numpy() -> None:
    env = make(RESTAURANT, observation="flat")
    width = env.unwrapped.observation_form.width  # with so many units its layers would fit
    memory = {"lstm_hidden_size": width}
    agent = RecurrentPPO("MlpLstmPolicy", env, n_steps=4, batch_size=4, policy_kwargs=memory, device="cpu")
    with pytest.raises(TypeError, match="RecurrentPPO cannot be saved, only DQN and PPO"):
        to_numpy(agent, env)


def test_the_normalization_of_an_agent_becomes_part_of_its_policy() -> None:
    lanes = VecNormalize(DialogueVecEnv(RESTAURANT, 8, observation="flat"), clip_obs=2.0)
    agent = PPO("MlpPolicy", lanes, n_steps=64, batch_size=64, device="cpu", seed=0, learning_rate=1e-2)
    agent.learn(1024)
    policy = to_numpy(agent, make(RESTAURANT, observation="flat"))
    plain = lanes.unwrapped.reset()
    for _ in range(20):
        chosen, _ = agent.predict(lanes.normalize_obs(plain), deterministic=True)
        np.testing.assert_array_equal(policy.predict(plain, deterministic=True)[0], chosen)
        plain = lanes.unwrapped.step(chosen)[0]


@pytest.mark.parametrize("kind", [PPO, ObservingMaskablePPO])
def test_a_normalized_agent_is_evaluated_as_it_was_trained(kind: Any) -> None:
    lanes = VecNormalize(DialogueVecEnv("FakeUserConcert-v0", 8, observation="flat"), clip_obs=2.0)
    agent = kind("MlpPolicy", lanes, n_steps=64, batch_size=64, device="cpu", seed=0, learning_rate=1e-2)
    agent.learn(1024)
    env = make("FakeUserConcert-v0", observation="flat")
    policy = to_numpy(agent, env)
    assert evaluate(env, agent, 50) == evaluate(env, policy, 50)
    own, theirs = (evaluate_exactly(one, env=env, failures=1) for one in (agent, policy))
    assert own.method == "exact" and own.mean_return == pytest.approx(theirs.mean_return)


def test_an_agent_on_flat_observations_is_evaluated_and_becomes_numpy() -> None:
    env = make(RESTAURANT, observation="flat")
    agent = ObservingMaskablePPO("MlpPolicy", env, n_steps=64, batch_size=32, device="cpu", seed=0)
    agent.learn(64)
    saved = to_numpy(agent, env)
    observation, _ = env.reset(seed=0)
    for _ in range(5):
        action = saved.predict(observation, deterministic=True)[0]
        assert action == agent.predict(observation, deterministic=True)[0]
        observation = env.step(int(action))[0]
    assert evaluate(env, agent, 20, 0, uses_masks=True).dialogues == 20


def test_agents_that_read_fields_say_so() -> None:
    env = make(RESTAURANT, observation="flat")
    for kind, arguments in ((MaskedDQN, ("MlpPolicy", env)), (QTable, (env,))):
        with pytest.raises(ValueError, match="observation: must be 'fields' for"):
            kind(*arguments)
