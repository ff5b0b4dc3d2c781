"""Several processes that serve one bot: a parent, workers, and the learner, on a store in PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra web is missing")

from dialogue_gym.actions import ActionRunner
from dialogue_gym.domain import load_domain
from dialogue_gym.journal.entry import END, USER
from dialogue_gym.journal.place import DatabaseUrl
from dialogue_gym.journal.store import Store
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.checkpoints import checkpoints_of
from dialogue_gym.live.sessions import Sessions
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from tests import ROOT
from tests.commands import call
from tests.live.handoffs import Hello
from tests.postgres import PostgresServer
from tests.web.requests import PASSWORD, ask, client
from tests.web.servers import wait_for
from tests.web.test_channels import widget
from tests.web.test_monitoring import Monitored

DOMAIN = """
intents: [greet]
responses: {utter_hello: [{text: Hello}]}
actions: [utter_hello]
"""
RULES = "rules: [{rule: greet, steps: [{intent: greet}, {action: utter_hello}]}]"
FRENCH = '/inform{"cuisine": "french"}'


class Workers(Monitored):
    """A server of several processes; `port` is that of the workers."""

    command = ("serve", "--talk", "--no-open")

    def __init__(self, folder: Path, place: DatabaseUrl, *options: str, **keywords: str) -> None:
        self.place = place
        self.processes = int(options[options.index("--workers") + 1]) + 1
        super().__init__(folder / "server", *options, **keywords)

    def start(self) -> None:
        self._words = tuple(self.place.url if word == str(self.folder) else word for word in self._words)
        super().start()

    @property
    def teachers(self) -> Teachers:
        (port,) = re.findall(r"Teach the bot at http://[^/]*:(\d+)/", self.log.read_text())
        return Teachers(int(port))

    def parts(self) -> dict[int, str]:
        """Return the processes that run, by their numbers: `worker` or `learner`."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, IndexError, ValueError):
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                told = (folder / "environ").read_bytes().partition(b"DIALOGUE_GYM_PART=")[2]
                if parent == self._process.pid and told:
                    found[int(folder.name)] = told.split()[0].decode()
        return found

    def one(self, role: str) -> int:
        return next(pid for pid, name in self.parts().items() if name == role)

    def sockets(self) -> dict[int, int]:
        """Return the number of open sockets of each worker, by its number."""
        workers = (pid for pid, role in self.parts().items() if role == "worker")
        return {pid: sum(map(is_socket, os.scandir(f"/proc/{pid}/fd"))) for pid in workers}

    def wait_without(self, pid: int) -> None:
        """Wait until another process has taken the place of one."""
        wait_for(lambda: len(self.parts()) == 2 and pid not in self.parts())
        wait_for(self.is_ready)

    def serves_with_all(self) -> bool:
        """Return whether all processes serve, by their figures."""
        names = (name.split() for name in self.figures())
        pids = {int(name[1]) for name in names if name[0] == "process_start_time_seconds"}
        return len(pids) == self.processes and pids == {*self.parts()}

    def is_ready(self) -> bool:
        return status(self) == 200 and status(self.teachers) == 200


class Teachers:
    """The port of the teachers' pages."""

    def __init__(self, port: int) -> None:
        self.port = port


def status(server: object) -> int:
    with suppress(OSError):
        return ask(server, "/health/ready")[0]
    return 0


def is_socket(file: os.DirEntry[str]) -> bool:
    with suppress(OSError):  # closed meanwhile
        return os.readlink(file.path).startswith("socket:")
    return False


