"""An upper bound by sampling, for dialogues with too many states to be enumerated.

A tape fixes all chance of one dialogue: the user's goal and opening, or agenda, and every draw in each of the
user's turns, among them changed wishes and misheard messages. With the tape known, nothing is left to chance,
and a search over the actions finds the best return. Policies do not know the tape, so none has a larger
mean over tapes: the mean of the best returns bounds the optimum from above, in expectation. It also bounds
the exact figure, that of a policy that knows the user's half but not what comes, and is looser under noise.

The mean over a number of tapes estimates that bound, with an interval. A search that grows too large is cut
off; the largest return that the rewards allow then counts for what is left, so the bound stays one.

Source: Brown, Smith and Sun 2010, Information relaxations and duality in stochastic dynamic programs (the
perfect information relaxation, without a penalty).
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from dialogue_gym import rules
from dialogue_gym.bounds.enumeration import Enumeration, RowKey, tables_of
from dialogue_gym.bounds.interval import SampledBound
from dialogue_gym.bounds.search_relaxation import Relaxation
from dialogue_gym.bounds.states import States
from dialogue_gym.envs.settings import whole_number
from dialogue_gym.envs.wrapping import unwrapped_dialogue
from dialogue_gym.rules import (
    AGENDA,
    FAILURE,
    PATIENCE,
    POSITION,
    RANDOM,
    STEPS,
    SUCCESS,
    TRUNCATED,
    TURNS,
    UNHEARD,
    Tables,
)

TAPES = 200
FEWEST_TAPES = 10
"""They are played even if the time is over."""
SECONDS = 20.0
MOST_STEPS = 100_000
"""Steps of one search, some seconds, after which it is cut off."""
_STREAM = 7
Place = tuple[RowKey, int]
"""A state and the number of messages of the user so far, which decides what the tape brings next."""


def sample_bound(env: Any, tapes: int = TAPES, seconds: float = SECONDS, seed: int = 0) -> SampledBound:
    """Estimate the mean best return of someone who knows all chance of each dialogue.

    Where users search a database it is the mean of `Relaxation` over users who are drawn.

    Args:
        env: a dialogue environment; its domain and settings are used, and it is not stepped.
        tapes: number of dialogues, at least 2; users who search are drawn by the ten thousand.
        seconds: time after which no further dialogue is begun, apart from the first `FEWEST_TAPES`.
        seed: seed of the tapes.

    Raises:
        ValueError: there are fewer than 2 tapes, of which there is no interval.
    """
    tapes = whole_number("tapes", tapes, 2)
    tables = tables_of(env)
    if tables.is_search:
        return Relaxation(tables).sample(seconds=seconds, seed=seed)
    search = TapeSearch(Enumeration(unwrapped_dialogue(env).domain, tables))
    start = time.monotonic()
    returns: list[float] = []
    cut_off = 0
    for number in range(tapes):
        if number >= FEWEST_TAPES and time.monotonic() - start > seconds:
            break
        best, is_whole = search.best_return(
            int(np.random.SeedSequence([seed, _STREAM, number]).generate_state(1)[0])
        )
        returns.append(best)
        cut_off += not is_whole
    return SampledBound.of(returns, cut_off=cut_off)


class TapeSearch:
    """Searches for the best return in dialogues whose chance is known.

    Equivalent rows, exchanged slots among them, are one place of the search. What a tape brings is defined
    for the state that represents them, which leaves the chances of every policy as they are.
    """

    def __init__(self, enumeration: Enumeration, most_steps: int = MOST_STEPS) -> None:
        """Prepare searches of at most so many steps each."""
        self._states = States(enumeration, exchanges=True)
        self._enumeration = self._states.enumeration
        self._most_steps = most_steps
        self._distance = Distance(self._enumeration.tables)
        rewards, added = self._enumeration.tables.event_reward, self._enumeration.tables.action_reward
        failing = [reward for events, reward in enumerate(rewards) if not events & SUCCESS]
        self._most_at_success = max(rewards) + max(added)
        self._most_a_step = max(failing) + max(added)

    def best_return(self, tape: int) -> tuple[float, bool]:
        """Return the best return under a tape, and whether the search went to its end (else it is a bound).

        The search is best first (A*): by the return so far and the most that the rewards still allow.

        Args:
            tape: the seed of the tape; neighbouring ones overlap.
        """
        enumeration, tables = self._enumeration, self._enumeration.tables
        chances = [rules.mix(tape + turn) for turn in range(tables.step_limit + 2)]
        changes = [self._changes(chance) for chance in chances]
        row = [0] * tables.size
        row[RANDOM] = chances[0]
        rules.begin(row, tables, rules.draw)
        first = self._place(row)
        known: dict[tuple[int, Place], float] = {(0, first): 0.0}
        queue = [(-self._most(first, 0, changes), 0, first)]
        best = -np.inf
        steps = 0
        while queue and -queue[0][0] > best:
            most, step, place = heapq.heappop(queue)
            total = known.pop((step, place), None)
            if total is None:
                continue  # it was reached in a better way, and that came first
            steps += len(self._states.actions)
            if steps > self._most_steps:
                return -most, False
            state, turns = place
            for action in self._states.actions:
                row[:] = state
                row[STEPS], row[TURNS], row[RANDOM] = step, turns, chances[turns]
                events = rules.step(row, tables, action, rules.draw)
                gained = total + enumeration.reward(action, events)
                if events & (SUCCESS | FAILURE | TRUNCATED):
                    best = max(best, gained)
                    continue
                reached = step + 1, self._place(row)
                if gained > known.get(reached, -np.inf):
                    known[reached] = gained
                    heapq.heappush(queue, (-gained - self._most(reached[1], step + 1, changes), *reached))
        return best, True

    def _changes(self, chance: int) -> int:
        """Return 1 if a user with this random state changes a wish: it is a turn's first draw."""
        tables = self._enumeration.tables
        row = [0] * tables.size
        row[RANDOM] = chance
        return rules.draw(row, tables, tables.mind_chance)

    def _most(self, place: Place, step: int, changes: list[int]) -> float:
        """Return the most that the rewards allow from a place on, in the steps that are left."""
        left = self._enumeration.tables.step_limit - step
        needed = self._distance.steps(*place, changes)
        failure = max(self._most_a_step, left * self._most_a_step)
        if needed > left:
            return failure
        waits = 0 if self._most_a_step <= 0 else left - needed
        return max(failure, (needed - 1 + waits) * self._most_a_step + self._most_at_success)

    def _place(self, row: list[int]) -> Place:
        state = list(self._states.state(tuple(row)))
        state[PATIENCE], state[UNHEARD] = row[PATIENCE], row[UNHEARD]
        return tuple(state), row[TURNS]


