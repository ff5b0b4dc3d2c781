"""The application: the teachers' pages under one path, with the visitors' application beside them."""

from __future__ import annotations

import asyncio
import html
import warnings
from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI, HTTPException
from nicegui import app as pages
from nicegui import ui
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp

from dialogue_gym._text import visible
from dialogue_gym.journal.entry import PERSON
from dialogue_gym.web.access import AccessPolicy
from dialogue_gym.web.accounts import RoleError
from dialogue_gym.web.pages.conversations import conversations_page as build_conversations
from dialogue_gym.web.pages.domain import domain_page as build_domain
from dialogue_gym.web.pages.login import TEACHERS, add_sign_in
from dialogue_gym.web.pages.people import people_page as build_people
from dialogue_gym.web.pages.progress import show_progress
from dialogue_gym.web.pages.teach import Watchers, teach
from dialogue_gym.web.pages.teachers import add_teachers
from dialogue_gym.web.paths import TEACH_PATH
from dialogue_gym.web.play_page import PlayPage
from dialogue_gym.web.responses import COMPILED, leads_home
from dialogue_gym.web.security import ENTER, AccessMiddleware
from dialogue_gym.web.transfers import add_transfers
from dialogue_gym.web.workspace import Workspace, Workspaces

PATH = TEACH_PATH
_STATIC_PATH = "/static"
_STATIC = Path(__file__).parent / "static"
_PATIENCE = 60.0
"""Seconds for which the server keeps the state of a page that has lost its connection."""
_PAGES = (
    ("/", "Teach"),
    ("/progress", "Progress"),
    ("/conversations", "Conversations"),
    ("/domain", "Domain"),
)
_PEOPLE = ("/people", "People")
_PLAY = ("/play", "Play")
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

_LEAVE = f"""<script>
// The page of somebody who is not signed in any more leads to the sign-in once its socket is closed.
(function listen() {{
  if (!window.socket) return setTimeout(listen, 50);
  const look = () => fetch("{PATH}{_STATIC_PATH}/style.css", {{ cache: "no-store" }}).then(
    (answer) => answer.status === 401 && location.reload(), () => {{}});
  window.socket.on("disconnect", look);
  window.socket.io.on("reconnect_error", look);
}})();
</script>"""


