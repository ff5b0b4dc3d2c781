"""Connections with limits: the size of a request's head, and the time for a head, a body and a reader."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
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
_HEAD_TOO_LARGE = 431
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


class LimitedHead(h11.Connection):
    """An HTTP connection that refuses large heads, also those that arrive at once.

    Attributes:
        fault: the status that answers the last error of the client.
    """

    fault = 400
    _received = 0
    """The bytes since the beginning of the present request."""

    def receive_data(self, data: bytes) -> None:
        """Take the next bytes."""
        self._received += len(data)
        super().receive_data(data)

    def start_next_cycle(self) -> None:
        """Wait for the next request, of which some bytes may have come already."""
        super().start_next_cycle()
        self._received = len(self.trailing_data[0])

    def next_event(self) -> Any:
        """Return the next event; errors are those of h11."""
        try:
            event = super().next_event()
            is_head = isinstance(event, h11.Request)
            if is_head and self._received - len(self.trailing_data[0]) > MOST_HEAD_BYTES:
                raise h11.RemoteProtocolError("the head is too large", _HEAD_TOO_LARGE)
        except h11.RemoteProtocolError as error:
            self.fault = error.error_status_hint
            raise
        return event


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


class LimitedConnection(WatchedReading, H11Protocol):
    """A connection that ends for a large head (431), a slow head or body (408), and a slow reader."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        """Take the arguments of uvicorn."""
        super().__init__(*args, **keywords)
        self.conn: LimitedHead = LimitedHead(h11.SERVER, MOST_HEAD_BYTES)
        self._head = Deadline(self._refuse_slow_head)
        self._body = Deadline(self._refuse_slow_body)
        self._rest = Deadline(self._close)
        self._body_began: float | None = None
        self._body_bytes = 0
        self._rest_bytes = 0

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
        super().data_received(data)
        self._watch(len(data))

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over to a socket."""
        self._head.clear()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """Wait until the client has read the response, and for the next request."""
        super().on_response_complete()
        self._watch(0)
        self._reader.watch(self.transport)

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that is not HTTP, or has too large a head."""
        status = HTTPStatus(self.conn.fault)
        self._refuse(status, _TOO_LARGE if status == _HEAD_TOO_LARGE else "the request is not HTTP")

    def _watch(self, received: int) -> None:
        """Set the deadline of the present part of a request."""
        state = self.conn.their_state
        if self.transport.is_closing() or self._rest.is_set or self.transport.get_protocol() is not self:
            self._head.clear()
            self._body.clear()
            return
        if state is h11.SEND_BODY:
            now = asyncio.get_running_loop().time()
            if self._body_began is None:
                self._body_began, self._body_bytes = now, 0
            self._body_bytes += received
            lasts = PATIENCE + self._body_bytes / LEAST_BYTES_PER_SECOND
            self._body.set(self._body_began + lasts - now)
        else:
            self._body.clear()
            self._body_began = None
        if state is not h11.IDLE:
            self._head.clear()
        elif self.conn.trailing_data[0] and not self._head.is_set:
            self._head.set(HEAD_SECONDS)

    def _refuse_slow_head(self) -> None:
        if self.conn.trailing_data[0]:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"the head took longer than {HEAD_SECONDS:g} s")
        else:  # browsers open connections for later, and nothing was asked
            self.transport.close()

    def _refuse_slow_body(self) -> None:
        if self.flow.read_paused:  # the server is the slow one
            self._body.set(PATIENCE)
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the body arrives too slowly")

    def _refuse(self, status: HTTPStatus, line: str) -> None:
        """Send a refusal unless a response has begun, and end the connection."""
        self._head.clear()
        self._body.clear()
        can_answer = self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE)
        if self.cycle is not None and not self.cycle.response_complete:
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
            self.transport.write(_refusal(HTTPStatus(_HEAD_TOO_LARGE), _TOO_LARGE_FOR_SOCKETS))
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
