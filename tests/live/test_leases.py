"""Several processes with one store: each person's conversations are held by one of them at a time."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

import pytest

from dialogue_gym import _threads
from dialogue_gym.actions import ActionResult, ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.journal import leases
from dialogue_gym.journal.entry import (
    BURST,
    KEY,
    LABEL,
    LIVE,
    NOTE,
    RESULT,
    USER,
    Draft,
    LeaseLost,
    LeaseTaken,
)
from dialogue_gym.journal.leases import PATIENCE, SECONDS
from dialogue_gym.journal.place import DatabaseUrl
from dialogue_gym.journal.store import Store
from dialogue_gym.journal.writer import ConversationWriter
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.rate_limit import Limits
from dialogue_gym.live.request_limits import Rejected
from dialogue_gym.live.sessions import Sessions
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from tests.live.handoffs import DOMAIN
from tests.live.test_sessions import Hello
from tests.postgres import PostgresServer
from tests.processes import PROCESSES
from tests.web.servers import LONG, wait_for


class Waiting(ActionRunner):
    """Runs an action that reaches out, and waits until it may end."""

    def __init__(self, waits: Callable[[], object]) -> None:
        super().__init__(DOMAIN)
        self._waits = waits

    def reaches_out(self, name: str) -> bool:
        return True

    def run(self, name: str, conversation: Conversation) -> ActionResult:
        self._waits()
        return super().run(name, conversation)


class Worker:
    """A process that answers people, as far as the store is concerned."""

    def __init__(
        self,
        url: DatabaseUrl,
        runner: ActionRunner | None = None,
        limits: Limits | None = None,
        **settings: float,
    ) -> None:
        self.store = Store(url, is_shared=True)
        interpreter = FixedFormatInterpreter(DOMAIN)
        runner = runner or ActionRunner(DOMAIN)
        self.bot = LiveBot(DOMAIN, self.store, Hello(), interpreter, runner, **settings)  # type: ignore[arg-type]
        self.sessions = Sessions(self.bot, limits)

    def say(self, sender: str = "ann", text: str = "/greet", key: str | None = None) -> list[str | None]:
        return [message.text for message in self.sessions.reply(sender, text, key=key).messages]


@pytest.fixture
def url(postgres: PostgresServer) -> DatabaseUrl:
    return DatabaseUrl(postgres.url(postgres.new_database()))


@pytest.fixture
def workers(url: DatabaseUrl) -> Iterator[list[Worker]]:
    made = [Worker(url), Worker(url)]
    yield made
    for one in made:
        one.store.close()


def test_people_go_on_at_any_worker(workers: list[Worker]) -> None:
    """Whichever worker has the next message knows all that the others have done."""
    one, other = workers
    for number in range(6):
        assert workers[number % 2].say() == ["Hello"]
    (name,) = one.bot.conversations.open
    assert [entry.kind for entry in one.store.entries(name)].count(USER) == 6
    assert one.sessions.snapshot("ann").events == other.sessions.snapshot("ann").events
    one.sessions.leave("ann")
    assert other.sessions.snapshot("ann").end is not None
    other.sessions.rate("ann", 1)
    assert one.sessions.snapshot("ann").ratings
    assert other.say() == ["Hello"] and one.sessions.snapshot("ann").conversation != name
    one.say("ann", "/restart")
    assert other.say() == ["Hello"]
    assert len({entry.conversation for entry in one.store.entries()}) == 3 and one.store.check() == []


def test_teacher_at_another_worker(workers: list[Worker]) -> None:
    one, other = workers
    one.say()
    other.sessions.expire()  # it looks around each second
    (name,) = other.bot.conversations.open
    other.sessions.do(name, lambda: other.sessions.manager.take_over(name, "tina"))
    assert one.say() == [] and one.sessions.snapshot("ann").waits == "tina"
    reply = other.sessions.do(name, lambda: other.sessions.manager.say(name, "tina", "A moment"))
    assert reply.events and one.bot.conversations.teachers == {name: "tina"}
    assert [late.text for late in one.sessions.reply("ann", "/greet").late] == ["A moment"]


@pytest.mark.parametrize("teacher", [None, "tina"])
def test_conversations_of_those_who_wait_or_are_silent_go_on(url: DatabaseUrl, teacher: str | None) -> None:
    """Each worker looks at them every second, which is nothing that anybody did there."""
    both = [Worker(url, silence=2.0, patience=2.0) for _ in range(2)]
    try:
        one, other = both
        one.say()
        (name,) = one.bot.conversations.open
        if teacher is not None:
            one.sessions.do(name, lambda: one.sessions.manager.take_over(name, teacher))
            assert one.say() == []

        def is_over() -> bool:
            for worker in both:
                worker.sessions.expire()
            seen = other.sessions.snapshot("ann", is_trusted=True)
            return seen.end is not None if teacher is None else seen.waits is None

        wait_for(is_over)
        assert one.store.check() == []
    finally:
        for worker in both:
            worker.store.close()


def test_everybody_at_once(workers: list[Worker]) -> None:
    """Forty people send each message to both workers at the same time, and it is answered once."""

    def talk(person: str) -> list[list[str | None]]:
        with ThreadPoolExecutor(2) as pair:
            said = []
            for number in range(4):
                both = [pair.submit(one.say, person, "/greet", str(number)) for one in workers]
                said += [answer.result(60) for answer in both]
            return said

    people = [f"person {number}" for number in range(20)]
    with ThreadPoolExecutor(20) as threads:
        for said in threads.map(talk, people):
            assert said == [["Hello"]] * 8
    store = workers[0].store
    entries = list(store.entries())
    assert [entry.content.get(LIVE) for entry in entries].count("person 0") == 1
    assert len({entry.conversation for entry in entries}) == 20
    assert [entry.kind for entry in entries].count(USER) == 80 and store.check() == []


def test_slow_action_keeps_the_lease(url: DatabaseUrl) -> None:
    """It is renewed meanwhile; the person is told to wait at another worker, and others are not kept."""
    begun, may_end = threading.Event(), threading.Event()
    slow, quick = Worker(url, Waiting(lambda: (begun.set(), may_end.wait(60)))), Worker(url)
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(slow.say)
        assert begun.wait(60)
        assert quick.say("bob") == ["Hello"]
        asked = time.monotonic()
        with pytest.raises(Rejected, match="still being answered") as told:
            quick.say()
        assert told.value.status == 429 and time.monotonic() - asked > max(PATIENCE, SECONDS)
        may_end.set()
        assert first.result(60) == ["Hello"]
    assert quick.say() == ["Hello"]
    slow.store.close()
    quick.store.close()


def test_who_has_lost_a_lease_writes_nothing(
    url: DatabaseUrl, workers: list[Worker], postgres: PostgresServer
) -> None:
    one, other = workers
    assert one.store.leases is not None and other.store.leases is not None
    one.store.leases.take("ann").result(60)
    draft = Draft("live1", NOTE, {"kept": True})
    (kept,) = one.store.submit([draft], ["ann"]).result()
    taken = other.store.leases.take("ann")
    name = str(url).rpartition("/")[2]
    postgres.sql("UPDATE dialogue_gym.leases SET until = now() - interval '1 s'", database=name)
    assert taken.result(60) == []
    pair = [one.store.submit([draft], ["ann"]), one.store.submit([draft])]
    with pytest.raises(LeaseLost):
        pair[0].result()
    assert pair[1].result()[0].id > kept.id  # that of another person is not refused with it


def killed_in_a_turn(url: DatabaseUrl, told: Connection) -> None:
    def hang() -> None:
        told.send("acting")
        time.sleep(600)

    Worker(url, Waiting(hang)).say("ann", "/greet", "first")


def test_another_worker_finishes_the_turn_of_a_killed_one(url: DatabaseUrl, workers: list[Worker]) -> None:
    receiver, sender = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=killed_in_a_turn, args=(url, sender))
    process.start()
    sender.close()
    assert receiver.recv() == "acting" and process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    one, other = workers
    assert one.say("ann", "/greet", "first") == []  # the action may have acted: it is not run again
    assert one.say("ann", "/greet", "second") == ["Hello"]
    assert other.say("ann", "/greet", "second") == ["Hello"]
    entries = [entry for entry in one.store.entries() if entry.conversation]
    assert [entry.kind for entry in entries].count(USER) == 2
    assert [entry.kind for entry in entries].count(LABEL) == [entry.kind for entry in entries].count(RESULT)
    assert sum(KEY in entry.content for entry in entries) == 2


def test_nobody_has_to_write_for_a_turn_to_be_finished(url: DatabaseUrl, workers: list[Worker]) -> None:
    receiver, sender = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=killed_in_a_turn, args=(url, sender))
    process.start()
    sender.close()
    assert receiver.recv() == "acting" and process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    one = workers[0]
    while [entry.kind for entry in one.store.entries()].count(RESULT) == 0:
        one.sessions.expire()
        time.sleep(0.1)
    assert one.sessions.snapshot("ann").waits is None


def test_process_that_is_about_to_end_waits_for_no_other_one(
    workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_threads, "_LEAVING", threading.Event())
    monkeypatch.setattr(leases, "PATIENCE", 3600.0)
    one, other = (worker.store.leases for worker in workers)
    assert one is not None and other is not None
    one.take("ann").result(LONG)
    waiting = other.take("ann")
    assert other.look("ann").result(LONG) == [] and not waiting.done()
    _threads.wait_no_longer()
    with pytest.raises(LeaseTaken):
        waiting.result(LONG)


def test_number_of_a_conversation_is_never_given_out_again(
    workers: list[Worker], postgres: PostgresServer
) -> None:
    """Not even by a database that was killed at once: two people would have one conversation."""
    one, other = (worker.store.leases for worker in workers)
    assert one is not None and other is not None
    numbers = []
    for held in (one, other, one):
        numbers.append(held.next_number(0).result(LONG))
        postgres.kill()
        postgres.start()
    assert numbers == [1, 2, 3]


def test_limits_hold_over_all_workers(url: DatabaseUrl) -> None:
    """What one admits, the others count a moment later: messages, newcomers, ratings."""
    limits = Limits(per_minute=5, new_per_hour=3, ratings=2)
    one, other = Worker(url, limits=limits), Worker(url, limits=limits)

    def say(worker: Worker, sender: str, address: str | None = None) -> int:
        try:
            worker.sessions.reply(sender, "/greet", address=address)
            return 200
        except Rejected as refused:
            return refused.status

    def waits(worker: Worker, limiter: str, key: str) -> bool:
        with worker.sessions.lock:
            return getattr(worker.sessions._requests, limiter).wait(key) > 0

    with one.sessions.expiring(), other.sessions.expiring():
        assert [say(one, "ann") for _ in range(5)] == [200] * 5
        wait_for(lambda: waits(other, "_per_minute", "ann"))
        assert say(other, "ann") == 429 and say(other, "bob") == 200
        assert [say(one, f"guest {number}", "192.0.2.7") for number in range(3)] == [200] * 3
        wait_for(lambda: waits(other, "_new", "192.0.2.7"))
        assert say(other, "guest 3", "192.0.2.7") == 429 and say(other, "guest 3", "192.0.2.8") == 200
        for _ in range(2):
            one.sessions.rate("bob", 1)
        wait_for(lambda: other.sessions._requests._bursts._seen.wait("sender bob") > 0)
        other.sessions.rate("bob", 1)
        assert [rating.content.get(BURST) for rating in other.sessions.moderation.waiting()] == [True]
    one.store.close()
    other.store.close()


def test_a_look_reads_the_conversations_of_one_person_alone(postgres: PostgresServer) -> None:
    """Its statement is planned while the journal is empty, and not again as it grows."""
    people, each = 50, 40
    database = postgres.new_database()
    with Store(DatabaseUrl(postgres.url(database)), is_shared=True) as store:
        assert store.leases is not None and store.leases.look("p0").result(LONG) == []
        for number in range(people * each):
            writer = ConversationWriter(f"live{number}")
            writer.begin({LIVE: f"p{number % people}"})
            writer.end("success")
            store.append_all(writer.drafts)
        for number in range(people):
            latest, _ = store.leases.look(f"p{number}").result(LONG)
            assert latest.has_ended and latest.conversation == f"live{people * (each - 1) + number}"
    read = "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'entries_that_end'"
    assert postgres.sql(read, database=database)[0][0] <= 4 * people
