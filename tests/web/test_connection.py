"""Connections with limits, on a server of its own whose times are short."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("nicegui", reason="the extra web is missing")

import uvicorn
from starlette.types import Receive, Scope, Send

from dialogue_gym.web import connection
from dialogue_gym.web.connection import MOST_HEAD_BYTES, LimitedConnection, LimitedSocket
from dialogue_gym.web.responses import security_headers
from tests.web.servers import wait_for

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
SOCKET = HEAD.replace(b"POST", b"GET") + (
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
)
FITS = b"X: " + b"x" * (MOST_HEAD_BYTES - 200) + b"\r\n"
"""A header with which a head has about the largest size."""
Running = tuple[int, uvicorn.Server]
LARGE = 20_000_000
"""More than the buffers of a connection hold."""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond to a request with its size, and to one for /large with many bytes."""
    if scope["type"] == "lifespan":
        return
    if scope["type"] == "websocket":
        await send({"type": "websocket.close"})
        return
    size = 0
    while (message := await receive())["type"] == "http.request":
        size += len(message["body"])
        if not message["more_body"]:
            break
    body = b"x" * LARGE if scope["path"] == "/large" else str(size).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
    )
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=LimitedConnection, ws=LimitedSocket, log_level="error", lifespan="off")
    running = uvicorn.Server(config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "HEAD_SECONDS", 0.6)
        patch.setattr(connection, "PATIENCE", 0.6)
        patch.setattr(connection, "LEAST_BYTES_PER_SECOND", 1e7)
        thread = threading.Thread(target=lambda: asyncio.run(running.serve([listening])))
        thread.start()
        wait_for(lambda: running.started)
        yield listening.getsockname()[1], running
        running.should_exit = True
        thread.join()


def exchange(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """Send parts of a request; return everything until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", port), 60) as made:
        for part in parts:
            made.sendall(part)
            time.sleep(pause)
        answer = b""
        while more := made.recv(65536):
            answer += more
        return answer


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ((HEAD + b"Content-Length: 3\r\nConnection: close\r\n\r\nabc",), 200),
        ((HEAD + FITS + b"Connection: close\r\n\r\n",), 200),
        ((HEAD + FITS + b"Content-Length: 3000\r\nConnection: close\r\n\r\n" + b"y" * 3000,), 200),
        ((HEAD + b"X: " + b"x" * MOST_HEAD_BYTES + b"\r\n\r\n",), 431),
        ((HEAD + b"X: " + b"x" * 1_000_000,), 431),
        ((HEAD + b"X: x\r\n" * 20_000 + b"\r\n",), 431),
        ((HEAD + b"X:" + b" " * MOST_HEAD_BYTES + b"x\r\n\r\n",), 431),
        ((HEAD + b"X: x\r\n" * 20_000,), 431),
        ((b"GET /" + b"x" * MOST_HEAD_BYTES,), 431),
        ((HEAD,), 408),
        ((b"P",), 408),
        ((HEAD, b"Content-Length: 3\r\n\r\n", b"ab"), 408),
        ((HEAD, b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na"), 408),
        ((b"nonsense\r\n\r\n",), 400),
        ((HEAD, b"Transfer-Encoding: chunked\r\n\r\n", b"z\r\n"), 400),
        ((SOCKET, b"Sec-WebSocket-Key: no\r\n\r\n"), 400),
        ((SOCKET, b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"), 403),
        ((SOCKET, b"X: " + b"x" * 9000 + b"\r\n\r\n"), 431),
    ],
)
def test_requests_are_limited(
    server: Running,
    parts: tuple[bytes, ...],
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = exchange(server[0], *parts)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:300]
    if status != 200:
        assert all(b"%s: %s\r\n" % header in answer for header in security_headers())
    assert not caplog.records


def test_a_silent_connection_and_one_that_trickles_end(server: Running) -> None:
    assert exchange(server[0]) == b""
    assert b" 408 " in exchange(server[0], *(HEAD[place : place + 1] for place in range(8)), pause=0.1)
    body = [b"x"] * 8
    assert b" 408 " in exchange(server[0], HEAD + b"Content-Length: 9\r\n\r\n", *body, pause=0.1)


def test_a_second_request_is_waited_for_as_well(server: Running) -> None:
    answer = exchange(server[0], HEAD + b"Content-Length: 1\r\n\r\nx" + HEAD)
    assert answer.startswith(b"HTTP/1.1 200 ") and b" 408 " in answer


def test_every_request_of_a_connection_may_have_a_large_head(server: Running) -> None:
    ends = b"Connection: close\r\n"
    requests = [HEAD + FITS + end + b"\r\n" for end in (b"", b"", ends)]
    for parts in (requests, [b"".join(requests)]):
        assert exchange(server[0], *parts).count(b"HTTP/1.1 200 ") == 3


def test_a_head_may_come_in_many_parts(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 60.0)
    parts = [b"X: x\r\n"] * 40
    answer = exchange(server[0], HEAD, *parts, b"Connection: close\r\n\r\n", pause=0.01)
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nz\r\n", 400),
        (HEAD + b"X: " + b"x" * 2 * MOST_HEAD_BYTES, 431),
    ],
)
def test_what_is_wrong_with_a_request_is_said_in_its_turn(server: Running, bad: bytes, status: int) -> None:
    answer = exchange(server[0], 2 * (HEAD + b"Content-Length: 1\r\n\r\nx") + bad)
    assert [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]] == [200, 200, status]


def test_the_requests_that_wait_in_a_connection_are_limited(server: Running) -> None:
    with contextlib.suppress(ConnectionResetError):
        assert exchange(server[0], 200 * (HEAD + b"Content-Length: 1\r\n\r\nx")).count(b" 200 ") < 200


def test_what_follows_a_refusal_is_discarded_within_bounds(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_REST_SECONDS", 60.0)
    with socket.create_connection(("127.0.0.1", server[0]), 60) as made:
        made.sendall(HEAD + b"X: " + b"x" * 2 * MOST_HEAD_BYTES)
        assert b" 431 " in made.recv(65536)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            for _ in range(200):
                made.sendall(b"x" * 100_000)


def test_a_large_body_may_take_the_time_for_its_size(server: Running) -> None:
    body = [b"x" * 1_000_000] * 20
    head = HEAD + b"Content-Length: 20000000\r\nConnection: close\r\n\r\n"
    assert b"HTTP/1.1 200 " in exchange(server[0], head, *body, pause=0.05)


@pytest.mark.parametrize("ends", [b"", b"Connection: close\r\n"])
def test_a_client_that_does_not_read_is_cut_off(server: Running, ends: bytes) -> None:
    port, running = server
    wait_for(lambda: not running.server_state.connections)
    with socket.create_connection(("127.0.0.1", port), 60) as made:
        made.sendall(HEAD.replace(b"POST /", b"GET /large") + ends + b"\r\n")
        made.recv(1)
        wait_for(lambda: not running.server_state.connections)
        received = 1
        with pytest.raises(ConnectionResetError):
            while more := made.recv(1 << 20):
                received += len(more)
            raise ConnectionResetError  # an orderly end, with less than everything
        assert received < LARGE


def test_a_client_that_reads_gets_everything(server: Running) -> None:
    answer = exchange(server[0], HEAD.replace(b"POST /", b"GET /large") + b"Connection: close\r\n\r\n")
    assert len(answer) > LARGE
