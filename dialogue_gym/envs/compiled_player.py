"""A player of a dialogue's row by the compiled rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.compiled.kernel import GIVEN, RESET, STEP, Version, compiled, fill_in
from dialogue_gym.compiled.table_layout import cell_dtype, check_compilable, to_words
from dialogue_gym.domain import Domain
from dialogue_gym.domain.observation import observation_dtype, observation_fields
from dialogue_gym.envs.options import begin
from dialogue_gym.rules import Tables
from dialogue_gym.rules.tables import RANDOM, STEPS

_NOTHING = np.zeros(0, np.int64)
_MOST_TABLES = 16
"""Tables whose words are kept: there is one for each user that resets choose, and each patience."""
_CHOSEN, _NOT_CHOSEN = np.ones(1, np.bool_), np.zeros(1, np.bool_)


class CompiledPlayer:
    """A player by the compiled rules, in one lane; see `Player`. The dialogues are those of the others.

    The first one of a domain takes some seconds to compile; Numba keeps the result on disk.
    """

    def __init__(self, domain: Domain, tables: Tables) -> None:
        """Compile the rules of a domain, or read them from the cache.

        Raises:
            ValueError: the domain has too many different preconditions to be compiled.
        """
        check_compilable(tables, "leave compiled=True out")
        code = observation_dtype(observation_fields(domain))
        self._constants = to_words(tables)[1]
        self._version = Version(
            # `TimeLimit` may allow more steps than the tables have, so that there may be more turns as well.
            cell=np.promote_types(cell_dtype(tables, has_sets=False), np.int32).name,
            code=code.name,
            first=1 if tables.is_auto else 0,
            has_history=False,
            is_shaped=tables.shaping != 0,
            is_same_step=False,
            is_flat=False,
            has_beliefs=False,
            has_users=False,
            is_search=tables.is_search,
            has_sets=False,  # the cells as a list are then the row
            is_parallel=False,
        )
        self.steps = self.turns = 0
        self.shaped = 0.0
        self._tables = tables
        self._words: dict[int, tuple[Tables, npt.NDArray[np.int64]]] = {}
        self._action = np.zeros(1, np.int64)
        self._cells = np.zeros(tables.size, self._version.cell)
        self._state = np.zeros(1, np.int64)
        self._is_over = np.ones(1, np.bool_)
        self._events = np.zeros(1, np.uint8)
        self._shaped = np.zeros(1)
        self._turns = np.zeros(1, np.int64)
        self._codes = np.zeros(tables.values, code)
        self._mask = np.zeros(tables.actions - self._version.first, np.int8)
        self._prepare()
        self._play(RESET, _NOT_CHOSEN, _NOTHING)

    def _prepare(self) -> None:
        """Set up the compiled code, and the addresses of the arrays."""
        self._function = compiled(self._constants, self._version)
        tables = self._tables
        # Never read here, so that copies need not have them.
        self._scratch = {
            "event_reward": np.array(tables.event_reward),
            "action_reward": np.array(tables.action_reward),
            "shaping": np.array([tables.shaping]),
            "rewards": np.zeros(1),
            **{name: np.zeros(1, np.bool_) for name in ("terminated", "truncated", "ended", "successes")},
            **dict.fromkeys(("users", "sets", "places", "slots", "frames"), _NOTHING),
        }
        own: dict[str, npt.NDArray[Any] | int] = {
            "cells": self._cells,
            "states": self._state,
            "is_over": self._is_over,
            "events": self._events,
            "shaped": self._shaped,
            "observations": self._codes,
            "masks": self._mask,
            "turns": self._turns,
            "actions": len(self._mask),
        }
        self._given = np.zeros(len(GIVEN), np.int64)
        fill_in(self._given, {**self._scratch, **own})
        self.use_tables(tables)

    def use_tables(self, tables: Tables) -> None:
        """Continue by other tables."""
        self._tables = tables
        if id(tables) not in self._words:
            if len(self._words) == _MOST_TABLES:
                self._words.clear()
            self._words[id(tables)] = tables, to_words(tables)[0]
        fill_in(self._given, {"words": self._words[id(tables)][1]})

    def _play(self, what: int, chosen: npt.NDArray[np.bool_], actions: npt.NDArray[np.int64]) -> None:
        self._function(1, what, self._given, chosen, actions)

    @property
    def row(self) -> list[int]:
        """The state of the dialogue by the rules: a copy."""
        return self.copy_row()

    def copy_row(self) -> list[int]:
        """Return a copy of the state."""
        row: list[int] = self._cells.tolist()
        row[RANDOM] = self._state.item()
        return row

    def set_row(self, row: Iterable[int]) -> None:
        """Continue from a state."""
        cells = list(row)
        self._state[0], cells[RANDOM] = cells[RANDOM], 0
        self._cells[:] = cells
        self._play(RESET, _NOT_CHOSEN, _NOTHING)
        self.steps, self.turns = cells[STEPS], self._turns.item()

    def begin(self, goal: Mapping[int, int]) -> None:
        """Begin a dialogue. Interpreted rules do it where a goal is chosen: compiled ones draw all of it."""
        if goal:
            row = self.row
            begin(row, self._tables, goal)
            self.set_row(row)
        else:
            self._play(RESET, _CHOSEN, _NOTHING)
            self.steps, self.turns = 0, 1

    def step(self, action: int) -> int:
        """Do an action."""
        self._action[0] = action - self._version.first
        self._is_over[0] = False  # `TimeLimit` may allow more steps than the tables have
        self._play(STEP, self._is_over, self._action)
        self.steps, self.turns = self._cells.item(STEPS), self._turns.item()
        self.shaped = self._shaped.item()
        events: int = self._events.item()
        return events

    def codes(self) -> npt.NDArray[Any]:
        """Return the codes of the observation's fields."""
        return self._codes.copy()

    def mask(self) -> npt.NDArray[np.int8]:
        """Return for each action whether its precondition holds."""
        return self._mask.copy()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out everything that `_prepare` sets up."""
        return self.__dict__ | dict.fromkeys(("_function", "_scratch", "_given")) | {"_words": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Continue where the pickled or copied dialogue was."""
        for name, value in state.items():  # a pickle's arrays may be read-only
            self.__dict__[name] = value.copy() if isinstance(value, np.ndarray) else value
        self._prepare()
