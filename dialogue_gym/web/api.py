"""The REST channel for Rasa's front ends, and a small interface for programs: HTTP around `Sessions`.

Source: https://rasa.com/docs/rasa/connectors/your-own-website (the REST channel takes sender and message, and
returns a list of messages with their recipient).
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, Protocol

from fastapi import Depends, FastAPI, HTTPException, Path, Request, Security
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp

from dialogue_gym._text import printable
from dialogue_gym.conversation.events import BotUttered, Json, to_json
from dialogue_gym.conversation.wording import REST
from dialogue_gym.journal.store import StoreError
from dialogue_gym.live.sessions import Rejected
from dialogue_gym.live.turn import LiveError
from dialogue_gym.web.access import AccessPolicy, TooManyTries, bearer, network_of_client
from dialogue_gym.web.attempts import API as API_REALM
from dialogue_gym.web.branding import Branding
from dialogue_gym.web.channels.inbox import Inbox
from dialogue_gym.web.domain_api import API, add_domain
from dialogue_gym.web.domain_desk import DomainDesk
from dialogue_gym.web.responses import ErrorBody, EscapedJSON, explain_unreadable, leads_home
from dialogue_gym.web.security import AccessMiddleware
from dialogue_gym.web.talk_page import PATH, add_visitors
from dialogue_gym.web.visitors import COOKIE, PREFIX

WEBHOOK = "/webhooks/rest/webhook"
_TEXT: dict[str, Any] = {"minLength": 1, "pattern": r"\S"}


_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "invalid JSON, text or sender"},
    403: {"description": "request from another site"},
    401: {"model": ErrorBody, "description": "missing or wrong token or password"},
    404: {"model": ErrorBody, "description": "not found"},
    413: {"model": ErrorBody, "description": "message or request too long"},
    422: {"model": ErrorBody, "description": "missing field, or field of the wrong type"},
    429: {"model": ErrorBody, "description": "too many requests"},
    503: {"model": ErrorBody, "description": "too many conversations, or the journal cannot be written"},
}


class MessageBody(BaseModel):
    """A message of a sender."""

    model_config = ConfigDict(extra="ignore", strict=True)

    sender: str = Field(
        description="the sender: printable characters, always the same for one person",
        json_schema_extra=_TEXT | {"maxLength": 128},
    )
    message: str = Field(
        description="the message, as plain text or as /intent{...}",
        json_schema_extra=_TEXT | {"maxLength": 1000},
    )


class ReplyBody(BaseModel):
    """A message of the bot."""

    model_config = ConfigDict(extra="allow")

    recipient_id: str
    text: str | None = None


class RatingBody(BaseModel):
    """A rating of a decision or of a conversation."""

    model_config = ConfigDict(strict=True)

    value: float = Field(ge=-1, le=1, description="from -1 (bad) to 1 (good)")
    about: int | None = Field(
        None,
        ge=0,
        lt=1 << 53,
        description="the id of a reply's entry; without it, the last reply, or the end of the conversation",
    )


class PendingRatingBody(BaseModel):
    """A rating that awaits approval."""

    id: int
    conversation: str
    about: int = Field(description="the id of a reply's entry, or of the end of the conversation")
    value: float
    time: float = Field(description="in seconds since 1970")


class TrackerBody(BaseModel):
    """A conversation, with its slots and events."""

    sender_id: str
    conversation: str
    slots: dict[str, Any]
    events: list[dict[str, Any]]


Sender = Annotated[str, Path(description="the sender's name; CHANNEL/SENDER for a channel with a token")]
RatingId = Annotated[int, Path(ge=0, lt=1 << 53, description="the id of a rating that awaits approval")]


class Tokens(Protocol):
    """Finder of the channel that a token belongs to."""

    def __call__(self, token: str | None) -> str | None:
        """Return the channel's name, empty where no token is needed; None for a wrong token."""


