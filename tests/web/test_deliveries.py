"""Channels whose answers the server sends on: callbacks, and Slack, for which a local server stands in."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

pytest.importorskip("slack_sdk", reason="the extra slack is missing")

from tests.web.requests import Answer, ask
from tests.web.servers import wait_for
from tests.web.test_channels import ChannelServed

CALLBACK_HOOK, SLACK_HOOK = "/webhooks/callback/webhook", "/webhooks/slack/webhook"
TOKEN, SECRET = "xoxb-a-token", "a signing secret"


class Receiver:
    """A program that answers are posted to; it fails at first if it is told to."""

    def __init__(self) -> None:
        self.received: list[tuple[str, Any, str]] = []
        self.statuses: list[int] = []
        self.broken: list[bytes] = []
        """What is sent before the connection is closed, in the place of a response."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["content-length"])).decode()
                body = json.loads(text)
                if receiver.broken:
                    self.wfile.write(receiver.broken.pop(0))
                    self.close_connection = True
                    return
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                if status == 200:
                    receiver.received.append((self.path, body, self.headers.get("authorization", "")))
                answer = b'{"ok": true}'
                self.send_response(status)
                if status == 307:
                    self.send_header("location", "/elsewhere")
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, number: int) -> list[Any]:
        """Wait for a number of messages, and return them."""
        wait_for(lambda: len(self.received) >= number)
        taken, self.received = self.received, []
        return [body for _, body, _ in taken]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[ChannelServed]:
    folder = tmp_path_factory.mktemp("deliveries")
    slack = {"SLACK_BOT_TOKEN": TOKEN, "SLACK_SIGNING_SECRET": SECRET}
    slack["SLACK_API_URL"] = f"{receiver.url}/api/"
    options = ("--callback", f"{receiver.url}/answers", "--callback", f"{receiver.url}/more", "--slack")
    options += ("--callback", "http://nobody..example/")
    started = ChannelServed(folder, *options, **slack)
    yield started
    started.stop()
    assert "Traceback" not in started.log.read_text()


@pytest.fixture(autouse=True)
def nothing_left(receiver: Receiver) -> None:
    receiver.received.clear()
    receiver.statuses.clear()
    receiver.broken.clear()


def call(server: ChannelServed, sender: str, text: str, **more: str) -> Answer:
    body = json.dumps({"sender": sender, "message": text, **more})
    return ask(server, CALLBACK_HOOK, "POST", body, content_type="application/json")


def test_answers_are_posted_to_given_addresses(server: ChannelServed, receiver: Receiver) -> None:
    assert call(server, "ann", '/tell{"who": "Ann"}')[::2] == (200, "success")
    image, hello = receiver.take(2)
    assert image == {"recipient_id": "ann", "image": "https://shop.example/hello.png"}
    assert hello["text"] == "Hello Ann" and hello["buttons"] == [{"title": "Hi", "payload": "/greet"}]
    assert call(server, "ann", "/greet", callback_url=f"{receiver.url}/more")[0] == 200
    wait_for(lambda: len(receiver.received) == 2)
    assert {path for path, _, _ in receiver.received} == {"/more"}
    assert server.send("ann", "/greet")[0] == 200  # the same person, over REST


def test_answers_go_nowhere_else(server: ChannelServed, receiver: Receiver) -> None:
    before = len(server.texts())
    for url in (
        f"{receiver.url}/other", f"{receiver.url}/answers/", f"{receiver.url}/answers?x=1", "http://169.254.169.254/",
        "file:///etc/passwd", "http://127.0.0.1:22/", "", "x" * 5000,
    ):  # fmt: skip
        status, _, line = call(server, "eve", "/greet", callback_url=url)
        assert status == 403 and "is not one of this server's" in line and len(line) < 300
    assert len(server.texts()) == before
    receiver.statuses[:] = [307]  # a redirect is not followed
    assert call(server, "eve", "/greet")[0] == 200
    wait_for(lambda: "an answer did not arrive" in server.log.read_text())
    assert receiver.received == []


def test_an_address_that_is_none_loses_its_answer_alone(server: ChannelServed) -> None:
    assert call(server, "flo", "/greet", callback_url="http://nobody..example/")[0] == 200
    lost = "callback: an answer did not arrive: http://nobody..example/"
    wait_for(lambda: lost in server.log.read_text())


