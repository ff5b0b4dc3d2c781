"""Ratings of conversations with people: of one reply or of the whole, at once or once they are approved."""

from __future__ import annotations

import contextlib
import math
import threading
from typing import Any

from dialogue_gym._text import quoted
from dialogue_gym.journal.entry import BURST, PENDING, PERSON, RATING, Draft, Entry
from dialogue_gym.live.conversations import Conversations
from dialogue_gym.live.moderation import JournalModeration, approved
from dialogue_gym.live.trace import Trace
from dialogue_gym.live.turn import LiveError
from dialogue_gym.live.waits import finish


class Ratings:
    """The ratings of a bot's conversations, however late: what they are about is learned again with them."""

    def __init__(self, conversations: Conversations) -> None:
        """Take ratings of these conversations."""
        self.conversations = conversations

    async def take(
        self,
        conversation: str,
        value: float,
        about: int | None = None,
        is_pending: bool = False,
        by: str = PERSON,
        is_burst: bool = False,
    ) -> None:
        """Take a rating: its transition is learned with it, again if it was learned before.

        Args:
            conversation: the name of a conversation, open or ended.
            value: 1 for good, -1 for bad, anything between or beyond.
            about: the id of the entry of a decision, of a teacher's own words, or of the end. By default the
                end, or while the conversation is open the last reply.
            is_pending: whether it waits for approval, and is not learned before.
            by: the author of the rating.
            is_burst: whether it is one of many from one source; then it waits for approval, too.

        Raises:
            LiveError: there is nothing to rate, or the value is not finite.
            StoreError: the journal could not be written.
        """
        if not math.isfinite(value):
            raise LiveError(f"a rating is a finite number, not {value}")
        trace = self.conversations.find(conversation)
        about = _rated(trace, about)
        if about is None:
            raise LiveError(f"{quoted(conversation)}: this message can no longer be rated")
        rating: dict[str, Any] = {"value": float(value), "about": about}
        rating |= {PENDING: True} if is_pending or is_burst else {}
        rating |= {BURST: True} if is_burst else {}
        await self.conversations.add(trace, RATING, rating, about, by)
        if self.conversations.is_open(conversation):
            self.conversations.touch(conversation)

    def can_take(self, conversation: str, about: int | None = None) -> bool:
        """Return whether there is something to rate; arguments and errors are those of `take`."""
        return _rated(self.conversations.find(conversation), about) is not None


class LiveModeration:
    """Moderation beside a learner, which learns an approved rating at once; see `Moderation`. Thread-safe."""

    def __init__(self, ratings: Ratings, lock: contextlib.AbstractContextManager[Any]) -> None:
        """Moderate ratings of conversations that nobody touches without the lock."""
        self._ratings = ratings
        self._conversations = ratings.conversations
        self._journal = JournalModeration(ratings.conversations.store)
        self._lock = lock
        self._settling = threading.Lock()  # one teacher after another, while people go on

    def waiting(self) -> list[Entry]:
        """Return the ratings that wait for approval, the oldest first."""
        return self._journal.waiting()

    def approve(self, rating: int) -> None:
        """Let a rating count; see `Moderation`."""
        with self._settling:
            approval = approved(self._journal.find(rating))
            finish(self._learn(approval), self._lock)

    async def _learn(self, approval: Draft) -> None:
        trace = self._conversations.find(approval.conversation)
        await self._conversations.add(trace, RATING, approval.content, approval.content["about"], PERSON)

    def decline(self, rating: int) -> None:
        """Let a rating never count; see `Moderation`."""
        with self._settling:
            self._journal.decline(rating)

    def decline_bursts(self) -> None:
        """Let the ratings of bursts never count; see `Moderation`."""
        with self._settling:
            self._journal.decline_bursts()

    def give(self, conversation: str, about: int | None, value: float, teacher: str) -> None:
        """Take a teacher's rating; see `Moderation`."""
        finish(self._ratings.take(conversation, value, about, by=teacher), self._lock)


def _rated(trace: Trace, about: int | None) -> int | None:
    """Return the entry that a rating is about, None if there is nothing like that."""
    if about is None:
        about = trace.last_rateable
    return about if about is not None and trace.can_rate(about) else None
