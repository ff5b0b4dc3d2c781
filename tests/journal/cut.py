"""A network that loses an answer: a server's, after it got the request, or the request itself."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field

_NAMED = b"application_name"
"""Begins the name of a connection in its first message."""


@dataclass(eq=False)
class _Connection:
    client: socket.socket
    server: socket.socket
    name: bytes = b""
    is_cut: threading.Event = field(default_factory=threading.Event)

    def end(self) -> None:
        for one in (self.client, self.server):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class Cut:
    """A port that passes everything on to that of a database, until a connection is to be cut."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = int(self._listening.getsockname()[1])
        self.count = 0
        """The connections that were cut at a request."""
        self.is_down = False
        """Whether new connections are refused, as while the database is away."""
        self._passes_on: bool | None = None
        self._purpose = ""
        self._lock = threading.Lock()
        self._connections: list[_Connection] = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Cut:
        self._threads[0].start()
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self.drop()
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def drop(self) -> None:
        """Cut all connections, at once."""
        with self._lock:
            for connection in self._connections:
                connection.end()

    def next_answer(self, passes_on: bool, purpose: str = "") -> None:
        """Cut the connection of the next request, with or without passing that on.

        Args:
            passes_on: whether the database gets the request.
            purpose: a word in the name of the connection, such as that of a `PostgresLink`; empty for any.
        """
        with self._lock:
            self._passes_on, self._purpose = passes_on, purpose

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                if self.is_down:
                    client.close()
                    continue
                try:
                    server = socket.create_connection(("127.0.0.1", self._target))
                except OSError:  # the database is down
                    client.close()
                    continue
                connection = _Connection(client, server)
                with self._lock:
                    self._connections.append(connection)
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads = [*filter(threading.Thread.is_alive, self._threads), thread]
                thread.start()

    def _serve(self, connection: _Connection) -> None:
        answering = threading.Thread(target=self._answer, args=(connection,))
        answering.start()
        with contextlib.suppress(OSError):
            while data := connection.client.recv(1 << 16):
                if _NAMED in data:
                    connection.name = data.partition(_NAMED)[2]
                if self._loses(connection):
                    break
                connection.server.sendall(data)
        connection.end()
        answering.join()
        with self._lock:
            self._connections.remove(connection)
        connection.client.close()
        connection.server.close()

    def _loses(self, connection: _Connection) -> bool:
        """Return whether a request of a connection is lost; its answer may be instead."""
        with self._lock:
            passes_on = self._passes_on
            if passes_on is None or self._purpose.encode() not in connection.name:
                return False
            self._passes_on = None
            self.count += 1
            connection.is_cut.set()
            return not passes_on

    def _answer(self, connection: _Connection) -> None:
        with contextlib.suppress(OSError):
            while data := connection.server.recv(1 << 16):
                if connection.is_cut.is_set():
                    break  # the database has done it
                connection.client.sendall(data)
        connection.end()
