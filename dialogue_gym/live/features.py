"""Observations as features that a linear model can learn from: few that are not 0, of norm 1."""

from __future__ import annotations

import hashlib
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

Keys = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_SHARE = 0.1
"""How much of an observation is itself rather than its components: enough to remember, found by how few
ratings the model needs on the built-in domains."""
_WHOLE = 1 << 40
"""How many keys there are for observations as a whole; two of them hardly ever share one."""


class OneHot:
    """Each component's value is a feature, and so is the observation as a whole, if it has several."""

    def __init__(self, space: spaces.Discrete[Any] | spaces.MultiDiscrete[Any] | spaces.MultiBinary) -> None:
        """Number the values of a space."""
        if isinstance(space, spaces.Discrete):
            sizes, start = np.array([space.n]), np.array([space.start])
        elif isinstance(space, spaces.MultiDiscrete):
            sizes, start = np.ravel(space.nvec), np.ravel(space.start)
        else:
            sizes = np.full(int(np.prod(space.shape)), 2)
            start = np.zeros_like(sizes)
        self._start = start.astype(np.int64)
        self._first = np.cumsum([0, *sizes[:-1]])
        self._count = int(sizes.sum())
        self.state = sizes.astype(np.float64)
        """What tells it from that of another environment, and what it drew."""
        whole = 0.0 if len(sizes) == 1 else _SHARE
        self._values = np.full(len(sizes), np.sqrt((1 - whole) / len(sizes)))
        if whole:
            self._values = np.append(self._values, np.sqrt(whole))

    def __call__(self, observation: Any) -> tuple[Keys, Floats]:
        """Return the keys of the features that are not 0, and their values."""
        codes = np.ravel(observation).astype(np.int64) - self._start
        keys = self._first + codes
        if len(self._values) > len(keys):
            digest = hashlib.blake2b(codes.tobytes(), digest_size=8).digest()
            keys = np.append(keys, self._count + int.from_bytes(digest, "little") % _WHOLE)
        return keys, self._values

    def load(self, state: npt.NDArray[Any]) -> None:
        """Take the state of another one.

        Raises:
            ValueError: it is that of another space.
        """
        if not np.array_equal(self.state, state):
            raise ValueError("this reward model was learned with other observations")


class Fourier:
    """A constant, and random Fourier features of all that a space can be flattened to.

    Components are brought to -1 to 1 by their bounds, or by x / (1 + |x|) where they have none.
    """

    def __init__(self, space: gym.Space[Any], frequencies: int, seed: int) -> None:
        """Draw the frequencies."""
        flat = spaces.flatten_space(space)
        if not isinstance(flat, spaces.Box):
            raise ValueError(f"a reward model cannot take these observations: {space}")
        self._space = space
        low, high = np.ravel(flat.low).astype(np.float64), np.ravel(flat.high).astype(np.float64)
        length = max(1, len(low))
        # Half of what two random points of the unit cube's corners are apart, so that most of it is smooth.
        scale = 0.5 * np.sqrt(length)
        drawn = np.random.default_rng(seed).normal(0.0, 1 / scale, (frequencies, len(low)))
        self.state = np.vstack([low, high, drawn])
        """Bounds and frequencies: what tells it from that of another environment, and what it drew."""
        # Some environments give the largest float for "no bound".
        self._is_bounded = (np.abs(low) < 1e6) & (np.abs(high) < 1e6) & (low < high)
        low, high = np.where(self._is_bounded, [low, high], [[-1.0], [1.0]])
        self._middle, self._half = (low + high) / 2, (high - low) / 2

    def __call__(self, observation: Any) -> tuple[Keys, Floats]:
        """Return the keys of all features, and their values."""
        flat = np.asarray(spaces.flatten(self._space, observation), np.float64).ravel()
        inside = np.where(self._is_bounded, (flat - self._middle) / self._half, flat / (1 + np.abs(flat)))
        waves = self.state[2:] @ inside
        values = np.concatenate([[1.0], *(np.array([np.cos(waves), np.sin(waves)]) / np.sqrt(len(waves)))])
        return np.arange(len(values)), values / np.sqrt(2)

    def load(self, state: npt.NDArray[Any]) -> None:
        """Take the state of another one.

        Raises:
            ValueError: it is that of another space.
        """
        if state.shape != self.state.shape or not np.array_equal(state[:2], self.state[:2]):
            raise ValueError("this reward model was learned with other observations")
        self.state = np.array(state, np.float64)


def encoder(space: gym.Space[Any], frequencies: int, seed: int) -> OneHot | Fourier:
    """Return what makes features of a space's observations.

    Raises:
        ValueError: nothing can.
    """
    if isinstance(space, (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)):
        return OneHot(space)
    return Fourier(space, frequencies, seed)
