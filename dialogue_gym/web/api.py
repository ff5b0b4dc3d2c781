"""The visitors' application: channels for messages, and a small interface for programs around `Sessions`."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import Depends, FastAPI, HTTPException, Path, Request, Security
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBasic, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp

from dialogue_gym._text import printable
from dialogue_gym.conversation.events import Json, to_json
from dialogue_gym.journal.activity import ActivityKind, ActivityLog
from dialogue_gym.journal.entry import PERSON
from dialogue_gym.journal.store import StoreError
from dialogue_gym.live.request_limits import Rejected
from dialogue_gym.live.sessions import Sessions
from dialogue_gym.live.turn import LiveError
from dialogue_gym.web.access import AccessPolicy, TooManyTries, bearer, name_and_password
from dialogue_gym.web.accounts import RoleError, TeacherRole
from dialogue_gym.web.attempts import API as API_REALM
from dialogue_gym.web.branding import Branding
from dialogue_gym.web.channels.inbox import Inbox
from dialogue_gym.web.channels.rest import Tokens, add_rest, named_tokens
from dialogue_gym.web.channels.slack import SLACK_WEBHOOK, SlackChannel, SlackSettings
from dialogue_gym.web.channels.socket_io import PATH as SOCKET_PATH
from dialogue_gym.web.channels.socket_io import SocketChannel
from dialogue_gym.web.domain_api import API, add_domain
from dialogue_gym.web.domain_desk import DomainDesk
from dialogue_gym.web.responses import ErrorBody, EscapedJSON, explain_unreadable, leads_home
from dialogue_gym.web.security import AccessMiddleware
from dialogue_gym.web.talk_page import PATH, add_visitors
from dialogue_gym.web.visitors import COOKIE, VisitorTokens

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "invalid JSON, text or sender"},
    403: {"description": "request from another site, or a role that does not allow it"},
    401: {"model": ErrorBody, "description": "missing or wrong token, or name and password"},
    404: {"model": ErrorBody, "description": "not found"},
    413: {"model": ErrorBody, "description": "message or request too long"},
    422: {"model": ErrorBody, "description": "missing field, or field of the wrong type"},
    429: {"model": ErrorBody, "description": "too many requests"},
    503: {"model": ErrorBody, "description": "too many conversations, or the journal cannot be written"},
}
_STORE_RETURNS = 5
"""Seconds after which a store that could not be used may be back; a database that restarts is."""


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


@dataclass(frozen=True)
class Channels:
    """Channels for messages, beside the visitors' page and the sockets of widgets.

    Attributes:
        tokens: the tokens of programs, by the name of their channel; without any, REST needs none.
        callbacks: the addresses to which answers may be posted; without any there is no callback channel.
        slack: the secrets of an app in Slack; None without one.
        polls: whether sockets may begin as long polls, all of which have to reach this process.
    """

    tokens: Mapping[str, str] = field(default_factory=dict)
    callbacks: Sequence[str] = ()
    slack: SlackSettings | None = None
    polls: bool = True


Sender = Annotated[str, Path(description="the sender's name; CHANNEL/SENDER for a channel with a token")]
RatingId = Annotated[int, Path(ge=0, lt=1 << 53, description="the id of a rating that awaits approval")]


def rest_app(
    inbox: Inbox,
    tokens: Tokens,
    teacher: Callable[[Request, TeacherRole], Awaitable[str]],
    origins: Iterable[str] = (),
    desk: DomainDesk | None = None,
    callbacks: Sequence[str] = (),
    log: ActivityLog | None = None,
) -> FastAPI:
    """Return the application.

    Args:
        inbox: takes the messages of senders.
        tokens: finds the channel of a token; see `add_rest`.
        teacher: returns the name of the teacher who sends a request, and whose role has these rights; raises
            `HTTPException` for all other requests.
        origins: sites whose pages may send requests.
        desk: edits the domain; without it, no request can.
        callbacks: the addresses to which answers may be posted.
        log: the activity log; None for none.
    """
    app = FastAPI(
        title="dialogue_gym",
        description="Talk to a bot that learns, and inspect its conversations.",
        docs_url=None,
        redoc_url=None,
        responses=_ERRORS,
    )
    add_rest(app, inbox, tokens, callbacks)  # the first routes are found fastest
    _add_teachers(app, inbox.people, teacher, desk, log)
    _add_error_handlers(app)
    allowed = list(origins)
    if allowed:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=allowed,
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", "idempotency-key"],
            expose_headers=["retry-after"],
        )
    return app


def _add_teachers(
    app: FastAPI,
    people: Sessions,
    teacher: Callable[[Request, TeacherRole], Awaitable[str]],
    desk: DomainDesk | None,
    log: ActivityLog | None,
) -> None:
    """Add the interface for teachers' programs; arguments are those of `rest_app`."""
    schemes = [
        Security(HTTPBearer(auto_error=False, scheme_name="password", description="the shared password")),
        Security(HTTPBasic(auto_error=False, scheme_name="account", description="a teacher's account")),
    ]

    def needing(role: TeacherRole) -> Any:
        async def check(request: Request) -> str:
            return await teacher(request, role)

        return Depends(check)

    teaches, approves = needing(TeacherRole.TEACH), needing(TeacherRole.APPROVE)

    def record(who: str, what: ActivityKind, about: str) -> None:
        if log:
            log.record(who, what, about)

    reads = [*schemes, teaches]

    @app.get(API + "/people/{sender:path}/tracker", response_model=TrackerBody, dependencies=reads)
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

    @app.post(API + "/people/{sender:path}/rating", status_code=204, dependencies=schemes)
    def rate(sender: Sender, rating: RatingBody, who: str = approves) -> Response:
        """Rate a decision of the bot, or a conversation."""
        rated = people.rate(sender, rating.value, rating.about, is_trusted=True)
        record(who, ActivityKind.RATED, rated)
        return Response(status_code=204)

    @app.get(API + "/ratings", response_model=list[PendingRatingBody], dependencies=reads)
    def ratings() -> list[Json]:
        """Return the ratings that await approval, the oldest first."""
        return [
            {"id": one.id, "conversation": one.conversation, "time": one.time, **one.content}
            for one in people.moderation.waiting()
        ]

    @app.post(API + "/ratings/{id}/approval", status_code=204, dependencies=schemes)
    def approve(id: RatingId, who: str = approves) -> Response:
        """Approve a rating."""
        people.moderation.approve(id)
        record(who, ActivityKind.APPROVED, f"rating {id}")
        return Response(status_code=204)

    @app.delete(API + "/ratings/{id}", status_code=204, dependencies=schemes)
    def decline(id: RatingId, who: str = approves) -> Response:
        """Reject a rating."""
        people.moderation.decline(id)
        record(who, ActivityKind.REJECTED, f"rating {id}")
        return Response(status_code=204)

    add_domain(app, desk, schemes, teaches)


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

    @app.exception_handler(OSError)  # of the files that belong to the store
    @app.exception_handler(StoreError)
    async def unwritten(request: Request, error: Exception) -> JSONResponse:
        line = "the message could not be stored and was not processed; try again later"
        return error_body(503, line, {"retry-after": str(_STORE_RETURNS)})


