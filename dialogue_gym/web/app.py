"""The server: the teachers' pages, all under one path and behind one guard, which leaves room for others."""

from __future__ import annotations

import asyncio
import html
import warnings
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs

from fastapi import FastAPI
from nicegui import app as pages
from nicegui import ui
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp

from dialogue_gym._text import visible
from dialogue_gym.journal.entry import PERSON
from dialogue_gym.web.pages.conversations import converse
from dialogue_gym.web.pages.login import enter_form
from dialogue_gym.web.pages.people import attend
from dialogue_gym.web.pages.progress import show_progress
from dialogue_gym.web.pages.teach import Watchers, teach
from dialogue_gym.web.security import COOKIE, ENTER, AccessMiddleware, AccessPolicy
from dialogue_gym.web.transfers import add_transfers
from dialogue_gym.web.workspace import Workspace, Workspaces, teacher_fault

PATH = "/teach"
"""Where the teachers' pages are. Their cookies are sent there alone."""
_STATIC = "/own"
_PATIENCE = 60.0
"""Seconds for which a page that has lost its connection keeps its place."""
_PAGES = (("/", "Teach"), ("/progress", "Progress"), ("/conversations", "Conversations"))
_PEOPLE = ("/people", "People")
_THEME = """<script>
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
}
function toggleTheme() {
  const now = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  setTheme(now);
  try { localStorage.setItem("dialogue-gym.theme", now); } catch {}
}
(() => {
  let chosen = null;
  try { chosen = localStorage.getItem("dialogue-gym.theme"); } catch {}
  setTheme(chosen || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
})();
</script>"""


def build(
    rooms: Workspaces, door: AccessPolicy, text: str | None = None, beside: ASGIApp | None = None
) -> FastAPI:
    """Return the server, of which there can be one in a process.

    Args:
        rooms: of the teachers.
        door: who is let in.
        text: of the domain's file.
        beside: what is served beside the teachers' pages; it has to guard itself.
    """
    server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    watchers = Watchers(rooms)
    offered = _PAGES if rooms.attendance is None else (*_PAGES, _PEOPLE)

    async def room_of(request: Request) -> Workspace:
        return await asyncio.to_thread(rooms.room, door.teacher(request.headers) or PERSON)

    @ui.page("/", title="Teach", reconnect_timeout=_PATIENCE, response_timeout=_PATIENCE)
    async def teach_page(request: Request) -> None:
        room = await room_of(request)
        _frame("/", room, offered)
        teach(room, watchers)

    @ui.page("/progress", title="Progress", reconnect_timeout=_PATIENCE, response_timeout=_PATIENCE)
    async def progress_page(request: Request) -> None:
        room = await room_of(request)
        _frame("/progress", room, offered)
        show_progress(room)

    @ui.page("/conversations", title="Conversations", reconnect_timeout=_PATIENCE, response_timeout=_PATIENCE)
    async def conversations_page(request: Request) -> None:
        room = await room_of(request)
        _frame("/conversations", room, offered)
        converse(room, watchers, f"{PATH}/")

    if (attendance := rooms.attendance) is not None:

        @ui.page("/people", title="People", reconnect_timeout=_PATIENCE, response_timeout=_PATIENCE)
        async def people_page(request: Request) -> None:
            room = await room_of(request)
            _frame("/people", room, offered)
            attend(attendance, room.rooms.store, room.teacher)

    add_transfers(pages, room_of, text, watchers.show)

    @pages.get(ENTER)
    def enter(request: Request) -> Response:
        return HTMLResponse(enter_form(door.password is not None, door.teacher(request.headers) or ""))

    @pages.post(ENTER)
    async def entered(request: Request) -> Response:
        return _enter(door, request, await request.body())

    pages.add_static_files(_STATIC, Path(__file__).parent / "static")
    # It looks at every object that there is, and some of torch's do not like that.
    warnings.filterwarnings("ignore", category=FutureWarning, module="nicegui.ui_run_with")
    ui.run_with(
        server,
        mount_path=PATH,
        title="dialogue_gym",
        favicon=Path(__file__).parent / "static" / "icon.svg",
        language="en-US",
        tailwind=False,
        show_welcome_message=False,
    )
    pages.add_middleware(AccessMiddleware, door=door, enter=ENTER)
    server.mount("/", beside or AccessMiddleware(RedirectResponse(f"{PATH}/", status_code=307), door))
    return server


def _enter(door: AccessPolicy, request: Request, body: bytes) -> Response:
    """Take a teacher's name, and the password where one is needed."""
    given = parse_qs(body.decode("utf-8", "replace"))
    name = given.get("name", [""])[0].strip() or PERSON
    address = request.client.host if request.client else ""
    needs_password = door.password is not None
    if (wait := door.tries.wait(address)) > 0:
        line = f"Too many wrong passwords. Try again in {int(wait) + 1} seconds."
        headers = {"retry-after": str(int(wait) + 1)}
        return HTMLResponse(enter_form(needs_password, name, line), 429, headers)
    if not door.is_right(given.get("password", [""])[0]):
        door.tries.failed(address)
        return HTMLResponse(enter_form(needs_password, name, "This is not the password."), 401)
    door.tries.succeeded(address)
    if fault := teacher_fault(name):
        line = f"This cannot be a name: {fault}."
        return HTMLResponse(enter_form(needs_password, name, line), 400)
    response = RedirectResponse(f"{PATH}/", status_code=303)
    response.set_cookie(
        COOKIE,
        door.cookie(name),
        max_age=30 * 86400,
        path=PATH,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


def _frame(here: str, room: Workspace, offered: Sequence[tuple[str, str]]) -> None:
    """Put around a page what all pages have."""
    ui.add_head_html(f'<link rel="stylesheet" href="{PATH}{_STATIC}/style.css">{_THEME}')
    links = "".join(
        f'<a href="{PATH}{path}"{" aria-current=page" if path == here else ""}>{title}</a>'
        for path, title in offered
    )
    bot, teacher = (html.escape(visible(text, 40)) for text in (room.session.domain.name, room.teacher))
    ui.html(
        f"""<a class="skip" href="#main">To the page</a>
        <span class="brand"><bdi>{bot}</bdi></span>
        <nav aria-label="Pages">{links}</nav>
        <a class="who" href="{PATH}{ENTER}" title="Answers carry this name. Change it">
        <span class="sr">Your name: </span><bdi>{teacher}</bdi></a>
        <button class="theme" type="button" aria-label="Light or dark" title="Light or dark"
        onclick="toggleTheme()"><span aria-hidden="true">◐</span></button>""",
        sanitize=False,
        tag="header",
    ).classes("top")
