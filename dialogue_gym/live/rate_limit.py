"""How much a sender may send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass  # needs torch, which the pages that use this may lack


@dataclass(frozen=True)
class Limits:
    """What strangers may do.

    Attributes:
        characters: in a message.
        per_minute: messages of one person in a minute.
        per_day: messages of one person that are written down in a day.
        people: conversations that go on at the same time.
    """

    characters: int = 1000
    per_minute: int = 60
    per_day: int = 2000
    people: int = 10_000


@dataclass
class TokenBucket:
    """What is left of an allowance that fills up again by itself."""

    size: float
    seconds: float
    left: float
    at: float

    def wait(self, now: float) -> float:
        """Return after how many seconds there is one more."""
        self.left = min(self.size, self.left + (now - self.at) * self.size / self.seconds)
        self.at = now
        return 0.0 if self.left >= 1 else (1 - self.left) * self.seconds / self.size
