"""The sign-in page: plain HTML, since the framework's own files are served to those who have signed in."""

from __future__ import annotations

import html
from importlib.resources import files
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dialogue_gym._text import counted
from dialogue_gym.journal.entry import PERSON
from dialogue_gym.web.security import COOKIE, DAYS, AccessPolicy, TooManyTries, set_cookie
from dialogue_gym.web.workspace import teacher_fault

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in</title><style>{style}</style></head>
<body><main class="sign-in"><h1>Teach your bot</h1>
<form method="post">
<p class="note is-bad" role="alert"{hidden}>{line}</p>
<label>Your name (shown with your answers)
<input name="name" value="{name}" maxlength="40" dir="auto" autocomplete="username" autofocus></label>
{password}
<button class="primary large">Sign in</button>
</form></main></body></html>"""
_PASSWORD = """<label>Password
<input name="password" type="password" required autocomplete="current-password"></label>"""


def sign_in_form(policy: AccessPolicy, request: Request) -> Response:
    """Return the form, with the name that the teacher has now."""
    return HTMLResponse(_form(policy, policy.teacher(request.headers) or ""))


def sign_in(policy: AccessPolicy, request: Request, body: bytes, path: str) -> Response:
    """Check name and password; return a redirect with the teacher's cookie, or the form with an error.

    Args:
        policy: the rules of access.
        request: the request with the form.
        body: the body of the request.
        path: the path of the pages to which the teacher goes on.
    """
    given = parse_qs(body.decode("utf-8", "replace"))
    name = given.get("name", [""])[0].strip() or PERSON
    address = request.client.host if request.client else ""
    try:
        is_right = policy.try_password(address, given.get("password", [""])[0])
    except TooManyTries as refused:
        seconds = refused.seconds
        error = f"Too many wrong passwords. Try again in {counted(seconds, 'second')}."
        return HTMLResponse(_form(policy, name, error), 429, {"retry-after": str(seconds)})
    if not is_right:
        return HTMLResponse(_form(policy, name, "Wrong password."), 401)
    if fault := teacher_fault(name):
        return HTMLResponse(_form(policy, name, f"Please choose another name: {fault}."), 400)
    response = RedirectResponse(f"{path}/", status_code=303)
    set_cookie(response, request, COOKIE, policy.cookie(name), path, DAYS)
    return response


def _form(policy: AccessPolicy, name: str, error: str = "") -> str:
    return _PAGE.format(
        style=files("dialogue_gym.web").joinpath("static/style.css").read_text(encoding="utf-8"),
        hidden="" if error else " hidden",
        line=html.escape(error),
        name=html.escape(name),
        password="" if policy.password is None else _PASSWORD,
    )
