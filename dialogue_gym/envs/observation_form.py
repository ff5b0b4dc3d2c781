"""The forms of an observation: the codes of its fields, their one-hot vector, or beliefs in numbers."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from dialogue_gym._text import nearest
from dialogue_gym.domain import Domain
from dialogue_gym.domain.observation import (
    LEFT_OUT,
    ONE_HOT,
    ObservationField,
    is_search,
    observation_dtype,
    observation_fields,
)
from dialogue_gym.rules import Row, Tables
from dialogue_gym.rules.belief import BIN_SCORES, SEARCH_BIN_SCORES, belief
from dialogue_gym.rules.search import CLOSE, score_bin

Observation = npt.NDArray[Any]
_INT8 = np.dtype(np.int8)


def code_array(codes: list[int], dtype: np.dtype[Any]) -> Observation:
    """Return codes of fields as an array."""
    if dtype is _INT8:  # several times faster than np.array
        return np.frombuffer(bytearray(codes), _INT8)
    return np.array(codes, dtype=dtype)


class ObservationForm(abc.ABC):
    """A way to give out the codes of the fields, those of all observations given at once."""

    name: ClassVar[str]
    """The argument `observation` that stands for it."""
    space: spaces.Space[Any]
    """The observation space."""
    width: int
    """The numbers of an observation."""

    def __init__(self, fields: Sequence[ObservationField], history: int) -> None:
        """Note the fields of one observation, of which `history` are given at once."""
        self.sizes = np.array([len(field.labels) for field in fields] * history, np.int64)
        self.code_dtype = observation_dtype(fields)

    @abc.abstractmethod
    def encode(self, codes: list[int], row: Row, tables: Tables) -> Observation:
        """Return the observation for codes, and for the row of the rules that the newest of them are from."""

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
        self.width = len(self.sizes)
        self.space = spaces.MultiDiscrete(self.sizes.tolist(), dtype=self.code_dtype.type)
        # The space's own sizes are int8 as well: adding them up, as Stable-Baselines3 does, would overflow.
        self.space.nvec = self.space.nvec.astype(np.int64)

    def encode(self, codes: list[int], row: Row, tables: Tables) -> Observation:
        """Return the codes as an array."""
        return code_array(codes, self.code_dtype)

    def decode(self, observations: Observation) -> npt.NDArray[Any]:
        """Return the observations themselves."""
        if observations.dtype.kind not in "iu":
            raise ValueError(f"an observation here has whole numbers, not {observations.dtype}")
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

    def encode(self, codes: list[int], row: Row, tables: Tables) -> Observation:
        """Return the one-hot vector of codes."""
        vector = np.zeros(self.width, np.float32)
        vector[self.places + codes] = 1
        return vector

    def decode(self, observations: Observation) -> npt.NDArray[Any]:
        """Return the codes of one-hot vectors, also of the newest of several that are given at once."""
        given = np.asarray(observations)
        count = len(self.sizes) * given.shape[-1] // self.width
        sizes, places = self.sizes[:count], self.places[:count]  # all observations have the same ones
        ones = given.reshape(-1, given.shape[-1])
        columns = np.nonzero(ones == 1)[1]
        is_valid = len(columns) == len(ones) * count
        codes = columns.reshape(-1, count) - places if is_valid else np.full(1, -1)
        if ((codes < 0) | (codes >= sizes)).any():
            raise ValueError("a flat observation has a single 1 among the values of each field")
        return codes.reshape(*given.shape[:-1], count).astype(self.code_dtype)


class BeliefFields(ObservationForm):
    """Three scores from 0 to 1 for each slot, and one-hot fields for everything else: `Box`, float32.

    The scores are those of the two likeliest values, and the rest. They take the place of the fields
    `confidence` and `second`.
    """

    name = "belief"

    def __init__(self, fields: Sequence[ObservationField], domain: Domain) -> None:
        """Make the space for the fields of one observation."""
        super().__init__(fields, 1)
        slots = {f"confidence.{slot.name}": index for index, slot in enumerate(domain.slots)}
        left_out = {field.name: LEFT_OUT for field in fields if field.name.startswith("second.")}
        self.slots = [(slots | left_out).get(field.name, ONE_HOT) for field in fields]
        """For each field the index of the slot whose scores stand there, `ONE_HOT` or `LEFT_OUT`."""
        widths = [
            0 if slot == LEFT_OUT else int(size) if slot == ONE_HOT else 3
            for slot, size in zip(self.slots, self.sizes, strict=True)
        ]
        self.width = sum(widths)
        self.places = np.cumsum(widths) - widths
        """The place of the first number of each field."""
        self.space = spaces.Box(0.0, 1.0, (self.width,), np.float32)
        self._is_search = is_search(domain)
        self._constraints = {i for i, slot in enumerate(domain.slots) if slot.is_constraint}

    def encode(self, codes: list[int], row: Row, tables: Tables) -> Observation:
        """Return the scores of a row, and one-hot codes."""
        vector = np.zeros(self.width, np.float32)
        for place, slot, code in zip(self.places.tolist(), self.slots, codes, strict=True):
            if slot >= 0:
                first, second = belief(row, tables, slot)
                vector[place : place + 3] = first / 100, second / 100, (100 - first - second) / 100
            elif slot == ONE_HOT:
                vector[place + code] = 1
        return vector

    def decode(self, observations: Observation) -> npt.NDArray[Any]:
        """Return the codes of observations with beliefs."""
        given = np.asarray(observations).reshape(-1, self.width)
        codes = np.zeros((len(given), len(self.slots)), self.code_dtype)
        scores = np.zeros((len(given), 2), np.int64)
        for field, (place, slot) in enumerate(zip(self.places.tolist(), self.slots, strict=True)):
            if slot == ONE_HOT:
                part = given[:, place : place + int(self.sizes[field])]
                if not ((part == 0) | (part == 1)).all() or (part.sum(axis=1) != 1).any():
                    raise ValueError("an observation with beliefs has a single 1 for each other field")
                codes[:, field] = part.argmax(axis=1)
            elif slot == LEFT_OUT:  # the scores of its slot stand before it
                codes[:, field] = np.searchsorted((1, CLOSE), scores[:, 1], side="right")
            else:
                scores = np.rint(given[:, place : place + 2] * 100).astype(np.int64)
                codes[:, field] = self._bins(scores[:, 0], slot)
        return codes.reshape(*np.shape(observations)[:-1], len(self.slots))

    def _bins(self, scores: npt.NDArray[np.int64], slot: int) -> npt.NDArray[Any]:
        if slot in self._constraints:
            return np.array([score_bin(score) if score else 0 for score in scores.tolist()], np.int64)
        return np.searchsorted(SEARCH_BIN_SCORES if self._is_search else BIN_SCORES, scores)


FORMS = (FieldCodes.name, OneHotFields.name, BeliefFields.name)


def make_form(name: Any, domain: Domain, history: int) -> ObservationForm:
    """Return the form of an environment's observations by its name.

    Raises:
        ValueError: the form is unknown, or shows no history.
    """
    if not isinstance(name, str) or name not in FORMS:
        raise ValueError(f"observation={name!r}: unknown form; {nearest(str(name), FORMS)}")
    fields = observation_fields(domain)
    if name == BeliefFields.name:
        if history > 1:
            raise ValueError(f"max_history={history}: must be 1 with observation={name!r}")
        return BeliefFields(fields, domain)
    return OneHotFields(fields, history) if name == OneHotFields.name else FieldCodes(fields, history)
