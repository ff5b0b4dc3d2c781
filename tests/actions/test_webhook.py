"""Actions on servers: Rasa's action server in a virtual environment, and servers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dialogue_gym._http import MAX_BYTES, ServiceError, post_json
from dialogue_gym._text import printable
from dialogue_gym.actions import ActionResult, ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted, BotUttered, Entity, SlotSet, UserUttered
from dialogue_gym.domain.model import Response
from tests import ROOT
from tests.conftest import domain_from

CONSTRAINTS = Path(__file__).with_name("rasa_sdk_constraints.txt")
DOMAIN = """
    intents: [inform]
    entities: [size]
    slots: {size: {type: text}, price: {type: float, max_value: 50}, found: {type: list}}
    responses:
      utter_size: [{text: "A {size} one."}]
      action_greet: [{text: "Hello."}]
    actions: [count, say, later, reject, crash, utter_nothing]
    fake_user:
      goal: {size: [small, large]}
      intents: {affirm: inform, deny: inform}
      actions: {count: {sets: {price: 20}, user: judge}}
"""
PIZZA = domain_from(DOMAIN)
EVENTS = (UserUttered("a large one", "inform", (Entity("size", "large"),)), ActionExecuted("utter_size"))

Serve = Callable[[Callable[[socket.socket, bytes], None]], str]


def request_of(connection: socket.socket) -> bytes:
    """Return a whole request."""

    def more() -> bytes:
        if not (data := connection.recv(65536)):
            raise ConnectionError("the client has left")
        return data

    data = more()
    while b"\r\n\r\n" not in data:
        data += more()
    head, _, body = data.partition(b"\r\n\r\n")
    (length,) = (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(body) < int(length.partition(b":")[2]):
        body += more()
    return head + b"\r\n\r\n" + body


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve one connection by a function of the connection and its request."""
    with contextlib.ExitStack() as stack:

        def begin(answer: Callable[[socket.socket, bytes], None]) -> str:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            listener.settimeout(30)

            def run() -> None:
                with contextlib.suppress(OSError):  # the client may have left
                    connection, _ = listener.accept()
                    with connection:
                        answer(connection, request_of(connection))

            thread = threading.Thread(target=run)
            thread.start()
            stack.callback(thread.join)
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield begin


def reply(body: bytes, status: str = "200 OK") -> Callable[[socket.socket, bytes], None]:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return lambda connection, request: connection.sendall(head.encode() + body)


def drip(*pieces: bytes) -> Callable[[socket.socket, bytes], None]:
    """Send byte by byte without end, which stays below the time limit of any single operation."""

    def send(connection: socket.socket, request: bytes) -> None:
        for piece in pieces:
            connection.sendall(piece)
        for _ in range(1000):
            connection.sendall(b" ")  # fails once the other side is gone
            time.sleep(0.02)
        raise AssertionError("nobody has broken this off")

    return send


