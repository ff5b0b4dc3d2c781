"""The pages to sign in and out, to use an invitation, and to change one's password.

They are plain HTML, since the framework's own files need a sign-in themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import html
import logging
from importlib.resources import files
from urllib.parse import parse_qs

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dialogue_gym._text import as_sentence, counted
from dialogue_gym.journal.activity import ActivityKind
from dialogue_gym.journal.entry import PERSON
from dialogue_gym.web.access import AccessPolicy, TooManyTries
from dialogue_gym.web.accounts import (
    LEAST_PASSWORD,
    Account,
    AccountError,
    TeacherRole,
    password_fault,
    teacher_fault,
)
from dialogue_gym.web.attempts import TEACH
from dialogue_gym.web.paths import JOIN_PATH
from dialogue_gym.web.security import ENTER

TEACHERS = "/teachers"
"""The path of the page about teachers, their roles and the log."""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title><style>{style}</style></head>
<body><main class="sign-in"><h1>{title}</h1>
<p class="note is-bad" role="alert"{hidden}>{line}</p>
{content}</main></body></html>"""
_NAME_FORM = """<form method="post">
<label>Your name{hint}
<input name="name" value="{name}" maxlength="40" dir="auto" autocomplete="username" autocapitalize="none"
 {required} autofocus></label>
{password}
<button class="primary large">{button}</button>
</form>"""
_PASSWORD = """<label>Password
<input name="password" type="password" required autocomplete="current-password"></label>"""
_NEW = f'type="password" required minlength="{LEAST_PASSWORD}" autocomplete="new-password"'
_NEW_PASSWORD = f"""<label>{{label}} ({LEAST_PASSWORD} characters or more)
<input name="new" {_NEW}{{focus}}></label>
<label>The same once more
<input name="again" {_NEW}></label>"""
_OWNER = """<input class="sr" name="owner" value="{name}" autocomplete="username" readonly tabindex="-1"
 aria-hidden="true">"""
"""A field for browsers that keep passwords, which look for the name beside one."""
_SIGN_OUT = """<form method="post"><div class="row">
<button name="do" value="sign_out">Sign out</button>
<button name="do" value="sign_out_everywhere">Sign out on all devices</button></div></form>"""
_CAN = {
    TeacherRole.TEACH: "You can teach the bot.",
    TeacherRole.APPROVE: "You can teach the bot, and approve ratings and conversations.",
    TeacherRole.ADMINISTER: "You can teach, approve, export and import, and invite other teachers.",
}
UNWRITTEN = "The server cannot write this down at present. Try again later."
_CHANGE = "change_password"
_MOST_FIELDS, _MOST_BYTES = 20, 50_000
"""The size of a form at most. Strangers send them, and reading a long one takes the time of all others."""

_LOG = logging.getLogger(__name__)


class SentForm:
    """The fields that a person has sent."""

    def __init__(self, body: bytes) -> None:
        """Read the body of a request; one that is too large for a form of these pages has no fields."""
        self._fields: dict[str, list[str]] = {}
        if len(body) <= _MOST_BYTES:
            with contextlib.suppress(ValueError):  # too many fields
                self._fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS)

    def __getitem__(self, name: str) -> str:
        """Return the first value of a field; empty without one."""
        return self._fields.get(name, [""])[0]

    def new_password(self) -> str:
        """Return the new password, which is there twice.

        Raises:
            AccountError: the two differ, or it cannot be one.
        """
        password = self["new"]
        if fault := password_fault(password):
            raise AccountError(fault)
        if password != self["again"]:
            raise AccountError("the two passwords differ")
        return password


def add_sign_in(pages: FastAPI, policy: AccessPolicy, path: str) -> None:
    """Add the routes for signing in and out, and for invitations.

    Args:
        pages: the application of the teachers' pages.
        policy: the rules of access.
        path: the path of the teachers' pages.
    """

    @pages.get(ENTER)
    def enter(request: Request) -> Response:
        return sign_in_page(policy, request, path)

    @pages.post(ENTER)
    async def entered(request: Request) -> Response:
        return await take_form(policy, request, path)

    @pages.get(JOIN_PATH + "{token}")
    def join(token: str) -> Response:
        return join_page(policy, token)

    @pages.post(JOIN_PATH + "{token}")
    async def joined(request: Request, token: str) -> Response:
        return await take_invitation(policy, request, token, path)


async def take_form(policy: AccessPolicy, request: Request, path: str) -> Response:
    """Sign a teacher in or out, or change their password; arguments are those of `sign_in_page`.

    Returns:
        A redirect with the cookies, or the form with an error.
    """
    form = SentForm(await request.body())

    async def again(error: str, status: int) -> Response:
        return await asyncio.to_thread(sign_in_page, policy, request, path, form["name"], error, status)

    try:
        if (action := form["do"]) in ("sign_out", "sign_out_everywhere"):
            everywhere = action == "sign_out_everywhere"
            removal = await asyncio.to_thread(policy.sign_out, request.headers, path, everywhere)
            return _redirect(f"{path}{ENTER}", [removal])
        teacher = await asyncio.to_thread(policy.teacher, request.headers) if action == _CHANGE else None
        if teacher:
            return await _change_password(policy, request, path, teacher, form)
        return await _sign_in(policy, request, path, form)
    except TooManyTries as refused:
        error = f"Too many wrong passwords. Try again in {counted(refused.seconds, 'second')}."
        refusal = await again(error, 429)
        refusal.headers["retry-after"] = str(refused.seconds)
        return refusal
    except AccountError as error:
        return await again(as_sentence(str(error)), 400)
    except OSError as failed:
        return _failure(failed)


