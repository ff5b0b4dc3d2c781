"""The visitors' page: a plain chat window, apart from everything of the teachers."""

from __future__ import annotations

import html
from pathlib import Path
from string import Template
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import Body, FastAPI, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response

from dialogue_gym._text import printable, printable_lines
from dialogue_gym.conversation.events import ActionExecuted, BotUttered, Json, UserUttered
from dialogue_gym.conversation.transcripts import buttons_of, message_lines
from dialogue_gym.journal.entry import BOT, PERSON
from dialogue_gym.live.request_limits import Rejected
from dialogue_gym.live.snapshot import Snapshot
from dialogue_gym.web.access import network_of_client
from dialogue_gym.web.branding import Branding
from dialogue_gym.web.channels.inbox import VISITORS_PAGE, Inbox
from dialogue_gym.web.paths import TALK_PATH
from dialogue_gym.web.responses import cookie_header
from dialogue_gym.web.visitors import COOKIE, MOST_CHARACTERS, VisitorTokens

PATH = TALK_PATH
_STATIC = Path(__file__).parent / "static"
_DAYS = 365
_IMAGES = ("http://", "https://", "data:image/")
"""The beginnings of addresses that the page shows as images."""
_IMAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
}
"""An SVG image could hold scripts, which must not run if somebody opens it as a page."""
_NOTHING: Json = {
    "conversation": "",
    "messages": [],
    "seen": 0,
    "about": None,
    "ended": False,
    "cut_off": False,
    "rating": None,
    "before": None,
    "waits": None,
}


class VisitorMessage(BaseModel):
    """A visitor's message and its key, and the beginning of a conversation that their page shows."""

    text: str = Field(strict=True)
    key: str | None = Field(None, strict=True)
    conversation: str = Field("", strict=True)
    seen: int = Field(0, strict=True, ge=0, lt=1 << 53)


class Thumb(BaseModel):
    """A thumb up (1) or down (-1) in a conversation, about a decision, or without `about` about the whole."""

    value: float = Field(strict=True, ge=-1, le=1)
    about: int | None = Field(None, strict=True, ge=0, lt=1 << 53)
    conversation: str | None = Field(None, strict=True)


class KnownVisitor(BaseModel):
    """The token of a page in a frame, which has no cookie; empty for a new visitor."""

    token: str = Field("", strict=True, max_length=MOST_CHARACTERS)


def add_visitors(server: FastAPI, inbox: Inbox, branding: Branding, tokens: VisitorTokens) -> None:
    """Add the visitors' page at `PATH`, and the script of its widget; each browser is one visitor.

    Args:
        server: the application.
        inbox: takes the messages of visitors.
        branding: the looks of the page.
        tokens: the visitors' tokens.
    """
    people = inbox.people
    _add_files(server, branding, tokens)

    @server.post(f"{PATH}/visitor", include_in_schema=False)
    def visitor(known: KnownVisitor) -> Json:
        return {"token": tokens.signed(known.token)}

    @server.get(f"{PATH}/state", include_in_schema=False)
    def state(
        request: Request, conversation: str = "", seen: Annotated[int, Query(ge=0, lt=1 << 53)] = 0
    ) -> Json:
        try:
            return _news(people.history(tokens.visitor_of(request)), conversation, seen)
        except Rejected as refused:
            if refused.status != 404:
                raise
            return _NOTHING

    @server.post(f"{PATH}/say", include_in_schema=False)
    async def say(request: Request, message: VisitorMessage) -> Json:
        visitor = await run_sync(tokens.visitor_of, request)  # it may wait for the sessions' lock
        network = network_of_client(request)
        reply = await inbox.take(VISITORS_PAGE, visitor, message.text, network, message.key)
        history = await run_sync(people.history, visitor, True)
        news = _news(history, message.conversation, message.seen)
        notes: list[Json] = [{"who": "note", "text": printable(note)} for note in reply.notes]
        return news | {"messages": news["messages"] + notes}

    @server.post(f"{PATH}/leave", include_in_schema=False)
    def leave(
        request: Request,
        conversation: Annotated[str, Body(strict=True)] = "",
        seen: Annotated[int, Body(strict=True, ge=0, lt=1 << 53)] = 0,
    ) -> Json:
        visitor = tokens.visitor_of(request)
        people.leave(visitor, network_of_client(request))
        return _news(people.history(visitor, is_trusted=True), conversation, seen)

    @server.post(f"{PATH}/rate", include_in_schema=False, status_code=204)
    def rate(request: Request, thumb: Thumb) -> Response:
        people.rate(
            tokens.visitor_of(request),
            thumb.value,
            thumb.about,
            conversation=thumb.conversation,
            address=network_of_client(request),
        )
        return Response(status_code=204)