def test_server_runs_only_custom_actions(serve: Serve) -> None:
    asked: list[bytes] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        asked.append(request)
        events = [{"event": "slot", "name": "found", "value": ["Anna's"]}]
        reply(json.dumps({"events": events, "responses": [{"text": "Hm"}]}).encode())(connection, request)

    runner = ActionRunner(PIZZA, server=serve(answer))
    conversation = Conversation(PIZZA, EVENTS, sender_id="anna")
    assert runner.run("utter_size", conversation).events == (BotUttered("A large one."),)
    assert runner.run("action_greet", conversation).events == (BotUttered("Hello."),)
    assert runner.run("utter_nothing", conversation) == ActionResult()
    assert runner.run("action_listen", conversation) == ActionResult() and not asked
    # The effects declared for the simulation are left out.
    assert runner.run("count", conversation) == ActionResult((BotUttered("Hm"), SlotSet("found", ["Anna's"])))

    head, _, body = asked[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /webhook HTTP/1.1")
    question = json.loads(body)
    assert (question["next_action"], question["sender_id"]) == ("count", "anna")
    tracker = question["tracker"]
    assert tracker["slots"] == {"size": "large", "price": None, "found": None}
    assert tracker["latest_message"]["intent"]["name"] == "inform"
    assert tracker["latest_message"]["entities"] == [{"entity": "size", "value": "large"}]
    assert [(event["event"], event["timestamp"] > 0) for event in tracker["events"]] == [
        ("user", True), ("action", True),
    ]  # fmt: skip
    assert tracker["latest_action_name"] == "utter_size" and tracker["active_loop"] == {}
    assert question["domain"]["responses"]["utter_size"] == [{"text": "A {size} one."}]


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (reply(b'{"error": "not\\nnow", "action_name": "count"}', "400 Bad Request"),
         "rejected by the action server: 'not\\nnow'"),
        (reply(b'{"error": "no such action"}', "404 Not Found"), "status 404: 'no such action'"),
        (reply(b"<html>", "500 Oh"), "responded with status 500"),
        (reply(b"<html>"), "sent a response that is not JSON: "),
        (reply(b'{"events": NaN}'), "sent a response that is not JSON: "),
        (reply(b'{"events": 1e400}'), "sent a response that is not JSON: '1e400' is not a finite"),
        (reply(b"[" * 100_000), "sent a response that is not JSON: "),
        (reply(b"null"), "sent 'None', which is not an object"),
        (reply(b'{"events": {"event": "slot"}}'), "expected a list of events, not a dict"),
        (reply(b'{"responses": ["hello"]}'), "expected objects in its responses, not 'hello'"),
        (reply(b'{"events": [{"event": "slot", "name": ["a"]}]}'), "unknown slot "),
        (reply(b'{"events": [{"event": "slot", "name": "price", "value": 1e999}]}'), "is not JSON: '1e999'"),
        (reply(b" " * (MAX_BYTES + 1)), "sent more than 5,000,000 bytes"),
        (lambda connection, request: None, "sent no complete HTTP response: "),
        (lambda connection, request: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"),
         "sent no complete HTTP response: peer closed connection"),
        (lambda connection, request: connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n"),
         "sent no complete HTTP response: illegal status line"),
        (drip(b"HTTP/1.1 200 OK\r\nX-Slow: "), "did not respond within 0.3 s"),
        (drip(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{"), "did not respond within 0.3 s"),
        (drip(b"HTTP/1.0 200 OK\r\n\r\n{"), "did not respond within 0.3 s"),
    ],
)  # fmt: skip
def test_failures_of_a_server_become_notes(serve: Serve, answer: Any, note: str) -> None:
    slow = 0.3 if "0.3 s" in note else 20
    result = ActionRunner(PIZZA, server=serve(answer), seconds=slow).run("count", Conversation(PIZZA, EVENTS))
    assert result.events == () and result.note is not None
    assert result.note.startswith("count: ") and note in result.note and result.note == printable(result.note)


def test_default_action_needs_no_server_that_has_it(serve: Serve) -> None:
    name = "action_default_fallback"
    domain = dataclasses.replace(
        PIZZA, actions=(*PIZZA.actions, name), responses=(Response("utter_default", ("Pardon?",)),)
    )
    missing = serve(reply(b'{"error": "No registered action found"}', "404 Not Found"))
    result = ActionRunner(domain, server=missing).run(name, Conversation(domain))
    assert (result.events, result.note) == ((BotUttered("Pardon?"),), None)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1/webhook", "cannot be reached: "),
        ("file:///etc/passwd", "is not an address: "),
        ("localhost:5055", "is not an address: "),
        ("http://[::1", "is not an address: "),
        ("http://a b/", "is not an address: "),
        ("http://host:99999/", "is not an address: "),
        ("http://host\x00name/", "cannot be reached: "),
        (f"http://{'a' * 70}/", "cannot be reached: "),
        (f"http://{'a' * 70_000}/", "cannot be reached: "),
        ("http://anna:secret@host/", "an address with a name or password in it is not supported"),
    ],
)
def test_the_error_of_a_wrong_address_is_one_line(url: str, reason: str) -> None:
    with pytest.raises(ServiceError) as caught:
        post_json(url, {}, 5)
    assert reason in str(caught.value) and "secret" not in str(caught.value)
    result = ActionRunner(PIZZA, server=url, seconds=5).run("count", Conversation(PIZZA))
    assert result.events == () and reason in str(result.note)


