"""Attacks on an open server: with its default options, and behind a proxy that it was told about.

Clients have addresses of their own in 127.0.0.0/8, so that the limits of one test are not those of another.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

pytest.importorskip("nicegui", reason="the extra web is missing")
client = pytest.importorskip("websockets.sync.client")

from websockets.exceptions import ConnectionClosed, InvalidStatus  # noqa: E402

from dialogue_gym.live.rate_limit import Limits  # noqa: E402
from dialogue_gym.web.responses import security_headers  # noqa: E402
from tests.web.requests import PASSWORD, SOCKET, Answer, ask, enter, sign_in  # noqa: E402
from tests.web.servers import Served, wait_for  # noqa: E402

DOMAIN = """
intents: [greet]
responses: {utter_hello: [{text: Hello}]}
actions: [utter_hello]
"""
HOOK = "/webhooks/rest/webhook"
JSON = {"Content-Type": "application/json"}
HTML = {"Accept": "text/html"}
NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
"""
SERVER = """
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{behind};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto https;
    }}
  }}
  map $http_upgrade $connection_upgrade {{ default upgrade; "" close; }}
"""


class Open(Served):
    """The server with visitors, and otherwise its default options."""

    command = ("serve", "--no-open", "--talk")


@dataclass(frozen=True)
class Target:
    """A server to attack, through a port that may be that of a proxy."""

    server: Served
    port: int

    def ask(self, path: str, given: Any = None, /, address: str = "127.0.0.1", **headers: str) -> Answer:
        """Return the status, the headers and the body of an answer; a dictionary is sent as a form."""
        body = urlencode(given) if isinstance(given, dict) else given
        return ask(self, path, "GET" if given is None else "POST", body, address, **headers)

    def say(self, sender: str, address: str) -> Answer:
        body = json.dumps({"sender": sender, "message": "/greet"})
        return self.ask(HOOK, body, address=address, Content_Type="application/json")

    def exchange(self, *parts: bytes) -> bytes:
        """Send parts of a request, as far as they are taken; return everything until the connection ends."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.port), 60) as made:
            try:
                for part in parts:
                    made.sendall(part)
                while more := made.recv(65536):
                    answer += more
            except (BrokenPipeError, ConnectionResetError):
                pass
        return answer


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as made:
        return int(made.getsockname()[1])


@contextmanager
def nginx(folder: Path, behind: int) -> Iterator[int]:
    """Run a proxy in front of a port; yield its own."""
    port = free_port()
    with nginx_with(folder, SERVER.format(port=port, behind=behind), port):
        yield port


@contextmanager
def nginx_with(folder: Path, servers: str, port: int) -> Iterator[None]:
    """Run a proxy with some servers, until one accepts at a port."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("nginx is missing: apt-get install nginx-light")
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder) + servers + "}\n")
    command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    process = subprocess.Popen(command)
    try:

        def accepts() -> bool:
            assert process.poll() is None, (folder / "error.log").read_text()
            with socket.socket() as made:
                return made.connect_ex(("127.0.0.1", port)) == 0

        wait_for(accepts)
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module", params=["direct", pytest.param("proxied", marks=pytest.mark.slow)])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "hello.yml").write_text(DOMAIN)
    options = () if request.param == "direct" else ("--behind-proxy", "127.0.0.1")
    with ExitStack() as stack:
        server = Open(folder / "store", *options, domain="hello.yml", DIALOGUE_GYM_PASSWORD=PASSWORD)
        stack.callback(server.kill)
        port = stack.enter_context(nginx(folder, server.port)) if options else server.port
        yield Target(server, port)
        log = server.log.read_text()
        assert "Traceback" not in log and "ERROR" not in log and len(log.splitlines()) < 10
        assert ("under any" in log) == bool(options)  # who reaches a bot without tokens is said


