"""Environments made from words: an id or a domain, and `key=value` settings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

import gymnasium as gym
import numpy as np
import yaml

from dialogue_gym._text import nearest
from dialogue_gym.domain import Domain, DomainError
from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.envs.options import read_seed
from dialogue_gym.rules.tables import STEP_LIMITS
from dialogue_gym.text.dialogue import TEXT_SETTINGS

_EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")
"""A number such as 1e-4, which YAML takes for a text without a point and a sign."""
TRAINING, EVALUATION, DEMONSTRATION = 0, 1, 2
"""The independent random streams of a run."""


ANY_DOMAIN = "Dialogue-v0"
"""The id of the environment of any domain, which its setting `domain` names."""


def builtin_ids() -> dict[str, str]:
    """Return the id of the environment of each built-in domain, by the domain's name."""
    ours = [
        spec
        for name, spec in gym.registry.items()
        if _is_ours(name) and not _is_explicit(name) and not _is_text(name)
    ]
    ids = {spec.kwargs.get("domain"): spec.id for spec in ours}
    return {name: ids[name] for name in builtin_names() if name in ids}


def environment_of(source: str) -> tuple[str, dict[str, Any]]:
    """Return the id of the environment of a domain, by its file or name, and the settings that name it."""
    env_id = builtin_ids().get(source)
    return (env_id, {}) if env_id else (ANY_DOMAIN, {"domain": source})


def check_user(source: str, domain: Domain) -> None:
    """Raise DomainError if a domain has no fake user to play with."""
    if domain.fake_user is None:
        raise DomainError(
            f"{source}: there is nobody to play with, since the domain has no fake user (the key 'fake_user')"
        )


def parse_settings(words: Iterable[str], fixed: Iterable[str] = ()) -> dict[str, Any]:
    """Return the keyword arguments given by `key=value` words; values are YAML.

    Args:
        words: the words.
        fixed: settings that cannot be chosen here.

    Raises:
        ValueError: a word is malformed, or its key is not a setting of a dialogue environment.
    """
    settings = parse_pairs(words, "=")
    check_settings(settings, fixed)
    return settings


def settings_of(
    words: Iterable[str] | None, env_kwargs: Iterable[str] | None, fixed: Iterable[str] = ()
) -> dict[str, Any]:
    """Return the keyword arguments given by `key=value` and by `key:value` words, which RL Zoo has."""
    settings = parse_pairs(words or (), "=") | parse_pairs(env_kwargs or (), ":")
    check_settings(settings, fixed)
    return settings


def parse_pairs(words: Iterable[str], separator: str) -> dict[str, Any]:
    """Return the values given by words such as `key=value`; they are YAML.

    Raises:
        ValueError: a word has no separator, its value cannot be read, or its key was given already.
    """
    pairs = {}
    for word in words:
        key, found, value = word.partition(separator)
        if not found:
            raise ValueError(f"{word!r}: expected the form key{separator}value")
        if key in pairs:
            raise ValueError(f"{key!r} is given twice")
        try:
            pairs[key] = float(value) if _EXPONENT.fullmatch(value) else yaml.safe_load(value)
        except yaml.YAMLError:
            raise ValueError(f"{word!r}: the value cannot be read") from None
    return pairs


def parse_text_settings(words: Iterable[str]) -> dict[str, Any]:
    """Return the settings of dialogues in text given by `key=value` words; values are YAML.

    Raises:
        ValueError: a word is malformed, or its key is not a setting of dialogues in text.
    """
    return parse_settings(words, set(inspect.signature(DialogueEnv).parameters) - set(TEXT_SETTINGS))


def check_settings(names: Iterable[str], fixed: Iterable[str] = ()) -> None:
    """Raise ValueError if a name is not a setting that can be chosen here."""
    # gym.make would make a wrapper of the limit, and the agents here read fields.
    fixed = set(fixed)
    ours = {"render_mode", "max_episode_steps", "observation", "compiled"} | fixed
    valid = [name for name in inspect.signature(DialogueEnv).parameters if name not in ours]
    for name in names:
        if name == "observation" and name not in fixed:
            raise ValueError(f"{name!r} cannot be set here: the agents read fields")
        if name == "compiled" and name not in fixed:
            raise ValueError(f"{name!r} cannot be set here: it changes no dialogue, only the speed in code")
        if name not in valid:
            raise ValueError(f"unknown setting {name!r}; {nearest(str(name), valid)}")


def _is_ours(env_id: str) -> bool:
    return str(gym.spec(env_id).entry_point).startswith("dialogue_gym")


def _is_explicit(env_id: str) -> bool:
    return "turn_taking" in gym.spec(env_id).kwargs


def _is_text(env_id: str) -> bool:
    return str(gym.spec(env_id).entry_point).startswith("dialogue_gym.text")


def make_env(env_id: str, settings: dict[str, Any], render_mode: str | None = None) -> gym.Env[Any, Any]:
    """Make a dialogue environment.

    Raises:
        ValueError: the id is unknown or of another kind of environment, or a setting is invalid.
    """
    if env_id not in gym.registry:
        ours = [name for name in gym.registry if _is_ours(name)]
        raise ValueError(f"unknown environment {env_id!r}; {nearest(env_id, ours)}")
    if not _is_ours(env_id):
        raise ValueError(f"{env_id!r} is not a dialogue environment")
    if "domain" in settings and "domain" in gym.spec(env_id).kwargs:
        # Gymnasium would let it through, and results of another domain would stand under this id.
        raise ValueError(f"domain={settings['domain']!r}: {env_id} has its own domain; use Dialogue-v0")
    if _is_text(env_id):
        raise ValueError(f"{env_id!r}: these agents read no texts; use {env_id.replace('Text', '')}")
    if _is_explicit(env_id):
        raise ValueError(f"{env_id!r}: use {env_id.replace('Explicit', '')} with turn_taking=explicit")
    return gym.make(env_id, render_mode=render_mode, **with_steps(settings))


def with_steps(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings with the steps of a dialogue that their turn taking needs.

    Gymnasium takes those of the id, which are too few for explicit turn taking.
    """
    is_explicit = settings.get("turn_taking") == "explicit"
    return {"max_episode_steps": STEP_LIMITS["explicit"]} | settings if is_explicit else settings


def stream(seed: int, use: int) -> int:
    """Return the first seed of one of a run's random streams.

    Raises:
        ValueError: the seed is negative.
        TypeError: it is not an integer.
    """
    return int(np.random.SeedSequence([read_seed(seed), use]).generate_state(1)[0])
