"""The page for those who know nothing but a chat window: apart from all that teachers have."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from pydantic import BaseModel, Field
from starlette.responses import FileResponse, JSONResponse, Response

from dialogue_gym.chatting import spoken
from dialogue_gym.domain.reader import printable
from dialogue_gym.events import BotUttered, Event, Json, UserUttered
from dialogue_gym.live.heard import Heard
from dialogue_gym.live.people import People, Refused

PATH = "/talk"
COOKIE = "dialogue_gym_visitor"
_STATIC = Path(__file__).parent / "static"
_DAYS = 365


class Words(BaseModel):
    """What a visitor types."""

    text: str = Field(strict=True)


class Thumb(BaseModel):
    """A thumb up, 1, or down, -1: about what the bot did, or without `about` all of the conversation."""

    value: float = Field(strict=True, ge=-1, le=1)
    about: int | None = Field(None, strict=True, ge=0, lt=1 << 53)


def add_visitors(server: FastAPI, people: People) -> None:
    """Let people talk to the bot at `PATH`; each browser is one of them."""

    @server.get(f"{PATH}/", include_in_schema=False)
    def page(request: Request) -> Response:
        response = FileResponse(_STATIC / "talk.html", headers={"cache-control": "no-store"})
        if request.cookies.get(COOKIE) is None:
            response.set_cookie(
                COOKIE,
                secrets.token_urlsafe(16),
                max_age=_DAYS * 86400,
                path=PATH,
                httponly=True,
                samesite="strict",
                secure=request.url.scheme == "https",
            )
        return response

    @server.get(f"{PATH}/own/{{name}}", include_in_schema=False)
    def own(name: str) -> Response:
        if name not in ("talk.js", "talk.css", "icon.svg"):
            return JSONResponse({"detail": "there is no such file"}, 404)
        return FileResponse(_STATIC / name)

    @server.get(f"{PATH}/state", include_in_schema=False)
    def state(request: Request) -> Json:
        try:
            tracked = people.conversation(_visitor(request))
        except Refused as refused:
            if refused.status != 404:
                raise
            return {"messages": [], "ended": False}
        return {"messages": _messages(tracked.events), "ended": tracked.outcome is not None}

    @server.post(f"{PATH}/say", include_in_schema=False)
    def say(request: Request, words: Words) -> Json:
        return _shown(people.say(_visitor(request), words.text))

    @server.post(f"{PATH}/rate", include_in_schema=False, status_code=204)
    def rate(request: Request, thumb: Thumb) -> Response:
        people.rate(_visitor(request), thumb.value, thumb.about)
        return Response(status_code=204)


def _visitor(request: Request) -> str:
    token = request.cookies.get(COOKIE, "")
    if not token:
        raise Refused(400, "this needs the page's cookie; open the page first")
    # The journal and the interface for programs name visitors: that must not let anyone in as one of them.
    return f"visitor {hashlib.sha256(token.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _shown(heard: Heard) -> dict[str, Any]:
    notes = [{"who": "note", "text": printable(note)} for note in heard.notes]
    return {
        "messages": [*_messages(heard.events), *notes],
        "about": heard.decision,
        "ended": heard.ended is not None,
    }


def _messages(events: tuple[Event, ...]) -> list[Json]:
    said: list[Json] = []
    for event in events:
        if isinstance(event, UserUttered):
            said.append({"who": "you", "text": printable(event.text or event.act)})
        elif isinstance(event, BotUttered):
            said += [{"who": "bot", "text": line} for line in spoken(event)]
    return said
