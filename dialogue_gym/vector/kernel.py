"""The loop over the lanes of a vector environment, compiled and cached."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

import numba
from numba import prange, types
from numba.extending import register_jitable

from dialogue_gym._digest import digest, sibling_sources
from dialogue_gym.rules import begin, blocked, bot, chance, dialogue, mask, sources, step, user
from dialogue_gym.rules.tables import FAILURE, SUCCESS, TRUNCATED, TURNS
from dialogue_gym.vector.intrinsics import copy_cells, make_mask, make_row, tables_maker

SOURCES = sources() + digest(sibling_sources(__file__))
"""The digest of the code that is compiled. (Numba's cache looks at this file alone.)"""
STEP, RESET = 0, 1
"""The two commands."""
BEGAN = 64
"""Stands in for the bits of events if no step was made, since a dialogue began."""
_OPTIONS = {"forceinline": True, "error_model": "numpy"}
_OVER = SUCCESS | FAILURE | TRUNCATED
_TERMINATED = SUCCESS | FAILURE
_MOST_CONSTANTS = 20_000
"""Tables of more words than this are not compiled in: the compiler would take too long over them."""

for _module in (bot, user, dialogue, chance):
    for _function in vars(_module).values():
        if inspect.isfunction(_function) and _function.__module__ == _module.__name__:
            register_jitable(**_OPTIONS)(_function)
draw = numba.njit(chance.draw, **_OPTIONS)

# Each compiled version of `_play` has its own of these.
make_tables: Any = None
HAS_HISTORY = False
IS_SAME_STEP = False


@register_jitable(**_OPTIONS)
def _remember(tables, row, lane, frames):  # type: ignore[no-untyped-def]
    """Append the current observation to the lane's last ones."""
    length = frames.shape[1]
    older = length - tables.values
    for i in range(older):
        frames[lane, i] = frames[lane, i + tables.values]
    copy_cells(row, tables.values, frames, lane * length + older)


@register_jitable(**_OPTIONS)
def _put_out(  # type: ignore[no-untyped-def]
    tables, row, lane, first, has_history, frames, observations, masks, turns
):
    """Write the results of a lane."""
    if has_history:
        for i in range(frames.shape[1]):
            observations[lane, i] = frames[lane, i]
    else:
        copy_cells(row, tables.values, observations, lane * tables.values)
    mask(tables, blocked(row, tables), make_mask(masks, lane, tables.actions, first))
    turns[lane] = row[TURNS]


def _play(  # type: ignore[no-untyped-def]
    what, first, words, event_reward, action_reward,
    cells, states, is_over, frames, events, chosen, actions,
    observations, masks, turns, rewards, terminated, truncated, ended, successes,
    final_observations, final_masks, final_turns,
):  # fmt: skip
    """Play one step in every lane, or reset the chosen ones; return how many dialogues ended.

    If a lane's action does not exist and would not be ignored, nothing is done and -1 returned.

    In a step, a lane whose dialogue is over begins the next one instead. With `IS_SAME_STEP` no dialogue is
    over at the beginning: the results of one that ends are final ones, and the next one begins at once.
    """
    if what == STEP:
        wrong = 0
        for lane in range(len(actions)):
            is_wrong = (actions[lane] < 0) | (actions[lane] >= masks.shape[1])
            wrong += is_wrong & (not is_over[lane])
        if wrong:
            return -1
    count = 0
    for lane in prange(len(is_over)):
        tables = make_tables(words)
        row = make_row(cells, states, lane)
        happened = BEGAN
        reward = 0.0
        if what == RESET:
            begins = chosen[lane]
        else:
            begins = is_over[lane]
            if not begins:
                action = actions[lane] + first
                happened = step(row, tables, action, draw)
                reward = event_reward[happened] + action_reward[action]
                if happened & _OVER:
                    count += 1
                    is_over[lane] = True
                if HAS_HISTORY:
                    _remember(tables, row, lane, frames)
                if IS_SAME_STEP and happened & _OVER:
                    _put_out(
                        tables,
                        row,
                        lane,
                        first,
                        HAS_HISTORY,
                        frames,
                        final_observations,
                        final_masks,
                        final_turns,
                    )
                    begins = True
            rewards[lane] = reward
            terminated[lane] = happened & _TERMINATED != 0
            truncated[lane] = happened & TRUNCATED != 0
            ended[lane] = happened & _OVER != 0
            successes[lane] = happened & SUCCESS != 0
        if what == STEP or begins:
            events[lane] = happened
        if begins:
            begin(row, tables, draw)
            is_over[lane] = False
            if HAS_HISTORY:
                for i in range(frames.shape[1]):
                    frames[lane, i] = 0
                _remember(tables, row, lane, frames)
        _put_out(tables, row, lane, first, HAS_HISTORY, frames, observations, masks, turns)
    return count


class Version(NamedTuple):
    """The properties of a compiled version of `_play`, apart from the domain."""

    cell: str
    """The dtype of the rows' cells."""
    observation: str
    """The dtype of observations."""
    has_history: bool
    """Whether more than one observation is given at once."""
    is_same_step: bool
    """Whether the next dialogue begins in the step that ends one."""
    is_parallel: bool
    """Whether the lanes are shared out among Numba's threads."""


def _signature(version: Version) -> Any:
    flags, numbers, small = types.boolean[::1], types.int64[::1], types.int8[:, ::1]
    observed = getattr(types, version.observation)[:, ::1]
    return types.int64(
        types.int64, types.int64, numbers, types.float64[::1], types.float64[::1],
        getattr(types, version.cell)[:, ::1], numbers, flags, observed, types.uint8[::1], flags, numbers,
        observed, small, numbers, types.float64[::1], flags, flags, flags, flags,
        observed, small, numbers,
    )  # fmt: skip


@functools.lru_cache(maxsize=64)
def compiled(constants: tuple[int, ...], version: Version) -> Callable[..., int]:
    """Return `_play` compiled, or read from Numba's cache, for a domain and a version.

    `constants` are the words that follow from the domain, as `to_words` returns them.
    """
    if len(constants) > _MOST_CONSTANTS:
        constants = ()
    key = hashlib.sha256(SOURCES + repr((constants, version)).encode()).hexdigest()[:16]
    # Constants are globals of a copy of the function, and the copy's name identifies them: so the cache tells
    # versions apart. Each has one signature, so no two processes write different code to one file.
    globals_of_copy = globals() | {
        "make_tables": tables_maker(constants),
        "HAS_HISTORY": version.has_history,
        "IS_SAME_STEP": version.is_same_step,
    }
    copy = FunctionType(_play.__code__, globals_of_copy, f"play_{key}")
    copy.__qualname__ = copy.__name__
    options = {"parallel": version.is_parallel, "error_model": "numpy"}
    try:
        function: Callable[..., int] = numba.njit(_signature(version), cache=True, **options)(copy)
    except Exception:  # no cache folder, full disk, broken file: compile without, or raise again
        function = numba.njit(_signature(version), **options)(copy)
    return function
