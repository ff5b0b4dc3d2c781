"""Exchange of JSON with other programs, each time with a total deadline."""

from __future__ import annotations

import asyncio
import functools
import json
import ssl
import urllib.parse
from collections.abc import Awaitable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from dialogue_gym._text import finite_number, printable, quoted

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

MAX_BYTES = 5_000_000
"""A longer response is not read to its end."""
MAX_SECONDS = 3600.0
UNREACHABLE, NOT_SENT = "no connection", "the request cannot be sent"
"""The kinds of faults in which nobody listens at an address, and in which it is none."""
# Without compression: the limit on bytes must hold for the content.
_HEADERS = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}


class ServiceError(Exception):
    """A request that got no usable response. The message is one line: the address and the reason.

    Attributes:
        status: the HTTP status of the response; None without a response.
        body: the JSON of a response whose status is not a success; None if its body is not JSON.
        retry_after: the seconds that the server asks to wait; None if it does not say.
        kind: the kind of fault, the same words for all such faults, such as "no answer within 10 s".
    """

    def __init__(
        self,
        message: str,
        status: int | None = None,
        body: Any = None,
        retry_after: float | None = None,
        kind: str = NOT_SENT,
    ) -> None:
        """Keep the message, with unprintable characters escaped."""
        super().__init__(printable(message))
        self.status = status
        self.body = body
        self.retry_after = retry_after
        self.kind = kind


def post_json(url: str, payload: Any, seconds: float, headers: Mapping[str, str] | None = None) -> Any:
    """POST JSON and return the JSON of the response; redirects are not followed.

    Args:
        url: an address with http or https.
        payload: the content to send.
        seconds: the deadline for everything: to look up the address, connect, send and receive.
        headers: further headers of the request.

    Raises:
        ServiceError: the address is not valid, the payload is not JSON, or the server cannot be reached,
            misses the deadline, breaks off, reports an error, or sends no JSON or too much.
        ImportError: httpx is missing; the message has the command that installs it.
    """
    return run_coroutine(post_json_later(url, payload, seconds, headers))


async def post_json_later(
    url: str, payload: Any, seconds: float, headers: Mapping[str, str] | None = None
) -> Any:
    """POST JSON in an event loop; arguments, result and errors are those of `post_json`."""
    client = JsonClient(1, headers)
    try:
        return await client.request("POST", url, seconds, payload)
    finally:
        await client.close()


