"""Learning algorithms by name, with their hyperparameters and the values that these can have."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Iterable, Mapping
from typing import Any

from stable_baselines3 import DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from dialogue_gym._text import nearest
from dialogue_gym.envs.settings import is_number
from dialogue_gym.policies.q_table import QTable
from dialogue_gym.sb3.maskable_ppo import ObservingMaskablePPO
from dialogue_gym.sb3.masked_dqn import MaskedDQN
from dialogue_gym.training.bootstrapped_dqn import BootstrappedDQN
from dialogue_gym.training.offline_learning import OfflineLearner

ALGORITHMS: dict[str, type[BaseAlgorithm]] = {
    "dqn": DQN,
    "maskable_ppo": ObservingMaskablePPO,
    "masked_dqn": MaskedDQN,
    "ppo": PPO,
}
OWN_ALGORITHMS: dict[str, type[QTable] | type[BootstrappedDQN]] = {
    "bootstrapped_dqn": BootstrappedDQN,
    "q_table": QTable,
}
"""The algorithms that are not made for Stable-Baselines3: they play a single environment."""
OFFLINE_ALGORITHMS = {"offline_cloning": False, "offline_q": True}
"""The algorithms that learn from recorded dialogues, and whether they learn the values of actions."""
Learned = BaseAlgorithm | QTable | BootstrappedDQN | OfflineLearner

_FIXED = (
    "self", "policy", "env", "seed", "device", "verbose", "tensorboard_log", "stats_window_size",
    "_init_setup_model", "episodes", "values",
)  # fmt: skip
"""Arguments of algorithms that are not hyperparameters."""
_LEAST = {
    "gradient_steps": -1, "learning_starts": 0, "random_dialogues": 0, "recent": 0, "sde_sample_freq": -1,
}  # fmt: skip
"""The least value of whole numbers that may be less than 1."""
_SHARES = (
    "agreement", "averaging", "exploration", "exploration_final_eps", "exploration_fraction",
    "exploration_initial_eps", "gae_lambda", "gamma", "tau", "trace",
)  # fmt: skip
"""Numbers from 0 to 1."""
_BELOW_ONE = ("dropout",)
_POSITIVE = ("clip_range", "clip_range_vf", "learning_rate", "max_grad_norm", "target_kl")
_ANY = ("optimism",)
_PAIRED = ("train_freq",)
"""Whole numbers that may be a pair of a number and a unit instead."""


def check_hyperparameter_names(algorithm: str, names: Iterable[str]) -> None:
    """Raise ValueError if an algorithm has no hyperparameter of a name."""
    known = _defaults(algorithm)
    for name in names:
        if name not in known:
            raise ValueError(f"unknown hyperparameter {name!r} of {algorithm}; {nearest(name, known)}")


def check_hyperparameters(algorithm: str, given: Mapping[str, Any]) -> None:
    """Raise ValueError if an algorithm has no hyperparameter of a name, or not with that value.

    Schedules, classes and keywords of policies are left to the algorithm.
    """
    check_hyperparameter_names(algorithm, given)
    known = _defaults(algorithm)
    for name, value in given.items():
        if wish := _wish(algorithm, name, known[name], value):
            raise ValueError(f"{name}: must be {wish}, not {value!r}")


def _wish(algorithm: str, name: str, default: Any, value: Any) -> str:
    """Return the values that a hyperparameter can have, if the given one is none of them; else nothing."""
    is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if isinstance(default, bool):
        wish, fits = "true or false", isinstance(value, bool)
    elif name in _POSITIVE:
        wish, fits = "above 0", callable(value) or value is default or (is_number(value) and value > 0)
    elif name in _SHARES:
        wish, fits = "from 0 to 1", is_number(value) and 0 <= value <= 1
    elif name in _BELOW_ONE:
        wish, fits = "at least 0 and below 1", is_number(value) and 0 <= value < 1
    elif isinstance(default, int):
        is_ppo = issubclass(ALGORITHMS.get(algorithm, DQN), OnPolicyAlgorithm)
        least = 2 if is_ppo and name == "batch_size" else _LEAST.get(name, 1)
        is_pair = name in _PAIRED and isinstance(value, tuple)
        wish, fits = f"a whole number of at least {least}", is_pair or (is_whole and value >= least)
    elif isinstance(default, float):
        wish = "a number" if name in _ANY else "at least 0"
        fits = is_number(value) and (value >= 0 or name in _ANY)
    else:
        wish, fits = "given in code", not isinstance(value, str | int | float)
    return "" if fits else wish


def _defaults(algorithm: str) -> dict[str, Any]:
    """Return the hyperparameters of an algorithm with their defaults.

    A class that passes arguments on has those of its base, too.
    """
    made: type[Any] = {**ALGORITHMS, **OWN_ALGORITHMS}.get(algorithm, OfflineLearner)
    found: dict[str, Any] = {}
    for one in made.__mro__:
        if "__init__" in vars(one):
            arguments = inspect.signature(vars(one)["__init__"]).parameters.values()
            passed_on = [
                given for given in arguments if given.kind in (given.VAR_POSITIONAL, given.VAR_KEYWORD)
            ]
            for given in arguments:
                if given not in passed_on and given.name not in _FIXED:
                    found.setdefault(given.name, given.default)
            if not passed_on:
                break
    return found
