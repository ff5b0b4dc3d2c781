"""The server process: socket, address, password and tokens."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import os
import signal
import socket
import sys
import threading
import traceback
import webbrowser
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from getpass import getpass
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from dialogue_gym._files import FileError, FileKind, read_text
from dialogue_gym._text import printable
from dialogue_gym._threads import wait_again, wait_no_longer
from dialogue_gym.web.access import is_loopback
from dialogue_gym.web.accounts import LEAST_PASSWORD
from dialogue_gym.web.connection import LimitedConnection, LimitedSocket
from dialogue_gym.web.options import ServeOptions
from dialogue_gym.web.paths import REST_WEBHOOK, TALK_PATH
from dialogue_gym.web.security import MOST_BYTES, ProxyNotice

PASSWORD = "DIALOGUE_GYM_PASSWORD"
"""The environment variable with the shared password."""
PASSWORD_IS_IDLE = (
    "Teachers have accounts, so the shared password signs nobody in; it is for clients of OpenEnv."
)
"""A line for a server that has both."""
CAN_LISTEN_BESIDE = sys.platform == "linux"
"""Whether the system shares connections out among sockets at one port, and does not give all to the last."""
_WAITING = 1024
_OTHER_FILES = 256
"""Open files and sockets of a server besides those of sessions."""
_ANSWERS_FINISH, _ALL_STOPS = 5.0, 9.5
"""Seconds after which a server that stops waits no longer: for answers, and for anything at all. After ten it
would be killed by those who run it."""
_SOCKETS = 12_000
"""Sockets of people, and those through which their slow actions are done, at most."""
_SWITCH = 0.0005
"""Seconds after which a thread that computes, such as the learner's, lets the event loop go on. The loop
waits so long each time that it has news: with Python's own 5 ms, answers took twice as long."""
_COLLECTS_EVERY = 10_000
"""New objects between two collections of cyclic garbage, of which requests leave little. Python's own 700 are
for a program with less memory."""
_LEAST_TOKEN = 16
_LIBRARY, _PLACES = Path(__file__).parents[1], 3
_PASSWORD_FILE = FileKind("file with a password", FileError)
_TOKEN_FILE = FileKind("file of tokens", FileError)


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
        ends = loop.time() + _ANSWERS_FINISH
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


@contextlib.contextmanager
def stopping_in_time() -> Iterator[Callable[[], Awaitable[None]]]:
    """Give a function to await when a stop begins, which has to reach the end of the context in time.

    Otherwise the process ends, whatever still runs: the journal has all that was acknowledged. An action that
    hangs would keep it even after the end of the context.
    """
    is_done, status = False, 1
    loops: list[asyncio.AbstractEventLoop] = []

    def end() -> None:
        if not is_done:
            late = "; ".join(_under_way(loops))
            print(
                f"(something did not stop in time; the next start goes on from the journal: {late})",
                flush=True,
            )
        os._exit(status)

    # An answer may wait for a database that is down, or for another process; the end should not.
    timers = threading.Timer(_ANSWERS_FINISH, wait_no_longer), threading.Timer(_ALL_STOPS, end)

    async def begin() -> None:
        loops.append(asyncio.get_running_loop())
        for timer in timers:
            timer.daemon = True
            timer.start()

    try:
        yield begin
        status = 0
    finally:
        is_done = True
        if timers[-1].is_alive():
            gc.freeze()  # the interpreter would look through PyTorch's many objects at its end, for seconds
        else:
            wait_again()


def _under_way(loops: Iterable[asyncio.AbstractEventLoop]) -> Iterator[str]:
    """Yield a phrase for each task and thread that runs, with its last places in this library."""
    for loop in loops:
        for task in asyncio.all_tasks(loop):
            yield f"task {task.get_name()} {_places(task.get_stack())}"
    frames = sys._current_frames()
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and (frame := frames.get(thread.ident or 0)):
            stack = [one for one, _ in traceback.walk_stack(frame)]
            yield f"thread {thread.name} {_places(stack[::-1])}"


def _places(stack: Iterable[FrameType]) -> str:
    """Return the last places of a stack, the innermost last: those of this library, or any without one."""
    places = [(Path(one.f_code.co_filename), one.f_lineno, one.f_code.co_name) for one in stack]
    own = [place for place in places if _LIBRARY in place[0].parents] or places
    return (
        " > ".join(f"{file.stem}:{line} {function}" for file, line, function in own[-_PLACES:]) or "nowhere"
    )


def _stop_at(ends: threading.Event, running: uvicorn.Server) -> None:
    ends.wait()
    running.should_exit = True


