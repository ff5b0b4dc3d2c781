"""Many dialogues side by side: their rows, and what there is to see of them after each step."""

from __future__ import annotations

import os
import sys
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from dialogue_gym import rules
from dialogue_gym.compiled.play import BEGAN, RESET, STEP, compiled
from dialogue_gym.compiled.words import to_words
from dialogue_gym.envs import DialogueEnv
from dialogue_gym.rules.tables import TRUNCATED, Tables

Array = npt.NDArray[Any]

_PARALLEL_FROM = 1024
"""Lanes from which on a second thread is worth its start."""
_SETS_KEPT = 4
_IDLE = max(map(sys.getrefcount, (np.empty(0),)))
_NO_ACTIONS = np.zeros(0, np.int64)
_SMALL = (np.int8, np.int16, np.int32)
_MOST_PRECONDITIONS = 62


class Seen(NamedTuple):
    """What there is to see of the lanes after a step or reset; from the rewards on, of a step alone.

    Shapes: (lanes, components) of observations, (lanes, actions) of masks (int8), (lanes,) of the others:
    turns (int64), rewards (float64), events (uint8: their bits, or BEGAN), bool the rest.
    """

    observations: Array
    masks: Array
    turns: Array
    rewards: Array
    terminated: Array
    truncated: Array
    ended: Array
    successes: Array
    events: Array


class Final(NamedTuple):
    """What was seen last of dialogues that have ended; shapes as in `Seen`."""

    observations: Array
    masks: Array
    turns: Array


