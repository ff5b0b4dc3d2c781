"""d3rlpy: offline from the expert's dialogues (DiscreteBC), and online (DQN)."""

import d3rlpy
import gymnasium as gym
import numpy as np

import dialogue_gym

env = gym.make("FakeUserRestaurant-v0", observation="flat")
columns: list[list] = [[], [], [], []]
expert = dialogue_gym.ExpertPolicy(env)
for seed in range(100):
    observation, _ = env.reset(seed=seed)
    done = False
    while not done:
        action = int(expert.predict(observation, deterministic=True)[0])
        following, reward, terminated, truncated, _ = env.step(action)
        done = terminated or truncated
        for kept, one in zip(columns, (observation, action, reward, done), strict=True):
            kept.append(one)
        observation = following
dataset = d3rlpy.dataset.MDPDataset(
    np.array(columns[0]), np.array(columns[1])[:, None], np.array(columns[2])[:, None], np.array(columns[3]),
    action_space=d3rlpy.ActionSpace.DISCRETE, action_size=int(env.action_space.n),
)  # fmt: skip
clone = d3rlpy.algos.DiscreteBCConfig(batch_size=64).create(device=False)
clone.fit(dataset, n_steps=600, n_steps_per_epoch=600, experiment_name="x", with_timestamp=False,
          logger_adapter=d3rlpy.logging.NoopAdapterFactory(), show_progress=False)  # fmt: skip
successes = []
for seed in range(1000, 1050):
    observation, info = env.reset(seed=seed)
    done = False
    while not done:
        action = clone.predict(observation[None])[0]
        observation, _, terminated, truncated, info = env.step(action)
        done = terminated or truncated
    successes.append(info["is_success"])
assert np.mean(successes) > 0.8
online = d3rlpy.algos.DQNConfig(batch_size=32).create(device=False)
online.fit_online(env, n_steps=200, n_steps_per_epoch=200, update_start_step=100, show_progress=False,
                  logger_adapter=d3rlpy.logging.NoopAdapterFactory())  # fmt: skip
print(d3rlpy.__version__, f"DiscreteBC: {np.mean(successes):.0%} of 50 dialogues succeed")