def named_tokens(tokens: Mapping[str, str]) -> Tokens:
    """Return a finder for tokens by channel; with no tokens at all, none is needed."""

    def name_of(token: str | None) -> str | None:
        if not tokens:
            return ""
        given = (token or "").encode("utf-8", "surrogatepass")
        # All are compared, so that the time taken reveals nothing.
        found = [name for name, known in tokens.items() if hmac.compare_digest(known.encode(), given)]
        return found[0] if found else None

    return name_of


def rest_app(
    inbox: Inbox,
    channel: Tokens,
    teacher: Callable[[Request], bool],
    origins: Iterable[str] = (),
    desk: DomainDesk | None = None,
) -> FastAPI:
    """Return the application.

    Args:
        inbox: takes the messages of senders.
        channel: finds the channel of a token; a sender is known within their own channel alone.
        teacher: returns whether a request comes from a teacher.
        origins: sites whose pages may send requests.
        desk: edits the domain; without it, no request can.
    """
    people = inbox.people
    app = FastAPI(
        title="dialogue_gym",
        description="Talk to a bot that learns, and inspect its conversations.",
        docs_url=None,
        redoc_url=None,
        responses=_ERRORS,
    )

    def channel_of(request: Request) -> str:
        name = channel(bearer(request))
        if name is None:
            raise HTTPException(401, "missing or wrong channel token", {"www-authenticate": "Bearer"})
        return name

    # In the event loop, one at a time: in threads many guesses could arrive before the first is found wrong.
    async def as_teacher(request: Request) -> None:
        if not teacher(request):
            raise HTTPException(401, "teacher's password required", {"www-authenticate": "Bearer"})

    @app.get("/webhooks/rest/")
    def alive() -> dict[str, str]:
        """Report that the channel is up."""
        return {"status": "ok"}

    token = Security(HTTPBearer(auto_error=False, scheme_name="token", description="token of a channel"))
    password = Security(
        HTTPBearer(auto_error=False, scheme_name="password", description="password of teachers")
    )

    @app.post(WEBHOOK, response_model=list[ReplyBody], dependencies=[token] if channel(None) is None else [])
    async def talk(request: Request, body: MessageBody) -> Response:
        """Send a message; the bot's messages are returned.

        While a teacher has taken the conversation over, the list is empty: the messages that they choose are
        returned with the reply to the next message.
        """
        name = channel_of(request)
        if not name and body.sender.startswith(PREFIX):
            raise Rejected(400, f"sender: names that begin with {PREFIX!r} are those of the visitors' page")
        # A channel with a token is a program that this server knows, and has many people behind it.
        network = None if name else network_of_client(request)
        reply = await inbox.take(REST, _scoped(name, body.sender), body.message, network)
        notes = [BotUttered(printable(note)) for note in reply.notes]
        messages = (*reply.late, *reply.messages, *notes)
        parts = [part for message in messages for part in _parts(message)]
        return EscapedJSON([{"recipient_id": body.sender, **part} for part in parts])

    teachers = [password, Depends(as_teacher)]

    @app.get(API + "/people/{sender:path}/tracker", response_model=TrackerBody, dependencies=teachers)
    def tracker(sender: Sender) -> Response:
        """Return the sender's conversation, or the last one they had."""
        snapshot = people.snapshot(sender, is_trusted=True)
        return EscapedJSON(
            {
                "sender_id": sender,
                "conversation": snapshot.conversation,
                "slots": snapshot.slots,
                "events": [to_json(event) for event in snapshot.events],
            }
        )

    @app.post(API + "/people/{sender:path}/rating", status_code=204, dependencies=teachers)
    def rate(sender: Sender, rating: RatingBody) -> Response:
        """Rate a decision of the bot, or a conversation."""
        people.rate(sender, rating.value, rating.about, is_trusted=True)
        return Response(status_code=204)

    @app.get(API + "/ratings", response_model=list[PendingRatingBody], dependencies=teachers)
    def ratings() -> list[Json]:
        """Return the ratings that await approval, the oldest first."""
        return [
            {"id": one.id, "conversation": one.conversation, "time": one.time, **one.content}
            for one in people.waiting()
        ]

    @app.post(API + "/ratings/{id}/approval", status_code=204, dependencies=teachers)
    def approve(id: RatingId) -> Response:
        """Approve a rating."""
        people.approve(id)
        return Response(status_code=204)

    @app.delete(API + "/ratings/{id}", status_code=204, dependencies=teachers)
    def decline(id: RatingId) -> Response:
        """Reject a rating."""
        people.decline(id)
        return Response(status_code=204)

    add_domain(app, desk, teachers)
    _add_error_handlers(app)
    allowed = list(origins)
    if allowed:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=allowed,
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type"],
            expose_headers=["retry-after"],
        )
    return app


