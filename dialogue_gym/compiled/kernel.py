"""The loop over lanes, compiled and cached: one step of each, or its beginning."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from numba import prange, types
from numba.core import event
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.extending import register_jitable

from dialogue_gym._digest import digest, sibling_sources
from dialogue_gym.compiled.intrinsics import (
    call_at,
    copy_cells,
    make_mask,
    make_row,
    tables_maker,
    vector_at,
    vector_of,
)
from dialogue_gym.compiled.numba_types import RowType, TablesType
from dialogue_gym.domain.observation import LEFT_OUT, ONE_HOT
from dialogue_gym.rules import (
    belief,
    blocked,
    bot,
    chance,
    dialogue,
    mask,
    progress,
    search,
    search_user,
    sources,
    user,
)
from dialogue_gym.rules.tables import FAILURE, STEPS, SUCCESS, TRUNCATED, TURNS

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
_LONG = 0.5
"""Seconds of compiling after which a line is logged."""
_LOG = logging.getLogger(__name__)


def _functions(module: Any) -> Iterator[FunctionType]:
    for function in vars(module).values():
        if inspect.isfunction(function) and function.__module__ == module.__name__:
            yield function


for _module in (bot, user, search, search_user, chance):
    for _function in _functions(_module):
        register_jitable(**_OPTIONS)(_function)
register_jitable(**_OPTIONS)(progress)
register_jitable(**_OPTIONS)(belief)


@register_jitable(**_OPTIONS)
def _never(*arguments):  # type: ignore[no-untyped-def]
    """Stand in for rules of another kind of user, so that they need not be compiled."""
    return 0


_OTHERS = {
    False: ("new_searcher", "open_search", "search_heard", "search_turn", "serve", "store"),
    True: ("new_user", "say_opening", "be_heard", "user_turn", "as_noticed", "set_slot"),
}
"""Functions that `dialogue` calls for the other users, by whether users search."""


def _dialogue(is_search: bool) -> dict[str, Any]:
    """Return the functions of a dialogue for one kind of user."""
    own = vars(dialogue) | dict.fromkeys(_OTHERS[is_search], _never)
    for function in _functions(dialogue):
        own[function.__name__] = register_jitable(**_OPTIONS)(FunctionType(function.__code__, own))
    return own


GIVEN = (
    "words", "users", "event_reward", "action_reward", "shaping", "places", "slots",
    "cells", "sets", "states", "is_over", "frames", "events", "shaped",
    "observations", "masks", "turns", "rewards", "terminated", "truncated", "ended", "successes",
    "final_observations", "final_masks", "final_turns",
    "actions", "length", "width",
)  # fmt: skip
"""The addresses of arrays, and then numbers, that compiled code is given in one array.

An argument for each would take more time than a step in a few lanes. The numbers are those of actions, of an
observation's codes, and of its components.
"""
(
    WORDS, USERS, EVENT_REWARD, ACTION_REWARD, SHAPING, PLACES, SLOTS,
    CELLS, SET_WORDS, STATES, IS_OVER, FRAMES, EVENTS, SHAPED,
    OBSERVATIONS, MASKS, TURNS_TAKEN, REWARDS, TERMINATED, TRUNCATIONS, ENDED, SUCCESSES,
    FINAL_OBSERVATIONS, FINAL_MASKS, FINAL_TURNS,
    ACTIONS, LENGTH, WIDTH,
) = range(len(GIVEN))  # fmt: skip


def fill_in(given: npt.NDArray[np.int64], values: Mapping[str, npt.NDArray[Any] | int]) -> None:
    """Set the numbers in `given` of these names: numbers, or the addresses of arrays.

    The arrays must live on, in one place, as long as `given` is used.
    """
    for name, value in values.items():
        given[GIVEN.index(name)] = value if isinstance(value, int) else value.ctypes.data


# Each compiled version of `_play_lanes` has its own of these.
begin: Any = None
step: Any = None
draw = chance.draw
make_tables: Any = None
begin_dialogue: Any = None
do_action: Any = None
CELL: Any = None
ROW: Any = None
CODE: Any = None
OBSERVED: Any = None
FIRST = 0
HAS_HISTORY = False
IS_SHAPED = False
IS_SAME_STEP = False
IS_FLAT = False
HAS_BELIEFS = False
HAS_USERS = False


def _begin_dialogue(row, tables):  # type: ignore[no-untyped-def]
    begin(row, tables, draw)


def _do_action(row, tables, action):  # type: ignore[no-untyped-def]
    return step(row, tables, action, draw)


@register_jitable(**_OPTIONS)
def _remember(tables, row, lane, frames, length):  # type: ignore[no-untyped-def]
    """Append the current observation to the lane's last ones, which have `length` components."""
    at = lane * length
    older = length - tables.values
    for i in range(older):
        frames[at + i] = frames[at + i + tables.values]
    copy_cells(row, tables.values, frames, at + older)


