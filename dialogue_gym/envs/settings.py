"""Check the settings of an environment."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

from dialogue_gym._text import bounds, nearest
from dialogue_gym.domain import Domain, DomainError
from dialogue_gym.domain.fake_user import MAX_PATIENCE
from dialogue_gym.domain.model import REWARD_TERMS
from dialogue_gym.rules.tables import STEP_LIMITS, Settings

_BOUNDS: dict[str, tuple[float, float]] = {
    "semantic_error_rate": (0, 1),
    "indecisiveness": (0, 1),
    "correction_rate": (0, 1),
    "informativeness": (0, 100),
    "shaping": (0, 100),
}
_WHOLE = {"patience": (1, MAX_PATIENCE), "max_episode_steps": (1, 10_000)}
MAX_HISTORY = 100
MAX_DIALOGUES = 10_000_000
"""The largest number of dialogues in a figure: each takes some hundred bytes of memory."""


def make_settings(domain: Domain, *, reward: Mapping[str, float] | None = None, **given: Any) -> Settings:
    """Return checked settings for a domain; None leaves the domain's own figure.

    Raises:
        DomainError: the domain has no fake user.
        ValueError: one sentence that names the argument and its valid values.
    """
    if domain.fake_user is None:
        raise DomainError(f"{domain.name}: this domain has no fake user to talk to (the key 'fake_user')")
    turn_taking = given["turn_taking"]
    if not isinstance(turn_taking, str) or turn_taking not in STEP_LIMITS:
        raise ValueError(
            f"turn_taking={turn_taking!r}: unknown turn taking; {nearest(str(turn_taking), STEP_LIMITS)}"
        )
    for name, limits in _BOUNDS.items():
        value = given[name]
        if value is not None:
            if not is_number(value) or not limits[0] <= value <= limits[1]:
                raise ValueError(f"{name}={value!r}: must be {bounds(*limits)}")
            given[name] = float(value)
    for name, limits in _WHOLE.items():
        if given[name] is not None:
            given[name] = whole_number(name, given[name], *limits)
    if given["max_episode_steps"] == STEP_LIMITS[turn_taking]:
        given["max_episode_steps"] = None  # equal settings compare equal; make_vec always gives a number
    if given["semantic_error_rate"] is None:
        given["semantic_error_rate"] = domain.fake_user.noise.error_rate
    given["shaping"] = given["shaping"] or 0.0
    settings = Settings(**given, reward=_reward(domain, {} if reward is None else reward))
    domain.fake_user.profile(settings.user)
    return settings


def whole_number(name: str, value: Any, minimum: int, maximum: float = math.inf) -> int:
    """Return an argument as an int, numpy's integers too; a ValueError names it and its bounds."""
    is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_whole or not minimum <= int(value) <= maximum:
        raise ValueError(f"{name}={value!r}: must be a whole {bounds(minimum, maximum).removeprefix('a ')}")
    return int(value)


def _reward(domain: Domain, reward: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    if not isinstance(reward, Mapping):
        raise ValueError(f"reward={reward!r}: must be a mapping of terms to weights")
    valid = (*REWARD_TERMS, *domain.actions)
    for term, weight in reward.items():
        if term not in valid:
            raise ValueError(f"reward: unknown term {term!r}; {nearest(str(term), valid)}")
        if not is_number(weight):
            raise ValueError(f"reward: the weight of {term!r} must be a finite number, not {weight!r}")
    return tuple((term, float(weight)) for term, weight in reward.items())


def is_number(value: object) -> bool:
    """Return whether a value is a finite number, NumPy's too; True and False are not."""
    if isinstance(value, bool):
        return False
    return isinstance(value, numbers.Real) and math.isfinite(value)
