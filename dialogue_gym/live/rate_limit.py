"""Rate limits on messages of unknown senders and on wrong passwords."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Limits:
    """Limits for unknown senders.

    Attributes:
        characters: the maximum length of a message.
        per_minute: the maximum number of messages of one person in a minute.
        per_day: the maximum number of messages of one person that are written down in a day.
        people: the maximum number of conversations at the same time.
        address_per_minute: the maximum number of messages from one address in a minute.
        new_per_hour: the maximum number of new people from one address in an hour.
        ratings: the maximum number of ratings of one person, or from one address, that are not a burst.
        ratings_minutes: the minutes in which they come.
    """

    characters: int = 1000
    per_minute: int = 60
    per_day: int = 2000
    people: int = 10_000
    address_per_minute: int = 600
    new_per_hour: int = 100
    ratings: int = 30
    ratings_minutes: float = 10.0


class Allowance(Protocol):
    """The allowance of one person or address. Times are in seconds, on one clock."""

    def wait(self, now: float) -> float:
        """Return the seconds until the next use is allowed; 0 if it is allowed now."""

    def use(self, now: float) -> None:
        """Count one use."""


@dataclass
class TokenBucket:
    """An allowance of `size` uses that refills steadily within `seconds`."""

    size: float
    seconds: float
    _left: float = field(init=False)
    _refilled: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Begin full."""
        self._left = self.size

    def wait(self, now: float) -> float:
        """Return the seconds until the next use is allowed."""
        if self._refilled is not None:
            refill = (now - self._refilled) * self.size / self.seconds
            self._left = min(self.size, self._left + refill)
        self._refilled = now
        return 0.0 if self._left >= 1 else (1 - self._left) * self.seconds / self.size

    def use(self, now: float) -> None:
        """Take one use out of the bucket."""
        self.wait(now)
        self._left -= 1


class SlidingWindow:
    """An allowance of `size` uses within any `seconds`; uses that were not allowed count as well."""

    def __init__(self, size: int, seconds: float) -> None:
        """Begin without any use."""
        self._seconds = seconds
        self._uses: deque[float] = deque(maxlen=size)

    def wait(self, now: float) -> float:
        """Return the seconds until the next use is allowed, if none comes before."""
        is_full = len(self._uses) == self._uses.maxlen
        return max(0.0, self._uses[0] + self._seconds - now) if is_full else 0.0

    def use(self, now: float) -> None:
        """Count one use."""
        self._uses.append(now)


@dataclass
class Backoff:
    """An allowance with doubling pauses: 1 s after `free` uses, then 2, 4 ... up to `longest` seconds."""

    free: int = 3
    longest: float = 300.0
    _used: int = field(init=False, default=0)
    _until: float = field(init=False, default=0.0)

    def wait(self, now: float) -> float:
        """Return the seconds that are left of the pause."""
        return max(0.0, self._until - now) if self._used else 0.0

    def use(self, now: float) -> None:
        """Count one use, and begin its pause."""
        self._used += 1
        # Bounded exponent: 2.0 ** 1024 overflows, and someone may well try a thousand passwords.
        pause = 2.0 ** min(self._used - self.free, 64) if self._used >= self.free else 0.0
        self._until = now + min(pause, self.longest)


class RateLimiter:
    """One allowance per key, such as a sender or an address. Memory is bounded; not thread-safe.

    The key that was quiet for longest is forgotten first, and then begins with a fresh allowance.
    """

    def __init__(
        self,
        allowance: Callable[[], Allowance],
        capacity: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin without any key.

        Args:
            allowance: makes a fresh one, for a key that is not known.
            capacity: the number of keys that are remembered.
            clock: the time in seconds.
        """
        self._allowance = allowance
        self._capacity = capacity
        self._clock = clock
        self._allowances: OrderedDict[str, Allowance] = OrderedDict()  # the most recent key at the end

    def __len__(self) -> int:
        """Return the number of keys that are remembered."""
        return len(self._allowances)

    def wait(self, key: str) -> float:
        """Return the seconds until the next use is allowed; 0 if it is allowed now."""
        if key not in self._allowances:
            return 0.0
        self._allowances.move_to_end(key)  # so that nobody is forgotten while they keep trying
        return self._allowances[key].wait(self._clock())

    def use(self, key: str) -> None:
        """Count one use, allowed or not."""
        allowance = self._allowances.setdefault(key, self._allowance())
        self._allowances.move_to_end(key)
        allowance.use(self._clock())
        while len(self._allowances) > self._capacity:
            self._allowances.popitem(last=False)

    def forget(self, key: str) -> None:
        """Let a key begin with a fresh allowance."""
        self._allowances.pop(key, None)
