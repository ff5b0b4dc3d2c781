"""Moderation of ratings: those of unknown people and of bursts teach nothing until somebody approves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

from dialogue_gym.journal.entry import BURST, DECLINED, PENDING, PERSON, RATING, Draft, Entry
from dialogue_gym.journal.store import Store
from dialogue_gym.live.rate_limit import RateLimiter, SlidingWindow
from dialogue_gym.live.turn import LiveError

ALL, BURSTS = "all", "burst"
"""Names of several ratings that wait: those outside of bursts, and those of bursts."""


class BurstWatch:
    """Watch over the ratings of each source, such as a sender or an address. Not thread-safe.

    A source sends a burst while more than `ratings` of its ratings have come in the last `minutes`.
    """

    def __init__(
        self, ratings: int, minutes: float, capacity: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin without any rating.

        Args:
            ratings: the number of ratings of a source that are not yet a burst.
            minutes: the time in which they come.
            capacity: the number of sources that are remembered.
            clock: the time in seconds.
        """
        self._seen = RateLimiter(partial(SlidingWindow, ratings, 60 * minutes), capacity, clock)

    def add(self, *sources: str) -> bool:
        """Count a rating by its sources; return whether it belongs to a burst of one of them."""
        is_burst = any(self._seen.wait(source) for source in sources)
        for source in sources:
            self._seen.use(source)
        return is_burst


class Moderation(Protocol):
    """The interface for teachers to approve of ratings, and to give their own."""

    def waiting(self) -> list[Entry]:
        """Return the ratings that await approval, the oldest first."""

    def approve(self, rating: int) -> None:
        """Let a rating count, by the id of its entry.

        Raises:
            LiveError: no such rating awaits approval.
            StoreError: the journal could not be written.
        """

    def decline(self, rating: int) -> None:
        """Let a rating never count; arguments and errors are those of `approve`."""

    def decline_bursts(self) -> None:
        """Let the ratings of bursts that wait never count.

        Raises:
            StoreError: the journal could not be written; all wait as before.
        """

    def give(self, conversation: str, about: int | None, value: float, teacher: str) -> None:
        """Write down a teacher's own rating of something in a conversation.

        Raises:
            LiveError: there is nothing to rate.
            StoreError: the journal could not be written.
        """


class JournalModeration:
    """Moderation while nobody learns: approved ratings are learned from at the next start."""

    def __init__(self, store: Store) -> None:
        """Look at a journal."""
        self._store = store

    def waiting(self) -> list[Entry]:
        """Return the ratings that wait; see `Moderation`."""
        return waiting(self._store.ratings())

    def approve(self, rating: int) -> None:
        """Let a rating count; see `Moderation`."""
        self._store.append_all([approved(self.find(rating))])

    def decline(self, rating: int) -> None:
        """Let a rating never count; see `Moderation`."""
        self._store.append_all([declined(self.find(rating))])

    def decline_bursts(self) -> None:
        """Let the ratings of bursts never count; see `Moderation`."""
        self._store.append_all(declined(entry) for entry in chosen(self.waiting(), BURSTS))

    def find(self, rating: int) -> Entry:
        """Return a rating that waits, by the id of its entry.

        Raises:
            LiveError: no such rating awaits approval.
        """
        entry = next((entry for entry in self.waiting() if entry.id == rating), None)
        if entry is None:
            raise LiveError(f"no rating {rating} waits to be approved")
        return entry

    def give(self, conversation: str, about: int | None, value: float, teacher: str) -> None:
        """Write down a teacher's rating; see `Moderation`."""
        content = {"value": value, "about": about}
        self._store.append_all([Draft(conversation, RATING, content, about, teacher)])


def waiting(ratings: Iterable[Entry]) -> list[Entry]:
    """Return the ratings that wait: the last one about something, if nobody has approved or declined it.

    A person may change their mind, and a teacher may give another value: that settles earlier ones.
    """
    last = {entry.content["about"]: entry for entry in ratings}
    return sorted(
        (one for one in last.values() if one.content.get(PENDING) and not one.content.get(DECLINED)),
        key=lambda entry: entry.id,
    )


def chosen(ratings: Iterable[Entry], which: str) -> list[Entry]:
    """Return the ratings that a text names: `ALL`, `BURSTS`, or the id of one; none if it names none.

    All are those outside of bursts: whoever approves of many at once has not looked at each.
    """
    if which in (ALL, BURSTS):
        return [one for one in ratings if bool(one.content.get(BURST)) == (which == BURSTS)]
    return [one for one in ratings if str(one.id) == which]


def approved(rating: Entry) -> Draft:
    """Return a rating as it counts."""
    return _again(rating, {key: value for key, value in rating.content.items() if key != PENDING})


def declined(rating: Entry) -> Draft:
    """Return a rating as it never counts."""
    return _again(rating, {**rating.content, DECLINED: True})


def _again(rating: Entry, content: Mapping[str, Any]) -> Draft:
    return Draft(rating.conversation, RATING, content, rating.content["about"], PERSON)
