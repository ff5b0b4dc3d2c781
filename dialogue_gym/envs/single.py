"""The part that all environments of one dialogue at a time share: its horizon and its chance."""

from __future__ import annotations

import abc
from typing import Protocol

from gymnasium.envs.registration import EnvSpec

from dialogue_gym.envs.horizon import NEVER, is_wrapped, with_horizon
from dialogue_gym.envs.random_source import RandomSource


class Played(Protocol):
    """A dialogue that is played again and again."""

    step_limit: int
    """The number of steps after which it is truncated."""

    @property
    def has_begun(self) -> bool:
        """Whether a dialogue has begun; before that there is no chance to draw from."""

    def set_chance(self, seed: int) -> None:
        """Let all chance follow from a seed."""


class SingleEnv(RandomSource):
    """An environment of one dialogue at a time: Gymnasium's horizon and chance are those of the dialogue.

    It stands before Gymnasium's class among the bases of an environment.
    """

    _spec: EnvSpec | None = None

    @property
    @abc.abstractmethod
    def _played(self) -> Played:
        """The dialogue."""

    @property
    def spec(self) -> EnvSpec | None:
        """The specification that `gymnasium.make` gave, with the steps if this environment truncates."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        if is_wrapped(spec):
            self._played.step_limit = NEVER
        else:
            spec = with_horizon(spec, self._played.step_limit)
        self._spec = spec

    def _draw_chance(self) -> None:
        if self._played.has_begun:  # otherwise the first reset draws
            self._played.set_chance(int(self._drawn_seeds(1)[0]))

    def _need_chance(self) -> None:
        """Draw the chance of the first dialogue, where no seed was given."""
        if not self._played.has_begun:
            self._played.set_chance(int(self._drawn_seeds(1)[0]))
