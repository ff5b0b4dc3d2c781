"""The server process: its sockets, and its event loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import uvicorn
from starlette.types import ASGIApp

from dialogue_gym._text import printable
from dialogue_gym.web.connection import LimitedConnection, LimitedSocket
from dialogue_gym.web.security import MOST_BYTES, ProxyNotice
from dialogue_gym.web.stopping import ANSWER_SECONDS

CAN_LISTEN_BESIDE = sys.platform == "linux"
"""Whether the system shares connections out among sockets at one port, and does not give all to the last."""
_WAITING = 1024
_OTHER_FILES = 256
"""Open files and sockets of a server besides those of sessions."""
_SOCKETS = 12_000
"""Sockets of people, and those through which their slow actions are done, at most."""
_SWITCH = 0.0005
"""Seconds after which a thread that computes, such as the learner's, lets the event loop go on. The loop
may wait so long whenever it becomes ready: with Python's own 5 ms, answers took twice as long."""
_THREADS = 64
"""Threads for the pages of teachers. Python's own number, few more than there are cores, is for those that
compute; these wait for each other while an action is slow, and nobody's sign-in could be looked up."""
_COLLECTS_EVERY = 10_000
"""New objects between two collections of cyclic garbage, of which requests leave little. Python's own 700 are
for a program with less memory."""


def listen(host: str, port: int, only_keeps: bool = False) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Args:
        host: the address.
        port: the port.
        only_keeps: whether the socket only keeps the port, for processes that listen there; see
            `listen_beside`.

    Raises:
        ValueError: the address cannot be used; one line gives the reason.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        if only_keeps:  # later than that, so that a port of another server is refused
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        else:
            made.listen(_WAITING)
    except OSError as error:
        raise ValueError(f"--host {printable(host)} --port {port}: {error.strerror or error}") from None
    return made


def listen_beside(keeping: socket.socket) -> socket.socket:
    """Return a listening socket of this process alone, at a port that its parent keeps.

    The system gives each of such sockets its share of the connections. At a common one, whichever process is
    first takes all that wait.
    """
    made = socket.socket(keeping.family, keeping.type, keeping.proto)
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        made.setsockopt(socket.SOL_SOCKET, option, 1)
    made.bind(keeping.getsockname())
    made.listen(_WAITING)
    return made


def allow_open_files(sockets: int) -> None:
    """Let this process have so many sockets open, where the usual limit is lower and may be raised."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = sockets + _OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        needed = min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


class GracefulServer(uvicorn.Server):
    """A server that stops in time: answers under way finish, and everything else is told first."""

    def __init__(
        self,
        config: uvicorn.Config,
        on_start: Callable[[], object],
        on_stop: Callable[[], Awaitable[None]],
    ) -> None:
        """Call `on_start` before the first request, and await `on_stop` before connections are closed."""
        super().__init__(config)
        self._on_start, self._on_stop = on_start, on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "asyncio"))
        self._on_start()
        await super().startup(sockets)
        # Everything that a server begins with stays. Collections would look through it again and again: half
        # a second each time, in which nobody is answered, for PyTorch's objects alone.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_COLLECTS_EVERY)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + ANSWER_SECONDS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(ends):
                await self._on_stop()
        # Requests have waited beside that.
        self.config.timeout_graceful_shutdown = max(1, round(ends - loop.time()))
        await super().shutdown(sockets)


def serve(
    server: ASGIApp,
    listening: socket.socket,
    opens: str | None = None,
    ends: threading.Event | None = None,
    proxies: Sequence[str] = (),
    compresses: bool = True,
    on_start: Callable[[], object] = lambda: None,
    on_stop: Callable[[], Awaitable[None]] | None = None,
    logs_json: bool = False,
) -> bool:
    """Serve until Ctrl-C or SIGTERM, or until an event, after which the socket is for another application.

    Args:
        server: the application.
        listening: the socket.
        opens: the address of a page to open in the browser.
        ends: the event.
        proxies: addresses and networks of proxies, whose word about the client is taken.
        compresses: whether web sockets may compress, which takes some 50 KiB of memory for each.
        on_start: called in the event loop before the first request.
        on_stop: awaited when the server stops, before the connections are closed.
        logs_json: whether the log is set up already, and is not the server's own.

    Returns:
        Whether the event has ended it, and nobody has asked the process to stop meanwhile.
    """
    allow_open_files(_SOCKETS)
    sys.setswitchinterval(_SWITCH)
    config = uvicorn.Config(
        server if proxies else ProxyNotice(server),
        http=LimitedConnection,
        ws=LimitedSocket,
        # Its warnings are about what clients send, which could fill the log.
        log_level="error",
        access_log=False,
        ws_max_size=MOST_BYTES,
        ws_per_message_deflate=compresses,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=[form for proxy in proxies for form in _forms(proxy)],
        server_header=False,
        log_config=None if logs_json else uvicorn.config.LOGGING_CONFIG,
    )

    async def stop() -> None:
        if ends is None or not ends.is_set():
            listening.close()  # otherwise the system would go on taking connections, which nobody answers
        if on_stop:
            await on_stop()

    if opens:
        open_soon(opens)
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # uvicorn raises the signal again after stopping
    with contextlib.suppress(KeyboardInterrupt):
        running = GracefulServer(config, on_start, stop)
        if ends:
            threading.Thread(target=_stop_at, args=(ends, running), daemon=True).start()
        running.run(sockets=[listening.dup()])
        return True
    return False


def open_soon(address: str) -> None:
    """Open a page in the browser in a moment, when it is served."""
    threading.Timer(0.5, webbrowser.open, [address]).start()


def _forms(proxy: str) -> list[str]:
    """Return the forms of an address or network under which a socket may show it."""
    network = ipaddress.ip_network(proxy, strict=False)
    if network.version == 4:
        return [str(network), f"::ffff:{network.network_address}/{96 + network.prefixlen}"]
    return [str(network)]


def _stop_at(ends: threading.Event, running: uvicorn.Server) -> None:
    ends.wait()
    running.should_exit = True
