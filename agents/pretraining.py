"""Training of the policies that come with the built-in domains."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

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

ERROR_RATE = 0.3
"""A policy trained with noise does well without it, but not the other way round."""
ERROR_RATES = (0.0, 0.15, 0.3)
ANY_ENVIRONMENT = "Dialogue-v0"
"""The id that has no section of its own in the configurations of agents."""


class Recipe(NamedTuple):
    """The agent that becomes the policy of a domain, and the steps of its training."""

    agent: str
    steps: int


def recipe(name: str) -> Recipe:
    """Return the recipe of a built-in domain.

    Where users search, an agent without demonstrations becomes hasty: it earns as much as the expert, and
    fails more often.
    """
    user = load_domain(name).fake_user
    is_search = user is not None and user.search is not None
    return Recipe("warm_maskable_ppo", 700_000) if is_search else Recipe("maskable_ppo", 300_000)


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
    agent, steps = recipe(name)
    run = Run(env_id, {"semantic_error_rate": ERROR_RATE}, agent, seed, steps)
    env: Any = run.make_env().unwrapped
    # Of dialogues there are plenty here, so the settings are those of many lanes, for any domain.
    trained, _, _ = train(run, progress, config=agent_config(agent, ANY_ENVIRONMENT))
    layers = list(to_numpy(trained, env).layers)
    write_whole(path, lambda temporary: save_pretrained(temporary, env, layers))
    figures = {}
    for error_rate in ERROR_RATES:
        env = make_env(env_id, {"semantic_error_rate": error_rate})
        figures[error_rate] = evaluate(env, PretrainedPolicy(env, path=path), seed=seed)
    return figures
