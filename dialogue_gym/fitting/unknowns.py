"""The unknown chances of a fake user: tables of shares that sum to one, each outcome with a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dialogue_gym.domain.fake_user import MAX_PATIENCE
from dialogue_gym.domain.model import FakeUser
from dialogue_gym.rules.tables import Tables

Floats = npt.NDArray[np.float64]
Factor = tuple[int, ...]
"""The numbers of the outcomes of unknown chances that a move needs, in order; each counts as often as it
is there."""

OPENING, MIND, CORRECTS = "opening", "mind", "corrects"
ERROR, RIGHT, WRONG, FAULT = "error", "right", "wrong", "fault"
PART, PATIENCE = "part", "patience"
"""Names of the tables; those of the parts of an agenda and of patience have a number after them."""


@dataclass(frozen=True)
class UnknownTable:
    """A table of unknown chances: its name, and the numbers of its outcomes."""

    name: str
    first: int
    size: int

    @property
    def place(self) -> slice:
        """The place of its outcomes among all."""
        return slice(self.first, self.first + self.size)


class Unknowns:
    """All unknown chances of one fake user, their first guesses, and their numbers."""

    def __init__(self, user: FakeUser) -> None:
        """Number the outcomes of a goal-driven or an agenda-driven user."""
        self._user = user
        guesses: dict[str, Sequence[float]] = {}
        wishes = len(user.goal) if user.kind == "goal" else 0
        if wishes:
            guesses[OPENING] = [1.0] * (wishes + 1)
            if any(len(values) > 1 for _, values in user.goal):
                guesses[MIND] = [0.95, 0.05]
        guesses[CORRECTS] = [0.5, 0.5]
        guesses[ERROR] = [0.9, 0.1]
        guesses[RIGHT] = [0.65, 0.25, 0.1]
        guesses[WRONG] = [0.2, 0.3, 0.5]
        guesses[FAULT] = [0.3, 0.4, 0.3]
        choices = list(zip(*(agenda.way for agenda in user.agendas), strict=True))
        self.parts = [part for part, taken in enumerate(choices) if len(set(taken)) > 1]
        for part in self.parts:
            guesses[f"{PART} {part}"] = [1.0] * (max(choices[part]) + 1)
        for turns in range(1, MAX_PATIENCE + 1):
            guesses[f"{PATIENCE} {turns}"] = [0.9, 0.1]
        self.tables: dict[str, UnknownTable] = {}
        first = 0
        for name, guess in guesses.items():
            self.tables[name] = UnknownTable(name, first, len(guess))
            first += len(guess)
        self.size = first
        self.guess = np.concatenate([np.array(guess) / sum(guess) for guess in guesses.values()])

    def number(self, name: str, outcome: int) -> int:
        """Return the number of an outcome of a table."""
        return self.tables[name].first + outcome

    def by_table(self, tables: Tables) -> dict[int, list[Factor]]:
        """Return, by the number of a table of the rules, the factor of each of its outcomes."""
        found: dict[int, list[Factor]] = {}
        for name, table in (
            (OPENING, tables.opening_chance),
            (MIND, tables.mind_chance),
            (CORRECTS, tables.corrects_chance),
            (ERROR, tables.error_chance),
            (RIGHT, tables.right_chance),
            (WRONG, tables.wrong_chance),
            (FAULT, tables.fault_chance),
        ):
            if name in self.tables:
                place = self.tables[name]
                found[table] = [(place.first + outcome,) for outcome in range(place.size)]
        if self._user.agendas:
            found[tables.agenda_chance] = [
                tuple(self.number(f"{PART} {part}", agenda.way[part]) for part in self.parts)
                for agenda in self._user.agendas
            ]
        return found

    def normalized(self, counts: Floats, before: Floats) -> Floats:
        """Return the share of each outcome in its table; tables without counts keep their shares."""
        shares = before.copy()
        for table in self.tables.values():
            total = counts[table.place].sum()
            if total > 1e-9:
                shares[table.place] = counts[table.place] / total
        return shares
