"""Masks of observations, and agents that respect them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import DummyVecEnv

from dialogue_gym.policies.mask import ActionMask
from dialogue_gym.policies.q_table import QTable
from dialogue_gym.sb3.maskable_ppo import ObservingMaskablePPO
from dialogue_gym.sb3.masked_dqn import IMPOSSIBLE, MaskedDQN
from dialogue_gym.sb3.vec_env import DialogueVecEnv
from tests.conftest import BUILT_IN, TURN_TAKINGS

RESTAURANT = BUILT_IN[0]


@pytest.mark.parametrize("history", [1, 3])
@pytest.mark.parametrize("turn_taking", TURN_TAKINGS)
@pytest.mark.parametrize("env_id", BUILT_IN)
def test_mask_of_an_observation_matches_its_state(env_id: str, turn_taking: str, history: int) -> None:
    keywords: dict[str, Any] = {"turn_taking": turn_taking, "max_history": history}
    lanes: Any = gym.make_vec(env_id, 50, semantic_error_rate=0.3, **keywords)
    mask = ActionMask(lanes.single)
    observations, info = lanes.reset(seed=0)
    blocked = 0
    for _ in range(100):
        np.testing.assert_array_equal(mask(observations), info["action_mask"] != 0)
        blocked += int((info["action_mask"] == 0).sum())
        observations, _, _, _, info = lanes.step(lanes.action_space.sample())
    assert blocked > 0 or env_id != RESTAURANT


def masked_dqn(**keywords: Any) -> MaskedDQN:
    arguments = {"learning_starts": 64, "buffer_size": 5000, "train_freq": 1, "device": "cpu", "seed": 0}
    return MaskedDQN("MlpPolicy", DialogueVecEnv(RESTAURANT, 16), **arguments | keywords)


def test_agent_never_takes_an_impossible_action() -> None:
    agent = masked_dqn(exploration_final_eps=0.5)
    agent.learn(1500)
    assert agent.replay_buffer is not None
    transitions = agent.replay_buffer.pos
    observations = agent.replay_buffer.observations[:transitions].reshape(-1, 18)
    actions = agent.replay_buffer.actions[:transitions].reshape(-1)
    mask = ActionMask(agent.get_env().lanes.single)(observations)  # type: ignore[union-attr]
    assert mask[np.arange(len(actions)), actions].all()
    assert not mask.all() and len(set(actions.tolist())) == 16
    free = DQN("MlpPolicy", DialogueVecEnv(RESTAURANT, 16), learning_starts=64, device="cpu", seed=0)
    free.learn(300)
    taken = free.replay_buffer.actions[: free.replay_buffer.pos].reshape(-1)  # type: ignore[union-attr]
    seen = free.replay_buffer.observations[: free.replay_buffer.pos].reshape(-1, 18)  # type: ignore[union-attr]
    mask = ActionMask(gym.make(RESTAURANT).unwrapped)(seen)  # type: ignore[arg-type]
    assert not mask[np.arange(len(taken)), taken].all()  # without masks it does


def test_target_considers_only_possible_actions() -> None:
    agent = masked_dqn()
    observations = torch.tensor(agent.get_env().reset())  # type: ignore[union-attr]
    possible = torch.tensor(ActionMask(agent.get_env().lanes.single)(observations.numpy()))  # type: ignore[union-attr]
    with torch.no_grad():
        for network in (agent.q_net, agent.q_net_target):
            last: Any = network.q_net[-1]  # type: ignore[union-attr]
            last.bias += torch.where(possible.all(dim=0), 0.0, 100.0)  # impossible actions look best
            values = network(observations)
            assert (values[~possible] == IMPOSSIBLE).all()
            assert values.max() < 50
    actions, _ = agent.predict(observations.numpy(), deterministic=True)
    assert possible[torch.arange(len(actions)), torch.tensor(actions)].all()
    free = np.ones((len(actions), 16), np.int8)
    free[:, 2:] = 0
    assert set(agent.predict(observations.numpy(), deterministic=True, action_masks=free)[0]) <= {0, 1}
    one, _ = agent.predict(observations[0].numpy(), deterministic=True)
    assert one == actions[0] and np.ndim(one) == 0


def test_loaded_agent_equals_the_saved_one(tmp_path: Path) -> None:
    agent = masked_dqn()
    agent.learn(600)
    agent.save(tmp_path / "model")
    again = MaskedDQN.load(tmp_path / "model", device="cpu")
    observations = agent.get_env().reset()  # type: ignore[union-attr]
    np.testing.assert_array_equal(
        agent.predict(observations, deterministic=True)[0], again.predict(observations, deterministic=True)[0]
    )
    again.set_env(DialogueVecEnv(RESTAURANT, 16))
    again.learn(100, reset_num_timesteps=False)
    twin = masked_dqn()
    twin.learn(600)
    for one, other in zip(agent.policy.parameters(), twin.policy.parameters(), strict=True):
        assert torch.equal(one, other)  # the same seed, the same agent


@pytest.mark.slow
def test_agent_masters_the_restaurant() -> None:
    agent = masked_dqn(
        learning_rate=1e-3,
        target_update_interval=500,
        exploration_fraction=0.3,
        gradient_steps=4,
        batch_size=64,
    )
    agent.learn(12_000)
    mean, _ = evaluate_policy(agent, DialogueVecEnv(RESTAURANT, 50), n_eval_episodes=200)
    assert mean > 15.5


@pytest.mark.parametrize(
    "make",
    [
        lambda: RESTAURANT,
        lambda: gym.make(RESTAURANT),
        lambda: DummyVecEnv([lambda: gym.make(RESTAURANT)] * 2),
    ],
    ids=["id", "env", "dummy"],
)
def test_every_dialogue_environment_is_accepted(make: Any) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*rgb_array")  # Stable-Baselines3 asks for it, given an id
        MaskedDQN("MlpPolicy", make(), learning_starts=10, device="cpu").learn(40)


def test_another_kind_of_environment_is_refused() -> None:
    with pytest.raises(TypeError, match="a dialogue environment is needed, not CartPoleEnv"):
        MaskedDQN("MlpPolicy", gym.make("CartPole-v1"))


def test_maskable_ppo_finds_the_masks_in_observations(tmp_path: Path) -> None:
    env = DialogueVecEnv(RESTAURANT, 32)
    agent = ObservingMaskablePPO("MlpPolicy", env, n_steps=8, batch_size=256, device="cpu", seed=0)
    agent.learn(512)
    agent.save(tmp_path / "model")
    again = ObservingMaskablePPO.load(tmp_path / "model", device="cpu")
    observations = env.reset()
    possible = np.array(env.env_method("action_masks"))
    for _ in range(50):
        actions, _ = again.predict(observations)
        assert possible[np.arange(32), actions].all()
    assert again.predict(observations[0])[0].shape == ()


def test_loaded_table_equals_the_saved_one() -> None:
    table = QTable(gym.make(BUILT_IN[1]), seed=0)
    ends: list[bool] = []
    table.learn(5000, lambda steps, total, is_success: ends.append(is_success))
    assert sum(ends[-100:]) > sum(ends[:100])
    again = QTable(gym.make(BUILT_IN[1]))
    again.load(**table.arrays())
    lanes: Any = gym.make_vec(BUILT_IN[1], 100)
    observations, _ = lanes.reset(seed=0)
    np.testing.assert_array_equal(table.predict(observations)[0], again.predict(observations)[0])
    assert table.predict(observations[0])[0] == table.predict(observations)[0][0]
    only = np.eye(9, dtype=np.int8)[[3] * 100]
    assert set(table.predict(observations, action_masks=only)[0]) == {3}
    with pytest.raises(ValueError, match="for another environment"):
        QTable(gym.make(RESTAURANT)).load(**table.arrays())
    with pytest.raises(TypeError, match="a dialogue environment is needed"):
        QTable(gym.make("CartPole-v1"))
