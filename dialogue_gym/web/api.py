"""The channel that Rasa's front ends speak, and a small interface for programs: HTTP around `Sessions`.

Source: https://rasa.com/docs/rasa/connectors/your-own-website (the REST channel: sender and message, and a
list of messages with their recipient).
"""

from __future__ import annotations

import hmac
import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Protocol

from fastapi import Depends, FastAPI, HTTPException, Path, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp

from dialogue_gym._text import printable
from dialogue_gym.conversation.events import BotUttered, Json, to_json
from dialogue_gym.journal.store import StoreError
from dialogue_gym.live.sessions import Rejected, Sessions
from dialogue_gym.live.turn import LiveError
from dialogue_gym.web.security import AccessMiddleware, AccessPolicy
from dialogue_gym.web.talk_page import PATH, add_visitors

WEBHOOK = "/webhooks/rest/webhook"
API = "/api"
_TEXT: dict[str, Any] = {"minLength": 1, "pattern": r"\S"}
_BESIDE = ("image", "attachment", "buttons", "quick_replies", "elements", "custom")


class ErrorBody(BaseModel):
    """What is wrong, in one line."""

    detail: str


_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "it cannot be read"},
    403: {"description": "it comes from another site"},
    401: {"model": ErrorBody, "description": "the token or the password is missing or wrong"},
    404: {"model": ErrorBody, "description": "there is nothing like that"},
    413: {"model": ErrorBody, "description": "it is too long"},
    422: {"model": ErrorBody, "description": "something in it is missing, or of the wrong type"},
    429: {"model": ErrorBody, "description": "that is too much in too short a time"},
    503: {"model": ErrorBody, "description": "not now: too many people, or nothing can be written down"},
}


class MessageBody(BaseModel):
    """What somebody says."""

    model_config = ConfigDict(extra="ignore", strict=True)

    sender: str = Field(
        description="who says it: a name of printable characters that stays the same for one person",
        json_schema_extra=_TEXT | {"maxLength": 128},
    )
    message: str = Field(
        description="what they say, in words or as /intent{...}",
        json_schema_extra=_TEXT | {"maxLength": 1000},
    )


class ReplyBody(BaseModel):
    """What the bot says."""

    model_config = ConfigDict(extra="allow")

    recipient_id: str
    text: str | None = None


class RatingBody(BaseModel):
    """What something was worth."""

    model_config = ConfigDict(strict=True)

    value: float = Field(ge=-1, le=1, description="from -1, bad, to 1, good")
    about: int | None = Field(
        None, ge=0, lt=1 << 53, description="the id of a decision; without it the last one, or the end"
    )


class PendingRatingBody(BaseModel):
    """A rating that waits until somebody approves of it."""

    id: int
    conversation: str
    about: int = Field(description="the id of a decision, or of the end")
    value: float
    time: float = Field(description="when it was given, in seconds since 1970")


class TrackerBody(BaseModel):
    """A conversation."""

    sender_id: str
    conversation: str
    slots: dict[str, Any]
    events: list[dict[str, Any]]


Sender = Annotated[
    str, Path(description="who talks, as the channel names them; with a channel's token: CHANNEL/SENDER")
]
RatingId = Annotated[int, Path(ge=0, lt=1 << 53, description="of a rating that waits")]


class Tokens(Protocol):
    """Says on whose behalf a request comes."""

    def __call__(self, token: str | None) -> str | None:
        """Return the name that a token stands for, an empty one where none is needed; None if it is wrong."""


def named_tokens(tokens: Mapping[str, str]) -> Tokens:
    """Return what knows tokens by name; without any, none is needed."""

    def name_of(token: str | None) -> str | None:
        if not tokens:
            return ""
        given = (token or "").encode("utf-8", "surrogatepass")
        # All are compared, so that the time it takes says nothing.
        found = [name for name, known in tokens.items() if hmac.compare_digest(known.encode(), given)]
        return found[0] if found else None

    return name_of


