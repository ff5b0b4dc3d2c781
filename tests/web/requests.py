"""Requests to a server: over HTTP and a web socket, and those with which a teacher signs in."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

import pytest

from tests.commands import call

client = pytest.importorskip("websockets.sync.client")

PASSWORD = "open sesame"
SOCKET = "/teach/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
Answer = tuple[int, Mapping[str, str], str]


async def any_teacher(request: Any, role: Any) -> str:
    """The author of every request, for an application on its own."""
    return "person"


class Listening(Protocol):
    """A server, or a proxy before it."""

    @property
    def port(self) -> int: ...


def ask(
    server: Listening,
    path: str = "/teach/",
    method: str = "GET",
    body: Any = None,
    address: str = "127.0.0.1",
    **headers: str,
) -> Answer:
    """Return status, headers and body of an answer to a client with an address."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, 60, source_address=(address, 0))
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named, encode_chunked=not isinstance(body, (str, bytes)))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def open_socket(server: Listening, **headers: str) -> tuple[int, str]:
    """Return the status that a socket is answered with, and the line of a refusal."""
    from websockets.exceptions import InvalidStatus

    named = {name.replace("_", "-"): value for name, value in headers.items()}
    origin = named.pop("Origin", None)
    try:
        with client.connect(
            f"ws://{named.pop('Host', f'127.0.0.1:{server.port}')}{SOCKET}",
            address=("127.0.0.1", server.port), origin=origin, additional_headers=named, proxy=None,
        ):  # fmt: skip
            return 101, ""
    except InvalidStatus as error:
        return error.response.status_code, error.response.body.decode()


def enter(server: Listening, password: str = PASSWORD, name: str = "anna", **options: str) -> Answer:
    """Send the form of a teacher who signs in; `options` are those of `ask`."""
    return ask(server, "/teach/enter", "POST", urlencode({"name": name, "password": password}), **options)


def sign_in(server: Listening, name: str = "anna", **options: str) -> str:
    """Return the cookies of a browser in which a teacher has just signed in."""
    return cookies_of(enter(server, name=name, **options))


def invite(folder: object, port: int, name: str, role: str = "administer") -> str:
    """Invite a teacher on the command line; return the link."""
    url = f"http://127.0.0.1:{port}"
    done = call("store", "invite", name, "--role", role, "--store", str(folder), "--url", url)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[0]


def join(server: Listening, link: str, password: str, **options: str) -> Answer:
    """Send the form of an invited person."""
    path = link.partition("/teach/")[2]
    form = urlencode({"new": password, "again": password})
    return ask(server, f"/teach/{path}", "POST", form, **options)


def cookies_of(answer: Answer) -> str:
    """Return the cookies that an answer sets, as a browser sends them."""
    status, headers, page = answer
    assert status == 303, page
    cookies = headers.get_all("set-cookie")  # type: ignore[attr-defined]
    return "; ".join(cookie.partition(";")[0] for cookie in cookies)
