"""Access control: a check of every request and socket before anything else sees it.

Without a password the server listens on this machine alone. Requests that a browser was lured into sending
from another site are refused even then: by their host, which gives away a foreign name that points here, and
by their origin.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
import socket
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import quote, urlsplit

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialogue_gym._files import write_whole
from dialogue_gym.live.rate_limit import Backoff, RateLimiter

MOST_BYTES = 1_000_000
"""The size of a request's body, and of a message through the socket, at most."""
LEAST_PASSWORD = 8
COOKIE = "dialogue_gym_teacher"
ENTER = "/enter"
DAYS = 30
"""Days after which a teacher has to sign in again."""
_KEY_FILE = "web.key"
_FINISH_BYTES, _FINISH_SECONDS = 20 * MOST_BYTES, 5.0
_TOO_LARGE = 413, f"request too large: more than {MOST_BYTES} bytes"


def headers(frames: Collection[str] = ()) -> list[tuple[str, str]]:
    """Return the headers of a response.

    Args:
        frames: the sites that may show it in a frame.
    """
    framing = " ".join(frames) or "'none'"
    # The framework compiles templates in the page, hence 'unsafe-eval'; only images of the bot's responses
    # come from elsewhere.
    policy = (
        "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:;"
        f" img-src 'self' data: blob: http: https:; frame-ancestors {framing};"
        " form-action 'self'; base-uri 'none'; object-src 'none'"
    )
    always = [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("content-security-policy", policy),
    ]
    # The older header cannot name sites; browsers that know the newer one ignore it.
    return always if frames else [("x-frame-options", "DENY"), *always]


