"""The waits of a conversation: for the disk, for an action, for somebody else's turn to end.

The logic of conversations is written once, in coroutines that await nothing but a `Wait`. They know neither
threads nor an event loop: `finish` runs one in a thread, which blocks at each wait, and `finish_later` in an
event loop, where nobody else waits meanwhile.
"""

from __future__ import annotations

import abc
import asyncio
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Generic, TypeVar

from dialogue_gym.actions import ActionResult, ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.journal.entry import Entry
from dialogue_gym.journal.group_commit import PendingWrite

T = TypeVar("T")


class Wait(abc.ABC, Generic[T]):
    """Something that a coroutine awaits."""

    def __await__(self) -> Generator[Wait[Any], T, T]:
        """Give the wait to whoever runs the coroutine, and return its result."""
        return (yield self)

    @abc.abstractmethod
    def block(self) -> T:
        """Wait in this thread; return the result."""

    @abc.abstractmethod
    async def pause(self) -> T:
        """Wait in the event loop, where others go on; return the result."""


class FutureResult(Wait[T]):
    """A wait for the result of a future that others may wait for as well."""

    def __init__(self, future: Future[T]) -> None:
        """Wait for a future that somebody else completes."""
        self._future = future

    def block(self) -> T:
        """Wait in this thread."""
        return self._future.result()

    async def pause(self) -> T:
        """Wait in the event loop; one that is given up leaves the future to the others."""
        loop = asyncio.get_running_loop()
        over = loop.create_future()

        def tell(future: Future[T]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, over)

        self._future.add_done_callback(tell)
        await over
        return self._future.result()


def _settle(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)


class Flush(FutureResult[list[Entry]]):
    """A wait until entries are on the disk; errors are those of `Store.append_all`."""

    def __init__(self, write: PendingWrite) -> None:
        """Wait for a write."""
        super().__init__(write.done)
        self._write = write

    def block(self) -> list[Entry]:
        """Write them in this thread, unless another one does."""
        return self._write.result()

    async def pause(self) -> list[Entry]:
        """Let a thread write them."""
        self._write.start()
        return await super().pause()


class Act(Wait[ActionResult]):
    """A wait for an action that reaches out to the world."""

    def __init__(self, runner: ActionRunner, action: str, conversation: Conversation) -> None:
        """Run an action; arguments as of `ActionRunner.run`."""
        self._runner = runner
        self._asked = action, conversation

    def block(self) -> ActionResult:
        """Run it in this thread."""
        return self._runner.run(*self._asked)

    async def pause(self) -> ActionResult:
        """Run it beside the event loop."""
        return await self._runner.run_later(*self._asked)


class ThreadCall(Wait[T]):
    """A wait for a function that may take long."""

    def __init__(self, function: Callable[[], T], threads: Executor) -> None:
        """Call a function: in an event loop in one of some threads."""
        self._function = function
        self._threads = threads

    def block(self) -> T:
        """Call it in this thread."""
        return self._function()

    async def pause(self) -> T:
        """Call it beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._function)


class Signal(FutureResult[None]):
    """A wait for a moment that somebody else tells."""

    def __init__(self) -> None:
        """Begin before that moment."""
        super().__init__(Future())

    def tell(self) -> None:
        """Let all go on who wait, and those who will."""
        self._future.set_result(None)


def finish(
    coroutine: Coroutine[Wait[Any], Any, T],
    lock: AbstractContextManager[Any] = nullcontext(),  # noqa: B008
) -> T:
    """Run a coroutine to its end in this thread, and return its result.

    Args:
        coroutine: awaits nothing but a `Wait`.
        lock: held while the coroutine runs, and released while it waits.
    """
    go_on = partial(coroutine.send, None)
    while True:
        try:
            with lock:
                wait = go_on()
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        try:
            go_on = partial(coroutine.send, wait.block())
        except BaseException as error:  # the coroutine's own: it may clear up, or go on
            go_on = partial(coroutine.throw, error)


async def finish_later(
    coroutine: Coroutine[Wait[Any], Any, T],
    lock: AbstractContextManager[Any] = nullcontext(),  # noqa: B008
) -> T:
    """Run a coroutine to its end in the event loop; as `finish` otherwise."""
    go_on = partial(coroutine.send, None)
    while True:
        try:
            with lock:
                wait = go_on()
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        try:
            go_on = partial(coroutine.send, await wait.pause())
        except BaseException as error:  # as in `finish`
            go_on = partial(coroutine.throw, error)