def test_a_made_up_address_does_not_go_round_the_wait(target: Target) -> None:
    found = [
        enter(target, f"guess {number}", address="127.0.1.1", X_Forwarded_For=f"192.0.2.{number}")[0]
        for number in range(8)
    ]
    assert found == [401] * 3 + [429] * 5
    status, headers, page = enter(target, PASSWORD, address="127.0.1.1", X_Forwarded_For="192.0.2.99")
    assert status == 429 and int(headers["retry-after"]) >= 1 and "Too many wrong passwords" in page
    assert enter(target, PASSWORD, address="127.0.1.2")[0] == 303
    # A server that was told about no proxy says once that there seems to be one.
    said = target.server.log.read_text().count("give --behind-proxy 127.0.")
    assert said == (target.port == target.server.port)


def test_nobody_locks_out_a_teacher_who_was_there_before(target: Target) -> None:
    address = "127.0.2.1"
    known = sign_in(target, address=address)
    for _ in range(5):
        enter(target, "a guess", address=address)
    assert enter(target, PASSWORD, address=address)[0] == 429
    assert enter(target, PASSWORD, address=address, Cookie=known)[0] == 303
    assert enter(target, "a guess", address=address, Cookie=known)[0] == 401
    bearer = {"Authorization": f"Bearer {PASSWORD}"}
    assert target.ask("/api/ratings", address=address, **bearer)[0] == 200
    found = [
        target.ask("/api/ratings", address="127.0.2.2", Authorization="Bearer guess")[0] for _ in range(5)
    ]
    assert found == [401] * 3 + [429] * 2
    assert target.ask("/api/ratings", address="127.0.2.2", **bearer)[0] == 429
    assert enter(target, PASSWORD, address="127.0.2.2")[0] == 303


