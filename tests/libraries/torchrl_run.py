"""TorchRL: one environment and four, with all of `info` in the tensors."""

import torch
import torchrl
from torchrl.envs import GymEnv, check_env_specs

import dialogue_gym  # noqa: F401 (registers the ids)


def main() -> None:
    torch.multiprocessing.set_start_method("fork", force=True)  # the others need not import everything again
    for settings in ({}, {"observation": "flat"}):
        env = GymEnv("FakeUserRestaurant-v0", **settings).auto_register_info_dict()
        check_env_specs(env)
        rollout = env.rollout(10)
        assert rollout["next", "reward_terms"].shape == (len(rollout), 3)
        assert rollout["next", "is_success"].dtype == torch.bool
    several = GymEnv("FakeUserRestaurant-v0", num_envs=4)
    assert several.rollout(5)["next", "reward_terms"].shape == (4, 5, 3)
    several.close()
    print(torchrl.__version__)


if __name__ == "__main__":  # four environments are four processes
    main()