def test_redirects_are_not_followed(serve: Serve) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    url = serve(lambda connection, request: connection.sendall(moved))
    with pytest.raises(ServiceError, match="responded with status 302"):
        post_json(url, {}, 20)


def test_a_compressed_response_is_not_unpacked(serve: Serve) -> None:
    packed = gzip.compress(b" " * 100_000_000 + b"{}")
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    url = serve(lambda connection, request: connection.sendall(head.encode() + packed))
    with pytest.raises(ServiceError, match="not JSON"):
        post_json(url, {}, 20)


def test_slow_dns_lookup_respects_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: is_over.wait(20) and [])
    begin = time.monotonic()
    with pytest.raises(ServiceError, match=r"did not respond within 0.2 s"):
        post_json("http://slow.invalid/", {}, 0.2)
    assert time.monotonic() - begin < 10
    is_over.set()


def test_a_server_can_be_asked_while_an_event_loop_runs(serve: Serve) -> None:
    async def within() -> Any:
        return post_json(serve(reply(b"[1]")), {}, 20)

    assert asyncio.run(within()) == [1]


def test_error_without_httpx_has_the_install_command() -> None:
    code = "import sys; sys.modules['httpx'] = None\nfrom dialogue_gym._http import post_json\n"
    code += "post_json('http://127.0.0.1:1/', {}, 1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip().endswith("ImportError: HTTP requests need httpx: pip install httpx")


def test_a_payload_that_is_not_json_is_not_sent(serve: Serve) -> None:
    with pytest.raises(ServiceError, match=r"nothing was sent to .*: the payload is not JSON"):
        post_json("http://127.0.0.1:1/", {"value": float("nan")}, 5)


ACTIONS = """
from rasa_sdk import Action
from rasa_sdk.events import AllSlotsReset, FollowupAction, SlotSet
from rasa_sdk.interfaces import ActionExecutionRejection


class Count(Action):
    def name(self):
        return "count"

    def run(self, dispatcher, tracker, domain):
        size = next(tracker.get_latest_entity_values("size"), None)
        found = (size, tracker.get_slot("size"), tracker.latest_message["intent"]["name"],
                 tracker.last_executed_action_has("utter_size"), tracker.latest_action_name,
                 sorted(tracker.current_slot_values()), sorted(domain["slots"]), len(tracker.events))
        return [SlotSet("price", 12.5), SlotSet("found", found)]


class Say(Action):
    def name(self):
        return "say"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text="Hi", buttons=[{"title": "x", "payload": "/inform"}], image="a.png")
        dispatcher.utter_message(response="utter_size", size="huge")
        dispatcher.utter_message(json_message={"a": [1, None]})
        dispatcher.utter_message(attachment="b")


class Later(Action):
    def name(self):
        return "later"

    async def run(self, dispatcher, tracker, domain):
        await dispatcher.stream_start()
        await dispatcher.stream_chunk("one ")
        await dispatcher.stream_chunk("two")
        await dispatcher.stream_end()
        return [AllSlotsReset(), FollowupAction("count"), SlotSet("prize", 1), SlotSet("size", "small")]


class Reject(Action):
    def name(self):
        return "reject"

    def run(self, dispatcher, tracker, domain):
        raise ActionExecutionRejection(self.name(), "not now")


class Crash(Action):
    def name(self):
        return "crash"

    def run(self, dispatcher, tracker, domain):
        return 1 / 0
"""

