"""Connections with limits: the size of a request's head, and the time for a head, a body and a reader."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.http11 import Response
from websockets.server import ServerProtocol

from dialogue_gym.web.responses import security_headers

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

MOST_HEAD_BYTES = 65_536
"""The size of a request line and headers at most."""
HEAD_SECONDS = 10.0
"""The time for a request line and headers at most."""
PATIENCE = 20.0
"""The time for a body, or for a client to take what was sent to it, besides that for its size."""
LEAST_BYTES_PER_SECOND = 5000.0
"""The speed of a body, or of reading, at least."""
_REST_SECONDS, _MOST_REST_BYTES = 2.0, 2_000_000
"""The rest of a refused request that is still read, so that the client learns the reason."""
_SLICE = 4096
_MOST_UNDER_WAY = 100
"""Requests of one connection at the same time, which are answered one after the other."""
_HEAD_TOO_LARGE = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
_TOO_LARGE_FOR_SOCKETS = "the headers are too many or too long for a WebSocket"
_TOO_LARGE = f"request line and headers too large: more than {MOST_HEAD_BYTES} bytes"


def _refusal(status: HTTPStatus, line: str) -> bytes:
    body = f"{line}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *security_headers(),
    ]
    head = b"".join(b"%s: %s\r\n" % header for header in headers)
    return b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (status, status.phrase.encode(), head, body)


class Deadline:
    """A deadline that calls a function once it has passed."""

    def __init__(self, missed: Callable[[], None]) -> None:
        """Begin without one; `missed` is called when it passes."""
        self._missed = missed
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_set(self) -> bool:
        """Whether the deadline is still to come."""
        return self._timer is not None

    def set(self, seconds: float) -> None:
        """Set the deadline, in the place of an earlier one."""
        self.clear()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._miss)

    def clear(self) -> None:
        """Forget the deadline."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _miss(self) -> None:
        self._timer = None
        self._missed()


class SlowReader:
    """A client that may take too long to read; its connection is then cut off."""

    def __init__(self) -> None:
        """Begin with nothing to read."""
        self._transport: asyncio.Transport | None = None
        self._deadline = Deadline(self._cut_off)

    def watch(self, transport: asyncio.Transport) -> None:
        """Expect the client to read everything that was sent."""
        self._transport = transport
        unread = transport.get_write_buffer_size()
        if not unread:
            self._deadline.clear()
        elif not self._deadline.is_set:
            self._deadline.set(PATIENCE + unread / LEAST_BYTES_PER_SECOND)

    def clear(self) -> None:
        """Expect nothing."""
        self._deadline.clear()

    def _cut_off(self) -> None:
        if self._transport is not None and self._transport.get_write_buffer_size():
            self._transport.abort()


class WatchedReading(asyncio.BaseProtocol):
    """The part of a connection that cuts off a slow reader, for a class of uvicorn to mix in."""

    transport: asyncio.Transport

    def __init__(self, *args: Any, **keywords: Any) -> None:
        """Take the arguments of uvicorn."""
        super().__init__(*args, **keywords)
        self._reader = SlowReader()

    def pause_writing(self) -> None:
        """Wait until the client has read some."""
        super().pause_writing()
        self._reader.watch(self.transport)

    def resume_writing(self) -> None:
        """Go on sending."""
        super().resume_writing()
        self._reader.clear()


