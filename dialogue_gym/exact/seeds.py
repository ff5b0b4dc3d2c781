"""The search for a seed whose dialogue goes as wanted, many seeds at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.exact.choices import Choices
from dialogue_gym.vector.env import make_lanes

_LANES = 1000
_SIMILAR = 30
"""Dialogues that will do, of which the likeliest is taken."""
Seeds = npt.NDArray[np.uint64]
Given = Callable[[int, int], Seeds]


def find_seeds(
    env: DialogueEnv,
    choices: Choices,
    decisions: Sequence[int],
    shared: int,
    most: int,
    given: Given | None = None,
) -> list[int]:
    """Return the first seed whose dialogue shows some observations and fails at the last of them.

    Args:
        env: the environment.
        choices: the choices of the bot.
        decisions: the numbers of the observations in `choices`.
        shared: if there is none, failed dialogues will do that show the observations up to this place.
        most: the largest effort: 1 for each reset of a thousand dialogues, 2 for each of their steps. So the
            result does not depend on the speed of the machine.
        given: returns some of the seeds to try, from a number on, so many; by default all, from 0 on.

    Returns:
        The seed alone; or else those of some dialogues that will do, the smallest first.
    """
    return _SeedSearch(env, choices, decisions, shared).run(most, given or _all_seeds)


def _all_seeds(first: int, count: int) -> Seeds:
    return np.arange(first, first + count, dtype=np.uint64)


class _SeedSearch:
    def __init__(self, env: DialogueEnv, choices: Choices, decisions: Sequence[int], shared: int) -> None:
        self._env, self._choices = env, choices
        self._lanes = make_lanes(env, _LANES, is_same_step=False, copy=False)
        self._everywhere = np.ones(_LANES, np.bool_)
        kind = env.observation_form.code_dtype
        self._wanted = np.array([choices.observed[decision] for decision in decisions], kind)
        self._shared = shared
        self._similar: list[int] = []
        self._effort = 0

    def run(self, most: int, given: Given) -> list[int]:
        waiting: list[Seeds] = []
        for first in itertools.count(0, _LANES):
            seeds = given(first, _LANES)
            waiting.append(seeds[self._matches(self._begin(seeds), 0)])
            if sum(map(len, waiting)) >= _LANES or self._effort >= most:
                begun = np.concatenate(waiting)
                waiting = [begun[_LANES:]]
                if (found := self._play(begun[:_LANES])) is not None:
                    return [found]
                if self._effort >= most:
                    break
        return sorted(self._similar)[:_SIMILAR]

    def _begin(self, seeds: Seeds) -> npt.NDArray[Any]:
        """Begin the dialogues of `_LANES` seeds, and return their observations as codes."""
        self._effort += 1
        seen = self._lanes.reset(seeds, self._everywhere, self._everywhere)
        return self._env.codes(seen.observations)

    def _matches(self, codes: npt.NDArray[Any], step: int) -> npt.NDArray[np.bool_]:
        return np.asarray((codes == self._wanted[step]).all(axis=1))

    def _play(self, seeds: Seeds) -> int | None:
        """Play the dialogues of seeds to their ends; return the first seed that goes as wanted."""
        count = len(seeds)
        padded = np.concatenate([seeds, np.zeros(_LANES - count, np.uint64)])
        codes = self._begin(padded)
        goes_on = np.arange(_LANES) < count
        is_alike = goes_on.copy()
        end = len(self._wanted) - 1
        step = -1
        while True:
            step += 1
            is_alike &= self._matches(codes, step) if step < end else False
            if step <= self._shared:
                goes_on &= is_alike
            if not goes_on.any():
                return None
            self._effort += 2
            seen = self._lanes.step(self._actions(codes, goes_on))
            codes = self._env.codes(seen.observations)
            failed = goes_on & seen.ended & ~seen.successes
            if step >= self._shared:
                self._similar += seeds[failed[:count]].tolist()
            if step + 1 == end:
                found = failed & is_alike & self._matches(codes, end)
                if found.any():
                    return int(seeds[np.argmax(found[:count])])
            goes_on &= ~seen.ended

    def _actions(self, codes: npt.NDArray[Any], goes_on: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Return the bot's actions; those of other lanes do not matter."""
        actions = np.zeros(_LANES, np.int64)
        distinct, places = np.unique(codes[goes_on], axis=0, return_inverse=True)
        chosen = self._choices.of(map(tuple, distinct.tolist()))
        actions[goes_on] = (np.array(chosen) - self._env.first_action)[places.reshape(-1)]
        return actions
