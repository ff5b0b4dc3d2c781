"""Tianshou: DQN with its collectors on a dummy vector of environments."""

import gymnasium as gym
import tianshou
import torch
from tianshou.algorithm import DQN
from tianshou.algorithm.algorithm_base import policy_within_training_step
from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.utils.net.common import Net

import dialogue_gym  # noqa: F401 (registers the ids)

torch.manual_seed(0)
env = gym.make("FakeUserRestaurant-v0", observation="flat")
envs = DummyVectorEnv([lambda: gym.make("FakeUserRestaurant-v0", observation="flat") for _ in range(4)])
network = Net(state_shape=env.observation_space.shape, action_shape=env.action_space.n, hidden_sizes=[64])
policy = DiscreteQLearningPolicy(
    model=network, action_space=env.action_space, observation_space=env.observation_space, eps_training=0.2
)
agent = DQN(policy=policy, optim=AdamOptimizerFactory(lr=1e-3), gamma=0.99, target_update_freq=200)
collector = Collector(agent, envs, VectorReplayBuffer(20_000, 4))
collector.reset()
result = collector.collect(n_step=400, random=True)
for _ in range(30):
    result = collector.collect(n_step=40)
    with policy_within_training_step(agent.policy):
        agent.update(buffer=collector.buffer, sample_size=64)
assert set(collector.buffer.info.keys()) >= {"action_mask", "reward_terms", "turns", "is_success"}
assert collector.buffer.info.reward_terms.shape[1] == 3
print(tianshou.__version__, f"{len(collector.buffer)} steps in the buffer")
