"""Holds of people: in somebody's conversations one thing is done after the other."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dialogue_gym.live.waits import FutureResult, Signal, Wait

if TYPE_CHECKING:
    from dialogue_gym.journal.leases import Head, Leases


@dataclass(eq=False)
class Hold:
    """A hold of somebody's conversations: nobody else may do anything there until it is over.

    Attributes:
        over: tells the end.
        is_acting: whether an action is under way that may take long.
    """

    over: Signal = field(default_factory=Signal)
    is_acting: bool = False


class Holds:
    """The holds in this process, each of them with a lease if other processes have the same people.

    Attributes:
        by_person: the present holds.
        leases: the leases; None if this process alone writes.
    """

    def __init__(
        self, leases: Leases | None, refresh: Callable[[str, list[Head]], Coroutine[Wait[Any], Any, None]]
    ) -> None:
        """Begin without any; `refresh` takes in a person's conversations as a lease found them."""
        self.by_person: dict[str, Hold] = {}
        self.leases = leases
        self._refresh = refresh

    @contextlib.asynccontextmanager
    async def hold(self, person: str, only_looks: bool = False) -> AsyncIterator[Hold]:
        """Hold somebody's conversations, once nobody else does.

        Args:
            person: the name of the person.
            only_looks: whether nothing will be written, so that other processes need not wait.

        Raises:
            LeaseTaken: another process has held them for too long.
            StoreError: the database cannot be used.
        """
        while (known := self.by_person.get(person)) is not None:
            await known.over
        self.by_person[person] = mine = Hold()
        try:
            if self.leases is not None:
                found = self.leases.look(person) if only_looks else self.leases.take(person)
                await self._refresh(person, await FutureResult(found))
            yield mine
        finally:
            if self.leases is not None and not only_looks:
                self.leases.release(person)
            del self.by_person[person]
            mine.over.tell()

    def is_acting(self, person: str) -> bool:
        """Return whether an action is under way in somebody's conversation that may take long."""
        known = self.by_person.get(person)
        return known is not None and known.is_acting

    @contextlib.contextmanager
    def acting(self, person: str) -> Iterator[None]:
        """Mark an action that may take long."""
        known = self.by_person.get(person)
        if known is None:  # one thread has all conversations
            yield
            return
        known.is_acting = True
        try:
            yield
        finally:
            known.is_acting = False
