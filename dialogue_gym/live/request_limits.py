"""The limits of requests: how often a sender, an address and newcomers may write and rate. No HTTP."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from dialogue_gym.live.moderation import BurstWatch
from dialogue_gym.live.rate_limit import Limits, RateLimiter, TokenBucket

if TYPE_CHECKING:
    from dialogue_gym.journal.leases import Leases

DAY, HOUR, MINUTE = 86400.0, 3600.0, 60.0
_CHANNEL = "dialogue_gym_requests"


class Rejected(Exception):
    """A rejected request, with the reason in one line.

    Attributes:
        status: the HTTP status.
        wait: seconds until a second attempt may succeed; None if it never will.
    """

    def __init__(self, status: int, line: str, wait: float | None = None) -> None:
        """Keep the status and the pause."""
        super().__init__(line)
        self.status = status
        self.wait = wait


@dataclass(frozen=True)
class Request:
    """A request that is counted.

    Attributes:
        sender: the person; None if only a newcomer is counted.
        address: the address that it comes from, if that is counted.
        is_written: whether it is written down, and counts for the day and the address as well.
        new: the address that a new person comes from.
        rates: the sources of a rating, as keys of a `BurstWatch`.
    """

    sender: str | None = None
    address: str | None = None
    is_written: bool = True
    new: str | None = None
    rates: Sequence[str] = ()


class RequestLimits:
    """The requests of everybody so far. Not thread-safe; memory is bounded."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        """Begin without any; `clock` is seconds from any beginning."""
        self._tell: Callable[[dict[str, Any]], object] = lambda request: None
        known = 2 * limits.people
        self._per_minute = RateLimiter(partial(TokenBucket, limits.per_minute, MINUTE), known, clock)
        self._per_day = RateLimiter(partial(TokenBucket, limits.per_day, DAY), known, clock)
        self._per_address = RateLimiter(partial(TokenBucket, limits.address_per_minute, MINUTE), known, clock)
        self._new = RateLimiter(partial(TokenBucket, limits.new_per_hour, HOUR), known, clock)
        self._bursts = BurstWatch(limits.ratings, limits.ratings_minutes, 2 * known, clock)

    def admit(self, address: str) -> None:
        """Count a new person from an address.

        Raises:
            Rejected: too many have come from there.
        """
        if wait := self._new.wait(address):
            line = "too many new people have come from your address; please come back later"
            raise Rejected(429, line, wait)
        self._count(Request(new=address))

    def spend(self, sender: str, address: str | None = None, is_written: bool = True) -> None:
        """Count a request, and one that is written down for the day and the address as well.

        Raises:
            Rejected: the sender, or somebody from the same address, has sent too many.
        """
        request = Request(sender, address, is_written)
        if wait := max(limiter.wait(key) for limiter, key in self._uses(request)):
            raise Rejected(429, "you are sending messages too quickly; please wait a moment", wait)
        self._count(request)

    def rate(self, sender: str, address: str | None = None) -> bool:
        """Count a rating; return whether it is part of a burst of the sender, or of the address."""
        sources = [f"sender {sender}", *([] if address is None else [f"address {address}"])]
        is_burst = self._bursts.add(*sources)
        self._tell(dataclasses.asdict(Request(rates=sources)))
        return is_burst

    def _count(self, request: Request) -> None:
        self._add(request)
        self._tell(dataclasses.asdict(request))

    def _add(self, request: Request) -> None:
        for limiter, key in self._uses(request):
            limiter.use(key)
        if request.rates:
            self._bursts.add(*request.rates)

    @contextlib.contextmanager
    def shared(self, leases: Leases | None, lock: AbstractContextManager[Any]) -> Iterator[None]:
        """Count what other processes of a shared store admit, too, within the context.

        Args:
            leases: the leases of the store; None if it is not shared.
            lock: held while something is counted.
        """
        if leases is None:
            yield
            return

        def hear(news: dict[str, Any]) -> None:
            with lock:
                self._add(Request(**news))

        bulletin = leases.bulletin(_CHANNEL, hear)
        self._tell = bulletin.post
        with bulletin.following():
            yield

    def _uses(self, request: Request) -> list[tuple[RateLimiter, str]]:
        uses = [] if request.new is None else [(self._new, request.new)]
        if request.sender is None:
            return uses
        uses.append((self._per_minute, request.sender))
        if request.is_written:
            uses.append((self._per_day, request.sender))
            uses += [] if request.address is None else [(self._per_address, request.address)]
        return uses
