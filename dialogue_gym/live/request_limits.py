"""The limits of requests: how often a sender, an address and newcomers may write. No HTTP."""

from __future__ import annotations

from collections.abc import Callable
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


class RequestLimits:
    """The requests of everybody so far. Not thread-safe; memory is bounded."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        """Begin without any; `clock` is seconds from any beginning."""
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
        self._new.use(address)

    def spend(self, sender: str, address: str | None = None, is_written: bool = True) -> None:
        """Count a request, and one that is written down for the day and the address as well.

        Raises:
            Rejected: the sender, or somebody from the same address, has sent too many.
        """
        uses = [(self._per_minute, sender)]
        if is_written:
            uses += [(self._per_day, sender), *([] if address is None else [(self._per_address, address)])]
        if wait := max(limiter.wait(key) for limiter, key in uses):
            raise Rejected(429, "you are sending messages too quickly; please wait a moment", wait)
        for limiter, key in uses:
            limiter.use(key)
