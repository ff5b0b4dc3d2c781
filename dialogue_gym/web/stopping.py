"""A stop of the server that ends in time, and names what would not."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from types import FrameType

from dialogue_gym._threads import wait_again, wait_no_longer

ANSWER_SECONDS = 5.0
"""The time for answers that are under way when a stop begins."""
_STOP_SECONDS = 9.5
"""The time for the whole stop. Whoever runs the server would kill it after ten seconds."""
_LIBRARY, _PLACES = Path(__file__).parents[1], 3


@contextlib.contextmanager
def stopping_in_time() -> Iterator[Callable[[], Awaitable[None]]]:
    """Yield a function to await when a stop begins; from then on the context must end in time.

    Otherwise the process ends, whatever still runs: the journal has all that was acknowledged. An action that
    hangs would keep it even after the end of the context.
    """
    is_done, status = False, 1
    loops: list[asyncio.AbstractEventLoop] = []

    def end() -> None:
        if not is_done:
            late = "; ".join(_under_way(loops))
            print(
                f"(something did not stop in time; the next start goes on from the journal: {late})",
                flush=True,
            )
        os._exit(status)

    # An answer may wait for a database that is down, or for another process; the end should not.
    timers = threading.Timer(ANSWER_SECONDS, wait_no_longer), threading.Timer(_STOP_SECONDS, end)

    async def begin() -> None:
        loops.append(asyncio.get_running_loop())
        for timer in timers:
            timer.daemon = True
            timer.start()

    try:
        yield begin
        status = 0
    finally:
        is_done = True
        if timers[-1].is_alive():
            gc.freeze()  # the interpreter would look through PyTorch's many objects at its end, for seconds
        else:
            wait_again()


def _under_way(loops: Iterable[asyncio.AbstractEventLoop]) -> Iterator[str]:
    """Yield a phrase for each task and thread that runs, with its last places in this library."""
    for loop in loops:
        for task in asyncio.all_tasks(loop):
            yield f"task {task.get_name()} {_places(task.get_stack())}"
    frames = sys._current_frames()
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and (frame := frames.get(thread.ident or 0)):
            stack = [one for one, _ in traceback.walk_stack(frame)]
            yield f"thread {thread.name} {_places(stack[::-1])}"


def _places(stack: Iterable[FrameType]) -> str:
    """Return the last places of a stack, the innermost last: those of this library, or any without one."""
    places = [(Path(one.f_code.co_filename), one.f_lineno, one.f_code.co_name) for one in stack]
    own = [place for place in places if _LIBRARY in place[0].parents] or places
    return (
        " > ".join(f"{file.stem}:{line} {function}" for file, line, function in own[-_PLACES:]) or "nowhere"
    )
