"""Actions on servers: Rasa's action server in a virtual environment, and servers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gzip
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dialogue_gym._http import MAX_BYTES, ServiceError, post_json
from dialogue_gym._text import printable
from dialogue_gym.actions import ActionResult, ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted, BotUttered, Entity, SlotSet, UserUttered
from dialogue_gym.domain.model import Response
from tests.conftest import domain_from

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