def _teachers_of(policy: AccessPolicy) -> Callable[[Request, TeacherRole], Awaitable[str]]:
    """Return a function that returns the teacher who sends a request; see `rest_app`."""

    async def teacher(request: Request, role: TeacherRole) -> str:
        if await run_sync(lambda: policy.has_accounts):
            scheme, given = 'Basic realm="teachers", charset="UTF-8"', name_and_password(request)
            needed = "the name and password of an account required, as HTTP's basic authentication"
        else:
            token = bearer(request)
            # Without a password nobody is a teacher here, rather than everybody.
            given = None if token is None or policy.password is None else (PERSON, token)
            scheme, needed = "Bearer", "teacher's password required"
        try:
            found = await policy.identify(API_REALM, request, *given) if given else None
        except TooManyTries as error:
            headers = {"retry-after": str(error.seconds)}
            raise HTTPException(429, "too many wrong passwords", headers) from None
        if found is None:
            raise HTTPException(401, needed, {"www-authenticate": scheme})
        if not await run_sync(policy.allows, found, role):
            raise HTTPException(403, str(RoleError(role)))
        return found

    return teacher


def build_teachers_app(people: Sessions, policy: AccessPolicy, desk: DomainDesk, home: str) -> ASGIApp:
    """Return an application with the interface for teachers' programs alone.

    Args:
        people: the sessions of people.
        policy: the rules of access; without accounts and a password, the interface is closed.
        desk: edits the domain.
        home: the path to which the other paths lead.
    """
    server = FastAPI(title="dialogue_gym", docs_url=None, redoc_url=None, responses=_ERRORS)
    _add_teachers(server, people, _teachers_of(policy), desk, policy.log)
    _add_error_handlers(server)

    @server.get("/", include_in_schema=False)
    def start() -> Response:
        return RedirectResponse(home, status_code=307)

    server.add_exception_handler(404, leads_home(home))
    return AccessMiddleware(server, policy)


def build_visitor_app(
    inbox: Inbox,
    policy: AccessPolicy,
    channels: Channels | None = None,
    branding: Branding | None = None,
    desk: DomainDesk | None = None,
) -> ASGIApp:
    """Return the visitors' application: their page, the REST channel, and the interface for programs.

    Args:
        inbox: takes the messages of visitors and senders.
        policy: the rules of access; without accounts and a password, nobody is a teacher here.
        channels: the channels beside the page and the sockets of widgets; by default REST without a token.
        branding: the looks of the page; by default the name of the domain.
        desk: lets teachers' programs edit the domain.
    """
    channels = channels or Channels()
    tokens = named_tokens(channels.tokens)
    teacher = _teachers_of(policy)
    server = rest_app(inbox, tokens, teacher, policy.origins, desk, channels.callbacks, policy.log)
    if channels.slack:
        slack = SlackChannel(inbox, channels.slack)
        server.post(SLACK_WEBHOOK, include_in_schema=False)(slack.hear)
    looks = branding or Branding(inbox.people.bot.domain.name)
    signed = VisitorTokens(policy.signer(COOKIE), inbox.people.knows)
    add_visitors(server, inbox, looks, signed)
    server.mount(SOCKET_PATH, SocketChannel(inbox, signed, channels.polls))

    @server.get("/", include_in_schema=False)
    def start() -> Response:
        return RedirectResponse(f"{PATH}/", status_code=307)

    server.add_exception_handler(404, leads_home("/"))
    return AccessMiddleware(server, policy, framed=f"{PATH}/")
