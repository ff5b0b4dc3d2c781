"""Files of a finished training run: the agent, and `metrics.json`."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dialogue_gym._files import write_text
from dialogue_gym.domain import Domain
from dialogue_gym.policies.network import NetworkPolicy
from dialogue_gym.policies.q_table import QTable
from dialogue_gym.policies.saved import save_agent
from dialogue_gym.sb3.conversion import to_numpy
from dialogue_gym.training.algorithms import Learned
from dialogue_gym.training.bootstrapped_dqn import BootstrappedDQN
from dialogue_gym.training.configuration import agent_config
from dialogue_gym.training.evaluation import Evaluation
from dialogue_gym.training.offline_learning import OfflineLearner
from dialogue_gym.training.run import Run

METRICS_FILE = "metrics.json"
_JSON = (str, int, float, list, tuple, dict, type(None))
_PACKAGES = ("dialogue_gym", "gymnasium", "stable-baselines3", "torch", "numpy")


def save_trained(folder: Path, run: Run, agent: Learned) -> NetworkPolicy | QTable:
    """Write the agent of a run, `agent.json` and `weights.npz`; return its policy, as it will be loaded.

    Raises:
        OSError: a file cannot be written.
    """
    if isinstance(agent, BootstrappedDQN | OfflineLearner):
        policy: NetworkPolicy | QTable = agent.policy()
    else:
        policy = agent if isinstance(agent, QTable) else to_numpy(agent, run.make_env(), run.seed)
    algorithm = agent_config(run.agent, run.env_id, run.settings)["algorithm"]
    (folder / METRICS_FILE).unlink(missing_ok=True)  # those of an earlier agent
    settings = _as_json(run.settings)
    save_agent(folder, policy, name=run.agent, algorithm=algorithm, settings=settings, env_id=run.env_id)
    return policy


def save_metrics(
    folder: Path,
    run: Run,
    steps: int,
    seconds: float,
    evaluation: Evaluation,
    bound: float | None = None,
    bound_interval: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """Write `metrics.json`; return the metrics.

    Args:
        folder: the folder of the agent.
        run: the parameters of the training.
        steps: the number of steps that were made.
        seconds: the duration of the training.
        evaluation: the figures of the trained agent.
        bound: the largest possible mean return; None if it is not known.
        bound_interval: the 95 % interval of a bound that is sampled; None for one that is exact or not known.

    Raises:
        OSError: the file cannot be written.
    """
    metrics = {
        "env_id": run.env_id,
        "settings": _as_json(run.settings),
        "agent": run.agent,
        "algorithm": agent_config(run.agent, run.env_id, run.settings)["algorithm"],
        "seed": run.seed,
        "curriculum": run.curriculum,
        "hyperparameters": _as_json(run.hyperparameters),
        "success_rate": evaluation.success_rate,
        "mean_return": evaluation.mean_return,
        "bound_return": bound,
        "bound_interval": bound_interval,
        "mean_turns": evaluation.mean_turns,
        "dialogues": evaluation.dialogues,
        "steps": steps,
        "wall_seconds": seconds,
        "versions": versions(),
    }
    write_text(folder / METRICS_FILE, json.dumps(metrics, indent=2) + "\n")
    return metrics


def _as_json(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings or hyperparameters as JSON has them, as far as it can: of a domain this is its name."""
    return {name: json.loads(json.dumps(_named(value), default=_named)) for name, value in given.items()}


def _named(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Domain):
        return value.name
    return value if isinstance(value, _JSON) else str(value)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a result depends on."""
    return {"python": platform.python_version()} | {
        name: importlib.metadata.version(name) for name in _PACKAGES
    }