@register_jitable(**_OPTIONS)
def _put_out(tables, row, lane, form, places, slots, frames, observations, masks, turns):  # type: ignore[no-untyped-def]
    """Write the results of a lane."""
    first, has_history, is_flat, has_beliefs, length, width = form
    if is_flat:
        at = lane * width
        for i in range(width):
            observations[at + i] = 0
        for i in range(length):
            code = frames[lane * length + i] if has_history else row[i]
            if not has_beliefs or slots[i] == ONE_HOT:
                observations[at + places[i] + code] = 1
            elif slots[i] != LEFT_OUT:
                likeliest, next_one = belief(row, tables, slots[i])
                observations[at + places[i]] = likeliest / 100
                observations[at + places[i] + 1] = next_one / 100
                observations[at + places[i] + 2] = (100 - likeliest - next_one) / 100
    elif has_history:
        for i in range(length):
            observations[lane * length + i] = frames[lane * length + i]
    else:
        copy_cells(row, length, observations, lane * length)
    mask(tables, blocked(row, tables), make_mask(masks, lane, tables.actions, first))
    turns[lane] = row[TURNS]


def _play_lanes(start, stop, what, given, chosen, actions):  # type: ignore[no-untyped-def]
    """Play one step in the lanes of a range, or reset the chosen ones; return how many dialogues ended.

    `given` has the numbers of `GIVEN`.
    """
    words = vector_at(given, WORDS, types.int64)
    users = vector_at(given, USERS, types.int64)
    tables = make_tables(words, 0)
    event_reward = vector_at(given, EVENT_REWARD, types.float64)
    action_reward = vector_at(given, ACTION_REWARD, types.float64)
    shaping = vector_at(given, SHAPING, types.float64)[0]
    places = vector_at(given, PLACES, types.int64)
    slots = vector_at(given, SLOTS, types.int64)
    cells = vector_at(given, CELLS, CELL)
    sets = vector_at(given, SET_WORDS, types.int64)
    states = vector_at(given, STATES, types.int64)
    is_over = vector_at(given, IS_OVER, types.uint8)
    frames = vector_at(given, FRAMES, CODE)
    events = vector_at(given, EVENTS, types.uint8)
    shaped = vector_at(given, SHAPED, types.float64)
    observations = vector_at(given, OBSERVATIONS, OBSERVED)
    masks = vector_at(given, MASKS, types.int8)
    turns = vector_at(given, TURNS_TAKEN, types.int64)
    rewards = vector_at(given, REWARDS, types.float64)
    terminated = vector_at(given, TERMINATED, types.uint8)
    truncated = vector_at(given, TRUNCATIONS, types.uint8)
    ended = vector_at(given, ENDED, types.uint8)
    successes = vector_at(given, SUCCESSES, types.uint8)
    final_observations = vector_at(given, FINAL_OBSERVATIONS, OBSERVED)
    final_masks = vector_at(given, FINAL_MASKS, types.int8)
    final_turns = vector_at(given, FINAL_TURNS, types.int64)
    action_of = vector_of(actions)
    length = given[LENGTH] if HAS_HISTORY else tables.values
    form = FIRST, HAS_HISTORY, IS_FLAT, HAS_BELIEFS, length, given[WIDTH]
    count = 0
    for lane in range(start, stop):
        if HAS_USERS:
            tables = make_tables(words, users[lane])
        row = make_row(ROW, tables, cells, sets, states, lane)
        happened = BEGAN
        reward = 0.0
        is_cut = False
        if what == RESET:
            begins = chosen[lane]
        else:
            begins = is_over[lane] != 0
            if not begins:
                action = action_of[lane] + FIRST
                before = progress(row, tables, 0) if IS_SHAPED else 0.0
                happened = do_action(row, tables, action)
                is_cut = row[STEPS] >= tables.step_limit  # as TimeLimit sees it, at a success too
                reward = event_reward[happened] + action_reward[action]
                if IS_SHAPED:
                    shaped[lane] = shaping * (progress(row, tables, happened) - before)
                    reward += shaped[lane]
                if happened & _OVER:
                    count += 1
                    is_over[lane] = 1
                if HAS_HISTORY:
                    _remember(tables, row, lane, frames, length)
                if IS_SAME_STEP and happened & _OVER:
                    _put_out(
                        tables,
                        row,
                        lane,
                        form,
                        places,
                        slots,
                        frames,
                        final_observations,
                        final_masks,
                        final_turns,
                    )
                    begins = True
            rewards[lane] = reward
            terminated[lane] = happened & _TERMINATED != 0
            truncated[lane] = is_cut
            ended[lane] = happened & _OVER != 0
            successes[lane] = happened & SUCCESS != 0
        if what == STEP or begins:
            events[lane] = happened
        if begins:
            if HAS_USERS and what == STEP and users[lane] != 0:  # a chosen user plays one dialogue
                users[lane] = 0
                tables = make_tables(words, 0)
            begin_dialogue(row, tables)
            is_over[lane] = 0
            if HAS_HISTORY:
                for i in range(length):
                    frames[lane * length + i] = 0
                _remember(tables, row, lane, frames, length)
        _put_out(tables, row, lane, form, places, slots, frames, observations, masks, turns)
    return count


