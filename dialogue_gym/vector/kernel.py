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
from dialogue_gym.rules import begin, blocked, bot, chance, dialogue, mask, progress, sources, step, user
from dialogue_gym.rules.tables import FAILURE, SUCCESS, TRUNCATED, TURNS
from dialogue_gym.vector.intrinsics import call_at, copy_cells, make_mask, make_row, tables_maker
from dialogue_gym.vector.numba_types import RowType, TablesType

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
register_jitable(**_OPTIONS)(progress)
draw = numba.njit(chance.draw, **_OPTIONS)

# Each compiled version of `_play` has its own of these.
make_tables: Any = None
begin_dialogue: Any = None
do_action: Any = None
HAS_HISTORY = False
IS_SHAPED = False
IS_SAME_STEP = False
IS_FLAT = False


def _begin_dialogue(row, tables):  # type: ignore[no-untyped-def]
    begin(row, tables, draw)


def _do_action(row, tables, action):  # type: ignore[no-untyped-def]
    return step(row, tables, action, draw)


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
    tables, row, lane, first, has_history, is_flat, places, frames, observations, masks, turns
):
    """Write the results of a lane."""
    if is_flat:
        for i in range(observations.shape[1]):
            observations[lane, i] = 0
        if has_history:
            for i in range(frames.shape[1]):
                observations[lane, places[i] + frames[lane, i]] = 1
        else:
            for i in range(tables.values):
                observations[lane, places[i] + row[i]] = 1
    elif has_history:
        for i in range(frames.shape[1]):
            observations[lane, i] = frames[lane, i]
    else:
        copy_cells(row, tables.values, observations, lane * tables.values)
    mask(tables, blocked(row, tables), make_mask(masks, lane, tables.actions, first))
    turns[lane] = row[TURNS]


def _play_lanes(  # type: ignore[no-untyped-def]
    start, stop, what, first, words, event_reward, action_reward, shaping, places,
    cells, states, is_over, frames, events, shaped, chosen, actions,
    observations, masks, turns, rewards, terminated, truncated, ended, successes,
    final_observations, final_masks, final_turns,
):  # fmt: skip
    """Play one step in the lanes of a range, or reset the chosen ones; return how many dialogues ended."""
    count = 0
    for lane in range(start, stop):
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
                before = progress(row, tables, 0) if IS_SHAPED else 0.0
                happened = do_action(row, tables, action)
                reward = event_reward[happened] + action_reward[action]
                if IS_SHAPED:
                    shaped[lane] = shaping * (progress(row, tables, happened) - before)
                    reward += shaped[lane]
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
                        IS_FLAT,
                        places,
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
            begin_dialogue(row, tables)
            is_over[lane] = False
            if HAS_HISTORY:
                for i in range(frames.shape[1]):
                    frames[lane, i] = 0
                _remember(tables, row, lane, frames)
        _put_out(tables, row, lane, first, HAS_HISTORY, IS_FLAT, places, frames, observations, masks, turns)
    return count


def _play(  # type: ignore[no-untyped-def]
    lanes_player, parts, what, first, words, event_reward, action_reward, shaping, places,
    cells, states, is_over, frames, events, shaped, chosen, actions,
    observations, masks, turns, rewards, terminated, truncated, ended, successes,
    final_observations, final_masks, final_turns,
):  # fmt: skip
    """Play one step in every lane, or reset the chosen ones; return how many dialogues ended.

    If a lane's action does not exist and would not be ignored, nothing is done and -1 returned.

    In a step, a lane whose dialogue is over begins the next one instead. With `IS_SAME_STEP` no dialogue is
    over at the beginning: the results of one that ends are final ones, and the next one begins at once.
    `lanes_player` is the address of a `_play_lanes`, and `parts` the number of ranges of lanes that it can
    play at the same time.
    """
    lanes = len(is_over)
    if what == STEP:
        wrong = 0
        for lane in range(lanes):
            is_wrong = (actions[lane] < 0) | (actions[lane] >= masks.shape[1])
            wrong += is_wrong & (not is_over[lane])
        if wrong:
            return -1
    count = 0
    for part in prange(parts):
        arguments = (
            part * lanes // parts, (part + 1) * lanes // parts,
            what, first, words, event_reward, action_reward, shaping, places,
            cells, states, is_over, frames, events, shaped, chosen, actions,
            observations, masks, turns, rewards, terminated, truncated, ended, successes,
            final_observations, final_masks, final_turns,
        )  # fmt: skip
        count += call_at(lanes_player, arguments)
    return count