def rest_app(
    people: Sessions, channel: Tokens, teacher: Callable[[Request], bool], origins: Iterable[str] = ()
) -> FastAPI:
    """Return the application.

    Args:
        people: who talk.
        channel: says whose channel a token is; a sender is known within their own channel alone.
        teacher: returns whether a request comes from a teacher.
        origins: sites whose pages may speak to it.
    """
    app = FastAPI(
        title="dialogue_gym",
        description="Talk to a bot that learns, and look at conversations.",
        docs_url=None,
        redoc_url=None,
        responses=_ERRORS,
    )

    def channel_of(request: Request) -> str:
        name = channel(bearer(request))
        if name is None:
            raise HTTPException(
                401, "the channel's token is missing or wrong", {"www-authenticate": "Bearer"}
            )
        return name

    # In the loop, one after the other: in threads many could guess before the first of them is wrong.
    async def as_teacher(request: Request) -> None:
        if not teacher(request):
            raise HTTPException(401, "this needs the teacher's password", {"www-authenticate": "Bearer"})

    @app.get("/webhooks/rest/")
    def alive() -> dict[str, str]:
        """Say that the channel is there."""
        return {"status": "ok"}

    token = Security(HTTPBearer(auto_error=False, scheme_name="token", description="of a channel"))
    password = Security(HTTPBearer(auto_error=False, scheme_name="password", description="of a teacher"))

    @app.post(WEBHOOK, response_model=list[ReplyBody], dependencies=[token] if channel(None) is None else [])
    def talk(request: Request, said: MessageBody) -> Response:
        """Say something; the bot's messages come back.

        Where a teacher has taken the conversation over there are none yet: what they let the bot say comes
        with the answer to the next message.
        """
        heard = people.say(_scoped(channel_of(request), said.sender), said.message)
        notes = [BotUttered(printable(note)) for note in heard.notes]
        messages = (*heard.late, *heard.messages, *notes)
        return _Escaped([{"recipient_id": said.sender, **_content(message)} for message in messages])

    teachers = [password, Depends(as_teacher)]

    @app.get(API + "/people/{sender:path}/tracker", response_model=TrackerBody, dependencies=teachers)
    def tracker(sender: Sender) -> Response:
        """Return the conversation that somebody is in, or the one that they had last."""
        looked = people.look(sender, is_trusted=True)
        return _Escaped(
            {
                "sender_id": sender,
                "conversation": looked.conversation,
                "slots": looked.slots,
                "events": [to_json(event) for event in looked.events],
            }
        )

    @app.post(API + "/people/{sender:path}/rating", status_code=204, dependencies=teachers)
    def rate(sender: Sender, rating: RatingBody) -> Response:
        """Rate what the bot did, or how a conversation was."""
        people.rate(sender, rating.value, rating.about, is_trusted=True)
        return Response(status_code=204)

    @app.get(API + "/ratings", response_model=list[PendingRatingBody], dependencies=teachers)
    def ratings() -> list[Json]:
        """Return the ratings that wait until somebody approves of them, the oldest first."""
        return [
            {"id": one.id, "conversation": one.conversation, "time": one.time, **one.content}
            for one in people.waiting()
        ]

    @app.post(API + "/ratings/{id}/approval", status_code=204, dependencies=teachers)
    def approve(id: RatingId) -> Response:
        """Let a rating count."""
        people.approve(id)
        return Response(status_code=204)

    @app.delete(API + "/ratings/{id}", status_code=204, dependencies=teachers)
    def decline(id: RatingId) -> Response:
        """Let a rating never count."""
        people.decline(id)
        return Response(status_code=204)

    _tell_faults(app)
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


class _Escaped(JSONResponse):
    """JSON in ASCII: what people and actions say may hold halves of characters, which UTF-8 cannot."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False).encode("ascii")


def _scoped(channel: str, sender: str) -> str:
    return f"{channel}/{sender}" if channel else sender


def _content(message: BotUttered) -> Json:
    """Return a message as the channel has it: its text, and what comes beside it."""
    beside = {key: message.data[key] for key in _BESIDE if message.data.get(key)}
    return ({} if message.text is None else {"text": message.text}) | beside


def bearer(request: Request) -> str | None:
    """Return the token that a request brings along."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _tell_faults(app: FastAPI) -> None:
    """Answer what is wrong with its status and one line."""

    def told(status: int, line: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
        return JSONResponse({"detail": line}, status, headers)

    @app.exception_handler(Rejected)
    def refused(request: Request, error: Rejected) -> JSONResponse:
        headers = {} if error.wait is None else {"retry-after": str(math.ceil(error.wait))}
        return told(error.status, str(error), headers)

    @app.exception_handler(LiveError)
    def unknown(request: Request, error: LiveError) -> JSONResponse:
        return told(404, printable(str(error)))

    @app.exception_handler(RequestValidationError)
    def unreadable(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        is_json = first["type"] != "json_invalid"
        where = ".".join(str(part) for part in first["loc"]) if is_json else "body"
        return told(422 if is_json else 400, printable(f"{where}: {first['msg']}"))

    @app.exception_handler(StoreError)
    def unwritten(request: Request, error: StoreError) -> JSONResponse:
        return told(503, "this could not be written down, so it is not answered; try again later")


def build_live(people: Sessions, door: AccessPolicy, tokens: Mapping[str, str] | None = None) -> ASGIApp:
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

    return AccessMiddleware(server, door)
