"""Who may come in: the check of every request and socket before anything else sees it.

Without a password the server listens on this machine alone. What a browser was lured into sending from
another site is refused all the same: by the host that it asks for, which a foreign name pointing here gives
away, and by the origin that it says it comes from.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
import socket
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import quote, urlsplit

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialogue_gym._files import write_whole

MOST_BYTES = 1_000_000
"""Of the body of a request, and of a message through the socket."""
LEAST_PASSWORD = 8
COOKIE = "dialogue_gym_teacher"
ENTER = "/enter"
_DAYS = 30
_KEY_FILE = "web.key"
_MOST_ADDRESSES = 10_000
_FINISH_BYTES, _FINISH_SECONDS = 20 * MOST_BYTES, 5.0
_FREE_TRIES = 3
_LONGEST_WAIT = 300.0
_TOO_LARGE = 413, f"this is more than {MOST_BYTES} bytes"
HEADERS = (
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    (
        "content-security-policy",
        # The framework compiles templates in the page, hence 'unsafe-eval'; nothing comes from elsewhere.
        "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'none';"
        " form-action 'self'; base-uri 'none'; object-src 'none'",
    ),
)


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches what listens on a host."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class LoginThrottle:
    """Slows down who guesses: after some wrong passwords the next has to wait, twice as long each time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without any."""
        self._clock = clock
        self._wrong: dict[str, tuple[int, float]] = {}

    def wait(self, address: str) -> float:
        """Return for how many seconds an address has to wait before its next try."""
        return max(0.0, self._wrong.get(address, (0, 0.0))[1] - self._clock())

    def failed(self, address: str) -> None:
        """Note a wrong password."""
        count = self._wrong.pop(address, (0, 0.0))[0] + 1
        while len(self._wrong) >= _MOST_ADDRESSES:
            del self._wrong[next(iter(self._wrong))]
        pause = min(2.0 ** (count - _FREE_TRIES), _LONGEST_WAIT) if count >= _FREE_TRIES else 0.0
        self._wrong[address] = count, self._clock() + pause

    def succeeded(self, address: str) -> None:
        """Forget the wrong ones."""
        self._wrong.pop(address, None)


@dataclass
class AccessPolicy:
    """Who is let in, and under which name.

    Attributes:
        host: what the server listens on.
        folder: the store, which also keeps the key that cookies are signed with.
        password: needed where others than this machine can reach the server.
        names: further names under which the server is reached.
        origins: other sites whose pages may speak to it.
    """

    host: str
    folder: Path
    password: str | None = None
    names: Collection[str] = ()
    origins: Collection[str] = ()
    tries: LoginThrottle = field(default_factory=LoginThrottle)

    def __post_init__(self) -> None:
        """Make the key, or read it.

        Raises:
            ValueError: a password is missing, or too short.
            OSError: the key cannot be kept.
        """
        if self.password is None and not is_loopback(self.host):
            raise ValueError(
                f"--host {self.host}: others can reach this, so a password is needed: set"
                " DIALOGUE_GYM_PASSWORD, or give --password-file"
            )
        if self.password is not None and len(self.password) < LEAST_PASSWORD:
            raise ValueError(f"the password is too short: {LEAST_PASSWORD} characters at least")
        # Another password makes all cookies worthless that were given for the one before.
        secret = hmac.digest(_key(self.folder / _KEY_FILE), (self.password or "").encode(), "sha256")
        self._signer = URLSafeTimedSerializer(secret, salt=COOKIE)
        self._digest = _digest(self.password) if self.password is not None else None

    def is_right(self, password: str) -> bool:
        """Return whether this is the password, in a time that does not depend on it."""
        return self._digest is None or hmac.compare_digest(_digest(password), self._digest)

    def cookie(self, teacher: str) -> str:
        """Return what a teacher's browser is to remember."""
        return str(self._signer.dumps(teacher))

    def teacher(self, headers: Headers) -> str | None:
        """Return the teacher whose cookie this is; None if there is none, or it is not valid any more."""
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
            name = self._signer.loads(cookie.value, max_age=_DAYS * 86400) if cookie else None
        except (BadSignature, CookieError):
            return None
        return name if isinstance(name, str) else None

    def knows_host(self, host: str) -> bool:
        """Return whether a `Host` header names this server."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            return False
        if is_loopback(name):
            return True
        if name in {known.lower() for known in (self.host, *self.names)}:
            return True
        if is_loopback(self.host):
            return False
        try:
            ipaddress.ip_address(name)  # no name, so nobody can have made it point here
        except ValueError:
            return name == socket.gethostname().lower()
        return True


def _digest(password: str) -> bytes:
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest()


def _key(path: Path) -> bytes:
    """Return the key of a store; it is made if there is none."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, lambda whole: whole.write_bytes(secrets.token_bytes(32)))
        path.chmod(0o600)
    return path.read_bytes()