def address_of(host: str, listening: socket.socket, path: str) -> str:
    """Return the address of a page for a browser on this machine."""
    name = host if host not in ("0.0.0.0", "::", "") else "localhost"
    port = listening.getsockname()[1]
    return f"http://{f'[{name}]' if ':' in name else name}:{port}{path}/"


def told_address(
    host: str, listening: socket.socket, path: str, names: Sequence[str], proxies: Sequence[str]
) -> str:
    """Return the address of a page as people are told it.

    Behind a proxy they reach it under the first of the server's names, by HTTPS; the proxy needs the other.
    """
    here = address_of(host, listening, path)
    if not (names and proxies):
        return here
    return f"https://{names[0]}{path}/ (through the proxy, from {here})"


def password_of(file: Path | None, host: str, has_accounts: bool = False) -> str | None:
    """Return the shared password: from a file, the environment, or the terminal where one is required.

    Raises:
        FileError: the file cannot be read.
    """
    if file:
        return read_text(file, _PASSWORD_FILE).rstrip("\r\n")
    if (password := os.environ.get(PASSWORD)) is not None:
        return password
    if not is_loopback(host) and not has_accounts and sys.stdin.isatty():
        return getpass("Choose a password for teachers: ")
    return None


def read_metrics_token(path: Path | None) -> str | None:
    """Read the token for figures; None without a file.

    Raises:
        ValueError: the file cannot be read, or the token is too short.
    """
    if path is None:
        return None
    token = read_text(path, _TOKEN_FILE).strip()
    if len(token) < _LEAST_TOKEN:  # wrong ones are not delayed
        raise ValueError(f"{path}: the token is too short: {_LEAST_TOKEN} characters at least")
    return token


def read_tokens(path: Path | None) -> dict[str, str]:
    """Read the tokens of channels, one line `NAME TOKEN` each.

    Raises:
        ValueError: the file cannot be read, a line is malformed, or there are none.
    """
    if path is None:
        return {}
    found: dict[str, str] = {}
    for number, line in enumerate(read_text(path, _TOKEN_FILE).splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if len(words) != 2 or len(words[1]) < LEAST_PASSWORD or "/" in words[0]:
            raise ValueError(
                f"{path}:{number}: expected a name without a slash and a token of at least"
                f" {LEAST_PASSWORD} characters"  # the line may be a secret
            )
        found[words[0]] = words[1]
    if not found:
        raise ValueError(f"{path}: the file has no tokens")
    return found


def told(options: ServeOptions, listening: socket.socket, path: str) -> str:
    """Return the address of a page as people are told it; see `told_address`."""
    return printable(told_address(options.host, listening, path, options.name, options.behind_proxy))


def talking_lines(options: ServeOptions, listening: socket.socket) -> list[str]:
    """Return sentences for people: how visitors and front ends reach the bot."""
    lines = [
        f"Talk to the bot at {told(options, listening, TALK_PATH)}",
        f"Rasa's front ends reach it at {REST_WEBHOOK}",
    ]
    is_reached = not is_loopback(options.host) or options.name or options.behind_proxy
    if is_reached and options.token_file is None:
        lines.append(
            "(Without --token-file everybody who reaches this address can write to the bot under any sender's"
            " name, go on with that sender's conversation, and read the answers.)"
        )
    return lines


def password_for(options: ServeOptions, has_accounts: bool = False) -> str | None:
    """Return the shared password; None where none is needed.

    Args:
        options: the options.
        has_accounts: whether teachers have accounts. Clients of OpenEnv have none.

    Raises:
        ValueError: it is needed and missing, or its file cannot be read.
    """
    password = password_of(options.password_file, options.host, has_accounts)
    is_open = options.openenv or (options.teach and not has_accounts)
    if is_open and password is None and (door := _open_door(options)):
        reached = (
            "visitors would reach the teachers' pages, too" if options.teach else "others would reach it"
        )
        raise ValueError(
            f"{door}: {reached}, so a password is required: set DIALOGUE_GYM_PASSWORD, or give"
            " --password-file"
        )
    return password


def _open_door(options: ServeOptions) -> str:
    """Return the options that let others than this machine in, to a server that listens here alone."""
    if options.behind_proxy:
        return f"--behind-proxy {options.behind_proxy[0]}"
    flags = ("--talk", options.talk), ("--openenv", options.openenv)
    found = [flag for flag, is_given in flags if is_given] if options.name else []
    return f"{found[0]} --name {printable(options.name[0])}" if found else ""
