"""An upper and a lower figure for the best possible mean return of a dialogue.

The upper figure is a bound that no policy can exceed: the optimum of a policy that sees the user's half of
the row (see `dialogue_gym.bounds.upper_bound`), exact up to 1e-8.

The lower figure is the value of a policy on observations: a table from observations to actions, without
memory, evaluated exactly by following the probabilities of all rows through the whole dialogue. There may be
better policies; the two figures enclose the optimum of all policies on observations. The evaluation leaves
out rows whose probability at a step is below 1e-9 (with noise 1e-7), and assumes the worst reward for them.

The table is the clairvoyant's mean choice: in each observation the action with the best value on average
over the possible rows (the "Q_MDP" of Littman, Cassandra and Kaelbling, 1995). The probabilities of the rows
are those under the table itself, so it takes a few rounds of iteration.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.bounds.enumeration import Enumeration, RowKey, tables_of
from dialogue_gym.bounds.upper_bound import Clairvoyant
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.policies.base import ExpertPolicy, Policy
from dialogue_gym.rules import FAILURE, OPEN, RESTARTING, SUCCESS

NEGLIGIBLE = 1e-9
NEGLIGIBLE_WITH_NOISE = 1e-7
_ROUNDS = 4

Observed = tuple[int, ...]
Choose = Callable[[Observed], int]


@dataclass(frozen=True)
class Figures:
    """Exact figures of a policy: the mean return (a lower bound of it), and the mean of the rest."""

    mean_return: float
    success_rate: float
    mean_turns: float
    mean_steps: float


@dataclass(frozen=True)
class Solution:
    """The result of the solver. `table` maps observations to actions of the environment.

    In the table's observations all components but those in `read` are 0.
    """

    upper: float
    lower: Figures
    table: dict[Observed, int]
    read: tuple[int, ...]


class SolverPolicy(Policy):
    """The solver's table as a policy; observations without an entry get action 0."""

    def __init__(self, env: Any, solution: Solution, seed: int | None = None) -> None:
        """Play a solution in an environment like the one that was solved."""
        super().__init__(env, seed)
        self._table = solution.table
        self._read = np.zeros(self._frame, dtype=bool)
        self._read[list(solution.read)] = True

    def choose(
        self, observation: npt.NDArray[Any], mask: npt.NDArray[Any] | None, deterministic: bool
    ) -> int:
        """Return the table's action for the newest observation."""
        return self._table.get(tuple((observation[-self._frame :] * self._read).tolist()), 0)


def follow_table(
    enumeration: Enumeration,
    choose: Choose,
    visit: Callable[[dict[RowKey, float]], None] | None = None,
) -> Figures:
    """Follow the probabilities of all rows under a policy, to the step limit.

    Args:
        enumeration: the dialogue.
        choose: returns the domain's action for an observation.
        visit: called at each step with the rows and their probabilities, before the actions are chosen.
    """
    tables = enumeration.tables
    rows = enumeration.beginnings
    total = success = steps = 0.0
    turns = 1.0
    negligible = NEGLIGIBLE_WITH_NOISE if tables.is_noisy else NEGLIGIBLE
    lowest = min(0.0, *(reward + low for reward in tables.event_reward for low in tables.action_reward))
    for step in range(tables.step_limit):
        if visit:
            visit(rows)
        following: dict[RowKey, float] = defaultdict(float)
        for key, chance in rows.items():
            if chance < negligible:
                total += chance * lowest * (tables.step_limit - step)
                continue
            steps += chance
            action = choose(key[: enumeration.components])
            for share, events, new_turns, row in enumeration.transitions(key, action):
                part = chance * share
                total += part * enumeration.reward(action, events)
                turns += part * new_turns
                if events & SUCCESS:
                    success += part
                elif not events & FAILURE:
                    following[row] += part
        rows = following
        if not rows:
            break
    return Figures(total, success, turns, steps)


def _fields_read(env: DialogueEnv, rules_read: set[int]) -> set[int]:
    """Return the components of an observation that the table may read.

    Without noise these are all. With noise there would be too many rows, so the table reads the components
    that the domain's expert reads, and the intent.
    """
    tables = env.tables
    everything = set(range(tables.values))
    if not tables.is_noisy or not env.domain.expert:
        return everything
    index = {field.name: i for i, field in enumerate(env.fields)}
    conditions = [rule.when for rule in env.domain.expert]
    conditions += [choice.when for rule in env.domain.expert for choice in rule.then]
    read = {index[name] for condition in conditions for name, _ in condition.clauses}
    return read | rules_read | {tables.spoken, tables.done}


