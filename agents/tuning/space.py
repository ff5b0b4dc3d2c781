"""The space of a search for hyperparameters: the values that each may have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dialogue_gym.utils import nearest

SPACES = Path(__file__).parent / "spaces"
"""The folder of the spaces that come with the algorithms."""
_ALIKE = {"maskable_ppo": "ppo", "masked_dqn": "dqn"}
"""Algorithms with the hyperparameters of another one."""
_RANGE = {"low", "high", "log"}


@dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`, whole ones if both are; evenly by their logarithm if `log`."""

    low: float
    high: float
    log: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)


Space = Mapping[str, Range | tuple[Any, ...]]
"""By hyperparameter: a range, or the values of a grid."""


def load_space(path: Path) -> Space:
    """Return the space that a YAML file describes: by name a list of values, or `{low:, high:, log:}`.

    Raises:
        ValueError: the file is not a space; one line gives the name.
        OSError: the file cannot be read.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: cannot be read as YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(content, dict) or not content:
        raise ValueError(f"{path}: expected hyperparameters with their values")
    return {str(name): _values(path, str(name), given) for name, given in content.items()}


def default_space(algorithm: str) -> Space:
    """Return the space that comes with an algorithm, such as `ppo`.

    Raises:
        ValueError: it has none.
    """
    path = SPACES / f"{_ALIKE.get(algorithm, algorithm)}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in SPACES.glob("*.yaml")))
        raise ValueError(f"{algorithm} comes without a space (those with one: {known}); give one by --space")
    return load_space(path)


def _values(path: Path, name: str, given: Any) -> Range | tuple[Any, ...]:
    if isinstance(given, list) and given:
        return tuple(given)
    if not isinstance(given, dict):
        raise ValueError(f"{path}: {name}: expected a list of values, or low and high")
    for key in given:
        if key not in _RANGE:
            raise ValueError(f"{path}: {name}: unknown key {key!r}; {nearest(str(key), _RANGE)}")
    low, high, log = given.get("low", math.nan), given.get("high", math.nan), given.get("log", False)
    if not all(isinstance(one, int | float) and math.isfinite(one) for one in (low, high)) or low > high:
        raise ValueError(f"{path}: {name}: low and high must be numbers, in this order")
    if not isinstance(log, bool) or (log and low <= 0):
        raise ValueError(f"{path}: {name}: log must be true or false, and needs a positive low")
    return Range(low, high, log)
