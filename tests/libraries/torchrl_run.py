"""TorchRL: one environment and four, with all of `info` in the tensors; PPO's loss on a rollout."""

import torch
import torchrl
from tensordict.nn import TensorDictModule
from torchrl.envs import GymEnv, check_env_specs
from torchrl.modules import MLP, ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

import dialogue_gym  # noqa: F401 (registers the ids)


def main() -> None:
    for settings in ({}, {"observation": "flat"}):
        env = GymEnv("FakeUserRestaurant-v0", **settings).auto_register_info_dict()
        check_env_specs(env)
        rollout = env.rollout(10)
        assert rollout["next", "reward_terms"].shape == (len(rollout), 3)
        assert rollout["next", "is_success"].dtype == torch.bool
    several = GymEnv("FakeUserRestaurant-v0", num_envs=4)
    assert several.rollout(5)["next", "reward_terms"].shape == (4, 5, 3)
    several.close()

    env = GymEnv("FakeUserRestaurant-v0", observation="flat", categorical_action_encoding=True)
    width, actions = env.observation_spec["observation"].shape[-1], env.action_spec.space.n
    policy = ProbabilisticActor(
        TensorDictModule(MLP(width, actions, num_cells=[64]), ["observation"], ["logits"]),
        in_keys=["logits"], distribution_class=torch.distributions.Categorical, return_log_prob=True,
    )  # fmt: skip
    value = ValueOperator(MLP(width, 1, num_cells=[64]))
    loss, advantage = ClipPPOLoss(policy, value), GAE(gamma=0.99, lmbda=0.95, value_network=value)
    optimizer = torch.optim.Adam(loss.parameters(), 3e-3)
    for _ in range(5):
        with torch.no_grad():
            batch = torch.cat([env.rollout(50, policy) for _ in range(5)])
        for _ in range(4):
            losses = loss(advantage(batch))
            optimizer.zero_grad()
            sum(value for name, value in losses.items() if name.startswith("loss")).backward()
            optimizer.step()
    print(torchrl.__version__, f"return {batch['next', 'reward'].sum() / 5:.1f}")


if __name__ == "__main__":  # four environments are four processes
    main()
