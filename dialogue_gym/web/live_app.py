"""The server for people who talk to a bot: a page, a channel, an interface for programs."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import HTTPException, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp

from dialogue_gym.live.people import People
from dialogue_gym.web.rest import bearer, named_tokens, rest_app
from dialogue_gym.web.security import Door, Guard
from dialogue_gym.web.visitors import PATH, add_visitors


def build_live(people: People, door: Door, tokens: Mapping[str, str] | None = None) -> ASGIApp:
    """Return the server.

    Args:
        people: who talk.
        door: which hosts and sites it is known to, and the password of those who may look at conversations;
            without one nobody may.
        tokens: of the channels, by name; without any no channel needs one.
    """

    def is_teacher(request: Request) -> bool:
        if door.password is None or (given := bearer(request)) is None:
            return False  # strangers come in here: what is nobody's is not everybody's
        address = request.client.host if request.client else ""
        if (wait := door.tries.wait(address)) > 0:
            raise HTTPException(429, "too many wrong passwords", {"retry-after": str(int(wait) + 1)})
        is_right = door.is_right(given)
        door.tries.succeeded(address) if is_right else door.tries.failed(address)
        return is_right

    server = rest_app(people, named_tokens(tokens or {}), is_teacher, door.origins)
    add_visitors(server, people)

    @server.get("/", include_in_schema=False)
    def start() -> Response:
        return RedirectResponse(f"{PATH}/", status_code=307)

    return Guard(server, door)
