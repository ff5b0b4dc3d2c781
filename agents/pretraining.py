"""Training of the policies that come with the built-in domains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dialogue_gym import load_domain
from dialogue_gym.policies import PretrainedPolicy, pretrained_path, save_pretrained
from dialogue_gym.sb3 import to_numpy
from dialogue_gym.training import (
    Evaluation,
    Progress,
    Run,
    agent_config,
    builtin_ids,
    evaluate,
    make_env,
    train,
)
from dialogue_gym.utils import write_whole

AGENT, ERROR_RATE = "maskable_ppo", 0.3
"""A policy trained with noise does well without it, but not the other way round."""
STEPS, SEARCH_STEPS = 300_000, 1_500_000
"""Steps of the training; more where the users search a database, since there is more to learn."""
ERROR_RATES = (0.0, 0.15, 0.3)
ANY_ENVIRONMENT = "Dialogue-v0"
"""The id that has no section of its own in the configurations of agents."""


def pretraining_steps(name: str) -> int:
    """Return the number of steps in which the policy of a built-in domain is trained."""
    user = load_domain(name).fake_user
    return SEARCH_STEPS if user and user.search else STEPS


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
    run = Run(env_id, {"semantic_error_rate": ERROR_RATE}, AGENT, seed, pretraining_steps(name))
    env: Any = run.make_env().unwrapped
    # Of dialogues there are plenty here, so the settings are those of many lanes, for any domain.
    agent, _, _ = train(run, progress, config=agent_config(AGENT, ANY_ENVIRONMENT))
    layers = list(to_numpy(agent, env).layers)
    write_whole(path, lambda temporary: save_pretrained(temporary, env, layers))
    figures = {}
    for error_rate in ERROR_RATES:
        env = make_env(env_id, {"semantic_error_rate": error_rate})
        figures[error_rate] = evaluate(env, PretrainedPolicy(env, path=path), seed=seed)
    return figures