def _add_files(server: FastAPI, branding: Branding, tokens: VisitorTokens) -> None:
    """Add the page, its files and the widget."""
    title = html.escape(branding.title)
    logo = '<img id="logo" src="logo" alt="">' if branding.logo else ""
    icon = "logo" if branding.logo else "static/icon.svg"
    shown = Template(_read("talk.html")).substitute(title=title, logo=logo, icon=icon)
    widget = branding.widget(_read("widget.js"))

    @server.get(f"{PATH}/", include_in_schema=False)
    def page(request: Request) -> Response:
        response = HTMLResponse(shown, headers={"cache-control": "no-store"})
        known = request.cookies.get(COOKIE, "")
        if (signed := tokens.signed(known)) != known:
            is_https = request.url.scheme == "https"
            response.raw_headers.append(cookie_header(COOKIE, signed, PATH, _DAYS, is_https))
        return response

    @server.get(f"{PATH}/static/{{name}}", include_in_schema=False)
    def static(name: str) -> Response:
        if name not in ("talk.js", "talk.css", "icon.svg"):
            return JSONResponse({"detail": "no such file"}, 404)
        return FileResponse(_STATIC / name)

    @server.get(f"{PATH}/branding.css", include_in_schema=False)
    def stylesheet() -> Response:
        return Response(branding.stylesheet, media_type="text/css")

    @server.get(f"{PATH}/logo", include_in_schema=False)
    def image() -> Response:
        if branding.logo is None:
            return JSONResponse({"detail": "no such file"}, 404)
        content, kind = branding.logo
        return Response(content, media_type=kind, headers=_IMAGE_HEADERS)

    @server.get(f"{PATH}/widget.js", include_in_schema=False)
    def script() -> Response:
        return Response(widget, media_type="text/javascript")


def _read(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")


def _news(history: tuple[Snapshot | None, Snapshot], conversation: str, seen: int) -> dict[str, Any]:
    """Return the news for a page that shows the first `seen` messages of a conversation.

    A page that shows another conversation, or none, gets the end of the one `before` as well.
    """
    earlier, now = history
    if conversation == now.conversation:
        earlier = None
    news = _part(now, conversation, seen)
    return news | {
        # For pages that were opened before a server that rates each message was installed.
        "about": max((*now.decisions, *now.own_words), default=None) if now.end is None else None,
        "before": earlier and _part(earlier, conversation, seen),
        # The teacher's name stays private.
        "waits": now.waits and (BOT if now.waits == BOT else PERSON),
    }


def _part(snapshot: Snapshot, conversation: str, seen: int) -> dict[str, Any]:
    said = _messages(snapshot)
    return {
        "conversation": snapshot.conversation,
        "messages": said[seen:] if snapshot.conversation == conversation else said,
        "seen": len(said),
        "ended": snapshot.end is not None,
        "cut_off": snapshot.is_cut_off,
        "rating": None if snapshot.end is None else snapshot.ratings.get(snapshot.end),
    }


def _messages(snapshot: Snapshot) -> list[Json]:
    """Return the messages; those of the bot with the entry that a rating is about, and its rating."""
    said: list[Json] = []
    titles: dict[str, str] = {}  # of buttons, by their payloads: a visitor has seen the title alone
    decisions, own_words = iter(snapshot.decisions), iter(snapshot.own_words)
    about: int | None = None
    for event in snapshot.events:
        if isinstance(event, ActionExecuted):
            about = next(decisions, None)
        elif isinstance(event, UserUttered):
            about = None
            sent = event.text or event.act
            said.append({"who": "you", "text": "\n".join(printable_lines(titles.get(sent, sent)))})
        elif isinstance(event, BotUttered):
            if event.teacher:
                about = next(own_words, None)
            rating = None if about is None else snapshot.ratings.get(about)
            said += [part | {"about": about, "rating": rating} for part in _parts(event)]
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