def build(workspaces: Workspaces, policy: AccessPolicy, beside: ASGIApp | None = None) -> FastAPI:
    """Return the application, of which there can be one in a process.

    Args:
        workspaces: the workspaces of the teachers.
        policy: the rules of access.
        beside: an application for all other paths, which protects itself.
    """
    server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    watchers = Watchers(workspaces)
    domain = workspaces.config.domain
    offered = _PAGES if workspaces.handoff is None else (*_PAGES, _PEOPLE)
    if domain.fake_user is not None:
        offered = (*offered, _PLAY)

    def found(request: Request) -> Workspace:
        teacher = policy.teacher(request.headers)
        if teacher is None and policy.needs_sign_in:  # it has ended since the request was let in
            raise HTTPException(401, "sign in again")
        return workspaces.of(teacher or PERSON)

    async def workspace_of(request: Request) -> Workspace:
        return await asyncio.to_thread(found, request)

    @ui.page("/", title="Teach", reconnect_timeout=_PATIENCE, response_timeout=_PATIENCE)
    async def teach_page(request: Request) -> None:
        workspace = await workspace_of(request)
        _frame("/", workspace, offered)
        teach(workspace, watchers)

    @ui.page("/progress", title="Progress", reconnect_timeout=_PATIENCE, response_timeout=_PATIENCE)
    async def progress_page(request: Request) -> None:
        workspace = await workspace_of(request)
        _frame("/progress", workspace, offered)
        await show_progress(workspace, watchers)

    @ui.page("/conversations", title="Conversations", reconnect_timeout=_PATIENCE, response_timeout=_PATIENCE)
    async def conversations_page(request: Request) -> None:
        workspace = await workspace_of(request)
        _frame("/conversations", workspace, offered)
        await build_conversations(workspace, watchers, f"{PATH}/")

    @ui.page("/domain", title="Domain", reconnect_timeout=_PATIENCE, response_timeout=_PATIENCE)
    async def domain_page(request: Request) -> None:
        workspace = await workspace_of(request)
        _frame("/domain", workspace, offered)
        await build_domain(workspace, watchers)

    if (handoff := workspaces.handoff) is not None:

        @ui.page("/people", title="People", reconnect_timeout=_PATIENCE, response_timeout=_PATIENCE)
        async def people_page(request: Request) -> None:
            workspace = await workspace_of(request)
            _frame("/people", workspace, offered)
            await build_people(handoff, workspace)

    if domain.fake_user is not None:
        play = PlayPage(domain, head=_THEME)
        pages.on_shutdown(play.close)

        @pages.get(_PLAY[0])
        async def play_page(request: Request) -> Response:
            return await play.respond(request, _top(_PLAY[0], await workspace_of(request), offered))

    add_transfers(pages, workspace_of, watchers.show)

    add_sign_in(pages, policy, PATH)
    add_teachers(
        pages, policy, workspace_of, lambda workspace: _top(TEACHERS, workspace, offered), PATH, _THEME
    )

    @pages.exception_handler(RoleError)
    def not_allowed(request: Request, error: RoleError) -> Response:
        return PlainTextResponse(f"{error}\n", 403)

    pages.add_exception_handler(404, leads_home(f"{PATH}/"))
    pages.add_static_files(_STATIC_PATH, _STATIC)
    # NiceGUI looks at every object in memory, and some of PyTorch's warn when they are looked at.
    warnings.filterwarnings("ignore", category=FutureWarning, module="nicegui.ui_run_with")
    ui.run_with(
        server,
        mount_path=PATH,
        title="dialogue_gym",
        favicon=_STATIC / "icon.svg",
        language="en-US",
        tailwind=False,
        show_welcome_message=False,
    )
    pages.add_middleware(AccessMiddleware, policy=policy, enter=ENTER, content=COMPILED)
    server.mount("/", beside or AccessMiddleware(RedirectResponse(f"{PATH}/", status_code=307), policy))
    return server


def _frame(here: str, workspace: Workspace, offered: Sequence[tuple[str, str]]) -> None:
    """Put the header of all pages on a page."""
    ui.add_head_html(f'<link rel="stylesheet" href="{PATH}{_STATIC_PATH}/style.css">{_THEME}{_LEAVE}')
    ui.html(_header(here, workspace, offered), sanitize=False, tag="header").classes("top")


def _top(here: str, workspace: Workspace, offered: Sequence[tuple[str, str]]) -> str:
    """Return the header of a page that the framework does not make."""
    return f'<header class="top">{_header(here, workspace, offered)}</header>'


def _header(here: str, workspace: Workspace, offered: Sequence[tuple[str, str]]) -> str:
    """Return the content of the header of all pages."""
    links = "".join(
        f'<a href="{PATH}{path}"{" aria-current=page" if path == here else ""}>{title}</a>'
        for path, title in offered
    )
    bot, teacher = (
        html.escape(visible(text, 40)) for text in (workspace.session.domain.name, workspace.teacher)
    )
    return f"""<a class="skip" href="#main">Skip to content</a>
        <span class="brand"><bdi>{bot}</bdi></span>
        <nav aria-label="Pages">{links}</nav>
        <a class="teacher" href="{PATH}{ENTER}" title="Your name and sign-in">
        <span class="sr">Your name: </span><bdi>{teacher}</bdi></a>
        <button class="theme" type="button" aria-label="Toggle dark mode" title="Toggle dark mode"
        onclick="toggleTheme()"><span aria-hidden="true">◐</span></button>"""
