"""Configurations of agents: the algorithm of each, its hyperparameters and its number of steps."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import gymnasium as gym
import yaml

from dialogue_gym._text import nearest

CONFIGURATIONS = Path(str(resources.files("dialogue_gym.training") / "agents"))
_SECTION_KEYS = ("algorithm", "steps", "lanes", "policy", "hyperparameters", "anneal", "warm_start")
_MAPPINGS = ("hyperparameters", "warm_start")
LONGER = 2
"""The factor by which a training with a curriculum is longer than the usual one."""


def agent_names() -> list[str]:
    """Return the names of the agents that have a configuration."""
    return sorted(path.stem for path in CONFIGURATIONS.glob("*.yaml"))


def agent_config(agent: str, env_id: str, configs: Path = CONFIGURATIONS) -> dict[str, Any]:
    """Return an agent's configuration for an environment: `default`, overridden by its own section.

    A file that names another agent under `extends` overrides that agent's configuration.

    Raises:
        ValueError: the agent is unknown, or its file has an unknown key.
    """
    path = configs / f"{agent}.yaml"
    if not path.is_file():
        names = sorted(known.stem for known in configs.glob("*.yaml"))
        raise ValueError(f"unknown agent {agent!r}; {nearest(agent, names)}")
    sections = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name in sections:
        if name not in ("extends", "default") and name not in gym.registry:
            ours = ["default", *(known for known in gym.registry if "FakeUser" in known)]
            raise ValueError(
                f"{path}: {name!r} is neither 'default' nor an environment; {nearest(str(name), ours)}"
            )
    config: dict[str, Any] = {"hyperparameters": {}, "anneal": [], "warm_start": {}}
    if "extends" in sections:
        config = agent_config(sections["extends"], env_id, configs)
    for name in ("default", env_id):
        section = dict(sections.get(name) or {})
        for key, value in section.items():
            if key not in _SECTION_KEYS:
                raise ValueError(f"{path}: {name}: unknown key {key!r}; {nearest(key, _SECTION_KEYS)}")
            config[key] = config[key] | (value or {}) if key in _MAPPINGS else value
    return config


def training_steps(agent: str, env_id: str, curriculum: bool) -> int:
    """Return an agent's number of training steps, twice as many with a curriculum.

    Raises:
        ValueError: the agent is unknown; or a curriculum is of no use to it, since it learns without rewards.
    """
    steps = int(agent_config(agent, env_id)["steps"])
    if curriculum and not steps:
        raise ValueError(f"{agent} learns without rewards; a curriculum is for agents that learn from them")
    return LONGER * steps if curriculum else steps


def check_warm_start(agent: str, env_id: str) -> None:
    """Raise ValueError if an agent does not start from labels."""
    if not agent_config(agent, env_id)["warm_start"]:
        ours = ", ".join(name for name in agent_names() if agent_config(name, env_id)["warm_start"])
        raise ValueError(f"{agent} starts from scratch; labels are only for {ours}")
