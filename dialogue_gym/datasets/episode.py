"""One recorded dialogue as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Episode:
    """A dialogue that has ended, of n steps.

    Attributes:
        observations: the observation before each step and after the last one, shape (n + 1, components).
        actions: the action of each step, shape (n,).
        rewards: the reward of each step, shape (n,).
        truncated: whether it was cut off, instead of ending by itself.
        infos: further arrays by name, with an entry for each observation: shape (n + 1, ...).
        seed: the seed that plays the dialogue again; None without one.
    """

    observations: Array
    actions: npt.NDArray[np.int64]
    rewards: npt.NDArray[np.float64]
    truncated: bool
    infos: Mapping[str, Array] = field(default_factory=dict)
    seed: int | None = None

    def __post_init__(self) -> None:
        """Check that the arrays fit each other.

        Raises:
            ValueError: they do not, or there is no step.
        """
        steps = len(self.actions)
        sizes = {len(self.observations) - 1, len(self.rewards)}
        sizes |= {len(one) - 1 for one in self.infos.values()}
        if not steps or sizes != {steps}:
            raise ValueError("the arrays of an episode have different numbers of steps, or none")

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.actions)

    @property
    def is_success(self) -> bool:
        """Whether it ended in success; also False if the data set does not say so."""
        return bool(np.any(self.infos.get("is_success", False)))
