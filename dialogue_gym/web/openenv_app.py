"""The OpenEnv protocol over HTTP and web sockets: each socket is a session with dialogues of its own.

Source: openenv 0.10, https://github.com/huggingface/OpenEnv. The package itself is not imported.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Body, FastAPI, WebSocket
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp
from starlette.websockets import WebSocketDisconnect

from dialogue_gym._text import printable
from dialogue_gym.domain import Domain
from dialogue_gym.text.openenv import INVALID, OpenEnvError, OpenEnvSession, read_request, schemas
from dialogue_gym.version import __version__
from dialogue_gym.web.access import AccessPolicy
from dialogue_gym.web.openenv_figures import OpenEnvFigures
from dialogue_gym.web.responses import ErrorBody, EscapedJSON, explain_unreadable, leads_home
from dialogue_gym.web.security import AccessMiddleware

PATH = "/openenv"
_PROTOCOL = "1.0.0"
_AT_CAPACITY, _SESSION_OVER = "CAPACITY_REACHED", "SESSION_ERROR"
_GOING_AWAY, _TRY_LATER = 1001, 1013
_NO_METHOD = -32601
_PATIENCE = 3.0
"""The seconds for which an answer waits for figures; clients wait five."""
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "invalid JSON"},
    401: {"description": "password required"},
    413: {"description": "request too large"},
    422: {"model": ErrorBody, "description": "unknown key, or value out of bounds"},
}


@dataclass(frozen=True)
class OpenEnvOffer:
    """Dialogues that are offered to clients of OpenEnv, and their limits.

    Attributes:
        domain: the domain.
        mode: the way to act, if a reset names no other.
        settings: the settings of dialogues, if a reset names no others.
        most_sessions: the number of sockets that may be open at once.
        idle: the seconds after which a socket without a message is closed; 0 for never.
        license: the license of the dialogues; None for a domain of the user's own.
    """

    domain: Domain
    mode: str = "names"
    settings: Mapping[str, Any] = field(default_factory=dict)
    most_sessions: int = 1000
    idle: float = 1800.0
    license: str | None = None

    def session(self) -> OpenEnvSession:
        """Return a session for a new client."""
        return OpenEnvSession(self.domain, self.mode, self.settings)

    def metadata(self, figures: OpenEnvFigures) -> dict[str, Any]:
        """Return the description for clients; figures that are not known yet are None."""
        about = (
            self.domain.description or "A fake user who speaks in sentences, and whom a bot serves in text."
        )
        return {
            "name": self.domain.name,
            "description": about,
            "version": __version__,
            "author": "dialogue_gym",
            "license": self.license,
            "mode": self.mode,
            "settings": dict(self.settings),
            "bound": figures.bound,
            "expert": figures.expert,
            "max_sessions": self.most_sessions,
        }


class ResetBody(BaseModel):
    """The start of a dialogue; further keys are settings of the dialogue."""

    model_config = ConfigDict(extra="allow")

    seed: int | None = Field(None, ge=0, description="decides the dialogue")
    episode_id: str | None = Field(None, max_length=255)
    mode: str | None = Field(None, description="names, tools or free")
    goal: dict[str, Any] | None = Field(None, description="wishes by slot; the rest is drawn")
    user: str | None = Field(None, description="a profile of the domain")


class ActionBody(BaseModel):
    """A reply, and the start of the dialogue in which it is given, as further keys."""

    model_config = ConfigDict(extra="allow")

    action: dict[str, Any]
    timeout_s: float | None = Field(None, description="without effect")
    request_id: str | None = Field(None, description="without effect")


class ResultBody(BaseModel):
    """An observation, and the reward of the action before it."""

    observation: dict[str, Any]
    reward: float | None
    done: bool
    metadata: dict[str, Any]


def openenv_app(offer: OpenEnvOffer, policy: AccessPolicy) -> ASGIApp:
    """Return the application.

    Args:
        offer: the dialogues.
        policy: the rules of access; with a password, each request needs it as a bearer token.
    """
    figures = OpenEnvFigures(offer.domain, offer.mode, offer.settings)
    app = FastAPI(
        title=f"dialogue_gym: {offer.domain.name}",
        description="Dialogues with a fake user over the OpenEnv protocol.",
        version=_PROTOCOL,
        docs_url=None,
        redoc_url=None,
        responses=_ERRORS,
    )
    _add_routes(app, offer, figures)
    _add_socket(app, offer)

    @app.exception_handler(OpenEnvError)
    def refused(request: Request, error: OpenEnvError) -> JSONResponse:
        return JSONResponse({"detail": printable(str(error))}, 422 if error.code == INVALID else 409)

    explain_unreadable(app)
    app.add_exception_handler(404, leads_home("/"))
    return AccessMiddleware(app, policy, needs_bearer=True)


def _add_routes(app: FastAPI, offer: OpenEnvOffer, figures: OpenEnvFigures) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        """Report that the server is up."""
        return {"status": "healthy"}

    @app.get("/metadata")
    async def metadata() -> Response:
        """Return the name, description and license, the bound of the mean return, and that of the expert."""
        await figures.wait(_PATIENCE)
        return EscapedJSON(offer.metadata(figures))

    @app.get("/schema")
    async def schema(mode: str = offer.mode) -> Response:
        """Return the JSON Schemas of actions, observations and the state."""
        try:
            return EscapedJSON(schemas(offer.domain, mode))
        except ValueError as error:
            raise OpenEnvError(INVALID, str(error)) from None

    # Without a socket there is no session, here as in OpenEnv's own server.
    @app.post("/reset", response_model=ResultBody)
    def reset(start: ResetBody | None = None) -> Response:
        """Return the first observation of a dialogue; it goes on through a socket only."""
        given = start.model_dump(exclude_unset=True) if start else {}
        return EscapedJSON(offer.session().reset(given))

    @app.post("/step", response_model=ResultBody)
    def step(given: ActionBody) -> Response:
        """Begin a dialogue and give the first reply."""
        session = offer.session()
        session.reset(given.model_extra or {})
        return EscapedJSON(session.step(given.action))

    @app.get("/state")
    async def state() -> dict[str, Any]:
        """Return the state of a session that has not begun."""
        return offer.session().state()

    @app.post("/mcp")
    async def mcp(call: Annotated[Any, Body()] = None) -> dict[str, Any]:
        """Say that there are no tools of MCP."""
        identity = call.get("id") if isinstance(call, dict) else None
        line = f"these dialogues have no tools of MCP; use the socket {PATH}/ws"
        return {"jsonrpc": "2.0", "id": identity, "error": {"code": _NO_METHOD, "message": line}}


def _add_socket(app: FastAPI, offer: OpenEnvOffer) -> None:
    open_sessions = 0

    @app.websocket("/ws")
    async def converse(socket: WebSocket) -> None:
        nonlocal open_sessions
        has_place = open_sessions < offer.most_sessions
        open_sessions += has_place
        try:
            await socket.accept()
            if has_place:
                await _serve_session(socket, offer.session(), offer.idle)
            else:
                line = f"no session is free: at most {offer.most_sessions:,} can be open; try again later"
                await _end(socket, OpenEnvError(_AT_CAPACITY, line), _TRY_LATER)
        except WebSocketDisconnect:
            pass
        finally:
            open_sessions -= has_place


async def _serve_session(socket: WebSocket, session: OpenEnvSession, idle: float) -> None:
    """Answer messages, one by one, until the client has finished or is idle."""
    while True:
        try:
            async with asyncio.timeout(idle or None):
                message = await socket.receive()
        except TimeoutError:
            minutes = f"{idle / 60:g} {'minute' if idle == 60 else 'minutes'}"
            line = f"the session has ended, since no message came for {minutes}"
            await _end(socket, OpenEnvError(_SESSION_OVER, line), _GOING_AWAY)
            return
        if message["type"] == "websocket.disconnect":
            return
        try:
            request = read_request(_text_of(message))
            if request.type == "close":
                await socket.close()
                return
            if request.type == "reset" and session.mode_of(request.data) == "free":
                # The first of them trains an interpreter of sentences, for a second or so.
                response = await asyncio.to_thread(session.respond, request)
            else:
                response = session.respond(request)
        except OpenEnvError as error:
            response = error.as_message()
        await socket.send_text(json.dumps(response, allow_nan=False))


def _text_of(message: Mapping[str, Any]) -> str:
    """Return the text of a socket's message; bytes are read as UTF-8."""
    text: str | None = message.get("text")
    if text is not None:
        return text
    content: bytes = message["bytes"]
    return content.decode(errors="replace")


async def _end(socket: WebSocket, error: OpenEnvError, code: int) -> None:
    await socket.send_text(json.dumps(error.as_message()))
    await socket.close(code)