def test_large_heads_keep_nobody_waiting(target: Target) -> None:
    """Four sockets send 20 MB of headers each, and others are answered."""
    head = b"GET /talk/ HTTP/1.1\r\nHost: localhost\r\n"
    answers: list[bytes] = []
    parts = [b"X: " + b"x" * 1_000_000] * 20
    threads = [
        threading.Thread(target=lambda: answers.append(target.exchange(head, *parts))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    assert target.ask("/talk/")[0] == 200
    for thread in threads:
        thread.join()
    assert all(not answer or answer.split()[1] in (b"400", b"431") for answer in answers)
    answer = target.exchange(head + b"X: x\r\n" * 20_000 + b"\r\n")
    assert answer.split()[1] in (b"400", b"431"), answer[:100]


@pytest.mark.slow
@pytest.mark.parametrize("target", ["direct"], indirect=True)  # a proxy waits for them itself
def test_slow_clients_are_cut_off(target: Target) -> None:
    """Heads and bodies that do not come to an end get an answer."""
    head = b"POST /talk/say HTTP/1.1\r\nHost: localhost\r\n"
    answers: dict[bytes, bytes] = {}
    beginnings = (head[:20], head, head + b"Content-Length: 9\r\n\r\n", head + b"Content-Length: 9\r\n\r\nab")

    def attack(beginning: bytes) -> None:
        answers[beginning] = target.exchange(beginning)

    threads = [threading.Thread(target=attack, args=(beginning,)) for beginning in beginnings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(answers[beginning].startswith(b"HTTP/1.1 408 ") for beginning in beginnings)


def test_new_people_from_one_address_are_limited(target: Target) -> None:
    most = Limits().new_per_hour
    found = [target.say(f"stranger {number}", "127.0.3.1")[0] for number in range(most + 5)]
    assert found == [200] * most + [429] * 5
    assert target.say("stranger 1", "127.0.3.1")[0] == 200  # those who have come stay
    assert target.say("elsewhere", "127.0.3.2")[0] == 200


def test_visitors_are_those_whom_the_server_knows(target: Target) -> None:
    status, headers, _ = target.ask("/talk/", address="127.0.4.1")
    own = headers["set-cookie"].partition(";")[0]
    say = {"address": "127.0.4.1", "Content_Type": "application/json"}
    text = json.dumps({"text": "/greet"})
    assert status == 200 and target.ask("/talk/say", text, Cookie=own, **say)[0] == 200
    for chosen in ("dialogue_gym_visitor=of-my-own-choosing", own[:-1], own + "x"):
        assert target.ask("/talk/say", text, Cookie=chosen, **say)[0] == 400
    status, _, line = target.say("visitor 0123456789abcdef0123456789abcdef", "127.0.4.1")
    assert status == 400 and "those of the visitors' page" in line


def test_signing_out_ends_sockets_and_cookies(target: Target) -> None:
    address = "127.0.5.1"
    here, there = sign_in(target, address=address), sign_in(target, address=address)
    other = sign_in(target, "bob", address=address)

    def leave(how: str, cookie: str) -> None:
        status, headers, _ = target.ask("/teach/enter", {"do": how}, address=address, Cookie=cookie)
        assert status == 303 and headers["location"] == "/teach/enter"
        assert 'dialogue_gym_teacher=""; ' in headers["set-cookie"] and "Max-Age=0" in headers["set-cookie"]

    def may_enter(cookie: str) -> bool:
        return target.ask("/teach/", address=address, Cookie=cookie)[0] == 200

    with client.connect(
        f"ws://127.0.0.1:{target.port}{SOCKET}", additional_headers={"Cookie": here}, proxy=None
    ) as opened:
        assert opened.recv().startswith("0")
        opened.send("40")
        assert opened.recv(60).startswith("40")
        leave("sign_out", here)
        with pytest.raises(ConnectionClosed):
            opened.send('42["event", {}]')
            opened.recv(60)
    assert not may_enter(here) and may_enter(there) and may_enter(other)
    assert "Sign out on all devices" in target.ask("/teach/enter", address=address, Cookie=there)[2]
    third = sign_in(target, address=address)
    leave("sign_out_everywhere", third)
    assert not may_enter(there) and not may_enter(third) and may_enter(other)


def test_refusals_carry_the_headers_of_answers(target: Target) -> None:
    wanted = {name.decode(): value.decode() for name, value in security_headers()}
    refusals = [
        target.ask("/teach/"),
        target.ask("/teach/", **HTML),
        target.ask("/talk/", Host="evil.example"),
        target.ask("/talk/", Origin="http://evil.example"),
        target.ask("/talk/say", b"x" * 1_000_001 if target.port == target.server.port else b""),
        target.ask("/nothing"),
        target.ask("/api/ratings"),
    ]
    for status, headers, line in refusals:
        assert status in (303, 400, 401, 403, 404, 413, 422), line
        assert {name: headers[name] for name in wanted} == wanted, (status, line)
    page = target.ask("/talk/")[1]["content-security-policy"]
    assert "unsafe" not in page and page == wanted["content-security-policy"]


def test_refused_sockets_and_broken_requests_leave_no_trace(target: Target) -> None:
    before = target.server.log.read_text()
    for path, headers in ((SOCKET, {}), (SOCKET, {"Origin": "http://evil.example"}), ("/talk/nothing", {})):
        for _ in range(5):
            with pytest.raises(InvalidStatus) as refused:
                origin = headers.get("Origin")
                client.connect(f"ws://127.0.0.1:{target.port}{path}", origin=origin, proxy=None)
            assert refused.value.response.status_code in (401, 403)
    for broken in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"):
        target.exchange(broken)
    with socket.create_connection(("127.0.0.1", target.port)) as made:  # it leaves in the middle of its body
        made.sendall(b"POST /teach/enter HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nab")
    time.sleep(0.2)
    assert target.ask("/talk/")[0] == 200 and target.server.log.read_text() == before


def test_unknown_pages_lead_home(target: Target) -> None:
    status, _, page = target.ask("/nothing/here", **HTML)
    assert status == 404 and '<a href="/">' in page
    cookie = sign_in(target, address="127.0.6.1")
    status, _, page = target.ask("/teach/nothing/here", address="127.0.6.1", Cookie=cookie, **HTML)
    assert status == 404 and '<a href="/teach/">' in page
    assert target.ask("/nothing/here")[2] == '{"detail":"Not Found"}'


def test_cookies_follow_the_word_of_the_proxy_alone(target: Target) -> None:
    cookie = target.ask("/talk/", address="127.0.7.1", X_Forwarded_Proto="https")[1]["set-cookie"]
    assert ("Secure" in cookie) == (target.port != target.server.port)
