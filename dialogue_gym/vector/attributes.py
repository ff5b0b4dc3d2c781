"""The attributes and methods that each lane has, as an environment of its own would have them."""

from __future__ import annotations

import functools
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from gymnasium.envs.registration import EnvSpec

from dialogue_gym._text import is_misspelling_of, nearest
from dialogue_gym.envs.dialogue import DialogueEnv

METHODS = ("action_masks", "codes", "describe")
ATTRIBUTES = (
    "action_names", "action_space", "domain", "max_history", "metadata", "observation_fields",
    "observation_space", "patience", "render_mode", "settings", "spec",
)  # fmt: skip


class ManyDialogues(Protocol):
    """The vector environment whose lanes have the attributes."""

    num_envs: int
    single: DialogueEnv
    patience: int

    @property
    def spec(self) -> EnvSpec | None:
        """The specification that it was made by."""

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Return the possible actions of each lane."""


class LaneAttributes:
    """Attributes and methods of lanes, and the attributes that callers add."""

    def __init__(self, env: ManyDialogues) -> None:
        """Begin without any added attributes."""
        self._env = env
        self._added: dict[str, list[Any]] = {}

    def names(self) -> tuple[str, ...]:
        """Return all names that `get` takes."""
        return (*ATTRIBUTES, *METHODS, *self._added)

    def get(self, name: str) -> list[Any]:
        """Return an attribute or a method of each lane.

        Raises:
            AttributeError: the name is unknown, or exists only for a single dialogue.
        """
        lanes = range(self._env.num_envs)
        if name in self._added:
            return list(self._added[name])
        if name in METHODS:
            return [functools.partial(self._call_in, name, lane) for lane in lanes]
        if name not in ATTRIBUTES:
            raise AttributeError(f"{name!r}: {nearest(name, self.names())}")
        value = self._env.spec if name == "spec" else getattr(self._env.single, name)
        return [value for _ in lanes]

    def call(self, name: str, *arguments: Any, **keywords: Any) -> list[Any]:
        """Return the results of a method, one for each lane.

        Raises:
            AttributeError: compiled lanes do not have the method.
        """
        if name not in METHODS:
            raise AttributeError(f"compiled lanes have no method {name!r}; {nearest(name, METHODS)}")
        return [self._call_in(name, lane, *arguments, **keywords) for lane in range(self._env.num_envs)]

    def _call_in(self, name: str, lane: int, *arguments: Any, **keywords: Any) -> Any:
        if name == "action_masks":
            return self._env.action_masks(*arguments, **keywords)[lane]
        return getattr(self._env.single, name)(*arguments, **keywords)

    def add(self, name: str, values: dict[int, Any]) -> None:
        """Give lanes, by number, an attribute of the caller's own; the others have None.

        Raises:
            AttributeError: the environment has an attribute of this name, which compiled lanes cannot change,
                or the name is a misspelt one of the environment's.
            ValueError: the patience, which they can change, is invalid or not the same for all lanes.
        """
        if name == "patience":
            if len(values) < self._env.num_envs or len(set(values.values())) > 1:
                raise ValueError("patience: must be the same for all lanes")
            self._env.patience = values[0]
            return
        if name not in self._added and hasattr(self._env.single, name):
            raise AttributeError(f"{name!r} cannot be set: pass settings when the environment is made")
        if name not in self._added:
            for own in (*ATTRIBUTES, *METHODS):
                if is_misspelling_of(name, own):
                    raise AttributeError(f"{name!r} cannot be set; did you mean {own!r}?")
        known = self._added.setdefault(name, [None] * self._env.num_envs)
        for lane, value in values.items():
            known[lane] = value
