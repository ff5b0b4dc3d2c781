"""A model of a person's reward, learned from their feedback: online, exact and deterministic."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from dialogue_gym.envs.settings import is_number, whole_number

Visited = tuple[Any, Any]
"""An observation, and the action that was chosen there."""


class RewardModel:
    """Model of a person's reward for an action in an observation, by Bayesian linear regression.

    Feedback counts as the weighted sum of the rewards of its steps, as in TAMER (Knox and Stone 2009); with
    all weights 1 it is the rating of a whole episode (Efroni et al. 2021,
    "Reinforcement Learning with Trajectory Feedback", AAAI). The regression is recursive least squares with a
    ridge, so the order of the feedback does not matter, and each piece takes full effect at once.

    Every action has weights of its own. For whole numbers as observations (`Discrete`, `MultiDiscrete`,
    `MultiBinary`) there is a weight for each value of each component, which generalises, and one for each
    observation as a whole, which remembers. All others are flattened, scaled to -1 to 1 (by their
    bounds, or x / (1 + |x|) without bounds), and turned into random Fourier features of a Gaussian kernel
    (Rahimi and Recht 2007, "Random Features for Large-Scale Kernel Machines", NeurIPS).
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        *,
        ridge: float = 0.1,
        capacity: int = 4096,
        frequencies: int = 64,
        seed: int = 0,
    ) -> None:
        """Begin without any feedback: it predicts 0.

        Args:
            env: the environment that defines the observations and the `Discrete` actions.
            ridge: the strength of the prior. After n ratings r of the same step the prediction is
                r * n / (n + ridge).
            capacity: the most features with a weight; memory grows with its square. Later features have no
                weight.
            frequencies: the number of random Fourier features.
            seed: the seed of these features.

        Raises:
            ValueError: the actions are not discrete, or an argument is out of bounds.
        """
        if not isinstance(env.action_space, spaces.Discrete):
            raise ValueError(f"a reward model needs discrete actions, not {env.action_space}")
        if not is_number(ridge) or ridge <= 0:
            raise ValueError(f"ridge={ridge!r}: must be a number above 0")
        self.ridge = float(ridge)
        self.capacity = whole_number("capacity", capacity, 1, 100_000)
        frequencies = whole_number("frequencies", frequencies, 1, 10_000)
        self._encode = encoder(env.observation_space, frequencies, seed)
        self._first_action = int(env.action_space.start)
        self._actions = int(env.action_space.n)
        self.ratings = 0
        """The number of ratings that it has learned from."""
        self._places: dict[int, int] = {}
        self._weights: Floats = np.zeros(0)
        self._covariance: Floats = np.zeros((0, 0))

    def predict(self, observation: Any, action: Any) -> float:
        """Return the expected reward from the person."""
        places, values, _ = self._known(*self._features(observation, action))
        return float(self._weights[places] @ values)

    def uncertainty(self, observation: Any, action: Any) -> float:
        """Return the uncertainty of the prediction: from 1, before any similar rating, down to 0.

        It is the standard deviation, as a part of the initial one.
        """
        places, values, rest = self._known(*self._features(observation, action))
        variance = values @ self._covariance[np.ix_(places, places)] @ values
        return float(np.sqrt(np.clip(self.ridge * variance + rest @ rest, 0.0, 1.0)))

    def learn(self, visited: Sequence[Visited], weights: Sequence[float] | Floats, value: float) -> None:
        """Learn a rating `value` of some steps, each an observation and an action, with weights.

        Raises:
            ValueError: the value or a weight is not a finite number, which would be all that it knows.
        """
        if not is_number(value) or not np.isfinite(weights).all():
            raise ValueError(f"value={value!r}, weights={weights!r}: must be finite numbers")
        found: dict[int, float] = {}
        for step, weight in zip(visited, weights, strict=True):
            keys, values = self._features(*step)
            for key, own in zip(keys.tolist(), (weight * values).tolist(), strict=True):
                found[key] = found.get(key, 0.0) + own
        self._make_room(found)
        places, values, _ = self._known(np.array(list(found), np.int64), np.array(list(found.values())))
        self.ratings += 1
        gain = self._covariance[:, places] @ values
        doubt = 1.0 + values @ gain[places]
        self._weights += gain * ((value - self._weights[places] @ values) / doubt)
        moved = np.flatnonzero(gain)
        self._covariance[np.ix_(moved, moved)] -= np.outer(gain[moved], gain[moved] / doubt)

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return the whole state as arrays, for example for `numpy.savez`."""
        return {
            "keys": np.fromiter(self._places, np.int64, len(self._places)),
            "weights": self._weights.copy(),
            "covariance": self._covariance.copy(),
            "ratings": np.array(self.ratings),
            "ridge": np.array(self.ridge),
            "actions": np.array(self._actions),
            "observations": self._encode.state.copy(),
        }

    def load_state_dict(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Load the state of another model for the same observations and actions.

        Raises:
            ValueError: the state is of another environment, or not a state.
        """
        missing = sorted(set(self.state_dict()) - set(state))
        if missing:
            raise ValueError(f"not the state of a reward model: {missing[0]!r} is missing")
        if int(state["actions"]) != self._actions:
            raise ValueError("this reward model was learned with other actions")
        count = len(state["keys"])
        if state["weights"].shape != (count,) or state["covariance"].shape != (count, count):
            raise ValueError("not the state of a reward model: its arrays do not fit each other")
        self._encode.load(state["observations"])
        self.ratings, self.ridge = int(state["ratings"]), float(state["ridge"])
        self._places = {int(key): place for place, key in enumerate(state["keys"])}
        self._weights = np.array(state["weights"], np.float64)
        self._covariance = np.array(state["covariance"], np.float64)

    def _features(self, observation: Any, action: Any) -> tuple[Keys, Floats]:
        keys, values = self._encode(observation)
        return keys * self._actions + (int(action) - self._first_action), values

    def _known(self, keys: Keys, values: Floats) -> tuple[Keys, Floats, Floats]:
        """Return the places of the features that have one, their values, and the values of the others."""
        places = np.array([self._places.get(key, -1) for key in keys.tolist()], np.int64)
        return places[places >= 0], values[places >= 0], values[places < 0]

    def _make_room(self, keys: Mapping[int, float]) -> None:
        before = len(self._places)
        for key in keys:
            if key not in self._places and len(self._places) < self.capacity:
                self._places[key] = len(self._places)
        new = len(self._places) - before
        if new:
            self._weights = np.pad(self._weights, (0, new))
            self._covariance = np.pad(self._covariance, (0, new))
            fresh = np.arange(before, before + new)
            self._covariance[fresh, fresh] = 1.0 / self.ridge