def is_running(pid: int) -> bool:
    with suppress(OSError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


@pytest.fixture
def server(tmp_path: Path, database: DatabaseUrl) -> Iterator[Workers]:
    server = Workers(tmp_path, database, "--workers", "1")
    wait_for(server.is_ready)
    yield server
    server.stop()
    server.kill()


def test_processes_that_cannot_share_a_store_are_refused_in_one_line(tmp_path: Path) -> None:
    def refusal(*words: str) -> str:
        done = call("serve", "restaurant", *words, cwd=tmp_path)
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and not done.stdout, done.stderr
        return done.stderr

    assert "PostgreSQL" in refusal("--talk", "--workers", "2", "--store", "folder")
    assert "PostgreSQL" in refusal("--talk", "--workers", "1")
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    assert "add --talk" in refusal("--workers", "2", "--store", url)
    assert "--openenv" in refusal("--talk", "--openenv", "--workers", "2", "--store", url)
    assert "--workers" in refusal("--talk", "--teachers-port", "9000")
    words = ["serve", "restaurant", "--talk", "--workers", "3", "--store", url, "--port", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "dialogue_gym", *words], cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    # The first process says it, and the others are not started.
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and not done.stdout, done
    assert "no server answers there" in done.stderr


@pytest.mark.slow
def test_processes_that_die_start_again_and_all_stop_together(
    server: Workers, postgres: PostgresServer
) -> None:
    assert server.say("ann", FRENCH)[0] == 200
    polls = ask(server, "/socket.io/?EIO=4&transport=polling")
    assert polls[0] == 400, "the next poll could reach another worker"
    with client.connect(f"ws://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=websocket") as opened:
        assert str(opened.recv()).startswith("0")
    before = server.parts()
    assert sorted(before.values()) == ["learner", "worker"]
    for role in ("worker", "learner"):
        killed = server.one(role)
        os.kill(killed, signal.SIGKILL)
        server.wait_without(killed)
    learner = server.one("learner")
    postgres.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%learns%'"
    )
    server.wait_without(learner)
    assert not server.parts().keys() & before.keys()
    assert server.say("ann", FRENCH)[0] == 200
    wait_for(lambda: server.figures()["learner_transitions"] > 0)
    figures = server.figures()
    assert figures["messages_total rest answered"] == 2, "also those of processes that have died"
    assert server.serves_with_all()
    server.stop()
    assert server.exit_status == 0, server.log.read_text()
    said = server.log.read_text()
    assert not any(map(is_running, before)) and "Traceback" not in said
    assert said.count("Talk to the bot at") == 1 and said.count("(everything is saved)") == 1
    for role in ("worker 1", "the learner"):
        assert f"({role} has ended (SIGKILL), and starts again in 0.5 s)" in said
    assert "another process may be the learner since" in said
    assert "(the learner has ended (status 2), and starts again in 1 s)" in said
    with Store(server.place, create=False, read_only=True) as store:
        assert [entry.kind for entry in store.entries()].count(USER) == 2
        assert store.check() == []
        checkpoint = next(checkpoints_of(server.place).readable(pytest.fail))
        assert checkpoint.state["upto"] == store.last_id()


@pytest.mark.slow
def test_conversations_of_silent_people_end_and_are_counted(tmp_path: Path, database: DatabaseUrl) -> None:
    """Whichever process is the first: the learner looks, too."""
    server = Workers(tmp_path, database, "--workers", "1", "--silence", "0.05")
    try:
        wait_for(server.is_ready)
        for number in range(8):
            assert server.say(f"person {number}", FRENCH)[0] == 200
        wait_for(lambda: server.figures().get("conversations_ended_total truncated", 0) >= 8)
        assert server.figures()["conversations_ended_total truncated"] == 8
    finally:
        server.stop()
    with Store(server.place, create=False, read_only=True) as store:
        assert [entry.content["outcome"] for entry in store.entries() if entry.kind == END] == [
            "truncated"
        ] * 8


@pytest.mark.slow
def test_processes_end_with_their_parent(server: Workers) -> None:
    pids = server.parts()
    server.kill()
    wait_for(lambda: not any(map(is_running, pids)))