class Distance:
    """Counts the fewest steps in which a dialogue can succeed: a guide for searches, never too large.

    A goal-driven user is satisfied once the bot has every slot right, and few of them become right in one
    step: those that the user tells, one whose wish changes to what the bot has, and those that the action
    sets. An agenda-driven user is satisfied at the end of the agenda, which goes on by at most one item a
    message.
    """

    def __init__(self, tables: Tables) -> None:
        """Count the slots of the goal that an action can set, or a restart."""
        self._tables = tables
        self._wanted = [slot for slot in range(tables.slots) if tables.goal_size[slot]]
        by_effects = (
            sum(
                tables.effect_value[effect] > 0 and tables.effect_slot[effect] in self._wanted
                for effect in effects
            )
            for effects in tables.effects
        )
        by_restart = sum(tables.start[tables.values + slot] > 0 for slot in self._wanted)
        self._set = max(by_restart, *by_effects)

    def steps(self, row: Sequence[int], turns: int, changes: Sequence[int]) -> int:
        """Return a number of steps that success takes at least.

        Args:
            row: the row.
            turns: number of the user's messages so far.
            changes: by number of messages, 1 if the user may change a wish before the next one, else 0.
        """
        tables = self._tables
        if tables.is_agenda:
            return tables.agenda_length[row[AGENDA]] - row[POSITION]
        values, goal, opening = tables.values, tables.goal, tables.opening
        left = sum(row[values + slot] != row[goal + slot] for slot in self._wanted)
        told = max(1, sum(row[opening + slot] for slot in self._wanted))
        steps = 1  # the last one, in which the user is satisfied, tells nothing
        left -= self._set + (changes[turns] if turns < len(changes) else 0)
        while left > 0:
            later = turns + steps
            left -= told + self._set + (changes[later] if later < len(changes) else 0)
            steps += 1
        return steps
