"""A server that listens until it is stopped."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import webbrowser

import uvicorn
from starlette.types import ASGIApp

from dialogue_gym.domain.reader import printable
from dialogue_gym.web.security import MOST_BYTES


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one.

    Raises:
        ValueError: it cannot listen there.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(128)
    except OSError as error:
        raise ValueError(f"--host {printable(host)} --port {port}: {error.strerror or error}") from None
    return made


def serve(server: ASGIApp, listening: socket.socket, opens: str | None = None) -> None:
    """Serve until the process is asked to stop, by Ctrl-C or as a service is; `opens` is for the browser."""
    config = uvicorn.Config(
        server, log_level="warning", ws_max_size=MOST_BYTES, server_header=False, timeout_graceful_shutdown=2
    )
    if opens:
        threading.Timer(0.5, webbrowser.open, [opens]).start()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server passes on what has stopped it
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