class Lanes:
    """Dialogues with the user of an environment, one in each lane, played by the compiled rules.

    Lane i whose random state is `mix(seed)` plays what the environment plays that was reset with the seed.
    """

    def __init__(self, env: DialogueEnv, count: int, *, is_same_step: bool, copy: bool) -> None:
        """Lay out `count` lanes.

        Args:
            env: the environment whose dialogues are played; it is only read.
            count: of lanes.
            is_same_step: whether the next dialogue begins in the step that ends one.
            copy: whether each step gives arrays of its own, or all give the same ones.

        Raises:
            ValueError: the domain has too many different preconditions to be compiled.
        """
        tables = env.tables
        if max(tables.precondition).bit_length() > _MOST_PRECONDITIONS:
            raise ValueError(
                f"a domain with more than {_MOST_PRECONDITIONS} different preconditions cannot be compiled: "
                'use vectorization_mode="sync"'
            )
        self.count = count
        self._copy = copy
        self._is_same_step = is_same_step
        self._first_action = env.first_action
        self._words, self._constants = to_words(tables)
        self._event_reward = np.array(tables.event_reward)
        self._action_reward = np.array(tables.action_reward)
        by_events = [rules.reward_terms(env.domain, env.settings, e & ~TRUNCATED) for e in range(BEGAN)]
        self._term_tables = {
            name: np.array([terms[name] for terms in by_events] + [0.0] * BEGAN) for name in by_events[0]
        }
        self._action_terms = [
            (name, index, weight)
            for index, (name, weight) in enumerate(
                zip(env.action_names, tables.action_reward[env.first_action :], strict=True)
            )
            if weight
        ]
        components = tables.values
        self._shapes = (components * env.max_history, len(env.action_names))
        self._dtype = env.observation_space.dtype
        frames = components * env.max_history if env.max_history > 1 else 0
        self._frames = np.zeros((count, frames), self._dtype)
        dtype = next(dtype for dtype in _SMALL if _largest(tables) <= np.iinfo(dtype).max)
        self._cells = np.zeros((count, tables.size), dtype)
        self._states = np.zeros(count, np.int64)
        self.is_over = np.ones(count, np.bool_)
        """Which lanes have no dialogue going on."""
        self._sets: list[Seen] = []
        final = count if is_same_step else 0
        self._final = Final(
            np.zeros((final, self._shapes[0]), self._dtype),
            np.zeros((final, self._shapes[1]), np.int8),
            np.zeros(final, np.int64),
        )
        self._is_parallel = count >= _PARALLEL_FROM and numba.config.NUMBA_NUM_THREADS > 1 and not _is_forked
        self._function = self._compile(self._is_parallel)
        self.ended = 0
        """How many dialogues ended in the last step."""

    def reset(self, seeds: Array, is_seeded: Array, chosen: Array) -> Seen:
        """Begin a dialogue in the chosen lanes, and return what there is to see of all of them.

        Args:
            seeds: uint64, one per lane.
            is_seeded: bool, the lanes whose random state is set by their seed; it runs on in the others.
            chosen: bool.
        """
        self._states[is_seeded] = rules.mix(seeds[is_seeded]).astype(np.int64)
        return self._play(RESET, chosen.copy(), _NO_ACTIONS)

    def step(self, actions: Array) -> Seen:
        """Do an action (int64) in each lane; where the dialogue is over, the next one begins instead.

        Raises:
            ValueError: there is no such action; nothing has been done in any lane.
        """
        seen = self._play(STEP, self.is_over, actions)
        if self.ended < 0:
            count = self._shapes[1]
            wrong = actions[((actions < 0) | (actions >= count)) & ~self.is_over][0]
            raise ValueError(f"action {wrong}: the actions here are 0 to {count - 1}")
        return seen

    def final(self, ended: Array) -> Final:
        """Return what was seen last, with `is_same_step`, of the dialogues that ended in these lanes."""
        return Final(*(array[ended] for array in self._final))

    def reward_terms(self, seen: Seen, actions: Array) -> dict[str, npt.NDArray[np.float64]]:
        """Return the terms of a step's rewards by name, shape (lanes,); all 0 where a dialogue began."""
        terms = {name: table[seen.events] for name, table in self._term_tables.items()}
        for name, index, weight in self._action_terms:
            terms[name] = np.where((seen.events < BEGAN) & (actions == index), weight, 0.0)
        return terms

    def _play(self, what: int, chosen: Array, actions: Array) -> Seen:
        seen = self._free_set()
        if _is_forked and self._is_parallel:
            self._is_parallel = False
            self._function = self._compile(False)
        self.ended = self._function(
            what, self._first_action,
            self._words, self._event_reward, self._action_reward,
            self._cells, self._states, self.is_over, self._frames, chosen, actions,
            *seen,
            *self._final,
        )  # fmt: skip
        return seen

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what was compiled, and the arrays that others may hold."""
        return self.__dict__ | {"_function": None, "_sets": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Go on where the pickled or copied lanes were."""
        self.__dict__.update(state)
        self._function = self._compile(self._is_parallel)

    def _compile(self, is_parallel: bool) -> Any:
        return compiled(
            self._constants,
            has_history=self._frames.shape[1] > 0,
            is_same_step=self._is_same_step,
            is_parallel=is_parallel,
        )

    def _free_set(self) -> Seen:
        """Return arrays to write to: some that nobody else holds any more, if there are any."""
        for known in self._sets:
            if not self._copy or max(map(sys.getrefcount, known)) <= _IDLE:
                return known
        observed, actions = self._shapes
        one_each = (np.int64, np.float64, np.bool_, np.bool_, np.bool_, np.bool_, np.uint8)
        new = Seen(
            np.zeros((self.count, observed), self._dtype),
            np.zeros((self.count, actions), np.int8),
            *(np.zeros(self.count, dtype) for dtype in one_each),
        )
        if len(self._sets) < _SETS_KEPT:
            self._sets.append(new)
        return new


def _largest(tables: Tables) -> int:
    """Return the largest number that a cell of a row can hold, its random state aside."""
    return max(
        tables.actions,
        tables.intents,
        tables.patience,
        tables.step_limit + 1,
        len(tables.agenda_length),
        *tables.agenda_length,
        *map(len, tables.seen),
        *(label for labels in tables.seen for label in labels),
        tables.slots,
    )


_is_forked = False


def _after_fork() -> None:
    # A child has none of its parent's threads, and some of Numba's threading layers end it if it uses any.
    global _is_forked
    _is_forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
