"""The environment for Stable-Baselines3 equals DummyVecEnv, and its learners run on it unchanged."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import register
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor, VecNormalize

from dialogue_gym import ExpertPolicy
from dialogue_gym.sb3.vec_env import DialogueVecEnv
from tests.conftest import BUILT_IN, TURN_TAKINGS, make_vec


@pytest.mark.parametrize("turn_taking", TURN_TAKINGS)
@pytest.mark.parametrize("env_id", BUILT_IN)
def test_vec_env_equals_dummy_vec_env(env_id: str, turn_taking: str) -> None:
    keywords: dict[str, Any] = {"turn_taking": turn_taking, "semantic_error_rate": 0.15, "max_history": 2}
    ours = DialogueVecEnv(env_id, 5, **keywords)
    theirs = VecMonitor(DummyVecEnv([lambda: gym.make(env_id, **keywords)] * 5))
    assert (ours.num_envs, ours.observation_space) == (5, theirs.observation_space)
    assert ours.action_space == theirs.action_space
    for env in (ours, theirs):
        env.seed(3)
    np.testing.assert_array_equal(ours.reset(), theirs.reset())
    generator = np.random.default_rng(0)
    ended = 0
    for _ in range(600):
        actions = generator.integers(ours.action_space.n, size=5)  # type: ignore[attr-defined]
        observations, rewards, dones, infos = ours.step(actions)
        their_observations, their_rewards, their_dones, their_infos = theirs.step(actions)
        np.testing.assert_array_equal(observations, their_observations)
        np.testing.assert_array_equal(rewards, their_rewards)
        np.testing.assert_array_equal(dones, their_dones)
        assert (rewards.dtype, dones.dtype) == (their_rewards.dtype, their_dones.dtype)
        np.testing.assert_array_equal(ours.env_method("action_masks"), theirs.env_method("action_masks"))
        for done, info, their_info in zip(dones, infos, their_infos, strict=True):
            if not done:
                assert info == {}
                continue
            ended += 1
            terminal = info.pop("terminal_observation"), their_info.pop("terminal_observation")
            np.testing.assert_array_equal(*terminal)
            statistics, their_statistics = info.pop("episode"), their_info.pop("episode")
            assert set(statistics) == set(their_statistics)
            assert (statistics["r"], statistics["l"]) == (their_statistics["r"], their_statistics["l"])
            assert info == {name: their_info[name] for name in info}
            assert set(their_info) - set(info) == {"action_mask", "reward_terms"}
    assert ended > 20


def test_returns_are_without_shaping() -> None:
    plain, shaped = (DialogueVecEnv(BUILT_IN[0], 5, shaping=shaping) for shaping in (0.0, 1.0))
    for env in (plain, shaped):
        env.seed(3)
        env.reset()
    generator = np.random.default_rng(0)
    ended, differing = 0, 0
    for _ in range(200):
        actions = generator.integers(plain.action_space.n, size=5)  # type: ignore[attr-defined]
        (_, rewards, dones, infos), (_, others, _, other_infos) = plain.step(actions), shaped.step(actions)
        differing += int((rewards != others).sum())
        ended += int(dones.sum())
        for info, other in zip(infos, other_infos, strict=True):
            assert info.get("episode", {}).get("r") == pytest.approx(other.get("episode", {}).get("r"))
    assert ended > 20 and differing > 20


def test_the_step_limit_of_the_ids_spec_holds() -> None:
    register(
        id="ShortConcert-v0",
        entry_point="dialogue_gym.envs:DialogueEnv",
        vector_entry_point="dialogue_gym.vector:DialogueVectorEnv",
        kwargs={"domain": "concert"},
        max_episode_steps=3,
    )
    for keywords, limit in (({}, 3), ({"max_episode_steps": 2}, 2)):
        env = DialogueVecEnv("ShortConcert-v0", 2, **keywords)
        env.reset()
        for _ in range(limit):
            _, _, dones, infos = env.step(np.array([1, 1]))
        assert dones.all()
        assert [info["TimeLimit.truncated"] for info in infos] == [True, True]
        assert [info["is_success"] for info in infos] == [False, False]
    del gym.registry["ShortConcert-v0"]


@pytest.mark.parametrize(
    ("algorithm", "keywords"),
    [
        (PPO, {"n_steps": 8}),
        (DQN, {"learning_starts": 50}),
        (MaskablePPO, {"n_steps": 8}),
    ],
)
def test_learners_run_on_it_and_record_successes(
    algorithm: type[BaseAlgorithm], keywords: dict[str, Any]
) -> None:
    env = DialogueVecEnv("FakeUserRestaurant-v0", 32)
    agent = algorithm("MlpPolicy", env, seed=0, device="cpu", **keywords)
    agent.learn(1500)
    assert agent.ep_info_buffer and agent.ep_success_buffer
    assert all(1 <= info["l"] <= 50 for info in agent.ep_info_buffer)


@pytest.mark.parametrize("algorithm", [PPO, DQN])
@pytest.mark.parametrize("history", [2, 3])
def test_network_width_follows_the_history(algorithm: type[BaseAlgorithm], history: int) -> None:
    keywords = {"n_steps": 8} if algorithm is PPO else {"learning_starts": 20}
    env = DialogueVecEnv("FakeUserRestaurant-v0", 8, max_history=history)
    agent = algorithm("MlpPolicy", env, device="cpu", **keywords)  # type: ignore[arg-type]
    agent.learn(128)
    labels = sum(len(field.labels) for field in env.lanes.observation_fields)
    assert next(agent.policy.parameters()).shape[1] == labels
    single = gym.make("FakeUserRestaurant-v0", max_history=history)
    PPO("MlpPolicy", single, n_steps=32, batch_size=32, device="cpu").learn(32)


def test_masks_reach_maskable_ppo() -> None:
    env = DialogueVecEnv("FakeUserRestaurant-v0", 4)
    env.reset()
    assert is_masking_supported(env)
    masks = get_action_masks(env)
    assert masks.shape == (4, 16) and masks.dtype == np.bool_
    suggest = env.get_attr("action_names")[0].index("action_suggest")
    assert not masks[:, suggest].any() and masks.any(axis=1).all()
    assert len(env.env_method("action_masks", indices=[1, 2])) == 2
    env.step(np.array([3, 4, 5, 6]))
    for one, other in zip(env.get_attr("action_masks"), env.env_method("action_masks"), strict=True):
        np.testing.assert_array_equal(one(), other)


def test_evaluate_policy_and_wrappers_accept_it() -> None:
    env = DialogueVecEnv("FakeUserConcert-v0", 10)
    expert = ExpertPolicy(env.lanes.single)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mean, _ = evaluate_policy(expert, env, n_eval_episodes=100)  # type: ignore[arg-type]
    assert 14.5 < mean < 15.5
    PPO("MlpPolicy", VecNormalize(env, norm_obs=False), n_steps=8, batch_size=80, device="cpu").learn(80)


def test_callbacks_read_successes_of_dialogues_that_are_cut_off(tmp_path: Path) -> None:
    """TimeLimit ends some dialogues and users others; the arrays of the log need an entry for each."""
    env = Monitor(gym.make("FakeUserRestaurant-v0", max_episode_steps=9), info_keywords=("is_success",))
    callback = EvalCallback(env, eval_freq=64, n_eval_episodes=5, log_path=str(tmp_path), verbose=0)
    trained = gym.make("FakeUserRestaurant-v0", max_episode_steps=9)
    agent = PPO("MlpPolicy", trained, n_steps=64, batch_size=32, n_epochs=1, device="cpu", seed=0)
    agent.learn(256, callback)
    assert np.load(tmp_path / "evaluations.npz")["successes"].shape == (4, 5)


def test_options_reach_the_lanes() -> None:
    goal = {"goal": {"cuisine": "sushi", "price": "cheap"}}
    env, plain = (DialogueVecEnv("FakeUserRestaurant-v0", 50) for _ in range(2))
    for one in (env, plain):
        one.seed(0)
    env.set_options(goal)
    chosen, _ = make_vec("FakeUserRestaurant-v0", 50).reset(seed=0, options=goal)
    np.testing.assert_array_equal(env.reset(), chosen)
    plain.reset()
    assert env.lanes._lanes._rows.cells.tolist() != plain.lanes._lanes._rows.cells.tolist()
    env.set_options([{"goal": {"cuisine": "sushi"}}, {}, {}])
    with pytest.raises(ValueError, match="must be the same for all lanes"):
        env.reset()
    env.set_options({"gaol": 1})
    with pytest.raises(ValueError, match="did you mean 'goal'"):
        env.reset()


def test_unsupported_requests_are_refused_in_one_line() -> None:
    env = DialogueVecEnv("FakeUserConcert-v0", 2)
    for call, message in (
        (lambda: env.env_method("render"), "compiled lanes have no method 'render'"),
        (lambda: env.get_attr("step"), "'step': did you mean|'step': valid"),
        (lambda: env.set_attr("settings", 3), "pass settings when the environment is made"),
        (lambda: env.get_attr("no_such_thing"), "no_such_thing"),
    ):
        with pytest.raises(AttributeError, match=message):
            call()
    assert not env.has_attr("no_such_thing")
    with pytest.raises(ValueError, match="patience: must be the same for all lanes"):
        env.set_attr("patience", 3, indices=[1])
    env.set_attr("patience", 3)
    assert env.get_attr("patience") == [3, 3]
    env.set_attr("tag", 7, indices=[1])
    assert env.has_attr("tag") and env.get_attr("tag") == [None, 7]
    observation = env.reset()[0]
    assert env.env_method("describe", observation)[0]["said"] == "none"
    with pytest.raises(ValueError, match="'CartPole-v1' is not a dialogue environment"):
        DialogueVecEnv("CartPole-v1", 2)
    for keywords in ({"autoreset_mode": "Disabled"}, {"copy": False}):
        with pytest.raises(ValueError, match="cannot be set, since Stable-Baselines3 prescribes it"):
            DialogueVecEnv("FakeUserConcert-v0", 2, **keywords)
    with pytest.raises(gym.error.Error, match="NoSuchThing"):
        DialogueVecEnv("NoSuchThing-v0", 2)
