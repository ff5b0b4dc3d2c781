"""`model.zip`, where earlier versions saved agents of Stable-Baselines3: it holds pickled objects."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dialogue_gym._text import quoted
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.policies.network import NetworkPolicy
from dialogue_gym.policies.saved import AgentError, first_line
from dialogue_gym.sb3.conversion import to_numpy
from dialogue_gym.sb3.masked_dqn import former_modules

ALGORITHMS: Mapping[str, tuple[str, str]] = {
    "dqn": ("stable_baselines3", "DQN"),
    "masked_dqn": ("dialogue_gym.sb3.masked_dqn", "MaskedDQN"),
    "maskable_ppo": ("sb3_contrib", "MaskablePPO"),
    "ppo": ("stable_baselines3", "PPO"),
}
"""The algorithms whose agents can be loaded: module and class, by the name in `metrics.json`."""

_UNUSED: Mapping[str, Any] = {"learning_rate": 0.0, "lr_schedule": 0.0, "clip_range": 0.0}
"""Settings of training, in place of the schedules in an agent's file: an agent that only acts has no use for
them, and their classes may belong to programs that are not installed."""


def load_model_zip(path: Path, algorithm: str, env: DialogueEnv) -> NetworkPolicy:
    """Return the policy in a `model.zip`. Unpickling can run any code: only for files from trusted people.

    Raises:
        AgentError: the file cannot be read, or its agent is of another kind or for another domain.
    """
    if algorithm not in ALGORITHMS:
        known = ", ".join(ALGORITHMS)
        raise AgentError(f"{path.parent}: agents of the kind {quoted(algorithm)} cannot talk, only {known}")
    module, class_name = ALGORITHMS[algorithm]
    try:
        kind = getattr(importlib.import_module(module), class_name)
        with former_modules():
            model = kind.load(path, device="cpu", custom_objects=_UNUSED)
    except ImportError as error:
        needed = f'{error.name} is missing: pip install "dialogue_gym[agents]"'
        raise AgentError(f"{path.parent}: {needed}") from None
    except OSError:
        raise AgentError(f"{path.parent}: not a trained agent (model.zip cannot be read)") from None
    except Exception as error:  # unpacking a broken file raises errors of many kinds
        raise AgentError(f"{path}: not a model of {algorithm} ({first_line(error)})") from None
    try:
        return to_numpy(model, env)
    except TypeError as error:
        raise AgentError(f"{path}: {error}") from None
    except ValueError:
        name = env.domain.name
        raise AgentError(
            f"{path.parent}: this agent is for other actions or observations than those of {name}"
        ) from None
