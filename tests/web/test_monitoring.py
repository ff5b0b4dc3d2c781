"""The server as machines see it: health, figures, the log, and its stop."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

fastapi = pytest.importorskip("fastapi", reason="the extra web is missing")

from prometheus_client.parser import text_string_to_metric_families  # noqa: E402

from dialogue_gym._threads import is_leaving, wait_no_longer  # noqa: E402
from dialogue_gym.conversation.events import BotUttered, UserUttered  # noqa: E402
from dialogue_gym.journal.entry import END, entry_events  # noqa: E402
from dialogue_gym.journal.store import Store  # noqa: E402
from dialogue_gym.live.checkpoints import checkpoints_of  # noqa: E402
from dialogue_gym.web.stopping import stopping_in_time  # noqa: E402
from tests import ROOT  # noqa: E402
from tests.commands import run  # noqa: E402
from tests.pages import block_with  # noqa: E402
from tests.web.requests import PASSWORD, Answer, ask  # noqa: E402
from tests.web.servers import LONG, Served, wait_for  # noqa: E402

HOOK = "/webhooks/rest/webhook"
TOKEN = "a token for figures"
SECRET = "the secret of ann"
DOMAIN = """
intents: [greet]
actions: [wait]
"""
ACTIONS = """
import time
from pathlib import Path

class Wait:
    def name(self):
        return "wait"

    def run(self, dispatcher, tracker, domain):
        Path("began").touch()
        while not Path("go").exists():
            time.sleep(0.01)
        dispatcher.utter_message(text="It is done.")
        return []
"""


LATE = """
import asyncio, threading
from dialogue_gym._threads import repeating
from dialogue_gym.web import stopping

stopping._STOP_SECONDS = 0.5
with stopping.stopping_in_time() as begin:
    with repeating(threading.Event().wait, 0, "watching"):
        asyncio.run(begin())
