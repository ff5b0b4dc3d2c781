"""Paths for machines that run the server: `/health/live`, `/health/ready` and `/metrics`."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from dialogue_gym.web.access import AccessPolicy, bearer, is_loopback, network_of_client
from dialogue_gym.web.monitoring.metrics import ServerMetrics
from dialogue_gym.web.security import AccessMiddleware

LIVE_PATH, READY_PATH, METRICS_PATH = "/health/live", "/health/ready", "/metrics"
_CHECK_SECONDS = 5.0
"""The time for all checks of readiness; a server whose threads are all taken is not ready."""
_FORWARDED = ("x-forwarded-for", "forwarded", "via")
"""Headers of proxies: a request with one comes from elsewhere, although the proxy is on this machine."""
_LOG = logging.getLogger(__name__)


@dataclass
class ServerState:
    """The state of a server as the machines that run it see it.

    Attributes:
        metrics: the figures.
        checks: functions that raise an exception while a part cannot be used, by the name of the part.
        on_start: called in the event loop before the first request.
        on_stop: awaited one after the other when the server has been asked to stop.
        is_stopping: whether it has been.
    """

    metrics: ServerMetrics = field(default_factory=ServerMetrics)
    checks: dict[str, Callable[[], object]] = field(default_factory=dict)
    on_start: list[Callable[[], object]] = field(default_factory=list)
    on_stop: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    is_stopping: bool = False

    def start(self) -> None:
        """Tell all parts that the event loop runs."""
        for told in self.on_start:
            told()

    async def stop(self) -> None:
        """Tell all parts that the server stops."""
        self.is_stopping = True
        for told in self.on_stop:
            try:
                await told()
            except Exception:  # the others have to be told all the same, and the learner to save
                _LOG.exception("a part of the server did not stop")

    def failed(self) -> list[str]:
        """Return the names of the parts that cannot be used."""
        failed = []
        for name, check in self.checks.items():
            try:
                check()
            except Exception:  # whatever the reason, the part cannot be used
                failed.append(name)
        return failed


class MonitoredApp:
    """An application with the paths for machines beside it.

    Health is open to everybody and tells names of parts at most. Figures are for this machine, or for those
    who send a token as their bearer.
    """

    def __init__(self, app: ASGIApp, state: ServerState, policy: AccessPolicy, token: str | None) -> None:
        """Serve the paths beside an application.

        Args:
            app: the application for all other paths.
            state: the state of the server.
            policy: the rules of access: hosts and origins.
            token: the token for figures; without one they are for this machine alone.
        """
        self._app = app
        self._state = state
        self._token = token
        routes = [
            Route(LIVE_PATH, self._live),
            Route(READY_PATH, self._ready),
            Route(METRICS_PATH, self._metrics),
        ]
        self._paths = {route.path for route in routes}
        self._own = AccessMiddleware(Router(routes), policy)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        is_own = scope["type"] == "http" and scope["path"] in self._paths
        await (self._own if is_own else self._app)(scope, receive, send)

    async def _live(self, request: Request) -> Response:
        """Answer as long as the event loop turns; threads that wait for others do not count."""
        return _uncached({"status": "ok"})

    async def _ready(self, request: Request) -> Response:
        if self._state.is_stopping:
            return _uncached({"status": "stopping"}, 503)
        failed = ["threads"]
        with anyio.move_on_after(_CHECK_SECONDS):
            failed = await run_sync(self._state.failed, abandon_on_cancel=True)
        return (
            _uncached({"status": "failed", "failed": failed}, 503) if failed else _uncached({"status": "ok"})
        )

    async def _metrics(self, request: Request) -> Response:
        if not self._may_see_figures(request):
            line = "figures are for this machine, or need a token; see --metrics-token\n"
            return PlainTextResponse(line, 401, {"www-authenticate": "Bearer"})
        body, kind = await run_sync(self._state.metrics.exposition, request.headers.get("accept", ""))
        return Response(body, headers={"content-type": kind, "cache-control": "no-store"})

    def _may_see_figures(self, request: Request) -> bool:
        if (given := bearer(request)) is not None:
            known = (self._token or "").encode()
            return self._token is not None and hmac.compare_digest(given.encode(), known)
        if request.client is None or any(name in request.headers for name in _FORWARDED):
            return False
        return any(map(is_loopback, (request.client.host, network_of_client(request))))


def _uncached(body: Mapping[str, object], status: int = 200) -> Response:
    return JSONResponse(dict(body), status, {"cache-control": "no-store"})