def _play(lanes_player, parts, what, given, chosen, actions):  # type: ignore[no-untyped-def]
    """Play one step in every lane, or reset the chosen ones; return how many dialogues ended.

    If a lane's action does not exist and would not be ignored, nothing is done and -1 returned.

    In a step, a lane whose dialogue is over begins the next one instead. With `IS_SAME_STEP` no dialogue is
    over at the beginning: the results of one that ends are final ones, and the next one begins at once.
    `lanes_player` is the address of a `_play_lanes`, and `parts` the number of ranges of lanes that it can
    play at the same time.
    """
    lanes = len(chosen)
    if what == STEP:
        is_over = vector_at(given, IS_OVER, types.uint8)
        known = given[ACTIONS]
        wrong = 0
        for lane in range(lanes):
            is_wrong = (actions[lane] < 0) | (actions[lane] >= known)
            wrong += is_wrong & (is_over[lane] == 0)
        if wrong:
            return -1
    count = 0
    for part in prange(parts):
        arguments = part * lanes // parts, (part + 1) * lanes // parts, what, given, chosen, actions
        count += call_at(lanes_player, arguments)
    return count


class Version(NamedTuple):
    """The properties of a compiled version of the loop, apart from the domain."""

    cell: str
    """The dtype of the rows' cells."""
    code: str
    """The dtype of the codes of observations."""
    first: int
    """The domain's first action that is an action of the lanes."""
    has_history: bool
    """Whether more than one observation is given at once."""
    is_shaped: bool
    """Whether progress is rewarded."""
    is_same_step: bool
    """Whether the next dialogue begins in the step that ends one."""
    is_flat: bool
    """Whether observations are vectors of float32, instead of codes."""
    has_beliefs: bool
    """Whether scores take the place of one-hot confidences."""
    has_users: bool
    """Whether a lane's user may be another than that of the settings; steps are a tenth slower then."""
    is_search: bool
    """Whether users search a database."""
    has_sets: bool
    """Whether the sets of venues of a row lie apart from its cells, which may so be smaller."""
    is_parallel: bool
    """Whether the lanes are shared out among Numba's threads."""


_ARGUMENTS = types.int64, types.int64[::1], types.boolean[::1], types.int64[::1]
"""The types of `what`, `given`, `chosen` and `actions`."""


@functools.lru_cache(maxsize=64)
def compiled(constants: tuple[int, ...], version: Version) -> Callable[..., int]:
    """Return `_play` compiled, or read from Numba's cache, for a domain and a version.

    `constants` are the words that follow from the domain, as `to_words` returns them.
    """
    if len(constants) > _MOST_CONSTANTS:
        constants = ()
    try:
        with _announced("and kept for later runs"):
            return _compile(constants, version, cache=True)
    except Exception:  # no cache folder, full disk, broken file: compile without, or raise again
        with _announced("in every run; they are kept if NUMBA_CACHE_DIR names a folder that can be written"):
            return _compile(constants, version, cache=False)


