"""A DQN in the way of CleanRL's single files: `SyncVectorEnv`, float32 observations, a plain network."""

import random

import gymnasium as gym
import numpy as np
import torch
from torch import nn

import dialogue_gym  # noqa: F401 (registers the ids)

random.seed(1)
torch.manual_seed(1)
envs = gym.vector.SyncVectorEnv(
    [
        lambda: gym.wrappers.RecordEpisodeStatistics(gym.make("FakeUserRestaurant-v0", observation="flat"))
        for _ in range(4)
    ],
    autoreset_mode=gym.vector.AutoresetMode.SAME_STEP,
)
width, actions = int(np.prod(envs.single_observation_space.shape)), int(envs.single_action_space.n)


def make_network() -> nn.Module:
    return nn.Sequential(
        nn.Linear(width, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, actions)
    )


network, target = make_network(), make_network()
target.load_state_dict(network.state_dict())
optimizer = torch.optim.Adam(network.parameters(), 1e-3)
memory: list = []
successes: list = []
observations, _ = envs.reset(seed=1)
for step in range(4000):
    epsilon = max(0.05, 1 - step / 2000)
    with torch.no_grad():
        chosen = network(torch.as_tensor(observations)).argmax(1).numpy()
    explores = np.random.default_rng(step).random(4) < epsilon
    chosen = np.where(explores, envs.action_space.sample(), chosen)
    following, rewards, terminated, truncated, infos = envs.step(chosen)
    real = following.copy()
    for lane in np.flatnonzero(terminated | truncated):
        real[lane] = infos["final_obs"][lane]
        successes.append(bool(infos["final_info"]["is_success"][lane]))
    memory += zip(observations, chosen, rewards, terminated, real, strict=True)
    memory = memory[-20_000:]
    observations = following
    if step > 250 and step % 2 == 0:
        batch = random.sample(memory, 128)
        parts = [torch.as_tensor(np.array(part)) for part in zip(*batch, strict=True)]
        seen, acted, earned, ended, then = parts
        with torch.no_grad():
            wanted = earned.float() + 0.99 * target(then).max(1).values * ~ended
        loss = nn.functional.mse_loss(network(seen).gather(1, acted[:, None])[:, 0], wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if step % 250 == 0:
        target.load_state_dict(network.state_dict())
rate = np.mean(successes[-100:])
assert rate > 0.6, rate
print(torch.__version__, f"the last 100 dialogues: {rate:.0%} succeed")
