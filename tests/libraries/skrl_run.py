"""skrl: PPO on the compiled lanes, which `wrap_env` recognises."""

import gymnasium as gym
import skrl
import torch
from skrl.agents.torch.ppo import PPO, PPO_CFG
from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.models.torch import CategoricalMixin, DeterministicMixin, Model
from skrl.trainers.torch import SequentialTrainer, SequentialTrainerCfg

import dialogue_gym  # noqa: F401 (registers the ids)

torch.manual_seed(1)


def layers(inputs: int, outputs: int) -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(inputs, 64), torch.nn.Tanh(), torch.nn.Linear(64, outputs))


class Actor(CategoricalMixin, Model):
    def __init__(self, **spaces: object) -> None:
        Model.__init__(self, **spaces)
        CategoricalMixin.__init__(self)
        self.net = layers(self.num_observations, self.num_actions)

    def compute(self, inputs, role):
        return self.net(inputs["observations"]), {}


class Critic(DeterministicMixin, Model):
    def __init__(self, **spaces: object) -> None:
        Model.__init__(self, **spaces)
        DeterministicMixin.__init__(self)
        self.net = layers(self.num_observations, 1)

    def compute(self, inputs, role):
        return self.net(inputs["observations"]), {}


env = wrap_env(gym.make_vec("FakeUserRestaurant-v0", 64, observation="flat"))
spaces = {"observation_space": env.observation_space, "action_space": env.action_space, "device": env.device}
agent = PPO(
    models={"policy": Actor(**spaces), "value": Critic(**spaces)},
    memory=RandomMemory(memory_size=32, num_envs=env.num_envs, device=env.device),
    observation_space=env.observation_space,
    action_space=env.action_space,
    device=env.device,
    cfg=PPO_CFG(rollouts=32, learning_epochs=4, mini_batches=4, learning_rate=3e-3),
)
SequentialTrainer(env=env, agents=agent, cfg=SequentialTrainerCfg(timesteps=640, headless=True)).train()

lanes = gym.make_vec("FakeUserRestaurant-v0", 200, observation="flat", autoreset_mode="SameStep")
observations, _ = lanes.reset(seed=1000)
successes: list = []
for _ in range(30):
    with torch.no_grad():
        scores, _ = agent.models["policy"].compute({"observations": torch.as_tensor(observations)}, "policy")
    observations, _, terminated, truncated, info = lanes.step(scores.argmax(1).numpy())
    if (ended := terminated | truncated).any():
        successes += info["final_info"]["is_success"][ended].tolist()
rate = sum(successes) / len(successes)
assert rate > 0.6, rate
print(skrl.__version__, f"{len(successes)} dialogues: {rate:.0%} succeed")