def test_answers_are_posted_again_after_a_failure_and_once_for_each_message(
    server: ChannelServed, receiver: Receiver
) -> None:
    receiver.statuses[:] = [503]
    for _ in range(2):
        assert call(server, "bob", '/tell{"who": "Bob"}', message_id="m1")[0] == 200
    assert [message.get("text") for message in receiver.take(2)] == [None, "Hello Bob"]
    assert call(server, "bob", "/greet", message_id="m2")[0] == 200
    assert len(receiver.take(2)) == 2 and server.texts().count('/tell{"who": "Bob"}') == 1


def slack(server: ChannelServed, body: Any, secret: str = SECRET, age: float = 0, **headers: str) -> Answer:
    """Send a request as Slack does."""
    is_form = isinstance(body, dict) and "actions" in body
    content = urlencode({"payload": json.dumps(body)}) if is_form else json.dumps(body)
    when = str(int(time.time() - age))
    signed = hmac.new(secret.encode(), f"v0:{when}:{content}".encode(), hashlib.sha256).hexdigest()
    kind = "application/x-www-form-urlencoded" if is_form else "application/json"
    headers |= {"X_Slack_Request_Timestamp": when, "X_Slack_Signature": f"v0={signed}", "Content_Type": kind}
    return ask(server, SLACK_HOOK, "POST", content, **headers)


def event(text: str, ts: str, **more: Any) -> dict[str, Any]:
    said = {"type": "message", "user": "U1", "channel": "D1", "text": text, "ts": ts, **more}
    return {"type": "event_callback", "team_id": "T1", "event_id": f"Ev{ts}", "event": said}


def test_a_person_in_slack_is_answered(server: ChannelServed, receiver: Receiver) -> None:
    assert slack(server, {"type": "url_verification", "challenge": "c1"})[::2] == (200, "c1")
    assert slack(server, event('/tell{"who": "<Ann>"}', "1.1"))[::2] == (200, "")
    wait_for(lambda: len(receiver.received) == 2)
    assert {(path, given) for path, _, given in receiver.received} == {
        ("/api/chat.postMessage", f"Bearer {TOKEN}")
    }
    image, hello = receiver.take(2)
    assert image["channel"] == "D1" and image["blocks"][0]["image_url"] == "https://shop.example/hello.png"
    assert hello["text"] == "Hello &lt;Ann&gt;" and hello["blocks"][1]["elements"][0]["value"] == "/greet"
    pressed = {
        "type": "block_actions", "user": {"id": "U1", "team_id": "T1"}, "channel": {"id": "D1"},
        "actions": [{"type": "button", "value": "/greet", "action_ts": "2.1"}],
    }  # fmt: skip
    assert slack(server, pressed)[0] == 200
    assert receiver.take(2)[1]["text"] == "Hello &lt;Ann&gt;"  # the same person
    thread = event("/greet", "1.2", thread_ts="1.1", user="U2", channel="C9")
    assert slack(server, thread)[0] == 200
    assert [(one["channel"], one["thread_ts"]) for one in receiver.take(2)] == [("C9", "1.1")] * 2


def test_the_bot_reads_what_a_person_has_typed_in_slack(server: ChannelServed, receiver: Receiver) -> None:
    """Without the mention that calls it, which comes as a message and as a mention, and without escapes."""
    said, bot = '<@U0BOT> /tell{"who": "A &amp; <@U7>"}', {"authorizations": [{"user_id": "U0BOT"}]}
    for kind in ("message", "app_mention"):
        assert slack(server, event(said, "9.1", user="U9", type=kind) | bot)[0] == 200
    assert receiver.take(2)[1]["text"] == "Hello A &amp; &lt;@U7&gt;"
    assert slack(server, event('<@U0BOT|bot> /tell{"who": "B"}', "9.2", user="U9"))[0] == 200
    assert receiver.take(2)[1]["text"] == "Hello B"
    assert server.texts()[-2:] == ['/tell{"who": "A & <@U7>"}', '/tell{"who": "B"}']


def test_slack_may_send_an_event_again(server: ChannelServed, receiver: Receiver) -> None:
    for number in range(3):
        headers = {"X_Slack_Retry_Num": str(number)} if number else {}
        assert slack(server, event('/tell{"who": "again"}', "3.1", user="U3"), **headers)[0] == 200
    assert slack(server, event("/greet", "3.2", user="U3"))[0] == 200
    assert len(receiver.take(4)) == 4 and server.texts().count('/tell{"who": "again"}') == 1


def http(status: str, kind: str, content: str) -> bytes:
    length = len(content)
    return f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{content}".encode()