def set_cookie(response: Response, request: Request, name: str, value: str, path: str, days: int) -> None:
    """Set a cookie that neither scripts nor requests from other sites can use.

    Args:
        response: the response to set it in.
        request: the request; over HTTPS the cookie is limited to HTTPS.
        name: the name of the cookie.
        value: the value of the cookie.
        path: the path of the pages that it is sent to.
        days: the days for which it is kept.
    """
    response.set_cookie(
        name,
        value,
        max_age=days * 86400,
        path=path,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def is_loopback(host: str) -> bool:
    """Return whether a host is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class TooManyTries(Exception):
    """Wrong passwords in a row: the next one is accepted in `seconds`, a whole number of at least 1."""

    def __init__(self, seconds: int) -> None:
        """Keep the pause."""
        super().__init__(f"too many wrong passwords; try again in {seconds} s")
        self.seconds = seconds


@dataclass
class AccessPolicy:
    """The rules of access: hosts, origins, the teachers' password and their cookies.

    Attributes:
        host: the address that the server listens on.
        folder: the folder of the store, which also keeps the key that signs cookies.
        password: the teachers' password; required if other machines reach the server.
        names: further host names of the server.
        origins: other sites whose pages may send requests.
        frames: other sites whose pages may show the visitors' page in a frame.
        throttle: refuses tries after wrong passwords, by address, for a doubling pause (`Backoff`).
    """

    host: str
    folder: Path
    password: str | None = None
    names: Collection[str] = ()
    origins: Collection[str] = ()
    frames: Collection[str] = ()
    throttle: RateLimiter = field(default_factory=lambda: RateLimiter(Backoff))

    def __post_init__(self) -> None:
        """Read the key, or create it.

        Raises:
            ValueError: the password is missing or too short.
            OSError: the key cannot be written.
        """
        if self.password is None and not is_loopback(self.host):
            raise ValueError(
                f"--host {self.host}: other machines can reach this address, so a password is required: set"
                " DIALOGUE_GYM_PASSWORD, or give --password-file"
            )
        if self.password is not None and len(self.password) < LEAST_PASSWORD:
            raise ValueError(f"the password is too short: {LEAST_PASSWORD} characters at least")
        # The password is part of the secret, so that a new one invalidates all cookies of the old.
        secret = hmac.digest(_key(self.folder / _KEY_FILE), (self.password or "").encode(), "sha256")
        self._signer = URLSafeTimedSerializer(secret, salt=COOKIE)
        self._digest = _digest(self.password) if self.password is not None else None

    def try_password(self, address: str, password: str) -> bool:
        """Return whether this is the password. Wrong ones delay the next try from the same address.

        Args:
            address: the client's address.
            password: the given password; compared in constant time.

        Raises:
            TooManyTries: the address has to wait first; the password was not looked at.
        """
        if (wait := self.throttle.wait(address)) > 0:
            raise TooManyTries(int(wait) + 1)
        is_right = self._digest is None or hmac.compare_digest(_digest(password), self._digest)
        self.throttle.forget(address) if is_right else self.throttle.use(address)
        return is_right

    def cookie(self, teacher: str) -> str:
        """Return a signed cookie that names a teacher."""
        return str(self._signer.dumps(teacher))

    def teacher(self, headers: Headers) -> str | None:
        """Return the teacher named by the cookie; None without a valid one."""
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
            name = self._signer.loads(cookie.value, max_age=DAYS * 86400) if cookie else None
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
            ipaddress.ip_address(name)  # an address: no foreign name can hide behind it
        except ValueError:
            return name == socket.gethostname().lower()
        return True


def _digest(password: str) -> bytes:
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest()


def _key(path: Path) -> bytes:
    """Return the key of a store; create a missing one."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, lambda whole: whole.write_bytes(secrets.token_bytes(32)))
        path.chmod(0o600)
    return path.read_bytes()


class AccessMiddleware:
    """Refuses foreign and oversized requests, and those of teachers who have not signed in."""

    def __init__(
        self, app: ASGIApp, policy: AccessPolicy, enter: str | None = None, framed: str | None = None
    ) -> None:
        """Protect an application.

        Args:
            app: the application.
            policy: the rules of access.
            enter: the path of the sign-in form; None for an application without signing in.
            framed: the path of the one page that the policy's `frames` may show; None for none.
        """
        self._app = app
        self._policy = policy
        self._enter = enter
        self._framed = framed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request or socket on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if refusal := self._refusal(scope, headers):
            await _refuse(scope, receive, send, *refusal)
            return
        if self._enter and self._policy.password is not None and not self._policy.teacher(headers):
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            if path != self._enter:
                is_page = scope["type"] == "http" and "text/html" in headers.get("accept", "")
                if is_page:
                    where = scope.get("root_path", "") + self._enter
                    await RedirectResponse(where, status_code=303)(scope, receive, send)
                else:
                    await _refuse(scope, receive, send, 401, "password required")
                return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
        elif (body := await _read_body(receive)) is not None:
            is_framed = scope["path"] == self._framed
            await self._app(scope, body, _with_headers(send, self._policy.frames if is_framed else ()))
        else:
            await _refuse(scope, receive, send, *_TOO_LARGE, is_read=True)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._policy.knows_host(hosts[0]):
            return 400, "unknown host name; see --name"
        origins = headers.getlist("origin")
        # Browsers send the origin wherever it matters; other programs need not.
        is_own = len(origins) == 1 and urlsplit(origins[0]).netloc.lower() == hosts[0].lower()
        if origins and not is_own and tuple(origins) not in {(known,) for known in self._policy.origins}:
            return 403, "cross-site request blocked; see --origin"
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            return 400, "the content length is not a number"
        if len(length) > 12 or int(length) > MOST_BYTES:
            return _TOO_LARGE
        return None


async def _read_body(receive: Receive) -> Receive | None:
    """Read the body of a request; return a `receive` that replays it, or None if it is too large."""
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


def _with_headers(send: Send, frames: Collection[str]) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            known = {name.lower() for name, _ in message["headers"]}
            own = [(name.encode(), value.encode()) for name, value in headers(frames)]
            message["headers"] = [*message["headers"], *(pair for pair in own if pair[0] not in known)]
        await send(message)

    return sending


async def _let_finish(receive: Receive) -> None:
    """Discard the rest of a body, within bounds: a client cut off while sending would miss the reason."""
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