class JsonClient:
    """Exchange of JSON in one event loop, over connections that are kept open for a moment."""

    def __init__(self, connections: int, headers: Mapping[str, str] | None = None) -> None:
        """Prepare to send; nothing is sent yet.

        Args:
            connections: the number of connections at the same time.
            headers: further headers of each request.

        Raises:
            ImportError: httpx is missing; the message has the command that installs it.
        """
        try:
            import httpx
        except ModuleNotFoundError:
            raise ImportError("HTTP requests need httpx: pip install httpx") from None
        self._headers = _HEADERS | dict(headers or {})
        # Servers close connections that are idle for some seconds; one that closes has lost a request.
        self._limits = httpx.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=1.0
        )
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close the connections; a further request, perhaps in another event loop, opens others."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def request(self, method: str, url: str, seconds: float, payload: Any = None) -> Any:
        """Send JSON, and return the JSON of the response; redirects are not followed.

        Args:
            method: the method of HTTP.
            url: an address with http or https.
            seconds: the deadline for everything: to look up the address, connect, send and receive.
            payload: the content to send with POST.

        Raises:
            ServiceError: as in `post_json`.
        """
        import httpx

        seconds = min(max(0.0, seconds), MAX_SECONDS)
        where = quoted(url.partition("?")[0], 200)  # a query may have a secret
        _check_address(url, where)
        try:
            content = None if method == "GET" else json.dumps(payload, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise ServiceError(f"nothing was sent to {where}: the payload is not JSON ({error})") from None
        if self._client is None:
            verify = _certificates() if url.lower().startswith("https") else False
            # httpx limits each operation, and a server that sends byte by byte stays below every such limit.
            self._client = httpx.AsyncClient(
                timeout=None, trust_env=False, verify=verify, limits=self._limits, headers=self._headers
            )
        try:
            response = await _exchange(self._client, method, url, content, seconds)
        except TimeoutError:
            kind = f"no answer within {seconds:g} s"
            raise ServiceError(f"{where} did not respond within {seconds:g} s", kind=kind) from None
        except httpx.ProtocolError as error:
            message = f"{where} sent no complete HTTP response: {error}"
            raise ServiceError(message, kind="no complete HTTP response") from None
        except (httpx.ReadError, httpx.WriteError):
            kind = "the connection was closed too early"
            raise ServiceError(f"{where} closed the connection too early", kind=kind) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise ServiceError(f"{where} cannot be reached: {_reason(error)}", kind=UNREACHABLE) from None
        return _parsed(where, response)


def bearer(token: str | None, name: str) -> dict[str, str]:
    """Return the header that sends a token; none without one.

    Args:
        token: the token.
        name: the place that it is from, for the error.

    Raises:
        ValueError: it cannot be sent in a header.
    """
    if not token:
        return {}
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise ValueError(f"{name} cannot be sent: a header has no spaces, line breaks or letters such as ü")
    return {"Authorization": f"Bearer {token}"}


def with_path(url: str, path: str) -> str:
    """Return an address whose path ends with a path, which is added if it is missing; a query stays."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return url  # a request reports the error
    whole = parts.path.rstrip("/").removesuffix(path) + path
    return urllib.parse.urlunsplit(parts._replace(path=whole))


def run_coroutine(coroutine: Awaitable[T]) -> T:
    """Return the result of a coroutine, also in a thread whose event loop is running, as in a notebook."""

    async def wait() -> T:
        asyncio.get_running_loop().set_default_executor(_Unjoined(1))
        return await coroutine

    if not _is_in_event_loop():
        return asyncio.run(wait())
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, wait()).result()


def _is_in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _Unjoined(ThreadPoolExecutor):
    """Threads that look up addresses: a lookup cannot be cancelled, and must not outlast the deadline."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=cancel_futures)


class _Response(NamedTuple):
    """A response; at most one chunk more than `MAX_BYTES` of its body is read."""

    status: int
    body: bytes
    retry_after: str | None


async def _exchange(
    client: httpx.AsyncClient, method: str, url: str, content: bytes | None, seconds: float
) -> _Response:
    async with asyncio.timeout(seconds), client.stream(method, url, content=content) as response:
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_BYTES:
                break
        return _Response(response.status_code, bytes(body), response.headers.get("Retry-After"))


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Return the certificates that the system trusts; reading them takes longer than most requests."""
    return ssl.create_default_context()


def _check_address(url: str, where: str) -> None:
    try:
        parts = urllib.parse.urlsplit(url)
        is_host = bool(parts.hostname) and parts.netloc.split() == [parts.netloc]
        parts.port  # noqa: B018  # reading it raises ValueError if it is not a port
    except ValueError as error:
        raise ServiceError(f"{where} is not an address: {error}") from None
    if not is_host or parts.scheme not in ("http", "https"):
        raise ServiceError(f"{where} is not an address: it must begin with http:// or https://")
    if "@" in parts.netloc:
        raise ServiceError("an address with a name or password in it is not supported")


def _reason(error: BaseException) -> str:
    """Return the message of an error's first cause, which libraries wrap in vaguer ones."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _parsed(where: str, response: _Response) -> Any:
    """Return the JSON of a response."""
    status, body, retry_after = response
    if len(body) > MAX_BYTES:
        raise ServiceError(f"{where} sent more than {MAX_BYTES:,} bytes", status, kind="too long an answer")
    content, fault = None, None
    try:
        content = json.loads(body, parse_constant=finite_number, parse_float=finite_number)
    except (ValueError, RecursionError) as error:
        fault = str(error)
    if not 200 <= status < 300:
        wait = float(retry_after) if retry_after and retry_after.isdecimal() else None
        message = f"{where} responded with status {status}"
        raise ServiceError(message, status, content, wait, f"status {status}")
    if fault is not None:
        message = f"{where} sent a response that is not JSON: {fault}"
        raise ServiceError(message, status, kind="an answer that is not JSON")
    return content
