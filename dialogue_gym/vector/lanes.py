"""Many dialogues side by side: their rows, and their results after each step."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numba
import numpy as np

from dialogue_gym import rules
from dialogue_gym.compiled.kernel import BEGAN, GIVEN, RESET, STEP, Version, compiled, fill_in
from dialogue_gym.compiled.rows import Rows
from dialogue_gym.compiled.table_layout import check_compilable, to_words
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.envs.observation_form import BeliefFields, OneHotFields
from dialogue_gym.envs.options import NO_CHOICE, ResetOptions, begin, tables_for
from dialogue_gym.envs.reward_terms import NamedTerms
from dialogue_gym.rules.tables import Tables
from dialogue_gym.vector.buffers import Array, StepBuffers, StepResult
from dialogue_gym.vector.threads import Sharing

_PARALLEL_FROM = 1024
"""Lanes from which on a second thread is worth its start."""
_NO_ACTIONS = np.zeros(0, np.int64)
_one_at_a_time = threading.Lock()
"""Not every threading layer of Numba tolerates two of Python's threads at once."""


class Final(NamedTuple):
    """The last results of dialogues that have ended; shapes as in `StepResult`."""

    observations: Array
    masks: Array
    turns: Array


class Lanes:
    """Dialogues with the user of an environment, one in each lane, played by the compiled rules.

    A lane whose random state is `mix(seed)` plays the same dialogue as the environment reset with that seed.
    """

    def __init__(self, env: DialogueEnv, count: int, *, is_same_step: bool, copy: bool) -> None:
        """Lay out `count` lanes.

        Args:
            env: the environment whose dialogues are played; it is only read.
            count: number of lanes.
            is_same_step: whether the next dialogue begins in the step that ends one.
            copy: whether each step returns new arrays, or all return the same ones.

        Raises:
            ValueError: the domain has too many different preconditions to be compiled.
        """
        tables = env.tables
        check_compilable(tables, 'use vectorization_mode="sync"')
        self.count = count
        self._constants = to_words(tables)[1]
        self._tables = _tables_by_user(env)
        words = [to_words(one)[0] for one in self._tables.values()]
        self._words = np.concatenate(words)
        places = itertools.accumulate(map(len, words), initial=0)
        self._place_of_user = dict(zip(self._tables, places, strict=False))
        self._users = np.zeros(count, np.int64)
        """The place of the words of each lane's user."""
        self._event_reward = np.array(tables.event_reward)
        self._action_reward = np.array(tables.action_reward)
        self._shaping = np.array([tables.shaping])
        self._terms = _term_table(env)
        own = enumerate(env.reward_terms.by_action)
        self._weights = {place: (action, weight) for action, (place, weight) in own if place >= 0}

        form = env.observation_form
        code = form.code_dtype
        has_beliefs = isinstance(form, BeliefFields)
        self._places = form.places if isinstance(form, OneHotFields | BeliefFields) else _NO_ACTIONS
        self._slots = np.array(form.slots if isinstance(form, BeliefFields) else [], np.int64)
        (width,), observed = form.space.shape or (0,), form.space.dtype
        actions = len(env.action_names)
        history = len(form.sizes) if env.max_history > 1 else 0
        self._frames = np.zeros((count, history), code)
        self._rows = Rows.lay_out(tables, count)
        self.is_over = np.ones(count, np.bool_)
        """Whether each lane has no dialogue in progress."""
        self._events = np.full(count, BEGAN, np.uint8)
        self._shaped = np.zeros(count if tables.shaping else 0)
        self._acted = np.zeros(count if self._action_reward.any() else 0, np.int64)
        self.ended = 0
        """The number of dialogues that ended in the last step."""
        self._copy = copy
        self._shapes: dict[str, tuple[Any, Any]] = {
            "observations": ((count, width), observed),
            "masks": ((count, actions), np.int8),
            "turns": (count, np.int64),
            "rewards": (count, np.float64),
            **{name: (count, np.bool_) for name in ("terminated", "truncated", "ended", "successes")},
        }
        final = count if is_same_step else 0
        self._final = Final(
            np.zeros((final, width), observed),
            np.zeros((final, actions), np.int8),
            np.zeros(final, np.int64),
        )
        self._actions = actions
        self._version = Version(
            cell=self._rows.cells.dtype.name,
            code=code.name,
            first=env.first_action,
            has_history=history > 0,
            is_shaped=tables.shaping != 0,
            is_same_step=is_same_step,
            is_flat=len(self._places) > 0,
            has_beliefs=has_beliefs,
            has_users=False,
            is_search=tables.is_search,
            has_sets=tables.is_search,
            is_parallel=False,
        )
        self._prepare()

    @property
    def nbytes(self) -> int:
        """The memory of the dialogues in bytes, not counting the arrays that a step returns."""
        arrays = [*vars(self).values(), *self._rows.arrays().values()]
        return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))

    def _compile(self) -> None:
        version = self._version._replace(is_parallel=self._is_parallel)
        self._function = compiled(self._constants, version)

    def _prepare(self) -> None:
        """Set up all but the dialogues: the compiled code, and the addresses of the arrays."""
        self._is_parallel = self.count >= _PARALLEL_FROM and _can_share()
        self._sharing = Sharing()
        self._compile()
        own = {
            "words": self._words,
            "users": self._users,
            "event_reward": self._event_reward,
            "action_reward": self._action_reward,
            "shaping": self._shaping,
            "places": self._places,
            "slots": self._slots,
            **self._rows.arrays(),
            "is_over": self.is_over,
            "frames": self._frames,
            "events": self._events,
            "shaped": self._shaped,
            "actions": self._actions,
            "length": self._frames.shape[1],
            "width": self._shapes["observations"][0][1],
        }
        final = {f"final_{name}": array for name, array in self._final._asdict().items()}
        given = np.zeros(len(GIVEN), np.int64)
        fill_in(given, own | final)
        self._buffers = StepBuffers(self._shapes, given, copy=self._copy)

    def reset(
        self, seeds: Array, is_seeded: Array, chosen: Array, options: ResetOptions = NO_CHOICE
    ) -> StepResult:
        """Begin a dialogue in the chosen lanes, and return the results of all lanes.

        Args:
            seeds: uint64, one per lane.
            is_seeded: bool, the lanes whose random state is set by their seed; it runs on in the others.
            chosen: bool.
            options: the users of these dialogues, and parts of their goals.
        """
        self._rows.states[is_seeded] = rules.mix(seeds[is_seeded]).astype(np.int64)
        if options.user is not None and not self._version.has_users:
            self._version = self._version._replace(has_users=True)
            self._compile()
        self._users[chosen] = self._place_of_user[options.user]
        if options.goal:
            tables = self._tables[options.user]
            for lane in np.flatnonzero(chosen).tolist():
                self._begin(lane, tables, options.goal)
            return self.look()
        return self._play(RESET, chosen.copy(), _NO_ACTIONS)

    def _begin(self, lane: int, tables: Tables, goal: Mapping[int, int]) -> None:
        """Begin a dialogue with a chosen goal, by interpreted rules: compiled ones draw all of it."""
        row = self._rows.read(lane)
        begin(row, tables, goal)
        self._rows.write(lane, row)
        self.is_over[lane], self._events[lane] = False, BEGAN
        if self._frames.shape[1]:
            self._frames[lane] = 0
            self._frames[lane, -tables.values :] = row[: tables.values]

    def set_random_states(self, seeds: Array) -> None:
        """Let every lane's chance follow from a seed (uint64, shape (lanes,)) from now on."""
        self._rows.states[:] = rules.mix(seeds).astype(np.int64)

    def set_patience(self, turns: int) -> None:
        """Set the patience of the users of all dialogues that begin from now on."""
        for user, tables in self._tables.items():
            personas = len(tables.levels)
            changed = dataclasses.replace(
                tables, patience=turns, least_patience=(turns,) * personas, patience_counts=(1,) * personas
            )
            self._tables[user] = changed
            words = to_words(changed)[0]
            place = self._place_of_user[user]
            self._words[place : place + len(words)] = words

    def look(self) -> StepResult:
        """Return the results of all lanes, without a step."""
        return self._play(RESET, np.zeros(self.count, np.bool_), _NO_ACTIONS)

    def step(self, actions: Array) -> StepResult:
        """Do an action (int64) in each lane; where the dialogue is over, the next one begins instead.

        Raises:
            ValueError: an action is out of range; no lane has moved.
        """
        seen = self._play(STEP, self.is_over, actions)
        if self.ended < 0:
            self.ended = 0
            wrong = actions[((actions < 0) | (actions >= self._actions)) & ~self.is_over][0]
            raise ValueError(f"action {wrong}: must be from 0 to {self._actions - 1}")
        if len(self._acted):
            self._acted[:] = actions
        return seen

    def final(self, ended: Array) -> Final:
        """Return the last results of the dialogues that ended in these lanes; for `is_same_step`."""
        return Final(*(array[ended] for array in self._final))

    def late_terms(self, where: Array | None = None) -> Callable[[], NamedTerms]:
        """Return a function for the terms of the last step's rewards, shape (lanes, terms).

        It may be called after later steps. All are 0 where a dialogue began, and outside `where` (bool).
        """
        events = self._events.copy() if where is None else np.where(where, self._events, np.uint8(BEGAN))
        acted = self._acted.copy() if self._weights else None
        shaped = self._shaped.copy() if len(self._shaped) else None
        return functools.partial(self._named, events, acted, shaped)

    def _named(self, events: Array, acted: Array | None, shaped: Array | None) -> NamedTerms:
        terms: NamedTerms = self._terms[events]
        for place, (action, weight) in self._weights.items():
            terms[(events < BEGAN) & (acted == action), place] = weight
        if shaped is not None:
            terms[:, -1] = np.where(events < BEGAN, shaped, 0.0)
        return terms

    def _play(self, what: int, chosen: Array, actions: Array) -> StepResult:
        if self._is_parallel and _is_forked:
            self._prepare()
        arrays, given = self._buffers.free()
        if self._is_parallel:
            self._play_with_threads(what, given, chosen, actions)
        else:
            self.ended = self._function(1, what, given, chosen, actions)
        return StepBuffers.views(arrays)

    def _play_with_threads(self, what: int, given: Array, chosen: Array, actions: Array) -> None:
        threads = 0 if self._sharing.is_on() else numba.get_num_threads()
        with _one_at_a_time:
            if threads:
                numba.set_num_threads(1)
            try:
                start = time.perf_counter()
                self.ended = self._function(numba.get_num_threads(), what, given, chosen, actions)
                seconds = time.perf_counter() - start
            finally:
                if threads:
                    numba.set_num_threads(threads)
        if what == STEP and self.ended >= 0:  # resets and refused steps take other times
            self._sharing.took(seconds)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out everything that `_prepare` sets up."""
        return self.__dict__ | {"_function": None, "_sharing": None, "_buffers": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Continue where the pickled or copied lanes were."""
        for name, value in state.items():  # a pickle's arrays may be read-only
            self.__dict__[name] = value.copy() if isinstance(value, np.ndarray) else value
        self._rows = self._rows.copy()
        self._final = Final(*(array.copy() for array in self._final))
        self._prepare()


def _tables_by_user(env: DialogueEnv) -> dict[str | None, Tables]:
    """Return the tables by the user that a reset can choose; None is the one of the settings, the first.

    Users differ in the figures of the settings alone, so that the same compiled code plays them.
    """
    assert env.domain.fake_user is not None
    names = [None, *(name for name, _ in env.domain.fake_user.profiles)]
    return {name: tables_for(name, env.domain, env.settings) for name in names}


def _term_table(env: DialogueEnv) -> NamedTerms:
    """Return each term by the bits of events, `BEGAN` included; those of actions are 0."""
    known = env.reward_terms.by_events
    table = np.zeros((2 * BEGAN, known.shape[1])).view(type(known))
    table[: 2 * len(known)] = np.concatenate([known, known])  # with truncation and without
    return table


def _can_share() -> bool:
    return bool(numba.config.NUMBA_NUM_THREADS > 1) and not _is_forked


_is_forked = False


def _after_fork() -> None:
    # A child has none of its parent's threads, and some of Numba's threading layers kill it if it uses any.
    global _is_forked
    _is_forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