@pytest.mark.slow
def test_processes_stop_in_time_though_their_database_is_gone(
    server: Workers, postgres: PostgresServer
) -> None:
    """As when both are stopped at once; everything is in the journal."""
    assert server.say("ann", FRENCH)[0] == 200
    postgres.kill()
    try:
        server.stop()
    finally:
        postgres.start()
    said = server.log.read_text()
    assert "in time" not in said and "Traceback" not in said, said


@pytest.mark.slow
def test_another_machine_has_the_learner_once_that_of_the_first_one_is_gone(
    server: Workers, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Workers(tmp_path / "other", server.place, "--workers", "1")
    try:
        wait_for(lambda: status(other) == 200)
        assert status(other.teachers) == 503
        code, _, body = ask(other.teachers, "/teach/")
        assert code == 503 and "another process learns" in body
        server.kill()
        wait_for(other.is_ready)
        code, _, body = ask(other.teachers, "/teach/")
        assert code == 200
        said = other.log.read_text()
        assert said.index("this one waits to take over") < said.index("(this process learns now")
    finally:
        other.stop()
        assert other.exit_status == 0, other.log.read_text()


@pytest.mark.slow
def test_teachers_elsewhere_reach_bots_and_people_at_a_worker(tmp_path: Path, database: DatabaseUrl) -> None:
    file = tmp_path / "hello.yml"
    file.write_text(DOMAIN)
    (tmp_path / "rules.yml").write_text(RULES)
    options = ("--workers", "2", "--stories", "rules.yml")
    server = Workers(tmp_path, database, *options, domain="hello.yml", DIALOGUE_GYM_PASSWORD=PASSWORD)

    def edit(was: str, now: str) -> int:
        change = {"kind": "response", "name": "utter_hello", "was": was, "now": now}
        named = {"Authorization": f"Bearer {PASSWORD}", "Content_Type": "application/json"}
        return ask(server.teachers, "/api/domain/edits", "POST", json.dumps(change), **named)[0]

    def greeting(sender: str) -> str:
        # A worker that has just started may not have the weights yet.
        code, _, answer = wait_for(lambda: (found := server.say(sender, "/greet"))[0] != 503 and found)
        assert code == 200, answer
        (said,) = json.loads(answer)
        return str(said["text"])

    async def talk(store: Store) -> None:
        there = Sessions(
            LiveBot(domain, store, Hello(), FixedFormatInterpreter(domain), ActionRunner(domain))
        )
        act, known = there.manager, there.bot.conversations

        def visitors() -> list[str]:
            there.expire()  # which finds out about the conversations of others
            return [name for name, person in known.open.items() if person.startswith("visitor ")]

        async with widget(server) as page:
            session = await page.session()
            said = None
            while said != {"text": "Good day"}:  # this worker may be the last to know
                await asyncio.sleep(0.2)
                await page.say("/greet", session)
                said = await page.next()
            await asyncio.to_thread(wait_for, visitors)
            (name,) = await asyncio.to_thread(visitors)
            await asyncio.to_thread(there.do, name, lambda: act.take_over(name, "tina"))
            await page.say("/greet", session)
            await asyncio.to_thread(wait_for, lambda: visitors() and there.bot.awaits_teacher(name))
            await asyncio.to_thread(there.do, name, lambda: act.say(name, "tina", "One moment."))
            assert await page.next() == {"text": "One moment."}

    try:
        wait_for(server.serves_with_all)
        before = server.sockets()
        with ExitStack() as stack:
            for _ in range(60):
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            wait_for(lambda: sum(server.sockets().values()) >= sum(before.values()) + 60)
            shares = [now - before[pid] for pid, now in server.sockets().items()]
            assert len(shares) == 2 and min(shares) >= 10, "each worker has its share of the connections"
        assert greeting("ann") == "Hello"
        assert edit("Hello", "Good day") == 204
        wait_for(lambda: greeting("ann") == "Good day")
        domain = load_domain(str(file))
        with Store(database, is_shared=True) as store:
            asyncio.run(talk(store))
    finally:
        server.stop()
        assert server.exit_status == 0, server.log.read_text()
