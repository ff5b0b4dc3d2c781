"""Learning from recorded dialogues alone: exact on small data, and better than those who made them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from dialogue_gym.datasets import Episode, collect, find_behaviours
from dialogue_gym.exact import evaluate_exactly
from dialogue_gym.policies import ActionMask
from dialogue_gym.training import OfflineLearner
from tests.agents.commands import agents
from tests.conftest import BUILT_IN


def recorded(env_id: str, policies: list[str], dialogues: int, seed: int = 0) -> tuple[Any, list[Episode]]:
    env = gym.make(env_id)
    return env, list(collect(env, find_behaviours(policies, env, seed), dialogues, seed))


def learned(env: Any, episodes: list[Episode], updates: int, **arguments: Any) -> OfflineLearner:
    agent = OfflineLearner(env, episodes, **{"seed": 0, "values": True} | arguments)
    agent.learn(updates)
    return agent


def outputs(agent: OfflineLearner, observation: Any) -> Any:
    return agent.policy().outputs(observation)


@pytest.mark.slow
@pytest.mark.parametrize("env_id", BUILT_IN)
def test_conservative_q_learning_is_better_than_all_policies_of_the_data(env_id: str) -> None:
    env, episodes = recorded(env_id, ["random", "expert:0.5"], 500)
    agent = learned(env, episodes, 800, conservatism=1.0)
    figures = evaluate_exactly(agent, env=env, failures=0)
    best = np.mean([one.rewards.sum() for one in episodes if one.infos["policy"][0] == 1])
    assert figures.method == "exact" and figures.mean_return is not None
    assert figures.mean_return > best + 1


def test_a_clone_of_the_expert_does_as_the_expert() -> None:
    env, episodes = recorded(BUILT_IN[1], ["expert"], 60)
    agent = learned(env, episodes, 200, values=False)
    assert evaluate_exactly(agent, env=env, failures=0).mean_return == pytest.approx(15)


def test_fitted_values_are_those_of_the_rewards_and_the_best_that_follows() -> None:
    env, expert = recorded(BUILT_IN[1], ["expert"], 1)
    first, second, third = expert[0].observations[:3]
    assert len({one.tobytes() for one in (first, second, third)}) == 3

    def episode(
        seen: list[Any], actions: list[int], rewards: list[float], truncated: bool = False
    ) -> Episode:
        return Episode(np.array(seen), np.array(actions), np.array(rewards), truncated)

    episodes = [
        episode([first, second, third], [0, 1], [-1.0, 20.0]),
        episode([second, third], [1], [10.0]),  # twice the same step: the mean counts
        episode([second, third], [2], [2.0]),
        episode([first, second], [3], [-4.0], truncated=True),  # it would have gone on
        episode([first, second], [4], [-4.0]),
    ]
    agent = learned(env, episodes, 1500, gamma=0.5, use_mask=False)
    assert agent.num_timesteps == 6
    then, now = 10 * outputs(agent, second), 10 * outputs(agent, first)
    np.testing.assert_allclose(then[[1, 2]], [15.0, 2.0], atol=0.1)
    np.testing.assert_allclose(now[[0, 3, 4]], [-1 + 7.5, -4 + 7.5, -4], atol=0.1)
    careful = learned(env, episodes, 1500, gamma=0.5, use_mask=False, conservatism=0.3)
    lacking = [0, 3, 4, 5, 6]
    assert outputs(careful, second)[lacking].max() < outputs(careful, second)[[1, 2]].min()


def test_impossible_actions_are_left_out_with_a_mask_only() -> None:
    env, episodes = recorded(BUILT_IN[0], ["random"], 20)
    observations = np.unique(np.concatenate([one.observations for one in episodes]), axis=0)
    possible = ActionMask(env)(observations)
    for is_masked in (True, False):
        agent = learned(env, episodes, 5, use_mask=is_masked)
        taken = agent.predict(observations, deterministic=True)[0]
        assert possible[np.arange(len(taken)), taken].all() == is_masked


def test_the_same_seed_gives_the_same_agent() -> None:
    env, episodes = recorded(BUILT_IN[1], ["random"], 20)
    weights = [learned(env, episodes, 20, seed=seed).policy().layers[0][0] for seed in (1, 1, 2)]
    assert np.array_equal(weights[0], weights[1]) and not np.array_equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--agent", "ppo", "--dataset", "mine"],
            "ppo plays itself; data sets are only for cql, fitted_q, masked_cql, masked_fitted_q,"
            " masked_offline_cloning, offline_cloning",
        ),
        (["--agent", "cql", "--curriculum"], "cql learns from data; a curriculum is for agents that play"),
        (
            ["--agent", "cql", "--labels", "mine"],
            "cql starts from scratch; labels are only for ",
        ),
    ],
)
def test_what_does_not_fit_is_refused(words: list[str], message: str, tmp_path: Any) -> None:
    done = agents("train", BUILT_IN[1], *words, "--out", str(tmp_path / "out"))
    assert done.returncode == 2 and done.stderr.startswith(f"error: {message}")
    assert not (tmp_path / "out").exists()
