"""Ask another program over HTTP: JSON goes there and JSON comes back, within a time."""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import socket
import threading
import urllib.parse
from typing import Any, NoReturn

from dialogue_gym._text import finite, printable, shorten

MAX_BYTES = 5_000_000
"""A longer answer is not read to its end."""
MAX_SECONDS = 3600.0
_SAFE = "/%:@!$&'()*+,;=~?"
_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


class ServiceError(Exception):
    """Another program gave no usable answer. The message is one line: its address, and why.

    Attributes:
        status: the HTTP status that it answered with, if it answered.
        body: the JSON that came with a status that is no success; None where it was none.
    """

    def __init__(self, message: str, status: int | None = None, body: Any = None) -> None:
        """Keep the message, with what cannot be printed escaped."""
        super().__init__(printable(message))
        self.status = status
        self.body = body


def post_json(url: str, payload: Any, seconds: float) -> Any:
    """Return the JSON that a server answers to a POST of JSON; redirections are not followed.

    Args:
        url: an address with http or https.
        payload: what is sent.
        seconds: the time for all of it: to find the server, to connect, to send and to receive.

    Raises:
        ServiceError: the address is none, the payload is no JSON, the server is not there, takes too long,
            breaks off, says no, or answers with something else than JSON or with too much.
    """
    seconds = min(max(0.0, seconds), MAX_SECONDS)
    where = shorten(url, 200)
    connection, target = _connection(url, where, seconds)
    try:
        content = json.dumps(payload, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ServiceError(f"{where} was not asked: the question is no JSON ({error})") from None
    exchange = _Exchange(connection, target, content)
    try:
        answer = exchange.answers.get(timeout=seconds)
    except queue.Empty:
        raise ServiceError(f"{where} gave no answer within {seconds:g} s") from None
    finally:
        exchange.break_off()
    if isinstance(answer, Exception):
        _refuse(where, answer, exchange.is_connected, seconds)
    return _parsed(where, *answer)


def _connection(url: str, where: str, seconds: float) -> tuple[http.client.HTTPConnection, str]:
    """Return a connection, not yet open, and what to ask it for."""
    try:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ServiceError(f"{where} is no address of a server: it begins with http:// or https://")
        if "@" in parts.netloc:
            raise ServiceError("an address with a name or password in it is not supported")
        target = urllib.parse.quote(parts.path or "/", safe=_SAFE)
        if parts.query:
            target += "?" + urllib.parse.quote(parts.query, safe=_SAFE)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        # The limit is a moment longer than that of the whole, which is to end first.
        return kind(parts.hostname, parts.port, timeout=seconds + 1), target
    except (http.client.HTTPException, ValueError) as error:
        raise ServiceError(f"{where} is no address of a server: {error}") from None


class _Exchange:
    """One question and its answer, in a thread of its own.

    The time limit of a socket holds for one operation, which a server that sends byte by byte never
    reaches, and none holds for finding an address: so somebody else has to break the exchange off.
    """

    def __init__(self, connection: http.client.HTTPConnection, target: str, content: bytes) -> None:
        """Begin."""
        self.answers: queue.SimpleQueue[tuple[int, bytes] | Exception] = queue.SimpleQueue()
        self.is_connected = False
        self._connection = connection
        self._socket: socket.socket | None = None
        self._is_over = False
        threading.Thread(target=self._run, args=(target, content), daemon=True).start()

    def _run(self, target: str, content: bytes) -> None:
        with contextlib.closing(self._connection) as connection:
            try:
                connection.connect()
                self.is_connected = True
                self._socket = connection.sock
                if not self._is_over:  # asked after the socket is there to be shut down
                    self.answers.put(_ask(connection, target, content))
            except Exception as error:
                self.answers.put(error)

    def break_off(self) -> None:
        """End the thread's waiting, if it still waits."""
        self._is_over = True
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it is closed already
                self._socket.shutdown(socket.SHUT_RDWR)


def _ask(connection: http.client.HTTPConnection, target: str, content: bytes) -> tuple[int, bytes]:
    connection.request("POST", target, content, _HEADERS)
    with connection.getresponse() as response:
        body = response.read(MAX_BYTES + 1)
        if len(body) <= MAX_BYTES and response.length:
            raise http.client.IncompleteRead(body, response.length)
        return response.status, body


def _refuse(where: str, error: Exception, is_connected: bool, seconds: float) -> NoReturn:
    """Raise what an exception of an exchange means."""
    detail = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    if isinstance(error, TimeoutError):
        reason = f"gave no answer within {seconds:g} s"
    elif not is_connected:
        reason = f"cannot be reached: {detail}"
    elif isinstance(error, (OSError, http.client.IncompleteRead)):
        reason = "closed the connection half-way"
    else:
        reason = f"does not answer as HTTP has it: {detail}"
    raise ServiceError(f"{where} {reason}") from None


def _parsed(where: str, status: int, body: bytes) -> Any:
    """Return the JSON of an answer."""
    if len(body) > MAX_BYTES:
        raise ServiceError(f"{where} answered with more than {MAX_BYTES:,} bytes", status)
    content, fault = None, None
    try:
        content = json.loads(body, parse_constant=finite, parse_float=finite)
    except (ValueError, RecursionError) as error:
        fault = str(error)
    if not 200 <= status < 300:
        raise ServiceError(f"{where} answered with status {status}", status, content)
    if fault is not None:
        raise ServiceError(f"{where} gave an answer that is not JSON: {fault}", status)
    return content
