"""Sessions of people on the network: one conversation for each sender, within limits. No HTTP."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from dialogue_gym._text import name_fault, printable, quoted
from dialogue_gym._threads import repeating
from dialogue_gym.conversation.events import BotUttered, UserUttered
from dialogue_gym.journal.entry import PERSON, LeaseTaken, StoreError
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.conversations import Conversations
from dialogue_gym.live.rate_limit import Limits
from dialogue_gym.live.ratings import LiveModeration
from dialogue_gym.live.request_limits import MINUTE, Rejected, RequestLimits
from dialogue_gym.live.snapshot import Snapshot, snapshot_of
from dialogue_gym.live.turn import LiveError, Reply
from dialogue_gym.live.waits import ThreadCall, Wait, finish, finish_later

T = TypeVar("T")

_SENDER_CHARACTERS, _KEY_CHARACTERS = 128, 256
_EXPIRE_EVERY, _EXPIRE_MOST = 1.0, 20
_LOOK_EVERY = 3.0
"""Seconds between two looks at all conversations of other processes; one of them takes time."""
_MOST_ENDED = 10_000
"""Conversations that have ended whose keys are remembered."""
_LOG = logging.getLogger(__name__)

_BUSY = "your last message is still being answered"
APOLOGY = "Sorry, something did not work. Please try again, or say it in other words."
"""The note to people about a problem, whose reason is for teachers alone."""


class Sessions:
    """Everybody who talks to a bot, within limits. All methods are thread-safe.

    While one conversation waits for the disk, or for an action that calls a server, the others go on. Memory
    is bounded, for each person and for all together: someone who returns after many others have come has a
    fresh allowance, but continues their conversation.
    """

    def __init__(
        self,
        bot: LiveBot,
        limits: Limits | None = None,
        *,
        trusts_ratings: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take up the open conversations.

        Args:
            bot: the bot that answers.
            limits: the limits for each sender, and for all together.
            trusts_ratings: whether a rating counts at once, unless it is part of a burst; otherwise a teacher
                has to approve it.
            clock: seconds from any beginning.
        """
        self.lock = threading.Lock()
        self.bot = bot
        self.manager = bot.manager
        self.before_turn: Callable[[], bool] = lambda: False
        """Called with the lock before a turn begins; returns whether something has to wait until the turns
        that have begun are over."""
        self._understanding = threading.Lock()
        self._reader = ThreadPoolExecutor(1, "understanding")
        self._limits = limits or Limits()
        self._trusts_ratings = trusts_ratings
        self._conversations = bot.conversations
        self._answered_before = _AnsweredMessages(bot.conversations, self._reader)
        self.moderation = LiveModeration(bot.ratings, self.lock)
        """The approval of ratings by teachers."""
        self._problems: dict[str, str] = {}
        self._looks_around = 0.0
        self._requests = RequestLimits(self._limits, clock)

    def knows(self, sender: str) -> bool:
        """Return whether somebody has written before, unless too many others have since."""
        return finish(self._knows(sender), self.lock)

    async def _knows(self, sender: str) -> bool:
        await self._conversations.look(sender)
        return self._is_known(sender)

    def _is_known(self, sender: str) -> bool:
        return (self._conversations.current(sender) or self._conversations.ended(sender)) is not None

    def reply(
        self,
        sender: str,
        text: str,
        channel: str | None = None,
        address: str | None = None,
        key: str | None = None,
    ) -> Reply:
        """Answer a message that came through a channel, in this thread; as `answer` otherwise."""
        return finish(self._answered(sender, text, channel, address, key), self.lock)

    async def answer(
        self,
        sender: str,
        text: str,
        channel: str | None = None,
        address: str | None = None,
        key: str | None = None,
    ) -> Reply:
        """Answer a message that came through a channel, in an event loop.

        A message that is repeated with its key is answered as before, and written down once: as long as it
        is in the sender's conversation, or in the one before.

        The notes of the reply are an apology, and their reasons are in `problem`.

        Args:
            sender: the person.
            text: the message.
            channel: the channel, for responses that are its own.
            address: the address that the message comes from, which has limits; None for a known program.
            key: the sender's own key of the message, which no other message of theirs has; None without one.

        Raises:
            Rejected: the message is invalid, or over a limit, or its key belongs to another one.
            StoreError: the message could not be written down, and is not answered.
        """
        return await finish_later(self._answered(sender, text, channel, address, key), self.lock)

    async def _answered(
        self, sender: str, text: str, channel: str | None, address: str | None, key: str | None
    ) -> Reply:
        _check_sender(sender)
        if not text.strip():
            raise Rejected(400, "the message is empty")
        if key is not None and (not key or len(key) > _KEY_CHARACTERS or name_fault(key)):
            raise Rejected(400, f"a message's key has 1 to {_KEY_CHARACTERS} printable characters")
        if len(text) > self._limits.characters:
            raise Rejected(413, f"a message has at most {self._limits.characters} characters")
        await self._admit(sender, address)
        self._requests.spend(sender, address)
        take = await ThreadCall(partial(self._understand, text, channel, key), self._reader)
        await self._let_domain_change()
        self._check_idle(sender)
        async with self._hold(sender):
            if key is not None and (name := self._conversations.current(sender)) is not None:
                await self.manager.resume(name)  # its last turn may not have been written to its end
            name = self._conversations.current(sender)
            if key is not None and (known := await self._answered_before.find(sender, key, text)):
                return known
            late: tuple[BotUttered, ...] = ()
            if name is None:
                late, name = self._conversations.late_messages(sender), await self._begin(sender)
            reply = await take(name)
            notes = self.keep_problem(name, reply.notes)
            return dataclasses.replace(reply, notes=notes, late=(*late, *reply.late))

    def _understand(
        self, text: str, channel: str | None, key: str | None
    ) -> Callable[[str], Awaitable[Reply]]:
        with self._understanding:
            return self.manager.understand(text, channel, key)

    async def _let_domain_change(self) -> None:
        """Let the domain change before a turn begins, if it has to, unless a slow action is under way."""
        while self.before_turn():
            holds = list(self._conversations.holds.by_person.values())
            if not holds or any(hold.is_acting for hold in holds):
                return
            await holds[0].over

    def keep_problem(self, conversation: str, notes: tuple[str, ...]) -> tuple[str, ...]:
        """Keep the problem with a conversation's last turn for teachers; return the notes for the person."""
        self._problems = {
            name: line for name, line in self._problems.items() if self._conversations.is_open(name)
        }
        self._problems.pop(conversation, None)
        if not notes:
            return ()
        self._problems[conversation] = " ".join(notes)
        problem = printable(self._problems[conversation])
        about = {"conversation": conversation, "problem": problem}
        _LOG.warning("%s: %s", conversation, problem, extra=about)
        return (APOLOGY,)

    def problem(self, conversation: str) -> str:
        """Return the problem with the last turn of an open conversation; empty without one."""
        return self._problems.get(conversation, "")

    def _check_idle(self, sender: str) -> None:
        if self._conversations.holds.is_acting(sender):  # many could pile up behind it
            raise Rejected(429, _BUSY, 1)

    @contextlib.asynccontextmanager
    async def _hold(self, sender: str) -> AsyncIterator[None]:
        """Have somebody's conversations alone, and let the bot finish the turn of a process that has died.

        Raises:
            Rejected: another process is answering them for long.
        """
        try:
            async with self._conversations.holds.hold(sender):
                name = self._conversations.current(sender)
                if name is not None and self._conversations.holds.leases is not None:
                    await self.manager.resume(name)
                yield
        except LeaseTaken:
            raise Rejected(429, _BUSY, 1) from None

    def do(self, conversation: str, body: Callable[[], Coroutine[Wait[Any], Any, T]]) -> T:
        """Do something in an open conversation, once nothing is under way there.

        Args:
            conversation: the name of the conversation.
            body: returns a coroutine of the `manager`, which has the conversation for itself.

        Raises:
            LiveError: the conversation is not open.
        """
        return finish(self._done(conversation, body), self.lock)

    async def _done(self, conversation: str, body: Callable[[], Coroutine[Wait[Any], Any, T]]) -> T:
        async with self._hold(self._conversations.trace(conversation).person):
            return await body()

    async def _begin(self, sender: str) -> str:
        if len(self._conversations) >= self._limits.people:
            raise Rejected(
                503, "too many people are talking to the bot right now; please come back later", MINUTE
            )
        return await self.manager.begin(sender)

    async def _admit(self, sender: str, address: str | None) -> None:
        """Count a new person."""
        if address is None or self._is_known(sender):
            return
        await self._conversations.look(sender)
        if not self._is_known(sender):
            self._requests.admit(address)

    def expire(self) -> None:
        """End the conversations of those who have left, and answer those who wait for a teacher in vain."""
        # The next message reports an error of the store; the next second may succeed.
        with contextlib.suppress(StoreError):
            if time.monotonic() >= self._looks_around:
                self._looks_around = time.monotonic() + _LOOK_EVERY
                finish(self._conversations.look_around(), self.lock)
            for person in self._conversations.abandoned():
                with contextlib.suppress(Rejected):  # another process has been faster
                    finish(self._pick_up(person), self.lock)
        due: list[str] = []
        with contextlib.suppress(StoreError), self.lock:
            due = self.manager.expired()[:_EXPIRE_MOST]
        for name in due:
            with contextlib.suppress(StoreError, LiveError, Rejected):
                self.do(name, partial(self._expire, name))

    async def _pick_up(self, person: str) -> None:
        """Let the bot finish the turn of a process that has died."""
        async with self._hold(person):
            pass

    async def _expire(self, conversation: str) -> None:
        self.before_turn()
        await self.manager.expire_one(conversation)

    @contextlib.contextmanager
    def expiring(self) -> Iterator[None]:
        """Call `expire` every second, in a thread, within the context; share limits with other processes."""
        limits = self._requests.shared(self._conversations.holds.leases, self.lock)
        with repeating(self.expire, _EXPIRE_EVERY, "expiring"), limits:
            yield

    def snapshot(self, sender: str, is_trusted: bool = False) -> Snapshot:
        """Return the conversation that somebody is in, or had last.

        Args:
            sender: the person.
            is_trusted: whether the request comes from a teacher, whose rate is not limited.

        Raises:
            Rejected: they have not written yet, or have asked too often.
        """
        name = finish(self._found_for(sender, is_trusted), self.lock)
        with self.lock:
            return snapshot_of(self.manager, name)

    def history(self, sender: str, is_trusted: bool = False) -> tuple[Snapshot | None, Snapshot]:
        """Return the conversation that a sender had before, None if it is unknown, and the current one.

        Arguments and errors are those of `snapshot`.
        """
        name = finish(self._found_for(sender, is_trusted), self.lock)
        with self.lock:
            before = self._conversations.ended(sender)
            return None if before in (None, name) else snapshot_of(self.manager, before), snapshot_of(
                self.manager, name
            )

    async def _found_for(self, sender: str, is_trusted: bool) -> str:
        name = await self._found(sender)
        if not is_trusted:
            self._requests.spend(sender, is_written=False)
        return name

    def leave(self, sender: str, address: str | None = None) -> None:
        """End the conversation that somebody is in, as they want to begin anew; do nothing without one.

        Args:
            sender: the person.
            address: as in `reply`.

        Raises:
            Rejected: they have not written yet, or too often, or an action is under way.
            StoreError: the journal could not be written.
        """
        finish(self._leave(sender, address), self.lock)

    async def _leave(self, sender: str, address: str | None) -> None:
        await self._found(sender)
        self._requests.spend(sender, address)
        self._check_idle(sender)
        async with self._hold(sender):
            name = self._of(sender)
            if self._conversations.is_open(name):
                await self.manager.leave(name)

    async def _found(self, sender: str) -> str:
        _check_sender(sender)
        await self._conversations.look(sender)
        return self._of(sender)

    def _of(self, sender: str) -> str:
        name = self._conversations.current(sender) or self._conversations.ended(sender)
        if name is None:
            raise Rejected(404, f"{quoted(printable(sender))} has not written yet")
        return name

    def rate(
        self,
        sender: str,
        value: float,
        about: int | None = None,
        is_trusted: bool = False,
        conversation: str | None = None,
        address: str | None = None,
    ) -> str:
        """Take a rating of somebody's conversation: of the last reply, or at the end of the whole.

        Args:
            sender: the person in it.
            value: a number from -1 to 1.
            about: the id of the entry of an earlier decision, or of a teacher's own words, in it.
            is_trusted: whether the rating comes from a teacher instead of the person.
            conversation: the conversation that is meant, however old; by default the present or last one.
            address: as in `reply`.

        Returns:
            The name of the conversation that was rated.

        Raises:
            Rejected: the value is out of bounds, or they have not written yet, or too often.
            LiveError: there is nothing to rate, or the conversation is somebody else's.
            StoreError: the journal could not be written.
        """
        rating = self._rated(sender, value, about, is_trusted, conversation, address)
        return finish(rating, self.lock)

    async def _rated(
        self,
        sender: str,
        value: float,
        about: int | None,
        is_trusted: bool,
        conversation: str | None,
        address: str | None,
    ) -> str:
        if not -1 <= value <= 1:
            raise Rejected(400, "a rating is a number from -1 to 1")
        is_pending = not (is_trusted or self._trusts_ratings)
        name = await self._found(sender)
        if not is_trusted:
            self._requests.spend(sender, address)
        if conversation is not None:
            name = self._own(sender, conversation)
        elif not self.bot.ratings.can_take(name, about):
            # It has just begun: the one before it is meant.
            name = self._conversations.ended(sender) or name
        is_burst = not is_trusted and self._requests.rate(sender, address)
        await self.bot.ratings.take(name, value, about, is_pending, is_burst=is_burst)
        return name

    def _own(self, sender: str, conversation: str) -> str:
        """Return the name of a conversation if it is somebody's own; others are as unknown as none."""
        with contextlib.suppress(LiveError):
            if self._conversations.find(conversation).person == sender:
                return conversation
        raise LiveError(f"unknown conversation {quoted(conversation)}")


