"""The forms of an observation: the codes of its fields, or their one-hot vector."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from dialogue_gym._text import nearest
from dialogue_gym.domain.observation import ObservationField, observation_dtype

Observation = npt.NDArray[Any]
_INT8 = np.dtype(np.int8)


class ObservationForm(abc.ABC):
    """A way to give out the codes of the fields, those of all observations given at once."""

    name: ClassVar[str]
    """The argument `observation` that stands for it."""
    space: spaces.Space[Any]
    """The observation space."""

    def __init__(self, fields: Sequence[ObservationField], history: int) -> None:
        """Note the fields of one observation, of which `history` are given at once."""
        self.sizes = np.array([len(field.labels) for field in fields] * history, np.int64)
        self.code_dtype = observation_dtype(fields)

    @abc.abstractmethod
    def encode(self, codes: list[int]) -> Observation:
        """Return the observation for codes."""

    @abc.abstractmethod
    def decode(self, observations: Observation) -> npt.NDArray[Any]:
        """Return the codes of observations, shape `(..., width)` to `(..., components)`.

        Raises:
            ValueError: these are not observations of this form.
        """


class FieldCodes(ObservationForm):
    """One small integer for each field: `MultiDiscrete`, int8 or int16."""

    name = "fields"

    def __init__(self, fields: Sequence[ObservationField], history: int) -> None:
        """Make the space."""
        super().__init__(fields, history)
        self.space = spaces.MultiDiscrete(self.sizes.tolist(), dtype=self.code_dtype.type)
        # The space's own sizes are int8 as well: adding them up, as Stable-Baselines3 does, would overflow.
        self.space.nvec = self.space.nvec.astype(np.int64)

    def encode(self, codes: list[int]) -> Observation:
        """Return the codes as an array."""
        if self.code_dtype is _INT8:  # several times faster than np.array
            return np.frombuffer(bytearray(codes), _INT8)
        return np.array(codes, dtype=self.code_dtype)

    def decode(self, observations: Observation) -> npt.NDArray[Any]:
        """Return the observations themselves."""
        return observations


class OneHotFields(ObservationForm):
    """One number for each value of each field, 1 for the value that it has: `Box`, float32."""

    name = "flat"

    def __init__(self, fields: Sequence[ObservationField], history: int) -> None:
        """Make the space."""
        super().__init__(fields, history)
        self.width = int(self.sizes.sum())
        self.places = np.cumsum(self.sizes) - self.sizes
        """The place of the first value of each field."""
        self.space = spaces.Box(0.0, 1.0, (self.width,), np.float32)

    def encode(self, codes: list[int]) -> Observation:
        """Return the one-hot vector of codes."""
        vector = np.zeros(self.width, np.float32)
        vector[self.places + codes] = 1
        return vector

    def decode(self, observations: Observation) -> npt.NDArray[Any]:
        """Return the codes of one-hot vectors."""
        ones = np.asarray(observations).reshape(-1, self.width)
        columns = np.nonzero(ones == 1)[1]
        is_valid = len(columns) == len(ones) * len(self.sizes)
        codes = columns.reshape(-1, len(self.sizes)) - self.places if is_valid else np.full(1, -1)
        if ((codes < 0) | (codes >= self.sizes)).any():
            raise ValueError("a flat observation has a single 1 among the values of each field")
        return codes.reshape(*np.shape(observations)[:-1], len(self.sizes)).astype(self.code_dtype)


FORMS: Mapping[str, type[ObservationForm]] = {form.name: form for form in (FieldCodes, OneHotFields)}


def make_form(name: Any, fields: Sequence[ObservationField], history: int) -> ObservationForm:
    """Return the form of an environment's observations by its name.

    Raises:
        ValueError: the form is unknown.
    """
    if not isinstance(name, str) or name not in FORMS:
        raise ValueError(f"observation={name!r}: unknown form; {nearest(str(name), FORMS)}")
    return FORMS[name](fields, history)
