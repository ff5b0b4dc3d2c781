"""The security headers of responses, and their cookies."""

from __future__ import annotations

from collections.abc import Collection

from starlette.responses import Response

NO_INLINE = "default-src 'self'"
INLINE_STYLES = "default-src 'self'; style-src 'self' 'unsafe-inline'"
COMPILED = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"
"""The content that pages may load: files of the server alone, also styles in the page, and also templates
that the framework of the teachers' pages compiles in the browser."""

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