class _AnsweredMessages:
    """The messages of people in their present and their last conversation, by their senders' own keys."""

    def __init__(self, conversations: Conversations, threads: Executor) -> None:
        """Look into conversations; questions to a database are asked in threads."""
        self._conversations = conversations
        self._threads = threads
        self._keys: OrderedDict[str, frozenset[str]] = OrderedDict()
        """The keys in conversations that have ended: to read one for each new key would take long."""

    async def find(self, sender: str, key: str, text: str) -> Reply | None:
        """Return the answer to a message that was answered before; None for a new one.

        Raises:
            Rejected: the key belongs to another message.
        """
        for name in filter(None, (self._conversations.current(sender), self._conversations.ended(sender))):
            if key not in self._keys.get(name, (key,)):
                continue
            trace = self._conversations.find(name)
            if trace.end is not None:
                self._remember(name, trace.answered)
            if (found := trace.answered.get(key)) is None:
                continue
            # Of a command the journal has the text alone, of a message what was typed.
            if found.text is None or found.text.strip() != text.strip():
                raise Rejected(422, "this key belongs to another message; give each message its own")
            first: tuple[BotUttered, ...] = ()
            messages = [event for event in trace.conversation.events if isinstance(event, UserUttered)]
            if len(messages) == 1 and trace.end is None:
                first = self._conversations.late_messages(sender)
            last: tuple[BotUttered, ...] = ()
            ended: str | None = None
            if trace.answering is found:  # a teacher may have answered since
                told = set(map(id, found.said))  # the rest of a turn that was cut off is late, too
                last, trace.late = tuple(one for one in trace.late if id(one) not in told), []
                ended = None if trace.end is None else name
            is_elsewhere = await self._is_elsewhere(found.process)
            said = (*found.said, *last)
            return Reply(
                self._conversations.current(sender) or name,
                said,
                ended=ended,
                outcome=None if ended is None else trace.conversation.outcome,
                person=sender,
                late=first,
                is_repeated=True,
                is_elsewhere=is_elsewhere,
            )
        return None

    def _remember(self, ended: str, keys: Iterable[str]) -> None:
        self._keys[ended] = frozenset(keys)
        if len(self._keys) > _MOST_ENDED:
            self._keys.popitem(last=False)

    async def _is_elsewhere(self, process: str) -> bool:
        """Return whether a process that answered a message is another one that still runs."""
        leases = self._conversations.holds.leases
        if leases is None or process in ("", leases.process):
            return False
        is_running: bool = await ThreadCall(partial(leases.is_running, process), self._threads)
        return is_running


def _check_sender(sender: str) -> None:
    if len(sender) > _SENDER_CHARACTERS:
        raise Rejected(400, f"a sender has at most {_SENDER_CHARACTERS} characters")
    if not sender or name_fault(sender):
        raise Rejected(400, f"sender: {name_fault(sender) or 'it is empty'}")
    if sender == PERSON:
        raise Rejected(400, f"sender: {PERSON!r} is reserved for the terminal")
