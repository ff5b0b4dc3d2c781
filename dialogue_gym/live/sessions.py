"""People whom nobody knows, each in a conversation of their own, with what they may do. No HTTP."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dialogue_gym._text import name_fault, printable, shorten
from dialogue_gym.conversation.events import BotUttered, Event
from dialogue_gym.journal.entry import BOT, PERSON, Entry, StoreError
from dialogue_gym.live.bot import LiveBot, Reply
from dialogue_gym.live.rate_limit import Limits, RateLimiter, TokenBucket

_DAY, _MINUTE = 86400.0, 60.0
_SENDER_CHARACTERS = 128
_EXPIRE_EVERY, _EXPIRE_MOST = 1.0, 20


@dataclass(frozen=True)
class Snapshot:
    """A conversation as it was at some time.

    Attributes:
        conversation: its name.
        events: what was said and done.
        slots: what the bot knows, by name.
        decision: the id of the entry of the last decision.
        has_ended: whether it is over.
        waits: for whom the person waits, `"bot"` or the name of a teacher; None if it is their turn.
    """

    conversation: str
    events: tuple[Event, ...]
    slots: dict[str, Any]
    decision: int | None
    has_ended: bool
    waits: str | None


class Rejected(Exception):
    """What is not taken, in one line; `wait` says after how many seconds it may be, if it ever may."""

    def __init__(self, status: int, line: str, wait: float | None = None) -> None:
        """Keep the status that HTTP has for it."""
        super().__init__(line)
        self.status = status
        self.wait = wait


class Sessions:
    """Everybody who talks to a bot, with what they may do.

    All methods may be called from any thread. While an action of one conversation is under way that reaches
    out of here, to a server for instance, the others go on. What is kept in memory of somebody is bounded,
    and of everybody together as well: who comes back after many others have come is a newcomer to the limits
    alone, not to the bot.
    """

    def __init__(
        self,
        bot: LiveBot,
        limits: Limits | None = None,
        *,
        trusts_ratings: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take up the conversations that go on.

        Args:
            bot: it answers.
            limits: what they may do.
            trusts_ratings: whether a rating counts at once, or waits until a teacher approves of it.
            clock: seconds from any beginning.
        """
        self.lock = threading.Condition(threading.Lock())
        self.bot = bot
        bot.conversations.unlocked = self._release_lock
        self._understanding = threading.Lock()
        self._limits = limits or Limits()
        self._trusts_ratings = trusts_ratings
        self._conversations = bot.conversations
        per_minute, per_day, known = self._limits.per_minute, self._limits.per_day, 2 * self._limits.people
        self._per_minute = RateLimiter(lambda: TokenBucket(per_minute, _MINUTE), known, clock)
        self._per_day = RateLimiter(lambda: TokenBucket(per_day, _DAY), known, clock)

    def reply(self, sender: str, text: str) -> Reply:
        """Take in what somebody says; the bot answers.

        Raises:
            Refused: it cannot be taken, or not now.
            StoreError: it could not be written down, and is not answered.
        """
        _check_sender(sender)
        if not text.strip():
            raise Rejected(400, "the message is empty")
        if len(text) > self._limits.characters:
            raise Rejected(413, f"a message has at most {self._limits.characters} characters")
        with self.lock:
            self._spend(sender)
        with self._understanding:  # one is understood while what another said is written down
            take = self.bot.understand(text)
        with self.lock:
            name = self._conversations.current(sender)
            if name in self._conversations.busy:  # who waits here would take the place of another person
                raise Rejected(429, "your last message is still being answered", 1)
            late: tuple[BotUttered, ...] = ()
            if name is None:
                late, name = self._late_messages(sender), self._begin(sender)
            heard = take(name)
            return dataclasses.replace(heard, late=(*late, *heard.late))

    @contextlib.contextmanager
    def _release_lock(self, conversation: str) -> Iterator[None]:
        """Let go of the lock, while an action is under way that may take long."""
        self.lock.release()
        try:
            yield
        finally:
            self.lock.acquire()
            self.lock.notify_all()

    def wait_for_turn(self, conversation: str) -> None:
        """Wait until no action is under way in a conversation. The lock is held before and after."""
        while conversation in self._conversations.busy:
            self.lock.wait()

    def _late_messages(self, sender: str) -> tuple[BotUttered, ...]:
        """Return what somebody was told at the end of the conversation before, if a teacher ended it."""
        name = self._conversations.ended(sender)
        return () if name is None else tuple(self._conversations.on_record(name).late)

    def _begin(self, sender: str) -> str:
        if len(self._conversations) >= self._limits.people:
            raise Rejected(503, "too many people are talking at the moment; come back later", _MINUTE)
        return self.bot.begin(sender)

    def _spend(self, sender: str, is_written: bool = True) -> None:
        limiters = (self._per_minute, self._per_day) if is_written else (self._per_minute,)
        if wait := max(limiter.wait(sender) for limiter in limiters):
            raise Rejected(429, "that was too much in too short a time; wait a little", wait)
        for limiter in limiters:
            limiter.use(sender)

    def expire(self) -> None:
        """End the conversations of those who have left, and answer who waits for a teacher in vain."""
        with self.lock:
            for name in self.bot.due()[:_EXPIRE_MOST]:
                with contextlib.suppress(StoreError):  # told to who says something; the next time may do
                    self.bot.lapse(name)

    @contextlib.contextmanager
    def expiring(self) -> Iterator[None]:
        """Do every second what time brings (see `expire`), in a thread of its own, until this is left."""
        is_over = threading.Event()

        def run() -> None:
            while not is_over.wait(_EXPIRE_EVERY):
                self.expire()

        thread = threading.Thread(target=run, name="expiring", daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def snapshot(self, sender: str, is_trusted: bool = False) -> Snapshot:
        """Return the conversation that somebody is in, or had last.

        Args:
            sender: whose it is.
            is_trusted: whether a teacher asks, as often as they like.

        Raises:
            Refused: they have said nothing, or have asked too often.
        """
        with self.lock:
            name = self._of(sender)
            if not is_trusted:
                self._spend(sender, is_written=False)
            return self._snapshot(name)

    def snapshot_of(self, conversation: str) -> Snapshot:
        """Return a conversation by its name.

        Raises:
            LiveError: there is none like that.
        """
        with self.lock:
            return self._snapshot(conversation)

    def _snapshot(self, name: str) -> Snapshot:
        is_open = self._conversations.is_open(name)
        trace = self._conversations.find(name)
        waits = None
        if is_open and name in self._conversations.busy:
            waits = BOT
        elif is_open and self.bot.waits(name):
            waits = trace.teacher
        tracked = trace.conversation
        return Snapshot(name, tracked.events, dict(tracked.slots), trace.last_decision, not is_open, waits)

    def _of(self, sender: str) -> str:
        _check_sender(sender)
        name = self._conversations.current(sender) or self._conversations.ended(sender)
        if name is None:
            raise Rejected(404, f"{shorten(printable(sender))} has said nothing yet")
        return name

    def rate(self, sender: str, value: float, about: int | None = None, is_trusted: bool = False) -> None:
        """Take a rating of somebody's conversation: of what the bot did last, or at the end of all of it.

        Args:
            sender: whose conversation it is.
            value: from -1 to 1.
            about: the id of the entry of an earlier decision of the bot, in this conversation.
            is_trusted: whether a teacher gives it, and not the person themselves.

        Raises:
            Refused: the value is none, or they have said nothing or too much.
            LiveError: there is nothing like that to rate.
            StoreError: it could not be written down.
        """
        if not -1 <= value <= 1:
            raise Rejected(400, "a rating is a number from -1 to 1")
        is_pending = not (is_trusted or self._trusts_ratings)
        with self.lock:
            name = self._of(sender)
            if not is_trusted:
                self._spend(sender)
            if not self._conversations.can_rate(name, about):
                # It has just begun: the one before it is meant.
                name = self._conversations.ended(sender) or name
            self._conversations.rate(name, value, about, is_pending)

    def waiting(self) -> list[Entry]:
        """Return the ratings that wait until somebody approves of them, the oldest first."""
        return self._conversations.waiting()

    def approve(self, rating: int) -> None:
        """Let a rating count; see `Approval`."""
        with self.lock:
            self._conversations.approve(rating)

    def decline(self, rating: int) -> None:
        """Let a rating never count; see `Approval`."""
        with self.lock:
            self._conversations.decline(rating)

    def give(self, conversation: str, about: int | None, value: float, teacher: str) -> None:
        """Take a teacher's rating; see `Approval`."""
        with self.lock:
            self._conversations.rate(conversation, value, about, by=teacher)


def _check_sender(sender: str) -> None:
    if len(sender) > _SENDER_CHARACTERS:
        raise Rejected(400, f"a sender has at most {_SENDER_CHARACTERS} characters")
    if not sender or name_fault(sender):
        raise Rejected(400, f"sender: {name_fault(sender) or 'it is empty'}")
    if sender == PERSON:
        raise Rejected(400, f"sender: {PERSON!r} is who talks in the terminal")
