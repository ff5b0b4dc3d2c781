"""Work in a thread of its own, as long as something else goes on, and the end of all of it."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

_LEAVING = threading.Event()
_AFTER_ERRORS = 1.0
"""The least number of seconds between an error of a repeated function and its next call."""
_LOG = logging.getLogger(__name__)


def wait_no_longer() -> None:
    """Let all threads give up that which takes long, since this process is about to end.

    No lost connection is made again, no other process is waited for, and no evaluation goes on.
    """
    _LEAVING.set()


def wait_again() -> None:
    """Let threads wait as usual: the end was not that of this process."""
    _LEAVING.clear()


def is_leaving() -> bool:
    """Return whether this process is about to end."""
    return _LEAVING.is_set()


@contextlib.contextmanager
def repeating(function: Callable[[], object], seconds: float, name: str) -> Iterator[None]:
    """Call a function again and again, in a thread, within the context; its end waits for the last call.

    An error of the function is told in the log, once as long as it stays the same, and the next call may
    succeed: a server goes on for months, and nothing else would do this work.

    Args:
        function: is called without arguments.
        seconds: the pause before each call.
        name: the name of the thread.
    """
    is_over = threading.Event()

    def run() -> None:
        told, pause = "", seconds
        while not is_over.wait(pause):
            try:
                function()
            except Exception as error:
                line = f"{name}: {type(error).__name__}: {error}"
                if line != told:
                    _LOG.error("%s", line)
                told, pause = line, max(seconds, _AFTER_ERRORS)
            else:
                told, pause = "", seconds

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
