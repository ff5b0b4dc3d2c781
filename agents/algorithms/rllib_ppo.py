"""RLlib's PPO on a dialogue environment: one process, on the CPU.

RLlib pins one version of Gymnasium, so it gets a Python environment of its own. From the repository's root:

    python -m venv out/rllib
    out/rllib/bin/pip install --constraint agents/algorithms/rllib_constraints.txt 'ray[rllib]' torch .
    out/rllib/bin/python agents/algorithms/rllib_ppo.py FakeUserRestaurant-v0

The last line is JSON: results of the greedy trained policy over dialogues with other seeds.

Source: Schulman and others 2017, Proximal policy optimization algorithms.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from typing import Any

import gymnasium as gym

try:
    import ray
    import torch
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.rllib.connectors.env_to_module import FlattenObservations
    from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
except ModuleNotFoundError as missing:  # also with a Ray that lacks parts of RLlib
    print(f"error: {missing.name} is not installed: see the top of this file", file=sys.stderr)
    sys.exit(2)

EVALUATED = 500
"""Number of dialogues in the evaluation at the end."""


def note_success(*, episode: Any, env_runner: Any, metrics_logger: Any, **_: Any) -> None:
    """Add the success of a dialogue, at its end, to the metrics that RLlib reports beside the return."""
    over = env_runner.config.metrics_num_episodes_for_smoothing
    metrics_logger.log_value("success_rate", float(episode.get_infos(-1)["is_success"]), window=over)


def configuration(env_id: str, seed: int) -> PPOConfig:
    """Return the configuration of the algorithm.

    Args:
        env_id: id of the environment after the module that registers it, so that Gymnasium finds it in
            processes of RLlib as well: `dialogue_gym:FakeUserRestaurant-v0`.
        seed: the seed of everything random. (RLlib adds a million to it for evaluation.)
    """
    config = PPOConfig().environment(env_id).debugging(seed=seed, log_level="ERROR", log_sys_usage=False)
    config.env_runners(
        num_env_runners=0,  # only this process
        num_envs_per_env_runner=8,
        # The networks take one-hot vectors, not small integers.
        env_to_module_connector=lambda env, spaces, device: FlattenObservations(),
    )
    config.learners(num_learners=0)
    config.training(
        train_batch_size_per_learner=2_048,
        minibatch_size=256,
        num_epochs=10,
        lr=1e-3,
        use_kl_loss=False,
        entropy_coeff=0.01,
        grad_clip=0.5,
        vf_clip_param=float("inf"),  # the default of 10 is smaller than initial errors of returns
    )
    # In shared layers the gradient of the returns, large at first, would dominate that of the policy.
    config.rl_module(model_config=DefaultModelConfig(fcnet_hiddens=[64, 64], vf_share_layers=False))
    config.callbacks(on_episode_end=note_success)
    config.evaluation(
        evaluation_interval=1_000_000,  # never on its own; without a value RLlib makes no environment for it
        evaluation_num_env_runners=0,
        evaluation_duration=EVALUATED,
        evaluation_config={"explore": False, "metrics_num_episodes_for_smoothing": EVALUATED},
    )
    return config


def main() -> None:
    """Train, and print the figures of each iteration and of the evaluation."""
    parser = argparse.ArgumentParser(description="Train RLlib's PPO on a dialogue environment.")
    parser.add_argument("env", nargs="?", default="FakeUserRestaurant-v0", help="id of an environment")
    parser.add_argument("--seed", type=int, default=1, help="seed for everything random in the run")
    parser.add_argument(
        "--iterations", type=int, default=20, help="number of iterations of 2,048 steps; the concert needs 50"
    )
    arguments = parser.parse_args()
    env_id = f"dialogue_gym:{arguments.env}"
    try:
        gym.make(env_id).close()
    except (gym.error.Error, ValueError) as error:
        parser.error(str(error))

    torch.set_num_threads(1)  # in networks this small, threads only wait for each other
    logging.getLogger("ray.rllib").setLevel(logging.ERROR)  # it warns of its own defaults
    with ray.init(
        num_cpus=1,
        include_dashboard=False,
        logging_level=logging.ERROR,
        # Processes exchange nothing, so the smallest store will do. By default Ray warns about a small
        # /dev/shm (containers have 64 MB), or reserves a third of the memory.
        object_store_memory=80 * 2**20,
        _plasma_directory=tempfile.gettempdir(),
    ):
        algorithm = configuration(env_id, arguments.seed).build_algo()
        for _ in range(arguments.iterations):
            figures = algorithm.train()["env_runners"]
            print(
                f"{figures['num_env_steps_sampled_lifetime']:8.0f} steps: "
                f"success {figures['success_rate']:4.0%}, return {figures['episode_return_mean']:6.2f}",
                flush=True,
            )
        figures = algorithm.evaluate()["env_runners"]
        algorithm.stop()
    result = {
        "env_id": arguments.env,
        "dialogues": int(figures["num_episodes"]),
        "success_rate": float(figures["success_rate"]),
        "mean_return": float(figures["episode_return_mean"]),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