"""


class Monitored(Served):
    command = ("serve", "--no-teach", "--talk")
    page = "/talk/"

    def say(self, sender: str, text: str) -> Answer:
        body = json.dumps({"sender": sender, "message": text})
        return ask(self, HOOK, "POST", body, content_type="application/json")

    @property
    def exit_status(self) -> int | None:
        return self._process.exitcode

    def figures(self, **headers: str) -> dict[str, float]:
        """Return the figures by name and labels, such as `messages_total rest answered`."""
        status, _, text = ask(self, "/metrics", **headers)
        assert status == 200, text
        return {
            " ".join([sample.name.removeprefix("dialogue_gym_"), *sample.labels.values()]): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    folder = tmp_path_factory.mktemp("monitored")
    (folder / "token").write_text(f"{TOKEN}\n")
    options = ("--log-json", "--metrics-token", str(folder / "token"))
    server = Monitored(folder / "store", *options, DIALOGUE_GYM_PASSWORD=PASSWORD)
    yield server
    server.kill()


def test_figures_count_messages_and_what_became_of_them(server: Monitored) -> None:
    before = server.figures()
    assert server.say("ann", '/inform{"cuisine": "french"}')[0] == 200
    assert server.say("ann", "/restart")[0] == 200
    assert server.say("ann", "x" * 1001)[0] == 413
    after = server.figures()
    assert after["messages_total rest answered"] - before.get("messages_total rest answered", 0) == 2
    assert after["messages_total rest refused"] == 1
    assert after["answer_seconds_count rest"] == after["messages_total rest answered"]
    assert after["answer_seconds_bucket rest +Inf"] == after["answer_seconds_count rest"]
    assert after["conversations_ended_total failure"] == 1
    assert after["conversations_ended_total success"] == 0
    assert after["conversations_open"] == 1 and after["learner_failed"] == 0
    assert server.say("ann", "/restart")[0] == 200  # nobody has written in the one that ends
    assert server.figures()["conversations_ended_total failure"] == 1
    assert wait_for(lambda: server.figures()["learner_backlog"] == 0)
    with Store(server.folder, create=False, read_only=True) as store:
        assert [entry.content["outcome"] for entry in store.entries() if entry.kind == END] == ["failure"] * 2
    assert '"ann"' not in ask(server, "/metrics")[2]


def test_figures_are_for_this_machine_or_a_token(server: Monitored) -> None:
    def status(**headers: str) -> int:
        return ask(server, "/metrics", **headers)[0]

    assert status() == 200
    assert status(X_Forwarded_For="192.0.2.1") == status(Forwarded="for=192.0.2.1") == 401
    assert status(X_Forwarded_For="192.0.2.1", Authorization=f"Bearer {TOKEN}") == 200
    assert status(Authorization="Bearer another") == status(Authorization=f"Bearer {PASSWORD}") == 401
    assert status(Host="evil.example") == 400


def test_health_is_for_everybody_and_tells_little(server: Monitored) -> None:
    for path in ("/health/live", "/health/ready"):
        status, headers, body = ask(server, path, X_Forwarded_For="192.0.2.1")
        assert (status, json.loads(body)) == (200, {"status": "ok"}) and headers[
            "cache-control"
        ] == "no-store"
        assert ask(server, path, "POST", b"")[0] == 405


def test_the_log_has_a_line_for_each_message_without_its_words(server: Monitored) -> None:
    sent = f'/inform{{"cuisine": "{SECRET}"}}'
    for text in (sent, f'/no_such_intent{{"cuisine": "{SECRET}"}}'):
        assert server.say("private person", text)[0] == 200
    text = server.log.read_text()
    assert SECRET not in text and "private person" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    first, second = [line for line in lines if line["logger"].endswith("inbox")][-2:]
    assert first["message"] == "message answered" and first["channel"] == "rest" and first["seconds"] > 0
    assert first["conversation"] == second["conversation"] and {"timestamp", "level"} <= first.keys()
    problem = next(line for line in lines if line["message"] == "a turn had a problem")
    assert problem["conversation"] == first["conversation"] and problem["level"] == "WARNING"
    assert any(line["message"].startswith("Talk to the bot at http://") for line in lines)


@pytest.mark.slow
def test_a_backup_is_a_store_from_which_a_person_can_be_deleted(tmp_path: Path) -> None:
    """The commands of the page, on a server that runs."""
    copy, backup, forget = (
        [line.removeprefix("$ ") for line in block.splitlines()]
        for block in (
            block_with("docs/serving.md", "store copy"),
            block_with("docs/serving.md", "VACUUM INTO"),
            block_with("docs/serving.md", "store forget"),
        )
    )
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def do(command: str, folder: str) -> str:
        words = command.replace("restaurant-live", folder)
        done = run(["bash", "-c", words], tmp_path, PATH=path)
        return done.stdout

    server = Monitored(tmp_path / "restaurant-live")
    try:
        for sender in ("ann", "bob"):
            assert server.say(sender, f'/inform{{"cuisine": "the secret of {sender}"}}')[0] == 200
        server.stop()  # so that there is a checkpoint
        assert do(*copy, "restaurant-live").startswith("copied has all of restaurant-live: ")
        assert do("dialogue-gym store check copied", "") == "no problems found\n"
        server.start()
        for command in backup:
            said = do(command, "restaurant-live")
        assert said == "no problems found\n"
    finally:
        server.kill()
    assert do(f"{forget[0]} --yes", "backup").startswith("live1 erased\n2 checkpoints removed")
    kept = b"".join(file.read_bytes() for file in (tmp_path / "backup").rglob("*") if file.is_file())
    assert b"the secret of bob" in kept and SECRET.encode() not in kept and b'"ann"' not in kept
    restored = Monitored(tmp_path / "backup", DIALOGUE_GYM_PASSWORD=PASSWORD)
    try:
        bearer = f"Bearer {PASSWORD}"
        tracker = json.loads(ask(restored, "/api/people/bob/tracker", Authorization=bearer)[2])
        assert tracker["slots"]["cuisine"] == "the secret of bob"
        assert ask(restored, "/api/people/ann/tracker", Authorization=bearer)[0] == 404
    finally:
        restored.kill()


class Slow(Monitored):
    """A server whose bot does nothing but to wait until it may go on."""

    def __init__(self, folder: Path) -> None:
        (folder / "slow.yml").write_text(DOMAIN)
        (folder / "slow.py").write_text(ACTIONS)
        super().__init__(folder / "store", "--actions", "slow.py", domain="slow.yml")
        self.answers: list[Answer] = []
        self._asking = threading.Thread(target=self._ask)
        self._asking.start()
        wait_for((folder / "began").exists)

    def _ask(self) -> None:
        with suppress(OSError, http.client.HTTPException):
            self.answers.append(self.say("ann", "/greet"))

    def end(self, go: Callable[[], object]) -> int | None:
        """Ask the server to stop, and let the action go on once it has begun to; return its exit status."""
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGTERM)
        wait_for(lambda: not self._accepts())
        go()
        self._process.join(LONG)
        self._asking.join(LONG)
        return self._process.exitcode

    def _accepts(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


def saved(folder: Path) -> tuple[list[str], list[str], int]:
    """Return the texts of people and of the bot in a store, and the last entry that its learner has."""
    with Store(folder, create=False, read_only=True) as store:
        assert store.check() == []
        events = [event for entry in store.entries() for event in entry_events(entry)]
        checkpoint = next(checkpoints_of(folder).readable(lambda fault: None))
        said = [event.text or "" for event in events if isinstance(event, UserUttered)]
        answered = [event.text or "" for event in events if isinstance(event, BotUttered)]
        return said, answered, checkpoint.state["upto"]


def test_a_server_that_stops_finishes_its_answers_and_saves(tmp_path: Path) -> None:
    server = Slow(tmp_path)
    try:
        status = server.end((tmp_path / "go").touch)
        assert status == 0, server.log.read_text()
    finally:
        server.kill()
    ((code, _, body),) = server.answers
    assert code == 200 and [part["text"] for part in json.loads(body)] == ["It is done."]
    said, answered, learned = saved(server.folder)
    assert (said, answered) == (["/greet"], ["It is done."]) and learned > 0
    assert "(everything is saved)" in server.log.read_text() and "Traceback" not in server.log.read_text()


def test_a_server_stops_while_a_client_closes_its_socket(tmp_path: Path) -> None:
    sockets = pytest.importorskip("websockets.sync.client")
    server = Monitored(tmp_path / "store")
    try:
        address = f"ws://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=websocket"
        with sockets.connect(address, proxy=None) as opened:
            assert opened.recv().startswith("0")
            opened.protocol.send_close(1000)  # and nothing is read after it
            opened.socket.sendall(b"".join(opened.protocol.data_to_send()))
            server.stop()
            assert server.exit_status == 0, server.log.read_text()
    finally:
        server.kill()
    assert "(everything is saved)" in server.log.read_text()


def test_a_late_stop_names_its_threads(tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text(LATE)
    done = subprocess.run(
        [sys.executable, "late.py"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 1 and not done.stderr, done
    assert done.stdout.startswith("(something did not stop in time") and done.stdout.count("\n") == 1
    assert "thread MainThread _threads:" in done.stdout and "thread watching _threads:" in done.stdout


@pytest.mark.slow
def test_a_server_that_stops_does_not_wait_for_ever(tmp_path: Path) -> None:
    """An action that hangs is given up; the next start knows that its message was taken."""
    server = Slow(tmp_path)
    try:
        assert server.end(lambda: None) == 0, server.log.read_text()
        ((code, _, body),) = server.answers
        assert code == 503 and "the server is stopping" in body
        assert saved(server.folder)[:2] == (["/greet"], [])
        assert "Traceback" not in server.log.read_text()
        (tmp_path / "go").touch()
        server.start()
        assert server.say("ann", "/greet")[0] == 200
    finally:
        server.kill()
    said, answered, _ = saved(server.folder)
    assert said == ["/greet"] * 2 and answered[-1] == "It is done."


def test_a_process_that_goes_on_after_its_server_waits_again() -> None:
    with stopping_in_time():
        wait_no_longer()
        assert is_leaving()
    assert not is_leaving()
