"""Configurations of agents: the algorithm of each, its hyperparameters and its number of steps."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import gymnasium as gym
import yaml

from dialogue_gym._text import nearest
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.observation import is_search
from dialogue_gym.domain.sources import builtin_names

CONFIGURATIONS = Path(str(resources.files("dialogue_gym.training") / "agents"))
_SECTION_KEYS = ("algorithm", "steps", "lanes", "policy", "hyperparameters", "anneal", "warm_start", "data")
_MAPPINGS = ("hyperparameters", "warm_start", "data")
_DEFAULT, _SEARCH = "default", "search"
LONGER = 2
"""The factor by which a training with a curriculum is longer than the usual one."""


def agent_names() -> list[str]:
    """Return the names of the agents that have a configuration."""
    return sorted(path.stem for path in CONFIGURATIONS.glob("*.yaml"))


def agent_config(
    agent: str, env_id: str, settings: Mapping[str, Any] | None = None, configs: Path = CONFIGURATIONS
) -> dict[str, Any]:
    """Return an agent's configuration for an environment: `default`, overridden by two sections.

    The first is `search`, if the users of the environment search a database; the second is its own, by its
    id. A file that names another agent under `extends` overrides that agent's configuration.

    Args:
        agent: the name of the agent.
        env_id: the id of the environment.
        settings: its settings, of which `domain` names the domain of an environment without its own.
        configs: the folder of the configurations.

    Raises:
        ValueError: the agent is unknown, or its file has an unknown key.
        DomainError: the domain cannot be read.
    """
    sections = [_DEFAULT, *([_SEARCH] if _has_search(env_id, settings or {}) else []), env_id]
    return _merged(agent, sections, configs)


def _has_search(env_id: str, settings: Mapping[str, Any]) -> bool:
    spec = gym.registry.get(env_id)
    domain = settings.get("domain", spec.kwargs.get("domain") if spec else None)
    if domain in builtin_names():  # a grid asks hundreds of times
        return _builtin_has_search(str(domain))
    return domain is not None and is_search(domain if isinstance(domain, Domain) else load_domain(domain))


@functools.cache
def _builtin_has_search(name: str) -> bool:
    return is_search(load_domain(name))


def _merged(agent: str, chosen: list[str], configs: Path) -> dict[str, Any]:
    """Return the chosen sections of an agent's file, each overriding those before it."""
    path = configs / f"{agent}.yaml"
    if not path.is_file():
        names = sorted(known.stem for known in configs.glob("*.yaml"))
        raise ValueError(f"unknown agent {agent!r}; {nearest(agent, names)}")
    sections = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name in sections:
        if name not in ("extends", _DEFAULT, _SEARCH) and name not in gym.registry:
            ours = [_DEFAULT, _SEARCH, *(known for known in gym.registry if "FakeUser" in known)]
            raise ValueError(
                f"{path}: {name!r} is neither 'default', 'search' nor an environment;"
                f" {nearest(str(name), ours)}"
            )
    config: dict[str, Any] = {"hyperparameters": {}, "anneal": [], "warm_start": {}}
    if "extends" in sections:
        config = _merged(sections["extends"], chosen, configs)
    for name in chosen:
        section = dict(sections.get(name) or {})
        for key, value in section.items():
            if key not in _SECTION_KEYS:
                raise ValueError(f"{path}: {name}: unknown key {key!r}; {nearest(key, _SECTION_KEYS)}")
            config[key] = config.get(key, {}) | (value or {}) if key in _MAPPINGS else value
    return config


def training_steps(
    agent: str, env_id: str, curriculum: bool, settings: Mapping[str, Any] | None = None
) -> int:
    """Return an agent's number of training steps, twice as many with a curriculum.

    Raises:
        ValueError: the agent is unknown; or a curriculum is of no use to it, since it learns without rewards,
            or from data.
    """
    config = agent_config(agent, env_id, settings)
    steps = int(config["steps"])
    if curriculum and is_offline(config):
        raise ValueError(f"{agent} learns from data; a curriculum is for agents that play")
    if curriculum and not steps:
        raise ValueError(f"{agent} learns without rewards; a curriculum is for agents that learn from them")
    return LONGER * steps if curriculum else steps


def check_warm_start(agent: str, env_id: str, settings: Mapping[str, Any] | None = None) -> None:
    """Raise ValueError if an agent does not start from labels."""
    if not agent_config(agent, env_id, settings)["warm_start"]:
        starts = {name: agent_config(name, env_id, settings)["warm_start"] for name in agent_names()}
        ours = ", ".join(name for name, start in starts.items() if start)
        raise ValueError(f"{agent} starts from scratch; labels are only for {ours}")


def is_offline(config: Mapping[str, Any]) -> bool:
    """Return whether an agent of this configuration learns from recorded dialogues and plays none."""
    return "data" in config


def check_offline(agent: str, env_id: str, settings: Mapping[str, Any] | None = None) -> None:
    """Raise ValueError if an agent does not learn from a data set."""
    if not is_offline(agent_config(agent, env_id, settings)):
        ours = [name for name in agent_names() if is_offline(agent_config(name, env_id, settings))]
        raise ValueError(f"{agent} plays itself; data sets are only for {', '.join(ours)}")