class AccessMiddleware:
    """Refuses what comes from elsewhere or is too large, and who has not come in."""

    def __init__(self, app: ASGIApp, door: AccessPolicy, enter: str | None = None) -> None:
        """Stand before an application; without `enter`, the path of the form, nobody has to come in."""
        self._app = app
        self._door = door
        self._enter = enter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request or socket through, or answer it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if refusal := self._refusal(scope, headers):
            await _refuse(scope, receive, send, *refusal)
            return
        if self._enter and self._door.password is not None and not self._door.teacher(headers):
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            if path != self._enter:
                is_page = scope["type"] == "http" and "text/html" in headers.get("accept", "")
                if is_page:
                    where = scope.get("root_path", "") + self._enter
                    await RedirectResponse(where, status_code=303)(scope, receive, send)
                else:
                    await _refuse(scope, receive, send, 401, "this needs the password")
                return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
        elif (body := await _read_body(receive)) is not None:
            await self._app(scope, body, _with_headers(send))
        else:
            await _refuse(scope, receive, send, *_TOO_LARGE, is_read=True)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._door.knows_host(hosts[0]):
            return 400, "this server is not known by that name"
        origins = headers.getlist("origin")
        # A browser says where a request comes from whenever that could matter; other programs need not.
        is_own = len(origins) == 1 and urlsplit(origins[0]).netloc.lower() == hosts[0].lower()
        if origins and not is_own and tuple(origins) not in {(known,) for known in self._door.origins}:
            return 403, "this comes from another site"
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            return 400, "the length is no number"
        if len(length) > 12 or int(length) > MOST_BYTES:
            return _TOO_LARGE
        return None


async def _read_body(receive: Receive) -> Receive | None:
    """Read the body of a request and return what gives it again; None if it is too large."""
    parts: list[Message] = []
    size = 0
    while True:
        parts.append(await receive())
        size += len(parts[-1].get("body", b""))
        if size > MOST_BYTES:
            if parts[-1].get("more_body"):
                await _let_finish(receive)
            return None
        if not parts[-1].get("more_body"):
            break

    async def again() -> Message:
        return parts.pop(0) if parts else await receive()

    return again


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            known = {name.lower() for name, _ in message["headers"]}
            own = [(name.encode(), value.encode()) for name, value in HEADERS]
            message["headers"] = [*message["headers"], *(pair for pair in own if pair[0] not in known)]
        await send(message)

    return sending


async def _let_finish(receive: Receive) -> None:
    """Throw away what is still being sent, within bounds: who is cut off while sending does not hear why."""
    size = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_FINISH_SECONDS):
            while size < _FINISH_BYTES:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body"):
                    break


async def _refuse(
    scope: Scope, receive: Receive, send: Send, status: int, line: str, is_read: bool = False
) -> None:
    response = PlainTextResponse(f"{line}\n", status, {"connection": "close"})
    if scope["type"] == "http" and not is_read:
        await _let_finish(receive)
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await response(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": quote(line)})
