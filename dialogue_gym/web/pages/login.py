"""The page to sign in and out: plain HTML, since the framework's own files need a sign-in themselves."""

from __future__ import annotations

import html
from importlib.resources import files
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dialogue_gym._text import counted
from dialogue_gym.journal.entry import PERSON
from dialogue_gym.web.access import AccessPolicy, TooManyTries
from dialogue_gym.web.attempts import TEACH
from dialogue_gym.web.security import ENTER
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
<button class="primary large">{button}</button>
</form>{sign_out}</main></body></html>"""
_SIGN_OUT = """<form method="post"><div class="row">
<button name="do" value="sign_out">Sign out</button>
<button name="do" value="sign_out_everywhere">Sign out on all devices</button></div></form>"""
_PASSWORD = """<label>Password
<input name="password" type="password" required autocomplete="current-password"></label>"""


def sign_in_form(policy: AccessPolicy, request: Request) -> Response:
    """Return the form, with the name that the teacher has now."""
    return HTMLResponse(_form(policy, request))


def take_form(policy: AccessPolicy, request: Request, body: bytes, path: str) -> Response:
    """Sign a teacher in or out; return a redirect with the cookies, or the form with an error.

    Args:
        policy: the rules of access.
        request: the request with the form.
        body: the body of the request.
        path: the path of the pages to which the teacher goes on.
    """
    given = parse_qs(body.decode("utf-8", "replace"))
    if (action := given.get("do", [""])[0]) in ("sign_out", "sign_out_everywhere"):
        removal = policy.sign_out(request.headers, path, everywhere=action == "sign_out_everywhere")
        return _redirect(f"{path}{ENTER}", [removal])
    name = given.get("name", [""])[0].strip() or PERSON
    try:
        is_right = policy.try_password(TEACH, request, given.get("password", [""])[0])
    except TooManyTries as refused:
        seconds = refused.seconds
        error = f"Too many wrong passwords. Try again in {counted(seconds, 'second')}."
        return HTMLResponse(_form(policy, request, name, error), 429, {"retry-after": str(seconds)})
    if not is_right:
        return HTMLResponse(_form(policy, request, name, "Wrong password."), 401)
    if fault := teacher_fault(name):
        error = f"Please choose another name: {fault}."
        return HTMLResponse(_form(policy, request, name, error), 400)
    is_https = request.url.scheme == "https"
    return _redirect(f"{path}/", policy.sign_in(name, request.headers, path, is_https))


def _redirect(where: str, cookies: list[tuple[bytes, bytes]]) -> Response:
    response = RedirectResponse(where, status_code=303)
    response.raw_headers += cookies
    return response


def _form(policy: AccessPolicy, request: Request, name: str = "", error: str = "") -> str:
    teacher = policy.teacher(request.headers)
    is_in = teacher is not None and policy.password is not None
    return _PAGE.format(
        style=files("dialogue_gym.web").joinpath("static/style.css").read_text(encoding="utf-8"),
        hidden="" if error else " hidden",
        line=html.escape(error),
        name=html.escape(name or teacher or ""),
        button="Change name" if is_in else "Sign in",
        sign_out=_SIGN_OUT if is_in else "",
        password="" if policy.password is None else _PASSWORD,
    )
