"""The player of a dialogue's row by the interpreted rules; that by the compiled ones has its own module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dialogue_gym.domain import Domain
from dialogue_gym.domain.observation import observation_dtype, observation_fields
from dialogue_gym.envs.observation_form import code_array
from dialogue_gym.envs.options import begin
from dialogue_gym.rules import Tables, blocked, draw, mask, progress, step
from dialogue_gym.rules.tables import STEPS, TURNS

_KNOWN_MASKS = 1024


class Player(Protocol):
    """One row, and the rules that play a dialogue in it.

    Attributes:
        steps: the number of steps of the dialogue.
        turns: the number of its turns.
        shaped: the reward for progress in the last step.
    """

    steps: int
    turns: int
    shaped: float

    @property
    def row(self) -> list[int]:
        """The state of the dialogue by the rules. To change it, call `set_row`."""

    def set_row(self, row: Iterable[int]) -> None:
        """Continue from a state."""

    def copy_row(self) -> list[int]:
        """Return a copy of the state."""

    def use_tables(self, tables: Tables) -> None:
        """Continue by other tables of the same domain and settings: those of another user."""

    def begin(self, goal: Mapping[int, int]) -> None:
        """Begin a dialogue, in which parts of the goal may be chosen: codes by the index of the slot."""

    def step(self, action: int) -> int:
        """Do an action, by its index in the domain; return the events."""

    def codes(self) -> npt.NDArray[Any]:
        """Return the codes of the observation's fields, int8 or int16, in an array of the caller's own."""

    def mask(self) -> npt.NDArray[np.int8]:
        """Return for each action of the environment whether its precondition holds, 1 or 0, likewise."""


class InterpretedPlayer:
    """A player by the interpreted rules; see `Player`."""

    def __init__(self, domain: Domain, tables: Tables) -> None:
        """Prepare to play dialogues of a domain."""
        fields = observation_fields(domain)
        self.row = [0] * tables.size
        self.steps = self.turns = 0
        self.shaped = 0.0
        self._tables = tables
        self._components, self._dtype = len(fields), observation_dtype(fields)
        self._first_action = 1 if tables.is_auto else 0
        self._masks: dict[int, npt.NDArray[np.int8]] = {}

    def set_row(self, row: Iterable[int]) -> None:
        """Continue from a state."""
        self.row[:] = row
        self.steps, self.turns = self.row[STEPS], self.row[TURNS]

    def copy_row(self) -> list[int]:
        """Return a copy of the state."""
        return self.row.copy()

    def use_tables(self, tables: Tables) -> None:
        """Continue by other tables."""
        self._tables = tables

    def begin(self, goal: Mapping[int, int]) -> None:
        """Begin a dialogue."""
        begin(self.row, self._tables, goal)
        self.steps, self.turns = 0, 1

    def step(self, action: int) -> int:
        """Do an action."""
        row, tables = self.row, self._tables
        shaping = tables.shaping
        before = progress(row, tables, 0) if shaping else 0.0
        events = step(row, tables, action, draw)
        if shaping:
            self.shaped = shaping * (progress(row, tables, events) - before)
        self.steps, self.turns = row[STEPS], row[TURNS]
        return events

    def codes(self) -> npt.NDArray[Any]:
        """Return the codes of the observation's fields."""
        return code_array(self.row[: self._components], self._dtype)

    def mask(self) -> npt.NDArray[np.int8]:
        """Return for each action whether its precondition holds."""
        bits = blocked(self.row, self._tables)
        known = self._masks.get(bits)
        if known is None:
            out = bytearray(b"\x01" * self._tables.actions)
            mask(self._tables, bits, out)
            known = np.frombuffer(out[self._first_action :], np.int8)
            if len(self._masks) < _KNOWN_MASKS:
                self._masks[bits] = known
        return known.copy()