def _scoped(channel: str, sender: str) -> str:
    return f"{channel}/{sender}" if channel else sender


def _parts(message: BotUttered) -> Iterator[Json]:
    """Yield a message as Rasa's channel sends it: paragraphs, or a text with buttons; then attachments."""
    data = message.data
    if buttons := data.get("quick_replies") or data.get("buttons"):
        yield ({} if message.text is None else {"text": message.text}) | {"buttons": buttons}
    elif message.text:
        yield from ({"text": paragraph} for paragraph in message.text.strip().split("\n\n"))
    for key in ("custom", "image", "attachment"):
        if data.get(key) and (key != "attachment" or data[key] != data.get("image")):
            yield {key: data[key]}
    for element in data.get("elements") or ():
        text = f"{element.get('title', '')} : {element.get('subtitle', '')}"
        yield {"text": text, "buttons": element.get("buttons", [])}


def _add_error_handlers(app: FastAPI) -> None:
    """Answer errors with their status and one line."""

    def error_body(status: int, line: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
        return JSONResponse({"detail": line}, status, headers)

    @app.exception_handler(Rejected)
    async def refused(request: Request, error: Rejected) -> JSONResponse:
        headers = {} if error.wait is None else {"retry-after": str(math.ceil(error.wait))}
        return error_body(error.status, str(error), headers)

    @app.exception_handler(LiveError)
    async def unknown(request: Request, error: LiveError) -> JSONResponse:
        return error_body(404, printable(str(error)))

    explain_unreadable(app)

    @app.exception_handler(StoreError)
    async def unwritten(request: Request, error: StoreError) -> JSONResponse:
        return error_body(503, "the message could not be stored and was not processed; try again later")


def build_visitor_app(
    inbox: Inbox,
    policy: AccessPolicy,
    tokens: Mapping[str, str] | None = None,
    branding: Branding | None = None,
    desk: DomainDesk | None = None,
) -> ASGIApp:
    """Return the visitors' application: their page, the REST channel, and the interface for programs.

    Args:
        inbox: takes the messages of visitors and senders.
        policy: the rules of access; without a password, the interface for programs is closed.
        tokens: the tokens of channels, by name; without any, no channel needs one.
        branding: the looks of the page; by default the name of the domain.
        desk: lets teachers' programs edit the domain.
    """

    def is_teacher(request: Request) -> bool:
        if policy.password is None or (given := bearer(request)) is None:
            return False  # without a password nobody is a teacher, rather than everybody
        try:
            return policy.try_password(API_REALM, request, given)
        except TooManyTries as error:
            headers = {"retry-after": str(error.seconds)}
            raise HTTPException(429, "too many wrong passwords", headers) from None

    server = rest_app(inbox, named_tokens(tokens or {}), is_teacher, policy.origins, desk)
    looks = branding or Branding(inbox.people.bot.domain.name)
    add_visitors(server, inbox, looks, policy.signer(COOKIE))

    @server.get("/", include_in_schema=False)
    def start() -> Response:
        return RedirectResponse(f"{PATH}/", status_code=307)

    server.add_exception_handler(404, leads_home("/"))
    return AccessMiddleware(server, policy, framed=f"{PATH}/")
