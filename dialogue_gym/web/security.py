"""Checks of every request and socket before anything else sees it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialogue_gym.web.access import AccessPolicy, TooManyTries, bearer, is_loopback
from dialogue_gym.web.attempts import API
from dialogue_gym.web.paths import JOIN_PATH
from dialogue_gym.web.responses import NO_INLINE, security_headers

MOST_BYTES = 1_000_000
"""The size of a request's body, and of a message through the socket, at most."""
ENTER = "/enter"
"""The path of the sign-in form."""
_FINISH_BYTES, _FINISH_SECONDS = 20 * MOST_BYTES, 5.0
_SIGNED_OUT, _TRY_LATER = 1008, 1013
"""Codes with which a socket is closed (https://www.iana.org/assignments/websocket)."""
_LOG = logging.getLogger(__name__)
_TOO_LARGE = 413, f"request too large: more than {MOST_BYTES} bytes"


class AccessMiddleware:
    """Refusal of foreign and oversized requests, and of those of teachers who have not signed in."""

    def __init__(
        self,
        app: ASGIApp,
        policy: AccessPolicy,
        enter: str | None = None,
        framed: str | None = None,
        content: str = NO_INLINE,
        needs_bearer: bool = False,
    ) -> None:
        """Protect an application.

        Args:
            app: the application.
            policy: the rules of access.
            enter: the path of the sign-in form; None for an application without signing in.
            framed: the path of the one page that the policy's `frames` may show; None for none.
            content: the content that the application's pages may load, one of those in `responses`.
            needs_bearer: whether requests need the shared password as a bearer token, if there is one.
        """
        self._app = app
        self._policy = policy
        self._enter = enter
        self._framed = framed
        self._content = content
        self._needs_bearer = needs_bearer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request or socket on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if refusal := self._refusal(scope, headers) or self._bearer_refusal(scope):
            await _refuse(scope, receive, send, *refusal)
            return
        home = scope.get("root_path", "")
        try:
            is_signed_out = self._enter is not None and await self._is_signed_out(headers)
        except OSError as error:  # nobody gets in while the store does not say who may
            _LOG.error("%s", error)
            await _refuse(scope, receive, send, 503, "the store cannot be used at present; try again later")
            return
        if is_signed_out:
            path = scope["path"].removeprefix(home)
            if path != self._enter and not (scope["type"] == "http" and path.startswith(JOIN_PATH)):
                is_page = scope["type"] == "http" and "text/html" in headers.get("accept", "")
                if is_page:
                    redirect = RedirectResponse(f"{home}{self._enter}", status_code=303)
                    await redirect(scope, receive, _with_headers(send, security_headers()))
                else:
                    await _refuse(scope, receive, send, 401, "password required")
                return
        if scope["type"] == "websocket":
            if self._enter:
                receive, send = self._while_signed_in(headers, receive, send)
            await self._app(scope, receive, send)
            return
        try:
            body = await _read_body(receive)
        except ConnectionResetError:  # nobody is left to answer
            return
        if body is not None:
            is_framed = scope["path"] == self._framed
            added = security_headers(self._content, self._policy.frames if is_framed else ())
            if self._enter:
                is_https = scope["scheme"] == "https"
                added += await asyncio.to_thread(self._policy.renewal, headers, home, is_https)
            await self._app(scope, body, _with_headers(send, added))
        else:
            await _refuse(scope, receive, send, *_TOO_LARGE, is_read=True)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._policy.knows_host(hosts[0]):
            return 400, "unknown host name; see --name"
        origins = headers.getlist("origin")
        # Browsers send the origin wherever it matters; other programs need not.
        is_own = len(origins) == 1 and _place_of(origins[0]) == hosts[0].lower()
        if origins and not is_own and tuple(origins) not in {(known,) for known in self._policy.origins}:
            return 403, "cross-site request blocked; see --origin"
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            return 400, "the content length is not a number"
        if len(length) > 12 or int(length) > MOST_BYTES:
            return _TOO_LARGE
        return None

    def _bearer_refusal(self, scope: Scope) -> tuple[int, str] | None:
        if not self._needs_bearer or self._policy.password is None:
            return None
        connection = HTTPConnection(scope)
        if (given := bearer(connection)) is None:
            return 401, "password required: send the header Authorization: Bearer PASSWORD"
        try:
            is_right = self._policy.try_password(API, connection, given)
        except TooManyTries as error:
            return 429, str(error)
        return None if is_right else (401, "wrong password")

    async def _is_signed_out(self, headers: Headers) -> bool:
        """Return whether a teacher has to sign in first.

        Raises:
            OSError: the store does not say.
        """

        def is_signed_out() -> bool:
            return self._policy.needs_sign_in and self._policy.teacher(headers) is None

        # Asked for each message: the first account closes an open server, also for those who are in.
        return await asyncio.to_thread(is_signed_out)

    async def _must_close(self, headers: Headers) -> int | None:
        """Return the code with which a socket has to be closed; None if it may go on."""
        try:
            return _SIGNED_OUT if await self._is_signed_out(headers) else None
        except OSError as error:
            _LOG.error("%s", error)
            return _TRY_LATER

    def _while_signed_in(self, headers: Headers, receive: Receive, send: Send) -> tuple[Receive, Send]:
        """Return the channels of a socket, which closes once the teacher is signed out."""
        has_ended = False

        async def receiving() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and (code := await self._must_close(headers)):
                return {"type": "websocket.disconnect", "code": code}
            return message

        async def sending(message: Message) -> None:
            nonlocal has_ended
            code = await self._must_close(headers) if message["type"] == "websocket.send" else None
            if has_ended:  # another message was first
                return
            if code:
                has_ended = True
                message = {"type": "websocket.close", "code": code}
            await send(message)

        return receiving, sending


class ProxyNotice:
    """A notice, given once, that requests come through a proxy that the server was not told about."""

    def __init__(self, app: ASGIApp) -> None:
        """Pass requests on to an application."""
        self._app = app
        self._is_said = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if not self._is_said and scope.get("client") and "headers" in scope:
            address = str(scope["client"][0])
            # One from elsewhere may have made the header up.
            if is_loopback(address) and any(name == b"x-forwarded-for" for name, _ in scope["headers"]):
                self._is_said = True
                print(
                    "(Requests come through a proxy, and all people behind it share the limits of one"
                    f" address: give --behind-proxy {address})",
                    flush=True,
                )
        await self._app(scope, receive, send)


def _place_of(origin: str) -> str:
    """Return the host and port of an origin; empty for one that is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


async def _read_body(receive: Receive) -> Receive | None:
    """Read the body of a request; return a `receive` that replays it, or None if it is too large.

    Raises:
        ConnectionResetError: the client has left before the end.
    """
    parts: list[Message] = []
    size = 0
    while True:
        parts.append(await receive())
        if parts[-1]["type"] == "http.disconnect":
            raise ConnectionResetError
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


def _with_headers(send: Send, added: list[tuple[bytes, bytes]]) -> Send:
    """Return a `send` that adds headers to a response, where it has none of the same name."""

    async def sending(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            known = {name.lower() for name, _ in message["headers"]}
            own = [(name, value) for name, value in added if name not in known]
            message = {**message, "headers": [*message["headers"], *own]}
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
        await response(scope, receive, _with_headers(send, security_headers()))
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": quote(line)})