Keys = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_SHARE = 0.1
"""The share of an observation as a whole, against its components. It was chosen for the fewest ratings on the
built-in domains."""
_WHOLE = 1 << 40
"""The number of keys for observations as a whole; two of them hardly ever share one."""


class OneHot:
    """One-hot features: of each component's value, and of the observation as a whole, if it has several."""

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
        """The sizes of the components, which identify the observations."""
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
        """Load the state of another encoder.

        Raises:
            ValueError: the state is of another space.
        """
        if not np.array_equal(self.state, state):
            raise ValueError("this reward model was learned with other observations")


class Fourier:
    """A constant, and random Fourier features of flattened observations.

    Components are scaled to -1 to 1 by their bounds, or by x / (1 + |x|) without bounds.
    """

    def __init__(self, space: gym.Space[Any], frequencies: int, seed: int) -> None:
        """Draw the frequencies."""
        flat = spaces.flatten_space(space)
        if not isinstance(flat, spaces.Box):
            raise ValueError(f"a reward model cannot take these observations: {space}")
        self._space = space
        low, high = np.ravel(flat.low).astype(np.float64), np.ravel(flat.high).astype(np.float64)
        length = max(1, len(low))
        # Half of the distance between random corners of the unit cube, so that most of it is smooth.
        scale = 0.5 * np.sqrt(length)
        drawn = np.random.default_rng(seed).normal(0.0, 1 / scale, (frequencies, len(low)))
        self.state = np.vstack([low, high, drawn])
        """Bounds, which identify the observations, and the frequencies that were drawn."""
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
        """Load the state of another encoder.

        Raises:
            ValueError: the state is of another space.
        """
        if state.shape != self.state.shape or not np.array_equal(state[:2], self.state[:2]):
            raise ValueError("this reward model was learned with other observations")
        self.state = np.array(state, np.float64)


def encoder(space: gym.Space[Any], frequencies: int, seed: int) -> OneHot | Fourier:
    """Return the encoder of a space's observations as features.

    Raises:
        ValueError: the space cannot be flattened.
    """
    if isinstance(space, (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)):
        return OneHot(space)
    return Fourier(space, frequencies, seed)