class Reading(Enum):
    """The part of a request that comes next."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


class LimitedConnection(WatchedReading, HttpToolsProtocol):
    """A connection that ends for a large head (431), a slow head or body (408), and a slow reader.

    Requests may come before the answers to those before them. What is wrong with one is said in its turn.
    """

    def __init__(self, *args: Any, **keywords: Any) -> None:
        """Take the arguments of uvicorn."""
        super().__init__(*args, **keywords)
        self._head = Deadline(self._refuse_slow_head)
        self._body = Deadline(self._refuse_slow_body)
        self._rest = Deadline(self._close)
        self._reading = Reading.NOTHING
        self._heads = 0
        """Requests that have begun in the present slice."""
        self._head_bytes = 0
        """Bytes of an unfinished head, from the next slice if it began inside of one."""
        self._under_way = 0
        """Requests that are answered, or wait for that; of the last one a part may still come."""
        self._body_began: float | None = None
        self._body_bytes = 0
        self._rest_bytes = 0
        self._fault: tuple[HTTPStatus, str] | None = None
        """A refusal that is due after the answers under way; nothing is read any more."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._head.set(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        for waiting in (self._head, self._body, self._rest, self._reader):
            waiting.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request; what comes after a refusal is discarded, within bounds."""
        if self._rest.is_set:
            self._rest_bytes += len(data)
            if self._rest_bytes > _MOST_REST_BYTES:
                self._close()
            return
        fed = 0
        while fed < len(data) and self._is_reading:
            # In slices, since the parser does not tell where in them a head began.
            part = data[fed : fed + min(_SLICE, MOST_HEAD_BYTES - self._head_bytes)]
            fed += len(part)
            expected, self._heads = int(self._reading is Reading.NOTHING), 0
            super().data_received(part)
            is_whole_part = self._reading is Reading.HEAD and self._heads <= expected
            self._head_bytes = self._head_bytes + len(part) if is_whole_part else 0
            if self._head_bytes >= MOST_HEAD_BYTES and self._is_reading:
                self._refuse_in_turn(_HEAD_TOO_LARGE, _TOO_LARGE)
        self._watch(len(data))

    @property
    def _is_reading(self) -> bool:
        """Whether this is still the protocol of the connection, and what comes is a part of a request."""
        is_over = self._fault is not None or self._rest.is_set or self.transport.is_closing()
        return not is_over and self.transport.get_protocol() is self

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._reading = Reading.HEAD
        self._heads += 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to answer a request, or let it wait for its turn."""
        self._reading = Reading.BODY
        before = self.cycle
        super().on_headers_complete()
        self._under_way += self.cycle is not before
        if self._under_way > _MOST_UNDER_WAY:
            self.transport.close()

    def on_message_complete(self) -> None:
        """Know all of a request."""
        self._reading = Reading.NOTHING
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over to a socket."""
        self._head.clear()
        super().handle_websocket_upgrade()

    def on_response_complete(self) -> None:
        """Wait until the client has read the response, and for the next request."""
        self._under_way -= 1
        super().on_response_complete()
        if self._fault is not None and not self._under_way:
            self._refuse(*self._fault)
        self._watch(0)
        self._reader.watch(self.transport)

    def send_400_response(self, msg: str) -> None:
        """Refuse something that is not HTTP."""
        self._refuse_in_turn(HTTPStatus.BAD_REQUEST, "the request is not HTTP")

    def _watch(self, received: int) -> None:
        """Set the deadline of the present part of a request."""
        if not self._is_reading:
            self._head.clear()
            self._body.clear()
            return
        if self._reading is Reading.BODY:
            now = asyncio.get_running_loop().time()
            if self._body_began is None:
                self._body_began, self._body_bytes = now, 0
            self._body_bytes += received
            lasts = PATIENCE + self._body_bytes / LEAST_BYTES_PER_SECOND
            self._body.set(self._body_began + lasts - now)
        else:
            self._body.clear()
            self._body_began = None
        if self._under_way:
            self._head.clear()
        elif self._reading is Reading.HEAD and not self._head.is_set:
            self._head.set(HEAD_SECONDS)

    def _refuse_slow_head(self) -> None:
        if self._reading is Reading.HEAD:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"the head took longer than {HEAD_SECONDS:g} s")
        else:  # browsers open connections for later, and nothing was asked
            self.transport.close()

    def _refuse_slow_body(self) -> None:
        if self.flow.read_paused:  # the server is the slow one
            self._body.set(PATIENCE)
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the body arrives too slowly")

    def _refuse_in_turn(self, status: HTTPStatus, line: str) -> None:
        """Refuse the last request that was begun, after the answers to those before it."""
        if self._reading is Reading.BODY and self.pipeline:  # its head was known, and it waits for its turn
            self.pipeline.popleft()
            self._under_way -= 1
            self._reading = Reading.HEAD
        if self._under_way and self._reading is not Reading.BODY:
            self._fault = status, line
            self.flow.pause_reading()
        else:
            self._refuse(status, line)

    def _refuse(self, status: HTTPStatus, line: str) -> None:
        """Send a refusal unless a response has begun, and end the connection."""
        self._head.clear()
        self._body.clear()
        can_answer = True
        if self._under_way:
            can_answer = not self.cycle.response_started
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if not can_answer:
            self._close()
            return
        self.transport.write(_refusal(status, line))
        # A client that is cut off while it sends would miss the reason.
        self._rest.set(_REST_SECONDS)
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _close(self) -> None:
        self._rest.clear()
        self.transport.close()
        self._reader.watch(self.transport)


class SafeHandshake(ServerProtocol):
    """A WebSocket connection whose refusals carry the security headers."""

    def reject(self, status: int, text: str) -> Response:
        """Return a refusal."""
        response = super().reject(status, text)
        for name, value in security_headers():
            response.headers[name.decode()] = value.decode()
        return response


class LimitedSocket(WatchedReading, WebSocketsSansIOProtocol):
    """A WebSocket that cuts off a slow reader, and logs no refusal."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        """Take the arguments of uvicorn."""
        super().__init__(*args, **keywords)
        self.conn = SafeHandshake(
            extensions=self.conn.available_extensions, max_size=self.config.ws_max_size, logger=self.logger
        )

    def data_received(self, data: bytes) -> None:
        """Take a part of the stream; a first request that cannot be read ends it."""
        super().data_received(data)
        if not self.handshake_initiated and self.conn.handshake_exc is not None:
            self.transport.write(_refusal(_HEAD_TOO_LARGE, _TOO_LARGE_FOR_SOCKETS))
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._reader.clear()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close, as the server stops; a client that has begun to close may have been faster."""
        with suppress(InvalidState):  # which would end the server before it has saved anything
            super().shutdown()
        self.transport.close()

    def keepalive_timeout(self) -> None:
        """End the connection to a client that does not respond."""
        super().keepalive_timeout()
        self._reader.watch(self.transport)

    async def send(self, message: ASGISendEvent) -> None:
        """Send a message; a complete refusal is a complete handshake."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True