async def _sign_in(policy: AccessPolicy, request: Request, path: str, form: SentForm) -> Response:
    name = form["name"].strip() or PERSON
    teacher = await policy.identify(TEACH, request, name, form["password"])

    def answer() -> Response:
        if teacher is None:
            error = "Wrong name or password." if policy.has_accounts else "Wrong password."
            return sign_in_page(policy, request, path, name, error, 401)
        if fault := teacher_fault(teacher):
            error = f"Please choose another name: {fault}."
            return sign_in_page(policy, request, path, name, error, 400)
        return _signed_in(policy, request, path, teacher)

    return await asyncio.to_thread(answer)


def _signed_in(policy: AccessPolicy, request: Request, path: str, teacher: str) -> Response:
    is_https = request.url.scheme == "https"
    return _redirect(f"{path}/", policy.sign_in(teacher, request.headers, path, is_https))


async def _change_password(
    policy: AccessPolicy, request: Request, path: str, teacher: str, form: SentForm
) -> Response:
    account = await asyncio.to_thread(policy.account, teacher)
    if account is None or await policy.identify(TEACH, request, teacher, form["password"]) is None:
        return await asyncio.to_thread(sign_in_page, policy, request, path, teacher, "Wrong password.", 401)
    password = form.new_password()

    def change() -> Response:
        policy.accounts.change_password(policy.accounts.roster.known(teacher), password)
        policy.log.record(teacher, ActivityKind.CHANGED_PASSWORD)
        return _signed_in(policy, request, path, teacher)

    return await asyncio.to_thread(change)


async def take_invitation(policy: AccessPolicy, request: Request, token: str, path: str) -> Response:
    """Use an invitation, and sign the invited person in.

    Args:
        policy: the rules of access.
        request: the request with the form.
        token: the token of the invitation.
        path: the path of the teachers' pages.
    """
    form = SentForm(await request.body())

    def join() -> Response:
        try:
            account = policy.accounts.join(token, form.new_password())
            policy.log.record(account.name, ActivityKind.JOINED)
            return _signed_in(policy, request, path, account.name)
        except AccountError as error:  # if it is about the link, the page says so by itself
            return join_page(policy, token, as_sentence(str(error)))

    try:
        return await asyncio.to_thread(join)
    except OSError as failed:
        return _failure(failed)


def join_page(policy: AccessPolicy, token: str, error: str = "") -> Response:
    """Return the form for the password of an invited person. The link stays valid until it is sent."""
    try:
        name = policy.accounts.invitation(token).name
    except AccountError as gone:
        return _page("Invitation", "", as_sentence(str(gone)), 404)
    known = policy.accounts.roster.find(name)
    about = "Choose another password." if known else "You are invited to teach a bot. Choose a password."
    content = f"""<p>Hello, <strong><bdi>{html.escape(name)}</bdi></strong>! {about}</p>
<form method="post">{_OWNER.format(name=html.escape(name))}
{_NEW_PASSWORD.format(label="Password", focus=" autofocus")}
<button class="primary large">{"Save" if known else "Join"}</button></form>"""
    return _page("Teach your bot", content, error, 400 if error else 200)


def _failure(error: OSError) -> Response:
    _LOG.error("nobody can sign in or out: %s", error)
    return _page("Teach your bot", "", UNWRITTEN, 503)


def _redirect(where: str, cookies: list[tuple[bytes, bytes]]) -> Response:
    response = RedirectResponse(where, status_code=303)
    response.raw_headers += cookies
    return response


def sign_in_page(
    policy: AccessPolicy, request: Request, path: str, name: str = "", error: str = "", status: int = 200
) -> Response:
    """Return the form, or what a teacher who has signed in can do here.

    Args:
        policy: the rules of access.
        request: the request.
        path: the path of the teachers' pages.
        name: the name that was given.
        error: a sentence on why it was not taken.
        status: the status of the response.
    """
    teacher = policy.teacher(request.headers)
    if account := policy.account(teacher) if teacher else None:
        content = _own_account(account)
    else:
        is_in = teacher is not None and policy.password is not None
        content = _NAME_FORM.format(
            hint="" if policy.has_accounts else " (shown with your answers)",
            name=html.escape(name or teacher or ""),
            required="required" if policy.has_accounts else "",
            password=_PASSWORD if policy.needs_sign_in else "",
            button="Change name" if is_in else "Sign in",
        )
        content += _SIGN_OUT if is_in else ""
    if teacher or not policy.needs_sign_in:
        links = f'<a href="{path}/">Back to the bot</a>'
        if policy.allows(teacher or PERSON, TeacherRole.ADMINISTER):
            links += f'<a href="{path}{TEACHERS}">Teachers, roles and the log</a>'
        content += f'<p class="row more">{links}</p>'
    return _page("Teach your bot", content, error, status)


def _own_account(account: Account) -> str:
    name = html.escape(account.name)
    return f"""<p>You are <strong><bdi>{name}</bdi></strong>. {_CAN[account.role]}</p>
{_SIGN_OUT}
<details><summary>Change your password</summary><form method="post">{_OWNER.format(name=name)}
{_PASSWORD}
{_NEW_PASSWORD.format(label="New password", focus="")}
<button class="primary" name="do" value="{_CHANGE}">Change password</button></form></details>"""


@functools.cache
def _style() -> str:
    return files("dialogue_gym.web").joinpath("static/style.css").read_text(encoding="utf-8")


def _page(title: str, content: str, error: str = "", status: int = 200) -> Response:
    shown = _PAGE.format(
        title=title,
        style=_style(),
        hidden="" if error else " hidden",
        line=html.escape(error),
        content=content,
    )
    return HTMLResponse(shown, status, {"cache-control": "no-store"})
