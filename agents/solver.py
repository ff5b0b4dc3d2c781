"""How good is possible: an upper and a lower figure for the mean return of a dialogue.

The upper figure is a bound that no policy can pass: the optimum of one who sees the user's half of the row
(see `agents.clairvoyant`), exact up to 1e-8.

The lower figure is what a policy on the observation reaches that was found here: a table from observations
to actions, without memory, evaluated exactly by following the chances of all rows through the whole
dialogue. It is reached for certain; that no policy is better is not claimed. The two figures enclose the
optimum of all policies on observations. With noise the evaluation leaves out rows whose chance is below
1e-9 at a step, and counts them as the worst that could come.

The table is the clairvoyant's mean choice: in each observation the action with the best value on average
over the rows that it may be (the "Q_MDP" of Littman, Cassandra and Kaelbling, 1995), where the chances of
the rows are those under the table itself, so that it is found in a few rounds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from agents.clairvoyant import Clairvoyant
from agents.enumeration import Enumeration, RowKey
from dialogue_gym import ExpertPolicy
from dialogue_gym.envs import DialogueEnv
from dialogue_gym.policies import Policy
from dialogue_gym.rules.tables import FAILURE, SUCCESS

NEGLIGIBLE = 1e-9
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
    """What the solver found. `table` gives the action of the environment for an observation."""

    upper: float
    lower: Figures
    table: dict[Observed, int]


class SolverPolicy(Policy):
    """The solver's table as a policy; where the table has no entry, action 0."""

    def __init__(self, env: Any, solution: Solution, seed: int | None = None) -> None:
        """Play a solution in an environment like the one that was solved."""
        super().__init__(env, seed)
        self._table = solution.table

    def choose(
        self, observation: npt.NDArray[Any], mask: npt.NDArray[Any] | None, deterministic: bool
    ) -> int:
        """Return the table's action for the newest observation."""
        return self._table.get(tuple(observation[-self._frame :].tolist()), 0)


def evaluate_exactly(
    enumeration: Enumeration,
    choose: Choose,
    visit: Callable[[dict[RowKey, float]], None] | None = None,
) -> Figures:
    """Follow the chances of all rows under a policy, to the step limit.

    Args:
        enumeration: the dialogue.
        choose: the domain's action for an observation.
        visit: called at each step with the rows and their chances, before the actions are chosen.
    """
    tables = enumeration.tables
    rows = enumeration.beginnings
    total = success = steps = 0.0
    turns = 1.0
    lowest = min(0.0, *(reward + low for reward in tables.event_reward for low in tables.action_reward))
    for step in range(tables.step_limit):
        if visit:
            visit(rows)
        following: dict[RowKey, float] = defaultdict(float)
        for key, chance in rows.items():
            if chance < NEGLIGIBLE:
                total += chance * lowest * (tables.step_limit - step)
                continue
            steps += chance
            action = choose(key[: enumeration.components])
            for share, events, heard, row in enumeration.transitions(key, action):
                part = chance * share
                total += part * enumeration.reward(action, events)
                turns += part * heard
                if events & SUCCESS:
                    success += part
                elif not events & FAILURE:
                    following[row] += part
        rows = following
        if not rows:
            break
    return Figures(total, success, turns, steps)


def solve(env: Any) -> Solution:
    """Solve a dialogue environment.

    Raises:
        ValueError: it has too many states to be enumerated.
    """
    dialogue: DialogueEnv = env.unwrapped
    enumeration = Enumeration(dialogue.domain, dialogue.settings)
    clairvoyant = Clairvoyant(enumeration)
    action_values = clairvoyant.action_values()
    actions = clairvoyant.actions

    best: tuple[Figures, dict[Observed, int]] | None = None
    if dialogue.domain.expert:
        expert = ExpertPolicy(dialogue)
        table: dict[Observed, int] = {}

        def ask(observed: Observed) -> int:
            if observed not in table:
                table[observed] = expert.right_actions(np.array(observed))[0] + dialogue.first_action
            return table[observed]

        best = evaluate_exactly(enumeration, ask), table

    weights: dict[Observed, npt.NDArray[np.float64]] = {}
    for _ in range(_ROUNDS):
        table = {}
        seen: dict[Observed, npt.NDArray[np.float64]] = {}

        def weigh(
            rows: dict[RowKey, float],
            seen: dict[Observed, npt.NDArray[np.float64]] = seen,
        ) -> None:
            for key, chance in rows.items():
                observed = key[: enumeration.components]
                value = chance * action_values[clairvoyant.place(key)]
                seen[observed] = seen[observed] + value if observed in seen else value

        def take(
            observed: Observed,
            table: dict[Observed, int] = table,
            known: dict[Observed, npt.NDArray[np.float64]] = weights,
            seen: dict[Observed, npt.NDArray[np.float64]] = seen,
        ) -> int:
            if observed not in table:
                values = known.get(observed, seen[observed])
                table[observed] = actions[int(np.argmax(np.round(values, 12)))]
            return table[observed]

        figures = evaluate_exactly(enumeration, take, weigh)
        if best is None or figures.mean_return > best[0].mean_return:
            best = figures, table
        if weights and all(np.argmax(seen[o]) == np.argmax(weights[o]) for o in seen if o in weights):
            break
        weights = seen
    assert best is not None
    first = dialogue.first_action
    return Solution(
        upper=clairvoyant.bound(),
        lower=best[0],
        table={observed: action - first for observed, action in best[1].items()},
    )