class Version(NamedTuple):
    """The properties of a compiled version of `_play`, apart from the domain."""

    cell: str
    """The dtype of the rows' cells."""
    observation: str
    """The dtype of the codes of observations."""
    has_history: bool
    """Whether more than one observation is given at once."""
    is_shaped: bool
    """Whether progress is rewarded."""
    is_same_step: bool
    """Whether the next dialogue begins in the step that ends one."""
    is_flat: bool
    """Whether observations are one-hot vectors of float32, instead of codes."""
    is_parallel: bool
    """Whether the lanes are shared out among Numba's threads."""


def _arguments(version: Version) -> tuple[Any, ...]:
    """Return the types of the arguments of `_play` from `what` on."""
    flags, numbers, small = types.boolean[::1], types.int64[::1], types.int8[:, ::1]
    frames = getattr(types, version.observation)[:, ::1]
    observed = types.float32[:, ::1] if version.is_flat else frames
    return (
        types.int64, types.int64, numbers, types.float64[::1], types.float64[::1], types.float64, numbers,
        getattr(types, version.cell)[:, ::1], numbers, flags, frames, types.uint8[::1], types.float64[::1],
        flags, numbers,
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
    try:
        return _compile(constants, version, cache=True)
    except Exception:  # no cache folder, full disk, broken file: compile without, or raise again
        return _compile(constants, version, cache=False)


def _compile(constants: tuple[int, ...], version: Version, cache: bool) -> Callable[..., int]:
    begin_dialogue, do_action = _compile_rules(version.cell, bool(constants), cache)
    own = {
        "make_tables": tables_maker(constants),
        "begin_dialogue": begin_dialogue,
        "do_action": do_action,
        "HAS_HISTORY": version.has_history,
        "IS_SHAPED": version.is_shaped,
        "IS_SAME_STEP": version.is_same_step,
        "IS_FLAT": version.is_flat,
    }
    arguments = _arguments(version)
    of_lanes = types.int64(types.int64, types.int64, *arguments)
    play_lanes = numba.njit(of_lanes, cache=cache, error_model="numpy")(
        _named_copy(_play_lanes, (constants, version._replace(is_parallel=False)), own)
    )
    play = _compile_play(version._replace(has_history=False, is_shaped=False, is_same_step=False), cache)
    compiled_lanes = play_lanes.overloads[of_lanes.args]
    address = compiled_lanes.library.get_pointer_to_function(compiled_lanes.fndesc.llvm_func_name)
    run = functools.partial(play, address)
    run.keeps_alive = play_lanes  # type: ignore[attr-defined]  # the owner of the code at the address
    return run


@functools.cache
def _compile_play(version: Version, cache: bool) -> Callable[..., int]:
    play: Callable[..., int] = numba.njit(
        types.int64(types.int64, types.int64, *_arguments(version)),
        cache=cache,
        parallel=version.is_parallel,
        error_model="numpy",
    )(_named_copy(_play, version, {}))
    return play


@functools.cache
def _compile_rules(cell: str, has_constants: bool, cache: bool) -> tuple[Callable[..., Any], ...]:
    """Return the rules of a dialogue's beginning and of a step, compiled for all domains alike.

    They take most of the time. `_play` inlines them, where its constants specialize them for a domain.
    """
    arguments = RowType(getattr(types, cell)), TablesType(has_constants)
    signatures = {_begin_dialogue: types.none(*arguments), _do_action: types.int64(*arguments, types.int64)}
    return tuple(
        numba.njit(signature, cache=cache, **_OPTIONS)(_named_copy(function, (cell, has_constants), {}))
        for function, signature in signatures.items()
    )


def _named_copy(function: Any, version: object, own: dict[str, Any]) -> FunctionType:
    """Return a copy of a function with globals of its own.

    Its name identifies the code and the version, so that the cache tells versions apart. Each has one
    signature, so no two processes write different code to one file.
    """
    key = hashlib.sha256(SOURCES + repr(version).encode()).hexdigest()[:16]
    copy = FunctionType(function.__code__, globals() | own, f"{function.__name__.strip('_')}_{key}")
    copy.__qualname__ = copy.__name__
    return copy
