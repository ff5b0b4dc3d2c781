"""The page for those who know nothing but a chat window: apart from all that teachers have."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import FileResponse, JSONResponse, Response

from dialogue_gym._text import printable
from dialogue_gym.conversation.events import BotUttered, Event, Json, UserUttered
from dialogue_gym.conversation.transcript import message_lines
from dialogue_gym.journal.entry import BOT, PERSON
from dialogue_gym.live.sessions import Rejected, Sessions, Snapshot

PATH = "/talk"
COOKIE = "dialogue_gym_visitor"
_STATIC = Path(__file__).parent / "static"
_DAYS = 365
_NOTHING: Json = {
    "conversation": "",
    "messages": [],
    "seen": 0,
    "about": None,
    "ended": False,
    "waits": None,
}


class Words(BaseModel):
    """What a visitor types, and what their page shows by now: so many messages of a conversation."""

    text: str = Field(strict=True)
    conversation: str = Field("", strict=True)
    seen: int = Field(0, strict=True, ge=0, lt=1 << 53)


class Thumb(BaseModel):
    """A thumb up, 1, or down, -1: about what the bot did, or without `about` all of the conversation."""

    value: float = Field(strict=True, ge=-1, le=1)
    about: int | None = Field(None, strict=True, ge=0, lt=1 << 53)


def add_visitors(server: FastAPI, people: Sessions) -> None:
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
    def state(
        request: Request, conversation: str = "", seen: Annotated[int, Query(ge=0, lt=1 << 53)] = 0
    ) -> Json:
        try:
            return _news(people.look(_visitor(request)), conversation, seen)
        except Rejected as refused:
            if refused.status != 404:
                raise
            return _NOTHING

    @server.post(f"{PATH}/say", include_in_schema=False)
    def say(request: Request, words: Words) -> Json:
        visitor = _visitor(request)
        before = _own(people, visitor)
        heard = people.say(visitor, words.text)
        news = _news(people.look(visitor, is_trusted=True), words.conversation, words.seen)
        if before == words.conversation != news["conversation"]:  # what was said there last comes first
            news["messages"] = _messages(people.look_back(before).events)[words.seen :] + news["messages"]
        notes: list[Json] = [{"who": "note", "text": printable(note)} for note in heard.notes]
        # Also the conversation that was left for another one has ended, and can be rated.
        return news | {"messages": news["messages"] + notes, "ended": heard.ended is not None}

    @server.post(f"{PATH}/rate", include_in_schema=False, status_code=204)
    def rate(request: Request, thumb: Thumb) -> Response:
        people.rate(_visitor(request), thumb.value, thumb.about)
        return Response(status_code=204)


def _visitor(request: Request) -> str:
    token = request.cookies.get(COOKIE, "")
    if not token:
        raise Rejected(400, "this needs the page's cookie; open the page first")
    # The journal and the interface for programs name visitors: that must not let anyone in as one of them.
    return f"visitor {hashlib.sha256(token.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _own(people: Sessions, visitor: str) -> str | None:
    """Return the conversation that somebody is in, or had last, if they have said anything."""
    try:
        return people.look(visitor, is_trusted=True).conversation
    except Rejected:
        return None


def _news(looked: Snapshot, conversation: str, seen: int) -> dict[str, Any]:
    """Return what a page does not show yet that has seen so many messages of a conversation."""
    said = _messages(looked.events)
    return {
        "conversation": looked.conversation,
        "messages": said[seen:] if looked.conversation == conversation else said,
        "seen": len(said),
        "about": looked.decision,
        "ended": looked.has_ended,
        # Which teacher it is is nobody's business.
        "waits": looked.waits and (BOT if looked.waits == BOT else PERSON),
    }


def _messages(events: tuple[Event, ...]) -> list[Json]:
    said: list[Json] = []
    for event in events:
        if isinstance(event, UserUttered):
            said.append({"who": "you", "text": printable(event.text or event.act)})
        elif isinstance(event, BotUttered):
            said += [{"who": "bot", "text": line} for line in message_lines(event)]
    return said
