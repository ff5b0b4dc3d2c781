"""The visitors' page: a plain chat window, apart from everything of the teachers."""

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
from dialogue_gym.conversation.transcript import buttons_of, message_lines
from dialogue_gym.conversation.wording import PAGE
from dialogue_gym.journal.entry import BOT, PERSON
from dialogue_gym.live.sessions import Rejected, Sessions, Snapshot

PATH = "/talk"
COOKIE = "dialogue_gym_visitor"
_STATIC = Path(__file__).parent / "static"
_DAYS = 365
_IMAGES = ("http://", "https://", "data:image/")
"""The beginnings of addresses that the page shows as images."""
_NOTHING: Json = {
    "conversation": "",
    "messages": [],
    "seen": 0,
    "about": None,
    "ended": False,
    "waits": None,
}


class VisitorMessage(BaseModel):
    """A visitor's message, with the number of messages of a conversation that their page shows."""

    text: str = Field(strict=True)
    conversation: str = Field("", strict=True)
    seen: int = Field(0, strict=True, ge=0, lt=1 << 53)


class Thumb(BaseModel):
    """A thumb up (1) or down (-1), about a decision, or without `about` the whole conversation."""

    value: float = Field(strict=True, ge=-1, le=1)
    about: int | None = Field(None, strict=True, ge=0, lt=1 << 53)


def add_visitors(server: FastAPI, people: Sessions) -> None:
    """Add the visitors' page at `PATH`; each browser is one visitor."""

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

    @server.get(f"{PATH}/static/{{name}}", include_in_schema=False)
    def static(name: str) -> Response:
        if name not in ("talk.js", "talk.css", "icon.svg"):
            return JSONResponse({"detail": "no such file"}, 404)
        return FileResponse(_STATIC / name)

    @server.get(f"{PATH}/state", include_in_schema=False)
    def state(
        request: Request, conversation: str = "", seen: Annotated[int, Query(ge=0, lt=1 << 53)] = 0
    ) -> Json:
        try:
            return _news(people.snapshot(_visitor(request)), conversation, seen)
        except Rejected as refused:
            if refused.status != 404:
                raise
            return _NOTHING

    @server.post(f"{PATH}/say", include_in_schema=False)
    def say(request: Request, message: VisitorMessage) -> Json:
        visitor = _visitor(request)
        before = _conversation_of(people, visitor)
        reply = people.reply(visitor, message.text, PAGE)
        news = _news(people.snapshot(visitor, is_trusted=True), message.conversation, message.seen)
        if (
            before == message.conversation != news["conversation"]
        ):  # the rest of the previous conversation comes first
            news["messages"] = _messages(people.snapshot_of(before).events)[message.seen :] + news["messages"]
        notes: list[Json] = [{"who": "note", "text": printable(note)} for note in reply.notes]
        # A conversation that was left for another one has ended, too, and can be rated.
        return news | {"messages": news["messages"] + notes, "ended": reply.ended is not None}

    @server.post(f"{PATH}/rate", include_in_schema=False, status_code=204)
    def rate(request: Request, thumb: Thumb) -> Response:
        people.rate(_visitor(request), thumb.value, thumb.about)
        return Response(status_code=204)


def _visitor(request: Request) -> str:
    token = request.cookies.get(COOKIE, "")
    if not token:
        raise Rejected(400, "the page's cookie is missing; open the page first")
    # The journal and the interface for programs show this name, so it must not give the cookie away.
    return f"visitor {hashlib.sha256(token.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _conversation_of(people: Sessions, visitor: str) -> str | None:
    """Return the visitor's current or last conversation, if there is one."""
    try:
        return people.snapshot(visitor, is_trusted=True).conversation
    except Rejected:
        return None


def _news(snapshot: Snapshot, conversation: str, seen: int) -> dict[str, Any]:
    """Return the news for a page that shows the first `seen` messages of a conversation."""
    said = _messages(snapshot.events)
    return {
        "conversation": snapshot.conversation,
        "messages": said[seen:] if snapshot.conversation == conversation else said,
        "seen": len(said),
        "about": snapshot.decision,
        "ended": snapshot.has_ended,
        # The teacher's name stays private.
        "waits": snapshot.waits and (BOT if snapshot.waits == BOT else PERSON),
    }


def _messages(events: tuple[Event, ...]) -> list[Json]:
    said: list[Json] = []
    titles: dict[str, str] = {}  # of buttons, by their payloads: a visitor has seen the title alone
    for event in events:
        if isinstance(event, UserUttered):
            sent = event.text or event.act
            said.append({"who": "you", "text": printable(titles.get(sent, sent))})
        elif isinstance(event, BotUttered):
            said += _parts(event)
            titles |= {button["payload"]: button["title"] for button in buttons_of(event)}
    return said


def _parts(message: BotUttered) -> list[Json]:
    """Return the lines of a message, its image, and its buttons below the last of them."""
    image = str(message.data.get("image") or "")
    hidden = ("buttons", "quick_replies", *(["image"] if image.startswith(_IMAGES) else []))
    shown = {key: value for key, value in message.data.items() if key not in hidden}
    parts: list[Json] = [
        {"who": "bot", "text": line} for line in message_lines(BotUttered(message.text, shown))
    ]
    if "image" in hidden:
        parts.append({"who": "bot", "text": "", "image": image})
    if buttons := buttons_of(message):
        parts = parts or [{"who": "bot", "text": ""}]
        parts[-1]["buttons"] = buttons
    return parts
