"""A dialogue with a fake user, played by the compiled rules: one lane, without what several lanes need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.compiled.kernel import GIVEN, RESET, STEP, Version, compiled, fill_in
from dialogue_gym.compiled.table_layout import cell_dtype, to_words
from dialogue_gym.domain import Domain
from dialogue_gym.domain.observation import observation_dtype, observation_fields
from dialogue_gym.envs.bot_view import BotView
from dialogue_gym.envs.observation_form import FieldCodes, Observation
from dialogue_gym.envs.simulation import Simulation
from dialogue_gym.rules import Settings
from dialogue_gym.rules.tables import RANDOM, STEPS

_NOTHING = np.zeros(0, np.int64)
_CHOSEN, _NOT_CHOSEN = np.ones(1, np.bool_), np.zeros(1, np.bool_)


class CompiledSimulation(Simulation):
    """Dialogues with the fake user of a domain: the same as those of a `Simulation`.

    Attributes:
        codes: the codes of the observation's fields, shape `(components,)`.
        mask: for each action of the environment whether its precondition holds, int8.
    """

    def __init__(self, domain: Domain, settings: Settings, first_action: int) -> None:
        """Compile the rules, or read them from the cache.

        Args:
            domain: a domain with a fake user.
            settings: the settings of the dialogues.
            first_action: index of the environment's first action in the domain's actions.

        Raises:
            ValueError: the domain has too many different preconditions to be compiled.
        """
        super().__init__(domain, settings)
        tables = self.tables
        constants = to_words(tables)[1]
        code = observation_dtype(observation_fields(domain))
        version = Version(
            cell=cell_dtype(tables).name,
            code=code.name,
            first=first_action,
            has_history=False,
            is_shaped=tables.shaping != 0,
            is_same_step=False,
            is_flat=False,
            has_beliefs=False,
            has_users=False,
            is_search=tables.is_search,
            is_parallel=False,
        )
        self._first_action = first_action
        self._constants, self._version = constants, version
        self.codes = np.zeros(tables.values, code)
        self.mask = np.zeros(tables.actions - first_action, np.int8)
        self._cells = np.zeros(tables.size, version.cell)
        self._state = np.zeros(1, np.int64)
        self._ended = np.ones(1, np.bool_)
        self._events = np.zeros(1, np.uint8)
        self._shaped = np.zeros(1)
        self._turns = np.zeros(1, np.int64)
        self._action = np.zeros(1, np.int64)
        self._is_current = True
        self._prepare()

    def _prepare(self) -> None:
        """Set up the compiled code, and the addresses of the arrays."""
        tables = self.tables
        self._function = compiled(self._constants, self._version)
        # The compiled code only reads these, or only writes them.
        self._others = {
            "event_reward": np.array(tables.event_reward),
            "action_reward": np.array(tables.action_reward),
            "shaping": np.array([tables.shaping]),
            "rewards": np.zeros(1),
            **{name: np.zeros(1, np.bool_) for name in ("terminated", "truncated", "ended", "successes")},
            **dict.fromkeys(("users", "places", "slots", "frames"), _NOTHING),
        }
        arrays: dict[str, npt.NDArray[Any] | int] = {
            "cells": self._cells,
            "states": self._state,
            "is_over": self._ended,
            "events": self._events,
            "shaped": self._shaped,
            "observations": self.codes,
            "masks": self.mask,
            "turns": self._turns,
            "actions": len(self.mask),
        }
        self._given = np.zeros(len(GIVEN), np.int64)
        fill_in(self._given, {**self._others, **arrays})
        self._use_tables()

    def _use_tables(self) -> None:
        self._words = to_words(self.tables)[0]
        fill_in(self._given, {"words": self._words})

    @property
    def row(self) -> list[int]:
        """The state of the dialogue by the rules."""
        if not self._is_current:
            self._row[:] = self._cells.tolist()
            self._row[RANDOM] = self._state.item()
            self._is_current = True
        return self._row

    @row.setter
    def row(self, row: list[int]) -> None:
        self._row = row

    def _use_row(self) -> None:
        row = self._row.copy()
        self._state[0], row[RANDOM] = row[RANDOM], 0
        self._cells[:] = row
        self._play(RESET, _NOT_CHOSEN, _NOTHING)

    def _play(self, what: int, chosen: npt.NDArray[np.bool_], actions: npt.NDArray[np.int64]) -> None:
        self._function(1, what, self._given, chosen, actions)

    def _begin(self, goal: Mapping[int, int]) -> None:
        if goal:
            super()._begin(goal)
        else:
            self._play(RESET, _CHOSEN, _NOTHING)
            self._is_current = False

    def step(self, action: int) -> tuple[int, bool]:
        """Do an action, by its index in the domain; return the events, and whether the limit is reached."""
        self._action[0] = action - self._first_action
        self._ended[0] = False  # the limit may not count here
        self._function(1, STEP, self._given, self._ended, self._action)
        self._is_current = False
        if self.tables.shaping:
            self.shaped = self._shaped.item()
        self.turns = self._turns.item()
        return self._stepped(action, self._events.item(), self._cells.item(STEPS), self._cells.tolist)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out everything that `_prepare` sets up."""
        return self.__dict__ | {"_function": None, "_others": None, "_given": None, "_words": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Continue where the pickled or copied dialogue was."""
        for name, value in state.items():  # a pickle's arrays may be read-only
            self.__dict__[name] = value.copy() if isinstance(value, np.ndarray) else value
        self._prepare()


class CompiledView(BotView):
    """The bot's view of compiled dialogues, which bring their observations and masks along."""

    def observe(self, dialogue: Simulation) -> Observation:
        """Return the observation of a dialogue as it is now, behind the older ones."""
        assert isinstance(dialogue, CompiledSimulation)
        if self._history == 1 and isinstance(self.form, FieldCodes):
            return dialogue.codes.copy()
        return super().observe(dialogue)

    def mask(self, dialogue: Simulation) -> npt.NDArray[np.int8]:
        """Return for each action whether its precondition holds, 1 or 0."""
        assert isinstance(dialogue, CompiledSimulation)
        return dialogue.mask.copy()
