"""Decisions of a live bot, with the chances that they were made by, as the journal keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dialogue_gym.journal.entry import CHANCES

_VERSION = "version"


@dataclass(frozen=True)
class LiveDecision:
    """A choice of one of the actions that were possible.

    Attributes:
        action: the name of the chosen action.
        version: the version of the weights that chose it, which is the learner's number of updates.
        chances: the exact chance of each possible action, by name. They sum to one; those that could not be
            chosen have 0. None if they are unknown, as in journals of earlier versions.
    """

    action: str
    version: int = 0
    chances: Mapping[str, float] | None = None

    @classmethod
    def certain(cls, action: str) -> LiveDecision:
        """Return the decision of a rule, which leaves no choice."""
        return cls(action, chances={action: 1.0})

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> LiveDecision:
        """Return the decision in the content of an entry; chances that do not fit it are unknown."""
        action, chances = content["action"], content.get(CHANCES)
        fits = chances is not None and chances.get(action, 0.0) > 0
        return cls(action, content.get(_VERSION, 0), chances if fits else None)

    def details(self) -> dict[str, Any]:
        """Return the further keys of its entry, as JSON-serializable values."""
        known = {} if self.chances is None else {CHANCES: dict(self.chances)}
        return {_VERSION: self.version} | known

    @property
    def propensity(self) -> float | None:
        """The chance that the chosen action had; None if it is unknown."""
        return None if self.chances is None else self.chances[self.action]


class Decider(Protocol):
    """The choice of a bot's actions."""

    def decide(self, observation: npt.NDArray[Any], possible: npt.NDArray[np.bool_]) -> LiveDecision:
        """Return the choice of an action.

        Args:
            observation: shape (components,).
            possible: whether the precondition of each action holds, shape (actions,).
        """