def solve(env: Any) -> Solution:
    """Solve a dialogue environment.

    Raises:
        TooLarge: the environment has too many states to be enumerated.
    """
    dialogue: DialogueEnv = env.unwrapped
    tables = tables_of(env)
    clairvoyant = Clairvoyant(Enumeration(dialogue.domain, tables))
    action_values = clairvoyant.action_values()

    # The rules read slots, the confidence of their values, and the fields of preconditions.
    rules_read = {at + i for at in tables.slot_at if at >= 0 for i in (0, 1)}
    rules_read |= set(tables.clause_field)
    read = _fields_read(dialogue, rules_read)
    unread = set(range(tables.values)) - read
    actions = list(range(dialogue.first_action, tables.actions))
    if tables.is_noisy:
        reopening = {action for action in actions if tables.reaction[action] == OPEN} | {RESTARTING}
        others = [action for action in actions if action not in reopening]
        choices = {choice.action for rule in dialogue.domain.expert for choice in rule.then}
        if others and not choices & {dialogue.domain.actions[action] for action in reopening}:
            # No action asks for the opening again, so its content does not matter.
            actions = others
            unread |= set(range(tables.opening, tables.opening + tables.slots))
        if tables.intent in unread:
            tables = dataclasses.replace(tables, intents=min(tables.intents, 2))
    enumeration = Enumeration(dialogue.domain, tables, unread)
    kinds = [clairvoyant.kind(action) for action in actions]

    candidates: list[tuple[Figures, dict[Observed, int]]] = []
    if dialogue.domain.expert:
        expert = ExpertPolicy(dialogue)
        known: dict[Observed, int] = {}

        def ask(observed: Observed) -> int:
            if observed not in known:
                known[observed] = expert.right_actions(np.array(observed))[0] + dialogue.first_action
            return known[observed]

        candidates.append((follow_table(enumeration, ask), known))

    weights: dict[Observed, npt.NDArray[np.float64]] = {}
    for _ in range(_ROUNDS):
        table = _MeanChoice(enumeration, clairvoyant, action_values, actions, kinds, weights)
        candidates.append((follow_table(enumeration, table.choose, table.visit), table.chosen))
        is_stable = all(
            actions[int(np.argmax(table.weights[observed][kinds]))] == action
            for observed, action in table.chosen.items()
        )
        if is_stable:
            break
        weights = table.weights
    figures, chosen = max(candidates, key=lambda candidate: candidate[0].mean_return)
    first = dialogue.first_action
    return Solution(
        upper=clairvoyant.bound(),
        lower=figures,
        table={observed: action - first for observed, action in chosen.items()},
        read=tuple(sorted(read)),
    )


class _MeanChoice:
    """The clairvoyant's mean choice, under the weights of an earlier round or those met so far."""

    def __init__(
        self,
        enumeration: Enumeration,
        clairvoyant: Clairvoyant,
        action_values: npt.NDArray[np.float64],
        actions: list[int],
        kinds: list[int],
        earlier: dict[Observed, npt.NDArray[np.float64]],
    ) -> None:
        self._enumeration, self._clairvoyant = enumeration, clairvoyant
        self._action_values, self._actions, self._kinds = action_values, actions, kinds
        self._earlier = earlier
        self.weights: dict[Observed, npt.NDArray[np.float64]] = {}
        """Sums of probabilities times action values of the rows met, by observation."""
        self.chosen: dict[Observed, int] = {}

    def visit(self, rows: dict[RowKey, float]) -> None:
        """Add the rows of a step to the weights."""
        for key, chance in rows.items():
            observed = key[: self._enumeration.components]
            value = chance * self._action_values[self._clairvoyant.place(key)]
            self.weights[observed] = self.weights.get(observed, 0.0) + value

    def choose(self, observed: Observed) -> int:
        """Return the action with the best mean value."""
        if observed not in self.chosen:
            values = self._earlier.get(observed, self.weights[observed])[self._kinds]
            self.chosen[observed] = self._actions[int(np.argmax(values))]
        return self.chosen[observed]
