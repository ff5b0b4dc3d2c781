"""AgileRL: its DQN and replay buffer on the compiled lanes."""

from importlib.metadata import version

import gymnasium as gym
import numpy as np
import torch
from agilerl.algorithms.dqn import DQN
from agilerl.components.data import Transition
from agilerl.components.replay_buffer import ReplayBuffer

import dialogue_gym  # noqa: F401 (registers the ids)

np.random.seed(1)
torch.manual_seed(1)
lanes = 16
envs = gym.make_vec("FakeUserRestaurant-v0", lanes, observation="flat", autoreset_mode="SameStep")
agent = DQN(
    envs.single_observation_space, envs.single_action_space, batch_size=128, lr=1e-3, tau=0.02, double=True
)
memory = ReplayBuffer(max_size=20_000)
successes: list = []
observations, info = envs.reset(seed=1)
for step in range(1500):
    epsilon = max(0.05, 1 - step / 500)
    actions = agent.get_action(observations, epsilon, info["action_mask"])
    following, rewards, terminated, truncated, info = envs.step(actions)
    real = following.copy()
    for lane in np.flatnonzero(terminated | truncated):
        real[lane] = info["final_obs"][lane]
        successes.append(bool(info["final_info"]["is_success"][lane]))
    memory.add(
        Transition(
            obs=observations,
            action=actions,
            reward=rewards,
            next_obs=real,
            done=terminated,
            batch_size=[lanes],
        ).to_tensordict()
    )
    observations = following
    if len(memory) > 500:
        agent.learn(memory.sample(agent.batch_size))
rate = np.mean(successes[-200:])
assert rate > 0.6, rate
print(version("agilerl"), f"the last 200 dialogues: {rate:.0%} succeed")
