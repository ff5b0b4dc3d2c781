"""Moderation of ratings: those of unknown people teach nothing until somebody approves of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from dialogue_gym.journal.entry import DECLINED, PENDING, PERSON, RATING, Draft, Entry
from dialogue_gym.journal.store import Store
from dialogue_gym.live.turn import LiveError


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
        self.settle(rating, is_right=True)

    def decline(self, rating: int) -> None:
        """Let a rating never count; see `Moderation`."""
        self.settle(rating, is_right=False)

    def settle(self, rating: int, is_right: bool) -> Entry:
        """Let a rating count, or never count; return the new entry. Errors are those of `approve`."""
        entry = next((entry for entry in self.waiting() if entry.id == rating), None)
        if entry is None:
            raise LiveError(f"no rating {rating} waits to be approved")
        (written,) = self._store.append_all([approved(entry) if is_right else _declined(entry)])
        return written

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


def approved(rating: Entry) -> Draft:
    """Return a rating as it counts."""
    return _again(rating, {key: value for key, value in rating.content.items() if key != PENDING})


def _declined(rating: Entry) -> Draft:
    return _again(rating, {**rating.content, DECLINED: True})


def _again(rating: Entry, content: Mapping[str, Any]) -> Draft:
    return Draft(rating.conversation, RATING, content, rating.content["about"], PERSON)
