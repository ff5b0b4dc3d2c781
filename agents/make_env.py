"""Environments made from command-line words: an id and `key=value` settings."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import gymnasium as gym
import numpy as np
import yaml

import dialogue_gym
from dialogue_gym.utils import nearest

TRAINING, EVALUATION, DEMONSTRATION = 0, 1, 2
"""The independent random streams of a run."""
PRETRAINED = {"restaurant": "FakeUserRestaurant-v0", "concert": "FakeUserConcert-v0"}
"""Pretrained agents by name, with the ids of their environments."""


def parse_settings(words: Iterable[str]) -> dict[str, Any]:
    """Return the keyword arguments given by `key=value` words; values are YAML.

    Raises:
        ValueError: a word is malformed, or its key is not a setting of a dialogue environment.
    """
    settings = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"{word!r}: a setting has the form key=value")
        check_settings([key])
        try:
            settings[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ValueError(f"{word!r}: the value cannot be read") from None
    return settings


def check_settings(names: Iterable[str]) -> None:
    """Raise ValueError if a name is not a setting that can be chosen here."""
    ours = ("render_mode", "max_episode_steps")  # gym.make would turn the limit into a wrapper
    valid = [name for name in inspect.signature(dialogue_gym.DialogueEnv).parameters if name not in ours]
    for name in names:
        if name not in valid:
            raise ValueError(f"unknown setting {name!r}; {nearest(str(name), valid)}")


def make(env_id: str, settings: dict[str, Any], render_mode: str | None = None) -> gym.Env[Any, Any]:
    """Make a dialogue environment.

    Raises:
        ValueError: the id is unknown or of another kind of environment, or a setting is invalid.
    """
    if env_id not in gym.registry:
        ours = [name for name, spec in gym.registry.items() if "dialogue_gym" in str(spec.entry_point)]
        raise ValueError(f"unknown environment {env_id!r}; {nearest(env_id, ours)}")
    if "dialogue_gym" not in str(gym.spec(env_id).entry_point):
        raise ValueError(f"{env_id!r} is not a dialogue environment")
    if "domain" in settings and "domain" in gym.spec(env_id).kwargs:
        # Gymnasium would accept it, and report the results of another domain under this id.
        raise ValueError(f"domain={settings['domain']!r}: {env_id} has its own domain; use Dialogue-v0")
    return gym.make(env_id, render_mode=render_mode, **settings)


def stream(seed: int, use: int) -> int:
    """Return the first seed of one of a run's random streams."""
    return int(np.random.SeedSequence([seed, use]).generate_state(1)[0])
