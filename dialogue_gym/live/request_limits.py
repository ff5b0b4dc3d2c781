"""The limits of requests: how often a sender, an address and newcomers may write. No HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from dialogue_gym.live.rate_limit import Limits, RateLimiter, TokenBucket

DAY, HOUR, MINUTE = 86400.0, 3600.0, 60.0


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
    """

    sender: str | None = None
    address: str | None = None
    is_written: bool = True
    new: str | None = None


class RequestLimits:
    """The requests of everybody so far. Not thread-safe; memory is bounded.

    Attributes:
        on_request: called with each request that is admitted here, so that other processes can count it.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        """Begin without any; `clock` is seconds from any beginning."""
        self.on_request: Callable[[Request], object] = lambda request: None
        known = 2 * limits.people
        self._per_minute = RateLimiter(partial(TokenBucket, limits.per_minute, MINUTE), known, clock)
        self._per_day = RateLimiter(partial(TokenBucket, limits.per_day, DAY), known, clock)
        self._per_address = RateLimiter(partial(TokenBucket, limits.address_per_minute, MINUTE), known, clock)
        self._new = RateLimiter(partial(TokenBucket, limits.new_per_hour, HOUR), known, clock)

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

    def _count(self, request: Request) -> None:
        self.count(request)
        self.on_request(request)

    def count(self, request: Request) -> None:
        """Count a request that was admitted elsewhere."""
        for limiter, key in self._uses(request):
            limiter.use(key)

    def _uses(self, request: Request) -> list[tuple[RateLimiter, str]]:
        uses = [] if request.new is None else [(self._new, request.new)]
        if request.sender is None:
            return uses
        uses.append((self._per_minute, request.sender))
        if request.is_written:
            uses.append((self._per_day, request.sender))
            uses += [] if request.address is None else [(self._per_address, request.address)]
        return uses
