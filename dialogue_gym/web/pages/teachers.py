"""The page of those who administer: accounts and roles, invitations, and the log. Plain HTML and forms."""

from __future__ import annotations

import asyncio
import html
import itertools
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dialogue_gym._text import as_sentence, visible
from dialogue_gym.journal.activity import Activity, ActivityKind
from dialogue_gym.web.access import AccessPolicy
from dialogue_gym.web.accounts import (
    INVITATION_DAYS,
    Account,
    AccountError,
    Invitation,
    Roster,
    TeacherRole,
)
from dialogue_gym.web.pages.login import TEACHERS, UNWRITTEN, SentForm
from dialogue_gym.web.paths import JOIN_PATH
from dialogue_gym.web.workspace import Workspace

_LOG = logging.getLogger(__name__)
_MOST = 100
"""The number of lines of the log that are shown."""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Teachers</title><link rel="stylesheet" href="{path}/static/style.css">{head}</head>
<body>{top}<main id="main" class="teachers"><h1>Teachers</h1>
{parts}</main></body></html>"""
_INTRODUCTION = """<p>So far there are no accounts: {who} can teach and administer, under any name. Invite
yourself first. As soon as the link is used, everybody needs an account of their own{then}.</p>"""
_INVITE = """<section aria-labelledby="invite"><h2 id="invite">Invite somebody</h2>
<form method="post" class="row"><input type="hidden" name="do" value="invite">
<label>Name <input name="name" required maxlength="40" dir="auto" autocomplete="off"></label>
<label>Role <select name="role">{roles}</select></label>
<button class="primary">Make a link</button></form>
{about}</section>"""
_ABOUT = f"""<p class="is-faint">A link works once, for {INVITATION_DAYS} days, and lets its owner choose a
password.</p>
<dl class="is-faint"><dt>teach</dt><dd>teach the bot, talk to visitors, edit the domain</dd>
<dt>approve</dt><dd>also approve conversations and ratings</dd>
<dt>administer</dt><dd>also export and import, invite, and change roles</dd></dl>"""
_LINK = """<div class="card" role="status"><h2>A link for <bdi>{name}</bdi></h2>
<p><label class="sr" for="link">Link</label><input id="link" readonly value="{link}"></p>
<div class="row"><button type="button" class="primary" onclick="copyLink(this)">Copy</button>
<span class="is-faint">It is shown only now. Send it to {name} alone.</span></div></div>
<script>
history.replaceState(null, "", location.href);  // loading the page again makes no other link
async function copyLink(button) {{
  const link = document.getElementById("link");
  link.select();
  try {{ await navigator.clipboard.writeText(link.value); }} catch {{ document.execCommand("copy"); }}
  button.textContent = "Copied";
}}
</script>"""


class TeachersPage:
    """The page, and the changes that it asks for."""

    def __init__(self, policy: AccessPolicy, path: str, head: str) -> None:
        """Make the page.

        Args:
            policy: has the accounts and the log.
            path: the path of the teachers' pages.
            head: HTML for the end of the page's head.
        """
        self._policy = policy
        self._path = path
        self._head = head

    def show(self, workspace: Workspace, top: str) -> Response:
        """Return the page.

        Args:
            workspace: the workspace of the teacher.
            top: HTML to stand above the page.

        Raises:
            RoleError: the teacher does not administer.
        """
        workspace.require(TeacherRole.ADMINISTER)
        return self._page(workspace, top)

    def take(self, workspace: Workspace, form: SentForm, address: str, top: str) -> Response:
        """Make a change; return the page, or a redirect to it.

        Args:
            workspace: the workspace of the teacher.
            form: the fields of a form of the page.
            address: the address of the server, as the teacher reaches it.
            top: HTML to stand above the page.

        Raises:
            RoleError: the teacher does not administer.
        """
        workspace.require(TeacherRole.ADMINISTER)
        accounts, name = self._policy.accounts, form["name"]
        try:
            match form["do"]:
                case "invite":
                    role = TeacherRole(form["role"]) if form["role"] in list(TeacherRole) else None
                    token, invited = accounts.invite(name, role, workspace.teacher)
                    workspace.record(ActivityKind.INVITED, f"{invited.name} ({invited.role})")
                    link = f"{address}{self._path}{JOIN_PATH}{token}"
                    note = _LINK.format(name=_text(invited.name), link=html.escape(link))
                    return self._page(workspace, top, note)
                case "withdraw":
                    accounts.withdraw(name)
                    workspace.record(ActivityKind.WITHDREW, visible(name))
                case "role" if form["role"] in list(TeacherRole):
                    accounts.set_role(name, TeacherRole(form["role"]))
                    workspace.record(ActivityKind.CHANGED_ROLE, f"{visible(name)} ({form['role']})")
                case "sign_out":
                    accounts.sign_out(name)
                    workspace.record(ActivityKind.ENDED_SIGN_INS, visible(name))
                case "remove":
                    accounts.remove(name)
                    workspace.record(ActivityKind.REMOVED, visible(name))
                case _:
                    raise AccountError("this form is not complete")
        except AccountError as error:
            return self._page(workspace, top, _fault(as_sentence(str(error))), 400)
        except OSError as error:
            _LOG.error("the accounts cannot be written: %s", error)
            return self._page(workspace, top, _fault(UNWRITTEN), 503)
        return RedirectResponse(f"{self._path}{TEACHERS}", status_code=303)

    def _page(self, workspace: Workspace, top: str, note: str = "", status: int = 200) -> Response:
        policy = self._policy
        roster, now = policy.accounts.roster, policy.accounts.now
        parts = [note]
        if not roster.accounts:
            is_local = policy.password is None
            who = "everybody on this machine" if is_local else "whoever knows the password"
            then = "" if is_local else ", and the password signs nobody in any more"
            parts.append(_INTRODUCTION.format(who=who, then=then))
        parts += [_accounts(roster, workspace.teacher)] if roster.accounts else []
        if invitations := roster.open_invitations(now):
            items = "".join(_invitation(one) for one in invitations.values())
            parts.append(f"<section><h2>Open invitations</h2><ul>{items}</ul></section>")
        roles = list(TeacherRole) if roster.accounts else [TeacherRole.ADMINISTER]
        parts.append(_INVITE.format(roles=_roles(roles, roles[0]), about=_ABOUT))
        lines = "".join(map(_line, itertools.islice(policy.log.latest(), _MOST)))
        parts.append(f"<section><h2>Latest activity</h2><ol class='activity'>{lines}</ol></section>")
        content = _PAGE.format(path=self._path, head=self._head, top=top, parts="\n".join(parts))
        return HTMLResponse(content, status, {"cache-control": "no-store"})


def add_teachers(
    pages: FastAPI,
    policy: AccessPolicy,
    workspace_of: Callable[[Request], Awaitable[Workspace]],
    top: Callable[[Workspace], str],
    path: str,
    head: str,
) -> None:
    """Add the routes of the page.

    Args:
        pages: the application of the teachers' pages.
        policy: has the accounts and the log.
        workspace_of: returns the workspace of the teacher who sends a request.
        top: returns HTML to stand above the page.
        path: the path of the teachers' pages.
        head: HTML for the end of the page's head.
    """
    page = TeachersPage(policy, path, head)

    @pages.get(TEACHERS)
    async def show(request: Request) -> Response:
        workspace = await workspace_of(request)
        return await asyncio.to_thread(page.show, workspace, top(workspace))

    @pages.post(TEACHERS)
    async def take(request: Request) -> Response:
        workspace, form = await workspace_of(request), SentForm(await request.body())
        address = f"{request.url.scheme}://{request.url.netloc}"
        return await asyncio.to_thread(page.take, workspace, form, address, top(workspace))


def _fault(line: str) -> str:
    return f'<p class="note is-bad" role="alert">{_text(line, 300)}</p>'


def _text(text: str, width: int = 60) -> str:
    return html.escape(visible(text, width))


def _roles(roles: list[TeacherRole], chosen: TeacherRole) -> str:
    return "".join(
        f'<option value="{role}"{" selected" if role is chosen else ""}>{role}</option>' for role in roles
    )


def _when(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def _accounts(roster: Roster, teacher: str) -> str:
    items = "".join(_account(one, teacher) for one in roster.accounts.values())
    return f"<section><h2>Accounts</h2><ul>{items}</ul></section>"


def _account(account: Account, teacher: str) -> str:
    name = html.escape(account.name)
    you = ' <span class="badge">you</span>' if account.name == teacher else ""
    hidden = f'<input type="hidden" name="name" value="{name}">'
    roles = _roles(list(TeacherRole), account.role)
    return f"""<li class="card"><h3><bdi>{_text(account.name)}</bdi>{you}</h3>
<div class="row">
<form method="post" class="row">{hidden}
<select name="role" aria-label="Role of {name}">{roles}</select>
<button name="do" value="role">Change role</button></form>
<form method="post" class="row">{hidden}<button name="do" value="invite">Link for a new password</button>
<button name="do" value="sign_out">End sign-ins</button></form>
<details><summary>Remove</summary><form method="post">{hidden}
<button name="do" value="remove">Remove {_text(account.name)} for good</button></form></details>
</div></li>"""


def _invitation(invitation: Invitation) -> str:
    name = html.escape(invitation.name)
    return f"""<li class="card"><h3><bdi>{_text(invitation.name)}</bdi></h3><div class="row">
<span>{invitation.role}, by <bdi>{_text(invitation.inviter)}</bdi>, until {_when(invitation.expires)}</span>
<form method="post"><input type="hidden" name="name" value="{name}">
<button name="do" value="withdraw">Withdraw</button></form></div></li>"""


def _line(activity: Activity) -> str:
    return f"<li><time>{_when(activity.time)}</time> <bdi>{_text(str(activity), 200)}</bdi></li>"
