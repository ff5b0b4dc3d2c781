"""The leases of a shared store: each person's conversations are held by one process at a time.

A process takes a lease before a turn and gives it back after it; meanwhile it renews the lease. A lease that
was not renewed for `SECONDS` is free for all: its holder was killed, or cut off. What a holder writes says so
(`Store.submit(held=)`), and is refused once somebody else has the lease. So a process that was only paused
writes nothing more there.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dialogue_gym._threads import is_leaving
from dialogue_gym.journal.bulletin import Bulletin
from dialogue_gym.journal.entry import LeaseTaken, StoreError
from dialogue_gym.journal.place import DatabaseUrl
from dialogue_gym.journal.postgres_link import PostgresLink, plan_once

if TYPE_CHECKING:
    import psycopg

SECONDS = 4.0
"""The time after which a lease that is not renewed is free."""
PATIENCE = 8.0
"""The time for which a process waits for the lease of another one: longer than that of a killed one."""
_RENEWAL = 1.0
_PAUSE = 0.02

T = TypeVar("T")


@dataclass(frozen=True)
class Head:
    """The state of a conversation in the store.

    Attributes:
        conversation: the name of the conversation.
        person: the name of the person.
        entries: the number of its entries; 0 where nobody asked.
        has_ended: whether it has ended.
        idle: seconds since its last entry.
        teacher: the teacher who decides in it; None if the bot does.
    """

    conversation: str
    person: str
    entries: int
    has_ended: bool
    idle: float
    teacher: str | None


@dataclass(eq=False)
class _Wish(Generic[T]):
    person: str
    until: float
    result: Future[T] = field(default_factory=Future)


class Leases:
    """The leases of one process. Thread-safe; one thread speaks to the database, for all who wait at once."""

    def __init__(self, url: DatabaseUrl, holder: uuid.UUID, reader: PostgresLink) -> None:
        """Hold nothing yet.

        Args:
            url: the address of the database.
            holder: the id under which this process writes.
            reader: another connection, for that which takes longer than a lease.

        Raises:
            StoreError: the server cannot be reached.
        """
        self._holder = holder
        self._reader = reader
        self._link = PostgresLink(url, "leases", _prepare)
        self._news = threading.Condition()
        self._takes: list[_Wish[list[Head]]] = []
        self._looks: list[_Wish[list[Head]]] = []
        self._numbers: list[Future[int]] = []
        self._held: set[str] = set()
        self._released: set[str] = set()
        self._used = self._oldest = 0
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
        self._thread.start()

    def take(self, person: str) -> Future[list[Head]]:
        """Take a person's lease, once it is free.

        Returns:
            The person's latest conversations, at most two, the newest first, as they are under the lease.
            Errors are `LeaseTaken`, and `StoreError` if the database cannot be used.
        """
        return self._ask(person, is_look=False)

    def look(self, person: str) -> Future[list[Head]]:
        """Return what `take` returns, as it is now, without the lease."""
        return self._ask(person, is_look=True)

    def _ask(self, person: str, is_look: bool) -> Future[list[Head]]:
        wish: _Wish[list[Head]] = _Wish(person, time.monotonic() + PATIENCE)
        with self._news:
            self._check_open()
            (self._looks if is_look else self._takes).append(wish)  # the thread takes the lists away
            self._news.notify()
        return wish.result

    def release(self, person: str) -> None:
        """Give a lease back; return at once."""
        with self._news:
            self._released.add(person)
            self._news.notify()

    def next_number(self, used: int) -> Future[int]:
        """Return a number above `used` for the name of a new conversation, which no other process gets."""
        number: Future[int] = Future()
        with self._news:
            self._check_open()
            self._used = max(self._used, used)
            self._numbers.append(number)
            self._news.notify()
        return number

    @property
    def process(self) -> str:
        """A word for this process that no other one has."""
        return self._link.sign

    def is_running(self, process: str) -> bool:
        """Return whether another process, by its word, is connected to the database."""
        return bool(self._link.run(_RUNNING, end=f" {process})"))

    def abandoned(self) -> list[str]:
        """Return some of the people whose leases have run out: something was under way with them."""
        return [person for (person,) in self._reader.run(_ABANDONED)]

    def open(self) -> list[Head]:
        """Return all open conversations, in the order in which they began."""
        rows = self._reader.run(_OPEN, oldest=self._oldest)
        if rows:  # all before it have ended, and need not be looked at again
            self._oldest = rows[0][-1]
        return [Head(*row[:-1]) for row in rows]

    def bulletin(self, channel: str, hear: Callable[[Any], object]) -> Bulletin:
        """Return a bulletin of the processes that have leases here; arguments are those of `Bulletin`."""
        return Bulletin(self._link.url, channel, hear)

    def close(self) -> None:
        """Give all leases back."""
        with self._news:
            if self._is_closed:
                return
            self._is_closed = True
            self._news.notify()
        self._thread.join()
        self._link.close()

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreError(f"{self._link.url}: this store is closed")

    def _run(self) -> None:
        renewed = time.monotonic()
        is_closed = False
        while not is_closed:
            with self._news:
                if not (self._looks or self._numbers or self._released or self._takes or self._is_closed):
                    self._news.wait(max(0.0, renewed + _RENEWAL - time.monotonic()))
                takes, self._takes = self._takes, []
                looks, self._looks = self._looks, []
                numbers, self._numbers = self._numbers, []
                wanted = {wish.person for wish in takes}
                released, self._released = self._released - wanted, set()
                is_closed = self._is_closed
            try:
                taken = self._exchange(takes, released if not is_closed else self._held | released)
                self._answer([wish for wish in takes if wish.person in taken], looks)
                self._number(numbers)
                if time.monotonic() >= renewed + _RENEWAL:
                    self._link.run(_RENEW, holder=self._holder, people=sorted(self._held))
                    renewed = time.monotonic()
            except Exception as error:  # it is theirs who wait
                futures: list[Future[Any]] = [wish.result for wish in (*takes, *looks)]
                for future in (*futures, *numbers):
                    if not future.done():
                        future.set_exception(error)
            self._wait_on([wish for wish in takes if not wish.result.done()], is_closed)

    def _exchange(self, takes: list[_Wish[list[Head]]], released: set[str]) -> set[str]:
        """Give leases back and take others; return the people whose leases were free."""
        people = {wish.person for wish in takes}
        self._held -= released | people  # those of a paused process may have gone to another one
        if not (people or released):
            return set()
        rows = self._link.run(
            _EXCHANGE, holder=self._holder, people=sorted(people), released=sorted(released)
        )
        taken = {person for (person,) in rows}
        self._held |= taken
        return taken

    def _answer(self, taken: list[_Wish[list[Head]]], looks: list[_Wish[list[Head]]]) -> None:
        if not (taken or looks):
            return
        people = sorted({wish.person for wish in (*taken, *looks)})
        found: dict[str, list[Head]] = {person: [] for person in people}
        for row in self._link.run(_LATEST, people=people):  # after the leases, so that it is their state
            found[row[1]].append(Head(*row))
        for wish in (*taken, *looks):
            wish.result.set_result(found[wish.person])

    def _number(self, numbers: list[Future[int]]) -> None:
        if numbers:
            last = self._link.run(_NUMBER, used=self._used, count=len(numbers))[0][0]
            for number, future in enumerate(numbers, last - len(numbers) + 1):
                future.set_result(number)

    def _wait_on(self, waiting: Iterable[_Wish[list[Head]]], is_closed: bool) -> None:
        """Try those again who wait for other processes, a moment later."""
        now = time.monotonic()
        left = []
        for wish in waiting:
            if wish.until > now and not (is_closed or is_leaving()):
                left.append(wish)
            else:
                wish.result.set_exception(LeaseTaken("another process is busy with this person"))
        if left:
            time.sleep(_PAUSE)
            with self._news:
                self._takes += left


def _prepare(connection: psycopg.Connection) -> None:
    plan_once(connection)
    # The writes that depend on leases flush them as well: a flush includes all that was before.
    connection.execute("SET synchronous_commit TO off")


_EXCHANGE = f"""
WITH gone AS (
    DELETE FROM leases WHERE holder = %(holder)s AND person = ANY(%(released)s)
)
INSERT INTO leases
SELECT person, %(holder)s, now() + interval '{SECONDS} s' FROM unnest(%(people)s::text[]) AS asked (person)
ORDER BY person
ON CONFLICT (person) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE leases.holder = excluded.holder OR leases.until < now()
RETURNING person
"""
_RENEW = f"""
UPDATE leases SET until = now() + interval '{SECONDS} s' FROM (
    SELECT person FROM leases WHERE holder = %(holder)s AND person = ANY(%(people)s)
    ORDER BY person FOR UPDATE
) AS own
WHERE leases.person = own.person
"""
_RUNNING = "SELECT 1 FROM pg_stat_activity WHERE right(application_name, length(%(end)s)) = %(end)s"
_ABANDONED = "SELECT person FROM leases WHERE until < now() LIMIT 20"
# Flushed, unlike leases: a server that dies would forget a number that somebody has, and give it out again.
_NUMBER = """
WITH flushed AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'on', true)
)
INSERT INTO conversation_numbers SELECT true, %(used)s + %(count)s FROM flushed ON CONFLICT (is_one)
DO UPDATE SET last = greatest(conversation_numbers.last, %(used)s) + %(count)s RETURNING last
"""
_COUNT = "(SELECT count(*) FROM entries WHERE conversation = began.conversation)"
# With EXISTS the server may read the ends of all conversations: a plan for an empty table, which it keeps.
_END = "(SELECT id FROM entries WHERE conversation = began.conversation AND kind = 'end' ORDER BY id LIMIT 1)"
_HEAD = """
    began.conversation,
    began.facts ->> 'live',
    {entries},
    {ended},
    extract(epoch FROM now())::float8 - last.time,
    (
        SELECT facts ->> 'decides' FROM entries
        WHERE conversation = began.conversation AND kind = 'note' AND jsonb_exists(facts, 'decides')
        ORDER BY id DESC LIMIT 1
    )
"""
_LAST = """
CROSS JOIN LATERAL (
    SELECT time FROM entries WHERE conversation = began.conversation ORDER BY id DESC LIMIT 1
) AS last
"""
_LATEST = f"""
SELECT {_HEAD.format(entries=_COUNT, ended=f"{_END} IS NOT NULL")}
FROM unnest(%(people)s::text[]) AS asked (person)
CROSS JOIN LATERAL (
    SELECT id, conversation, facts FROM entries
    WHERE kind = 'event' AND parent IS NULL AND facts ->> 'live' = asked.person
    ORDER BY id DESC LIMIT 2
) AS began {_LAST} ORDER BY began.id DESC
"""
_OPEN = f"""
SELECT {_HEAD.format(entries=0, ended=False)}, began.id FROM entries AS began {_LAST}
WHERE began.kind = 'event' AND began.parent IS NULL AND began.facts ->> 'live' IS NOT NULL
    AND began.id >= %(oldest)s AND {_END} IS NULL
ORDER BY began.id
"""