@pytest.mark.parametrize(
    "broken",
    [
        http("503 Down", "text/html", "<p>down</p>"),
        http("503 Down", "text/plain", "down"),
        http("503 Down", "application/json", "<p>down</p>"),
        http("502 Bad", "application/json", ""),
        http("200 OK", "text/plain", "hm"),
        http("200 OK", "application/json", "[]"),
        http("200 OK", "application/json", '{"ok": false, "error": "service_unavailable"}'),
        http("200 OK", "application/json", '{"ok": false, "error": "internal_error"}'),
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"",
    ],
    ids=lambda broken: broken[:60].decode().replace("\r\n", " ") or "nothing",
)
def test_slack_is_told_again_when_it_is_back(
    server: ChannelServed, receiver: Receiver, broken: bytes
) -> None:
    is_cut_off = b"\r\n\r\n" not in broken  # then the SDK itself tries once more
    receiver.broken[:] = [broken] * (1 + is_cut_off)
    user, before = f"U{hash(broken)}", server.log.read_text()
    assert slack(server, event("/greet", f"7.{hash(broken)}", user=user))[0] == 200
    assert receiver.take(2)[1]["text"] == "Hello None"
    assert server.log.read_text() == before


def test_slack_may_refuse_an_answer(server: ChannelServed, receiver: Receiver) -> None:
    receiver.broken[:] = [http("200 OK", "application/json", '{"ok": false, "error": "not_in_channel"}')]
    assert slack(server, event("/greet", "8.1", user="U8"))[0] == 200
    wait_for(
        lambda: "slack: an answer did not arrive: Slack refused it: not_in_channel" in server.log.read_text()
    )
    assert receiver.received == []


@pytest.mark.parametrize(
    ("content", "when", "signature"),
    [
        ("{}", "soon", "v0=1"),
        ("{}", "", "v0=1"),
        (b"\xff", None, "v0=1"),
        ("{}", None, "v0=\xe9"),
        ("{}", "9" * 5000, "x"),
    ],
)
def test_strangers_sign_nothing(
    server: ChannelServed, content: Any, when: str | None, signature: str
) -> None:
    when = str(int(time.time())) if when is None else when
    headers = {"X_Slack_Request_Timestamp": when, "X_Slack_Signature": signature}
    assert ask(server, SLACK_HOOK, "POST", content, **headers)[0] == 401


def test_only_slack_speaks_for_people_in_slack(server: ChannelServed, receiver: Receiver) -> None:
    before = len(server.texts())
    hello = event("/greet", "4.1")
    assert slack(server, hello, secret="another")[0] == slack(server, hello, age=600)[0] == 401
    assert ask(server, SLACK_HOOK, "POST", json.dumps(hello), content_type="application/json")[0] == 401
    status, _, line = server.send("slack T1 U1", "/greet")
    assert status == 400 and "people in Slack" in line
    others = (
        event("/greet", "4.2", bot_id="B1"),
        event("/greet", "4.3", subtype="message_changed"),
        event("/greet", "4.4", user=None),
        {"type": "event_callback"},
        {"type": "block_actions", "actions": []},
    )
    for other in others:
        assert slack(server, other)[0] == 200
    nobody = {"type": "block_actions", "actions": [{"type": "button"}]}
    for broken in ([], 3, "text", {"event": 3}, nobody, nobody | {"actions": [3]}, nobody | {"user": "U1"}):
        assert slack(server, broken)[0] in (200, 400)
    assert len(server.texts()) == before
    assert slack(server, event("x" * 1001, "4.5", user="U4"))[0] == 200
    assert "at most 1000 characters" in receiver.take(1)[0]["text"]


def test_secrets_and_addresses_are_checked_at_the_start(tmp_path: Path) -> None:
    from tests.commands import call as command

    words = ("serve", "restaurant", "--talk", "--no-open", "--port", "0", "--store", str(tmp_path))
    for option, line in (
        (("--slack",), "--slack: set SLACK_BOT_TOKEN in the environment"),
        (("--callback", "shop.example"), "--callback 'shop.example': expected an address such as"),
        (("--callback", "file:///etc"), "--callback 'file:///etc': expected an address such as"),
        (("--callback", "http://a:99999/x"), "--callback 'http://a:99999/x': expected an address such as"),
        (
            ("--callback", "http://a.example x"),
            "--callback 'http://a.example x': expected an address such as",
        ),
    ):
        done = command(*words, *option)
        assert done.returncode == 2 and line in done.stderr and done.stderr.count("\n") == 1
