"""Whatever serves one bot dies at any moment under load, and nothing that was acknowledged is lost.

A worker or the learner is killed, the database is, or the network between them is cut. The suite has a few
such moments; more of them, drawn otherwise:

MOMENTS=40 SEED=2 python -m pytest -s tests/web/test_worker_kills.py
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra web is missing")

from dialogue_gym.conversation.events import BotUttered, UserUttered
from dialogue_gym.journal.entry import KEY, NOTE, entry_events
from dialogue_gym.journal.place import DatabaseUrl
from dialogue_gym.journal.store import Store
from dialogue_gym.live.checkpoints import checkpoints_of
from dialogue_gym.live.options import LiveOptions
from dialogue_gym.live.run import open_live_bot
from tests.journal.cut import Cut
from tests.live.people import comparable
from tests.postgres import PostgresServer
from tests.web.servers import LONG, wait_for
from tests.web.test_monitoring import HOOK
from tests.web.test_workers import Workers, status

SENDERS = 20
CHANNEL, TOKEN = "load", "has-no-limits-of-an-address"
MOMENTS, SEED = int(os.environ.get("MOMENTS", 8)), int(os.environ.get("SEED", 1))
SETTLED = 4.0
"""Seconds without anything between a moment and the end."""
OUTAGES = (0.0, 2.0, 12.0)
"""Seconds for which the database stays down: after ten, messages are refused until it is back."""
TEXTS = ('/inform{"cuisine": "french"}', "/affirm", "/deny", '/inform{"location": "rome"}', "/restart")


class Sender(threading.Thread):
    """Somebody who writes, and sends each message again until it is answered."""

    def __init__(self, name: str, ports: list[int], is_over: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self.answers: dict[str, tuple[str, list[str]]] = {}
        """The text of each message and the texts of its answer, by its key."""
        self.times: list[tuple[float, float]] = []
        """The times at which each message was sent first, and answered."""
        self.refusals: set[str] = set()
        self.fault: BaseException | None = None
        self._ports, self._is_over = ports, is_over
        self._random = random.Random(name)

    def run(self) -> None:
        try:
            while not self._is_over.is_set():
                key, text = f"{self.name} {len(self.answers)}", self._random.choice(TEXTS)
                began = time.monotonic()
                while (answer := self._send(key, text)) is None:
                    time.sleep(0.1)
                self.answers[key] = text, answer
                self.times.append((began, time.monotonic()))
                time.sleep(1.0)  # as the limit of each sender allows
        except BaseException as error:
            self.fault = error

    def waited(self, since: float) -> float:
        """Return the seconds of the first message that was not answered before a moment, from then on."""
        return next((end - max(began, since) for began, end in self.times if end > since), -1.0)

    def _send(self, key: str, text: str) -> list[str] | None:
        body = json.dumps({"sender": self.name, "message": text, "message_id": key})
        headers = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}
        connection = http.client.HTTPConnection("127.0.0.1", self._random.choice(self._ports), timeout=30)
        with suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("POST", HOOK, body, headers)
            answer = connection.getresponse()
            found = answer.read().decode()
            if answer.status == 200:
                return [part["text"] for part in json.loads(found)]
            assert answer.status in (429, 503) and "\n" not in found.strip(), (answer.status, found)
            assert int(answer.headers["retry-after"]) >= 1, (answer.status, found)
            self.refusals.add(found.strip())
        return None


class Site:
    """Two machines with two workers each, a learner at one of them, a database, and the network between."""

    def __init__(self, folder: Path, place: DatabaseUrl, postgres: PostgresServer, stack: ExitStack) -> None:
        self.chance = random.Random(SEED)
        self.place, self.postgres = place, postgres
        self.network = stack.enter_context(Cut(postgres.port))
        there = DatabaseUrl(place.url.replace(f":{postgres.port}/", f":{self.network.port}/"))
        (folder / "tokens").write_text(f"{CHANNEL} {TOKEN}\n")
        self.machines = []
        for name in ("one", "two"):
            (folder / name).mkdir()
            options = ("--workers", "2", "--explore", "0.2", "--count-outcomes", "--token-file", "../tokens")
            self.machines.append(Workers(folder / name, there, *options))
            stack.callback(self.machines[-1].kill)
        self.ports = [machine.port for machine in self.machines]

    def wait_until_ready(self) -> None:
        wait_for(lambda: all(status(machine) == 200 for machine in self.machines))
        wait_for(lambda: all(_serves(machine) for machine in self.machines))

    def moments(self, count: int) -> Iterator[str]:
        """Draw moments; yield the kind of each once it has come. Each kind comes as often as the others."""
        kinds: dict[str, Callable[[], str]] = {
            "worker": self._kill_worker,
            "learner": self._kill_learner,
            "database": self._kill_database,
            "network": self._cut_network,
        }
        waiting: list[str] = []
        for _ in range(count):
            waiting = waiting or self.chance.sample(sorted(kinds), len(kinds))
            self.wait_until_ready()
            time.sleep(1 + self.chance.random() * 3)
            yield kinds[waiting.pop()]()

    def _kill(self, role: str) -> None:
        found = [pid for machine in self.machines for pid, name in machine.parts().items() if name == role]
        os.kill(self.chance.choice(found), signal.SIGKILL)

    def _kill_worker(self) -> str:
        self._kill("worker")
        return "worker"

    def _kill_learner(self) -> str:
        self._kill("learner")
        return "learner"

    def _kill_database(self) -> str:
        outage = self.chance.choice(OUTAGES)
        self.postgres.kill()
        time.sleep(outage)
        self.postgres.start()
        return f"database, down for {outage:g} s"

    def _cut_network(self) -> str:
        """Cut all connections, or that of one process at its next write: before it, or before the answer."""
        how = self.chance.choice(["all", "before a write", "after a write"])
        if how == "all":
            self.network.drop()
        else:
            before = self.network.count
            self.network.next_answer(how == "after a write", "writes")
            wait_for(lambda: self.network.count > before)
        return f"network, cut {how}"


def _serves(machine: Workers) -> bool:
    with suppress(OSError, http.client.HTTPException):
        return machine.serves_with_all()
    return False


def on_record(store: Store) -> dict[str, tuple[str, list[str]]]:
    """Return the messages with keys and the texts of their answers, as `Sender.answers`; each key once."""
    found: dict[str, tuple[str, list[str]]] = {}
    waiting: dict[str, str] = {}
    latest: dict[str, str] = {}
    for entry in store.entries():
        if entry.kind == NOTE and KEY in entry.content:
            key = entry.content[KEY]
            assert key not in found, f"{key!r} was taken twice"
            waiting[entry.conversation] = key
            found[key] = entry.content.get("command", ""), []
            if found[key][0]:
                latest[entry.conversation] = waiting.pop(entry.conversation)
        for event in entry_events(entry):
            if isinstance(event, UserUttered):
                key = latest[entry.conversation] = waiting.pop(entry.conversation)
                found[key] = event.text or "", []
            elif isinstance(event, BotUttered) and entry.conversation in latest:
                found[latest[entry.conversation]][1].append(event.text or "")
    return found


def learned(place: DatabaseUrl, last: int) -> Any:
    """Return the state of a learner that has gone on to the end of the journal."""
    given = LiveOptions(source="restaurant", store=place, explore="0.2", count_outcomes=True)
    with open_live_bot(given) as bot:
        seconds = LONG + last / 50  # of hours of messages, all are learned again
        wait_for(lambda: bot.trainer.last_entry == last and not bot.trainer.backlog, seconds)
        wait_for(lambda: not bot.trainer.learner.owed)
        return comparable(bot.trainer)


@pytest.mark.slow
def test_whatever_dies_under_load_nothing_is_lost_and_all_is_learned_once(
    database: DatabaseUrl, postgres: PostgresServer, tmp_path: Path
) -> None:
    is_over = threading.Event()
    with ExitStack() as stack:
        site = Site(tmp_path, database, postgres, stack)
        site.wait_until_ready()
        senders = [Sender(f"sender {number}", site.ports, is_over) for number in range(SENDERS)]
        for sender in senders:
            sender.start()
        stack.callback(is_over.set)
        moments = []
        for kind in site.moments(MOMENTS):
            moments.append((kind, time.monotonic()))
            assert not [sender.fault for sender in senders if sender.fault]
        site.wait_until_ready()
        time.sleep(SETTLED)
        is_over.set()
        for sender in senders:
            sender.join()
            assert sender.fault is None
        with Store(database, create=False, read_only=True) as store:
            last = store.last_id()
        wait_for(lambda: any(one.figures().get("learner_backlog") == 0 for one in site.machines))
        for machine in site.machines:
            machine.stop()
            said = machine.log.read_text()
            assert "Traceback" not in said and "in time" not in said, said
    acknowledged = {key: answer for sender in senders for key, answer in sender.answers.items()}
    for kind, since in moments:
        print(f"{kind}: the longest wait {max(sender.waited(since) for sender in senders):.1f} s")
    print(len(acknowledged), "messages; refusals:", {line for sender in senders for line in sender.refusals})
    with Store(database) as store:
        assert store.check() == [] and store.last_id() == last
        assert on_record(store) == acknowledged
        newest = next(checkpoints_of(database).readable(pytest.fail))
    assert len(acknowledged) > 100 and newest.state["learner"]["transitions"] > 100
    resumed = learned(database, last)
    for path in checkpoints_of(database).paths():
        path.unlink()
    assert learned(database, last) == resumed
