"""Time that PPO takes to master the restaurant: on compiled lanes, and on those of Stable-Baselines3."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecMonitor

from dialogue_gym.bounds import bound
from dialogue_gym.sb3 import DialogueVecEnv
from dialogue_gym.training import agent_config, evaluate

ENV_ID = "FakeUserRestaurant-v0"
SUCCESS_RATE, SHARE_OF_BOUND = 0.99, 0.98
PROMISING = 0.9
"""Success rate in training above which an evaluation is worth its time."""
DIALOGUES = (200, 1000)
"""Numbers of dialogues in the evaluation: the second one only if the policy passes the first."""
DUMMY_LANES = 8


def learning_figures(seeds: Iterable[int]) -> dict[str, Any]:
    """Measure for every seed the whole command `train`, and the learning alone against `DummyVecEnv`.

    On `DummyVecEnv` the hyperparameters are the same; each of its fewer lanes makes more steps per rollout,
    so that every update has the same number of transitions.
    """
    torch.set_num_threads(1)
    best = bound(gym.make(ENV_ID))
    config = agent_config("ppo", ENV_ID)
    lanes, hyperparameters = config["lanes"], config["hyperparameters"]
    more_steps = hyperparameters | {"n_steps": hyperparameters["n_steps"] * lanes // DUMMY_LANES}
    processes, compiled, dummy = [], [], []
    for seed in seeds:
        processes.append(train_process(seed))
        compiled.append(seconds_to_mastery(DialogueVecEnv(ENV_ID, lanes), hyperparameters, seed, best))
        ordinary = VecMonitor(DummyVecEnv([lambda: gym.make(ENV_ID)] * DUMMY_LANES))
        dummy.append(seconds_to_mastery(ordinary, more_steps, seed, best))
    return {
        "lanes": lanes,
        "process_seconds": [seconds for seconds, _ in processes],
        "success_rates": [metrics["success_rate"] for _, metrics in processes],
        "shares_of_bound": [metrics["mean_return"] / best for _, metrics in processes],
        "seconds_to_mastery": compiled,
        "seconds_to_mastery_on_dummy": dummy,
        "times_faster": statistics.median(b / a for a, b in zip(compiled, dummy, strict=True)),
    }


def train_process(seed: int) -> tuple[float, dict[str, Any]]:
    """Run the command `train` with the shipped configuration; return its seconds and metrics."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["train", ENV_ID, "--agent", "ppo", "--seed", str(seed), "--out", folder]
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "agents", *words], check=True, capture_output=True)
        seconds = time.perf_counter() - start
        return seconds, json.loads((Path(folder) / "metrics.json").read_text(encoding="utf-8"))


class _UntilMastered(BaseCallback):
    """End of a training once the policy is good enough; its time is measured without the evaluations."""

    def __init__(self, best: float) -> None:
        super().__init__()
        self.seconds = float("inf")
        self._best = best
        self._evaluating = 0.0
        self._start = time.perf_counter()

    def _on_step(self) -> bool:
        return math.isinf(self.seconds)

    def _on_rollout_end(self) -> None:
        successes = self.model.ep_success_buffer
        if not successes or np.mean(successes) < PROMISING:
            return
        now = time.perf_counter()
        if all(self._is_mastered(dialogues) for dialogues in DIALOGUES):
            self.seconds = now - self._start - self._evaluating
        self._evaluating += time.perf_counter() - now

    def _is_mastered(self, dialogues: int) -> bool:
        result = evaluate(gym.make(ENV_ID), self.model, dialogues)
        is_good = result.mean_return >= SHARE_OF_BOUND * self._best
        return is_good and result.success_rate >= SUCCESS_RATE


def seconds_to_mastery(lanes: VecEnv, hyperparameters: dict[str, Any], seed: int, best: float) -> float:
    """Return the seconds of learning until 99% success and 98% of the bound; infinite if never."""
    until_mastered = _UntilMastered(best)
    agent = PPO("MlpPolicy", lanes, seed=seed, device="cpu", **hyperparameters)
    agent.learn(300_000, callback=until_mastered)
    return until_mastered.seconds
