"""The common parts of responses: security headers, cookies, JSON, and the page that does not exist."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from dialogue_gym._text import printable

NO_INLINE = "default-src 'self'"
INLINE_STYLES = "default-src 'self'; style-src 'self' 'unsafe-inline'"
COMPILED = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"
"""The content that pages may load: files of the server alone, also styles in the page, and also templates
that the framework of the teachers' pages compiles in the browser."""

_LOST_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Page not found</title></head>
<body><main><h1>Page not found</h1><p><a href="{home}">Go to the start</a></p></main></body></html>"""

Headers = list[tuple[bytes, bytes]]


def security_headers(content: str = NO_INLINE, frames: Collection[str] = ()) -> Headers:
    """Return the security headers of a response.

    Args:
        content: the content that a page may load: `NO_INLINE`, `INLINE_STYLES` or `COMPILED`.
        frames: the sites that may show the page in a frame.
    """
    framing = " ".join(frames) or "'none'"
    policy = (
        # Only images of the bot's responses come from elsewhere.
        f"{content}; img-src 'self' data: blob: http: https:; frame-ancestors {framing};"
        " form-action 'self'; base-uri 'none'; object-src 'none'"
    )
    always = [
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
        (b"content-security-policy", policy.encode()),
    ]
    # The older header cannot name sites; browsers that know the newer one ignore it.
    return always if frames else [(b"x-frame-options", b"DENY"), *always]


def cookie_header(name: str, value: str, path: str, days: int, is_https: bool) -> tuple[bytes, bytes]:
    """Return the header that sets a cookie, which neither scripts nor requests from other sites can use.

    Args:
        name: the name of the cookie.
        value: the value of the cookie.
        path: the path of the pages that it is sent to.
        days: the days for which it is kept; 0 removes it.
        is_https: whether the request came over HTTPS, to which the cookie is then limited.
    """
    response = Response()
    response.set_cookie(
        name, value, max_age=days * 86400, path=path, httponly=True, samesite="strict", secure=is_https
    )
    return response.raw_headers[-1]


class ErrorBody(BaseModel):
    """An error, in one line."""

    detail: str


class EscapedJSON(JSONResponse):
    """JSON in ASCII: messages may hold lone surrogates, which UTF-8 cannot encode."""

    def render(self, content: Any) -> bytes:
        """Return the bytes of a content."""
        return json.dumps(content, allow_nan=False).encode("ascii")


def leads_home(home: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return a handler of the status 404: a way home for people, one line for programs.

    Args:
        home: the path that the page leads to.
    """

    async def handle(request: Request, error: Exception) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(_LOST_PAGE.format(home=home), 404)
        return JSONResponse({"detail": getattr(error, "detail", "Not Found")}, 404)

    return handle


def explain_unreadable(app: FastAPI) -> None:
    """Let an application answer requests of a wrong form with one line."""

    @app.exception_handler(RequestValidationError)
    async def unreadable(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        is_json = first["type"] != "json_invalid"
        where = ".".join(str(part) for part in first["loc"]) if is_json else "body"
        return JSONResponse({"detail": printable(f"{where}: {first['msg']}")}, 422 if is_json else 400)
