"""Processes that serve one bot, killed at any moment under load: nothing that was acknowledged is lost."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import threading
import time
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
from tests.live.people import comparable
from tests.web.servers import wait_for
from tests.web.test_monitoring import HOOK
from tests.web.test_workers import Workers, status

SENDERS, KILLS = 6, 6
TEXTS = ('/inform{"cuisine": "french"}', "/affirm", "/deny", '/inform{"location": "rome"}', "/restart")


class Sender(threading.Thread):
    """Somebody who writes, and sends each message again until it is answered."""

    def __init__(self, name: str, ports: list[int], is_over: threading.Event) -> None:
        super().__init__(name=name)
        self.answers: dict[str, tuple[str, list[str]]] = {}
        """The text of each message and the texts of its answer, by its key."""
        self.slowest = 0.0
        self._ports, self._is_over = ports, is_over
        self._random = random.Random(name)

    def run(self) -> None:
        while not self._is_over.is_set():
            key, text = f"{self.name} {len(self.answers)}", self._random.choice(TEXTS)
            began = time.monotonic()
            while (answer := self._send(key, text)) is None:
                time.sleep(0.1)
            self.answers[key] = text, answer
            self.slowest = max(self.slowest, time.monotonic() - began)
            time.sleep(0.1)  # leaves the processor to processes that start

    def _send(self, key: str, text: str) -> list[str] | None:
        body = json.dumps({"sender": self.name, "message": text, "message_id": key})
        connection = http.client.HTTPConnection("127.0.0.1", self._random.choice(self._ports), timeout=20)
        with suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("POST", HOOK, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            found = answer.read()
            if answer.status == 200:
                return [part["text"] for part in json.loads(found)]
            assert answer.status in (429, 503), (answer.status, found)
        return None


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
        wait_for(lambda: bot.trainer.last_entry == last and not bot.trainer.backlog)
        wait_for(lambda: not bot.trainer.learner.owed)
        return comparable(bot.trainer)


@pytest.mark.slow
def test_processes_killed_under_load_lose_nothing_and_learn_everything_once(
    database: DatabaseUrl, tmp_path: Path
) -> None:
    chance = random.Random(1)
    is_over = threading.Event()
    with ExitStack() as stack:
        servers = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            options = ("--workers", "2", "--explore", "0.2", "--count-outcomes")
            servers.append(Workers(tmp_path / name, database, *options))
            stack.callback(servers[-1].kill)
        ports = [server.port for server in servers]
        wait_for(lambda: all(status(server) == 200 for server in servers))
        senders = [Sender(f"sender {number}", ports, is_over) for number in range(SENDERS)]
        for sender in senders:
            sender.start()
        stack.callback(is_over.set)
        for _ in range(KILLS):
            wait_for(lambda: all(server.serves_with_all() for server in servers))
            time.sleep(1 + chance.random() * 3)
            parts = [pid for server in servers for pid in server.parts()]
            os.kill(chance.choice(parts), signal.SIGKILL)
        time.sleep(5)
        is_over.set()
        for sender in senders:
            sender.join()
        with Store(database, create=False, read_only=True) as store:
            last = store.last_id()
        wait_for(lambda: any(server.figures().get("learner_backlog") == 0 for server in servers))
        for server in servers:
            server.stop()
            assert "Traceback" not in server.log.read_text()
    acknowledged = {key: answer for sender in senders for key, answer in sender.answers.items()}
    print(len(acknowledged), "messages, the slowest in", max(sender.slowest for sender in senders), "s")
    with Store(database) as store:
        assert store.check() == [] and store.last_id() == last
        assert on_record(store) == acknowledged
        newest = next(checkpoints_of(database).readable(pytest.fail))
    assert len(acknowledged) > 100 and newest.state["learner"]["transitions"] > 100
    resumed = learned(database, last)
    for path in checkpoints_of(database).paths():
        path.unlink()
    assert learned(database, last) == resumed
