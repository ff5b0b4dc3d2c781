"""imitation: behaviour cloning (BC) of the expert, from rollouts of its own `VecEnv`."""

from importlib.metadata import version

import gymnasium as gym
import numpy as np
import torch
from imitation.algorithms import bc
from imitation.data import rollout
from imitation.data.wrappers import RolloutInfoWrapper
from stable_baselines3.common.vec_env import DummyVecEnv

import dialogue_gym

random = np.random.default_rng(0)
torch.manual_seed(0)
env = gym.make("FakeUserRestaurant-v0", observation="flat")
venv = DummyVecEnv(
    [lambda: RolloutInfoWrapper(gym.make("FakeUserRestaurant-v0", observation="flat")) for _ in range(4)]
)
venv.seed(0)
expert = dialogue_gym.ExpertPolicy(env)


def choose(observations, states, dones):
    return expert.predict(observations, deterministic=True)[0], None


episodes = rollout.rollout(choose, venv, rollout.make_sample_until(min_episodes=150), random, verbose=False)
clone = bc.BC(
    observation_space=env.observation_space,
    action_space=env.action_space,
    demonstrations=rollout.flatten_trajectories(episodes),
    rng=random,
    device="cpu",
)
clone.train(n_epochs=16, progress_bar=False)
successes = []
for seed in range(1000, 1050):
    observation, info = env.reset(seed=seed)
    done = False
    while not done:
        action, _ = clone.policy.predict(observation, deterministic=True)
        observation, _, terminated, truncated, info = env.step(action)
        done = terminated or truncated
    successes.append(bool(info["is_success"]))
assert np.mean(successes) > 0.8, np.mean(successes)
print(version("imitation"), f"BC: {np.mean(successes):.0%} of 50 dialogues succeed")
