"""The answer to a request for a page that does not exist: a way home for people, one line for programs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Page not found</title></head>
<body><main><h1>Page not found</h1><p><a href="{home}">Go to the start</a></p></main></body></html>"""


def leads_home(home: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return a handler of the status 404; `home` is the path that it leads to."""

    async def handle(request: Request, error: Exception) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(_PAGE.format(home=home), 404)
        return JSONResponse({"detail": getattr(error, "detail", "Not Found")}, 404)

    return handle
