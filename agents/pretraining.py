"""Training of the policies that come with the built-in domains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dialogue_gym.policies import PretrainedPolicy, pretrained_path, save_pretrained
from dialogue_gym.sb3 import to_numpy
from dialogue_gym.training import Evaluation, Progress, Run, builtin_ids, evaluate, make_env, train
from dialogue_gym.utils import write_whole

AGENT, STEPS, ERROR_RATE = "maskable_ppo", 300_000, 0.3
"""A policy trained with noise does well without it, but not the other way round."""
ERROR_RATES = (0.0, 0.15, 0.3)


def pretrain(name: str, seed: int, progress: Progress, folder: Path | None = None) -> dict[float, Evaluation]:
    """Train the policy of a built-in domain and write it; return its figures by error rate.

    Args:
        name: name of the domain.
        seed: seed of the training.
        progress: called with the progress of training.
        folder: the folder for `policy.npz`; by default, that of the domain's file.
    """
    path = folder / "policy.npz" if folder else pretrained_path(name)
    env_id = builtin_ids()[name]
    run = Run(env_id, {"semantic_error_rate": ERROR_RATE}, AGENT, seed, STEPS)
    env: Any = run.make_env().unwrapped
    layers = list(to_numpy(train(run, progress)[0], env).layers)
    write_whole(path, lambda temporary: save_pretrained(temporary, env, layers))
    figures = {}
    for error_rate in ERROR_RATES:
        env = make_env(env_id, {"semantic_error_rate": error_rate})
        figures[error_rate] = evaluate(env, PretrainedPolicy(env, path=path), seed=seed)
    return figures