COMPARE = '''
"""Run every action in process and on the server, and compare our tracker with Rasa's."""
import json, sys
from rasa_sdk import Tracker as RasaTracker
from rasa_sdk.executor import CollectingDispatcher
from dialogue_gym.actions import ActionRunner, Dispatcher, Tracker, load_actions
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import *
from dialogue_gym.domain import load_domain

domain, server = load_domain(sys.argv[1]), sys.argv[2]
heard = UserUttered("large", "inform", (Entity("size", "large"), Entity("size", "xl", role="other")))
story = [ActionExecuted("utter_size"), Restarted(), heard, SlotSet("price", 3), ActionExecuted("utter_size"),
         ActionExecuted("action_listen"), heard, SlotSet("found", ["a"]), SlotSet("price", None)]
here = ActionRunner(domain, load_actions("actions"))
there = ActionRunner(domain, server=server, seconds=60)
results = {}
for length in range(len(story) + 1):
    conversation = Conversation(domain, story[:length])
    for name in here.actions:
        both = [runner.run(name, conversation) for runner in (here, there)]
        results[f"{name} {length}"] = [repr(result.events) for result in both]
    state = Tracker.of(conversation).current_state()
    ours, theirs = Tracker.from_dict(json.loads(json.dumps(state))), RasaTracker.from_dict(state)
    missing = [name for ours, theirs in ((ours, theirs), (Dispatcher(), CollectingDispatcher()))
               for name in dir(theirs) if not name.startswith("_") and not hasattr(ours, name)]
    for method, *arguments in (
        ["current_state"], ["current_slot_values"], ["get_slot", "size"], ["get_slot", "no"], ["is_paused"],
        ["get_intent_of_latest_message"], ["get_latest_input_channel"], ["idx_after_latest_restart"],
        ["events_after_latest_restart"], ["applied_events"], ["slots_to_validate"],
        ["get_last_event_for", "action", ["action_listen"]], ["get_last_event_for", "user", [], 1],
        ["last_executed_action_has", "utter_size"], ["last_executed_action_has", "utter_size", 1],
    ):
        results[f"{method} {arguments} {length}"] = [
            repr(getattr(tracker, method)(*arguments)) for tracker in (ours, theirs)]
    for arguments in (["size"], ["size", "other"], ["no"]):
        results[f"values {arguments} {length}"] = [
            list(tracker.get_latest_entity_values(*arguments)) for tracker in (ours, theirs)]
notes = {name: [runner.run(name, conversation).note for runner in (here, there)] for name in here.actions}
print(json.dumps({"results": results, "notes": notes, "missing": missing}))
'''


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def action_server(python: Path, folder: Path) -> Iterator[str]:
    """Run Rasa's action server with the `actions.py` of a folder."""
    port = free_port()
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [str(python), "-m", "rasa_sdk", "--actions", "actions", "--port", str(port)]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=variables | {"SANIC_HOST": "127.0.0.1"},
            stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        until = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except OSError:
                said = (folder / "server.log").read_text("utf-8", "replace")
                assert process.poll() is None and time.monotonic() < until, said
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.slow
def test_code_acts_alike_locally_and_on_a_rasa_server(tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    packages = ["rasa-sdk", "gymnasium", "numpy", "pyyaml", "httpx"]
    options = ["--quiet", "--no-compile", "--constraint", str(CONSTRAINTS)]
    subprocess.run([*pip, "install", *options, *packages], check=True, capture_output=True)

    (tmp_path / "actions.py").write_text(ACTIONS)
    (tmp_path / "compare.py").write_text(COMPARE)
    (tmp_path / "domain.yml").write_text(textwrap.dedent(DOMAIN))
    with action_server(python, tmp_path) as url:
        done = subprocess.run(
            [str(python), "compare.py", "domain.yml", url],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
            env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["missing"] == []  # of the attributes of Rasa's trackers and dispatchers
    assert len(found["results"]) > 200
    assert {what: pair for what, pair in found["results"].items() if pair[0] != pair[1]} == {}
    assert "12.5" in found["results"]["count 9"][0] and "A huge one." in found["results"]["say 9"][0]
    assert "two" in found["results"]["later 9"][0] and found["notes"]["count"] == [None, None]
    assert (
        "not now" in found["notes"]["reject"][0]
        and "rejected by the action server: 'not now'" in found["notes"]["reject"][1]
    )
    assert "actions.py" in found["notes"]["crash"][0] and "division by zero" in found["notes"]["crash"][1]
    assert found["notes"]["later"][0] == found["notes"]["later"][1]
    assert (
        "'followup'" in found["notes"]["later"][0] and "did you mean 'price'?" in found["notes"]["later"][0]
    )
