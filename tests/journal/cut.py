"""A network that loses an answer: a server's, after it got the request, or the request itself."""

from __future__ import annotations

import contextlib
import socket
import threading


class Cut:
    """A port that passes everything on to another one, until a connection is to be cut."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.count = 0
        """The connections that were cut."""
        self._passes_on: bool | None = None
        self._lock = threading.Lock()
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Cut:
        self._threads[0].start()
        return self

    def __exit__(self, *error: object) -> None:
        _end(self._listening)
        self._threads[0].join()
        for one in self._ends:
            _end(one)
        for thread in self._threads:
            thread.join()
        for one in (self._listening, *self._ends):
            one.close()

    def next_answer(self, passes_on: bool) -> None:
        """Cut the connection of the next request, with or without passing that on."""
        self._passes_on = passes_on

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._ends += [client, server]
                is_cut = threading.Event()
                for source, sink, asks in ((client, server, True), (server, client, False)):
                    self._threads.append(
                        threading.Thread(target=self._pass, args=(source, sink, asks, is_cut))
                    )
                    self._threads[-1].start()

    def _pass(self, source: socket.socket, sink: socket.socket, asks: bool, is_cut: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                with self._lock:
                    if asks and self._passes_on is not None:
                        passes_on, self._passes_on = self._passes_on, None
                        self.count += 1
                        is_cut.set()
                        if not passes_on:
                            break
                if not asks and is_cut.is_set():
                    break  # the server has done it
                sink.sendall(data)
        _end(source)
        _end(sink)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