class _Announcer(event.Listener):
    """Log line for code that has been compiling for a while; reading the cache is not an event."""

    def __init__(self, line: str) -> None:
        self.timer = threading.Timer(_LONG, _LOG.info, (line,))
        self.timer.daemon = True

    def on_start(self, event: Any) -> None:
        """Begin to wait, at the first compilation."""
        if self.timer.ident is None:
            self.timer.start()

    def on_end(self, event: Any) -> None:
        """Wait on: several functions are compiled, one after the other."""


@contextlib.contextmanager
def _announced(future: str) -> Iterator[None]:
    announcer = _Announcer(f"compiling the rules for this domain: a few seconds, {future}")
    try:
        with event.install_listener("numba:compile", announcer):
            yield
    finally:
        announcer.timer.cancel()


def _compile(constants: tuple[int, ...], version: Version, cache: bool) -> Callable[..., int]:
    begin_dialogue, do_action = _compile_rules(
        version.cell, bool(constants), version.is_search, version.has_sets, cache
    )
    cell, code = getattr(types, version.cell), getattr(types, version.code)
    own = {
        "make_tables": tables_maker(constants, version.has_sets),
        "begin_dialogue": begin_dialogue,
        "do_action": do_action,
        "CELL": cell,
        "ROW": RowType(cell, version.has_sets),
        "CODE": code,
        "OBSERVED": types.float32 if version.is_flat else code,
        "FIRST": version.first,
        "HAS_HISTORY": version.has_history,
        "IS_SHAPED": version.is_shaped,
        "IS_SAME_STEP": version.is_same_step,
        "IS_FLAT": version.is_flat,
        "HAS_BELIEFS": version.has_beliefs,
        "HAS_USERS": version.has_users,
    }
    of_lanes = types.int64(types.int64, types.int64, *_ARGUMENTS)
    play_lanes = numba.njit(of_lanes, cache=cache, error_model="numpy")(
        _named_copy(_play_lanes, (constants, version._replace(is_parallel=False)), own)
    )
    play = _compile_play(version.is_parallel, cache)
    compiled_lanes = play_lanes.overloads[of_lanes.args]
    address = compiled_lanes.library.get_pointer_to_function(compiled_lanes.fndesc.llvm_func_name)
    run = functools.partial(play, address)
    run.keeps_alive = play_lanes  # type: ignore[attr-defined]  # the owner of the code at the address
    return run


@functools.cache
def _compile_play(is_parallel: bool, cache: bool) -> Callable[..., int]:
    play: Callable[..., int] = numba.njit(
        types.int64(types.int64, types.int64, *_ARGUMENTS),
        cache=cache,
        parallel=is_parallel,
        error_model="numpy",
    )(_named_copy(_play, is_parallel, {}))
    return play


@functools.cache
def _compile_rules(
    cell: str, has_constants: bool, is_search: bool, has_sets: bool, cache: bool
) -> tuple[Callable[..., Any], ...]:
    """Return the rules of a dialogue's beginning and of a step, compiled for all domains alike.

    `_play_lanes` inlines them, where its constants specialize them for a domain.
    """
    arguments = RowType(getattr(types, cell), has_sets), TablesType(has_constants, has_sets)
    signatures = {_begin_dialogue: types.none(*arguments), _do_action: types.int64(*arguments, types.int64)}
    with _unoptimized():
        return tuple(
            numba.njit(signature, cache=cache, **_OPTIONS)(
                _named_copy(function, (cell, has_constants, is_search, has_sets), _dialogue(is_search))
            )
            for function, signature in signatures.items()
        )


@contextlib.contextmanager
def _unoptimized() -> Iterator[None]:
    """Leave code as it is, for the optimization of the code that inlines it.

    Loops that are optimized before their lengths are known stay slower than those that are unrolled at once.
    """
    cpu_target.target_context.codegen()  # made once, with the level at that time
    with global_compiler_lock:
        level = numba.config.OPT
        numba.config.OPT = type(level)(0)
        try:
            yield
        finally:
            numba.config.OPT = level


def _named_copy(function: Any, version: object, own: dict[str, Any]) -> FunctionType:
    """Return a copy of a function with globals of its own.

    Its name identifies the code and the version, so that the cache tells versions apart. Each has one
    signature, so no two processes write different code to one file.
    """
    key = hashlib.sha256(SOURCES + repr(version).encode()).hexdigest()[:16]
    copy = FunctionType(function.__code__, globals() | own, f"{function.__name__.strip('_')}_{key}")
    copy.__qualname__ = copy.__name__
    return copy
