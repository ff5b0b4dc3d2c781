"""The conversations with people: those that are open, and their traces in the journal."""

from __future__ import annotations

import contextlib
import math
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from dialogue_gym._text import nearest, quoted
from dialogue_gym.actions import ActionRunner
from dialogue_gym.conversation.events import BotUttered, Event
from dialogue_gym.domain import Domain, DomainError
from dialogue_gym.journal.entry import DECIDES, LIVE, NOTE, PERSON, Draft, StoreError
from dialogue_gym.journal.store import Store
from dialogue_gym.live.holds import Holds
from dialogue_gym.live.reward import LiveReward
from dialogue_gym.live.trace import Trace, take_entry, trace_of
from dialogue_gym.live.transitions import FAILURE, Transition
from dialogue_gym.live.turn import LiveError, OnTransitions, OrderedDelivery, Turn, no_listener
from dialogue_gym.live.waits import Flush, FutureResult, ThreadCall

if TYPE_CHECKING:
    from dialogue_gym.journal.leases import Head

PREFIX = "live"
"""Begins the names of conversations with people, before a number."""
AT_HAND = 1000
"""Open conversations that stay in memory; the others are read again when somebody writes."""
_MOST_ENDED = 10_000
"""People whose last conversation is remembered, so that they can still rate it."""
_READER = ThreadPoolExecutor(1, "reading")


class Conversations:
    """The conversations of a bot, as the journal has them. Not thread-safe.

    Attributes:
        domain: the domain of the bot.
        turn_taking: `"auto"` or `"explicit"`.
        store: the store for everything that happens.
        reward: the reward of the bot's steps.
        delivery: of the transitions that can be learned, after each write.
        on_end: called with the outcome of each conversation that has ended, once that is written down; not
            for those without a message of the person, such as the one after a `/restart`.
        on_late: called with a person and the messages since their last one, if these did not come as the
            answer to it, whenever there are more.
        holds: the people in whose conversations something is under way. Turns wait for the disk and for
            actions: whoever runs several at the same time holds the person of each.
    """

    def __init__(
        self,
        domain: Domain,
        store: Store,
        runner: ActionRunner,
        turn_taking: str,
        reward: LiveReward,
        on_transitions: OnTransitions = no_listener,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Find the conversations that are open; arguments and errors are those of `LiveBot`."""
        self.domain = domain
        self.turn_taking = turn_taking
        self.reward = reward
        self.delivery = OrderedDelivery(on_transitions)
        self.on_end: Callable[[str], object] = lambda outcome: None
        self.on_late: Callable[[str, tuple[BotUttered, ...]], object] = lambda person, late: None
        self.holds = Holds(store.leases, self._refresh)
        self.store = store
        self._runner = runner
        self._clock = clock
        self._traces: OrderedDict[str, Trace] = OrderedDict()  # the last used at the end
        self._stale: set[str] = set()  # those among them where others have gone on
        self._people = store.unfinished(LIVE)
        self._active = dict.fromkeys(self._people, clock())
        self._teachers = {
            name: who for name, who in store.noted(DECIDES).items() if name in self._people and who
        }
        self._current = {person: name for name, person in self._people.items()}
        newest = store.begun(LIVE, _MOST_ENDED)
        self._ended = OrderedDict(
            (person, name) for name, person in newest.items() if name not in self._people
        )
        self._number = store.last_number(PREFIX)

    def __len__(self) -> int:
        """Return the number of open conversations."""
        return len(self._people)

    def use_domain(self, domain: Domain) -> None:
        """Go on with a domain that has grown; no action is under way."""
        self.domain = domain
        self._traces.clear()  # they are read again, with observations of this domain
        if self.reward.weights is not None:
            self.reward.weights.use_domain(domain)

    @property
    def open(self) -> dict[str, str]:
        """The open conversations, each with the name of its person."""
        return dict(self._people)

    @property
    def teachers(self) -> dict[str, str]:
        """The open conversations in which a teacher decides, each with the name of the teacher."""
        return dict(self._teachers)

    def is_open(self, conversation: str) -> bool:
        """Return whether a conversation is open."""
        return conversation in self._people

    def teacher(self, conversation: str) -> str | None:
        """Return the teacher who decides in an open conversation; None where the bot does."""
        return self._teachers.get(conversation)

    def person(self, conversation: str) -> str | None:
        """Return the person in an open conversation; None if it is not open."""
        return self._people.get(conversation)

    def current(self, person: str) -> str | None:
        """Return the open conversation of a person; None if they have none."""
        return self._current.get(person)

    def ended(self, person: str) -> str | None:
        """Return the conversation of a person that ended last; None if none did, or too many people ago."""
        return self._ended.get(person)

    def idle_seconds(self, conversation: str) -> float:
        """Return the seconds since anybody did anything in a conversation; minus infinity if it is not open.

        A clock that has gone back counts from now on.
        """
        now = self._clock()
        if conversation not in self._active:
            return -math.inf
        self._active[conversation] = min(self._active[conversation], now)
        return now - self._active[conversation]

    def touch(self, conversation: str) -> None:
        """Note that somebody has just done something in an open conversation."""
        self._active[conversation] = self._clock()

    def trace(self, conversation: str) -> Trace:
        """Return an open conversation.

        Raises:
            LiveError: the conversation is not open.
        """
        if conversation not in self._people:
            raise LiveError(f"{quoted(conversation)} is not open; {nearest(conversation, self._people)}")
        if conversation in self._stale:
            self._stale.discard(conversation)
            self._traces.pop(conversation, None)
        if conversation not in self._traces:
            self._traces[conversation] = self.on_record(conversation)
        self._traces.move_to_end(conversation)
        for name in list(self._traces)[: max(0, len(self._traces) - AT_HAND)]:
            if self._people.get(name) not in self.holds.by_person:
                del self._traces[name]  # the journal has it
        return self._traces[conversation]

    def on_record(self, conversation: str) -> Trace:
        """Return a conversation, open or not, as the journal has it.

        Raises:
            LiveError: no live conversation has this name.
            StoreError: the journal cannot be read, or knows more of the domain than this process does yet.
        """
        entries = list(self.store.entries(conversation))
        if not entries or LIVE not in entries[0].content:
            raise LiveError(
                f"unknown live conversation {quoted(conversation)}; {nearest(conversation, self._people)}"
            )
        with self._known_domain():
            return trace_of(self.domain, conversation, self.reward, entries)

    @contextlib.contextmanager
    def _known_domain(self) -> Iterator[None]:
        """Tell that a name is unknown which another process has added to the domain of a shared store."""
        try:
            yield
        except DomainError as error:
            if self.holds.leases is None:
                raise
            raise StoreError(f"{error}; another process has added more, which this one takes over") from None

    def late_messages(self, person: str) -> tuple[BotUttered, ...]:
        """Return a teacher's messages at the end of a person's last conversation, which they may not know."""
        name = self.ended(person)
        return () if name is None else tuple(self.on_record(name).late)

    def find(self, conversation: str) -> Trace:
        """Return a conversation, open or not; errors are those of `on_record`."""
        return self.trace(conversation) if conversation in self._people else self.on_record(conversation)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is under way, so that the domain may change."""
        return not self.holds.by_person and not self.delivery.is_pending

    def is_busy(self, conversation: str) -> bool:
        """Return whether an action is under way in a conversation that may take long."""
        return self.holds.is_acting(self._people.get(conversation, ""))

    async def look(self, person: str) -> None:
        """Find out about somebody's conversations, which other processes may have gone on with."""
        if self.holds.leases is not None and person not in self.holds.by_person:
            async with self.holds.hold(person, only_looks=True):
                pass

    async def look_around(self) -> None:
        """Find out about all open conversations, which other processes may have gone on with."""
        if (leases := self.holds.leases) is None:
            return
        found = await ThreadCall(leases.open, _READER)
        known = {head.conversation for head in found}
        for name, person in self.open.items():
            if name not in known and person not in self.holds.by_person:
                self._leave(name)
        for head in found:
            if head.person not in self.holds.by_person:
                self._take_in(head)
                trace = self._traces.get(head.conversation)
                if trace is not None and trace.entries != head.entries:
                    self._stale.add(head.conversation)

    def abandoned(self) -> list[str]:
        """Return some of the people with whom a process that has died was in the middle of a turn."""
        return [] if self.holds.leases is None else self.holds.leases.abandoned()

    async def _refresh(self, person: str, heads: list[Head]) -> None:
        """Take in somebody's latest conversations, the newest first, as they are in the store."""
        open_now = next((head for head in heads[:1] if not head.has_ended), None)
        known = self._current.get(person)
        if known is not None and (open_now is None or known != open_now.conversation):
            self._leave(known)
        for head in reversed(heads):
            if head.has_ended:
                self._remember_ended(person, head.conversation)
        if open_now is not None:
            self._take_in(open_now)
            await self._read_on(open_now)

    async def _read_on(self, head: Head) -> None:
        """Take in what other processes have written in a conversation."""
        name = head.conversation
        self._stale.discard(name)
        trace = self._traces.get(name)
        if trace is not None and trace.entries == head.entries:
            return
        after = 0 if trace is None else trace.last
        news = await ThreadCall(lambda: list(self.store.entries(name, after)), _READER)
        if trace is None or trace.entries + len(news) < head.entries:  # a rating came between two of its own
            trace = self._traces[name] = Trace(self.domain, name, self.reward)
            news = await ThreadCall(lambda: list(self.store.entries(name)), _READER)
        try:
            with self._known_domain():
                for entry in news:
                    trace.take(entry)
        except BaseException:
            self._traces.pop(name, None)  # it has a part of an entry
            raise

    def _take_in(self, head: Head) -> None:
        name = head.conversation
        self._people[name], self._current[head.person] = head.person, name
        self._active[name] = self._clock() - head.idle
        self._teachers.pop(name, None)
        if head.teacher is not None:
            self._teachers[name] = head.teacher

    async def begin(self, person: str = PERSON) -> str:
        """Begin a conversation with a person; return its name.

        Raises:
            StoreError: the journal could not be written.
        """
        trace = await self._new()
        async with self.turn(trace, person) as turn:
            turn.begin(person)
        return self._enter(trace, person)

    async def restart(
        self,
        conversation: str,
        outcome: str = FAILURE,
        last: Sequence[Event] = (),
        first: Sequence[Event] = (),
        command: str | None = None,
        key: str | None = None,
    ) -> str:
        """End a conversation and begin another one; return its name.

        Args:
            conversation: the name of the conversation.
            outcome: how it ends.
            last: its last events.
            first: the events with which the other one begins.
            command: the text of the command for it.
            key: the sender's own key of that.

        Raises:
            LiveError: the conversation is not open.
            StoreError: the journal could not be written; then no conversation ended or began.
        """
        trace, new = self.trace(conversation), await self._new()
        person = self._people[conversation]
        async with self.turn(trace) as ending, self.turn(new, person) as beginning:
            if command is not None:
                ending.add_command(command, key)
            ending.add_events(last)
            ending.end(outcome)
            beginning.begin(person)
            beginning.add_events(first)
            await ending.write(beginning)
        return self._enter(new, person)

    async def _new(self) -> Trace:
        if (leases := self.holds.leases) is not None:
            self._number = await FutureResult(leases.next_number(self._number))
        else:
            self._number += 1
        return Trace(self.domain, f"{PREFIX}{self._number}", self.reward)

    def _enter(self, trace: Trace, person: str) -> str:
        name = trace.conversation.sender_id
        self._traces[name] = trace
        self._people[name] = person
        self._current[person] = name
        return name

    def _leave(self, conversation: str) -> None:
        person = self._people.pop(conversation, None)
        for known in (self._traces, self._active, self._teachers):
            known.pop(conversation, None)
        self._stale.discard(conversation)
        if person is not None:
            if self._current.get(person) == conversation:
                del self._current[person]
            self._remember_ended(person, conversation)

    def _remember_ended(self, person: str, conversation: str) -> None:
        self._ended[person] = conversation
        self._ended.move_to_end(person)
        if len(self._ended) > _MOST_ENDED:
            self._ended.popitem(last=False)

    @contextlib.asynccontextmanager
    async def turn(self, trace: Trace, person: str | None = None) -> AsyncIterator[Turn]:
        """Give a turn of a conversation, which is written down at the end of the context.

        It begins with an empty result of an action whose own one is missing.

        Args:
            trace: the trace of the conversation.
            person: the person, if the conversation has not begun.

        Raises:
            StoreError: the turn could not be written down; then it has not happened.
        """
        name = trace.conversation.sender_id
        before, late = trace.entries, len(trace.late)
        acting = partial(self.holds.acting, person or trace.person)
        turn = Turn(trace, self.store, self._runner, self.turn_taking, self.delivery, acting, person)
        try:
            turn.skip_missing_result()
            yield turn
            await turn.write()
        except BaseException:
            self._traces.pop(name, None)  # it is ahead of the journal, and is read again from there
            raise
        if len(trace.late) > late:
            self.on_late(trace.person, tuple(trace.late))
        if trace.end is None:
            if trace.entries > before:  # a look at a turn that was complete is nothing that anybody did
                self.touch(name)
        else:
            self._leave(name)
            if trace.has_begun:
                self.on_end(trace.end.content["outcome"])

    async def let_decide(self, conversation: str, teacher: str | None, by: str) -> None:
        """Let a teacher decide in an open conversation, or the bot again.

        Args:
            conversation: the name of the conversation.
            teacher: the new one who decides; None for the bot.
            by: the author of the note.

        Raises:
            LiveError: the conversation is not open.
            StoreError: the journal could not be written.
        """
        trace = self.trace(conversation)
        last = trace.latest.id if trace.latest else None
        await self.add(trace, NOTE, {DECIDES: teacher}, last, by, (trace.person,))
        self.touch(conversation)
        self._teachers.pop(conversation, None)
        if teacher is not None:
            self._teachers[conversation] = teacher

    async def add(
        self,
        trace: Trace,
        kind: str,
        content: Mapping[str, Any],
        parent: int | None,
        by: str,
        held: Sequence[str] = (),
    ) -> None:
        """Write an entry into a conversation, and let what follows from it be learned.

        Args:
            trace: the trace of the conversation.
            kind: the kind of the entry.
            content: its content.
            parent: the id of the entry that it follows, or is about.
            by: its author.
            held: the people whose conversations no other process may write in meanwhile.

        Raises:
            StoreError: the journal could not be written.
        """
        draft = Draft(trace.conversation.sender_id, kind, content, parent, by)
        pending, parcel = self.store.submit([draft], held), self.delivery.expect()
        taken: tuple[Sequence[Transition], int, bool] | None = None
        try:
            (written,) = await Flush(pending)
            await parcel.reached()
            if self.holds.leases is None or held:  # otherwise others may have written before it
                # It may have been read again meanwhile; taking an entry in twice changes nothing.
                trace = self._traces.get(written.conversation, trace)
                taken = take_entry(trace, written, self.reward), written.id, False
        finally:
            self.delivery.fill(parcel, taken)
