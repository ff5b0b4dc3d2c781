"""The conversations page: search, read, approve and correct; disagreements, ratings, export and import."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

from nicegui import ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from dialogue_gym._text import quoted, visible
from dialogue_gym.domain import DomainError
from dialogue_gym.journal.activity import ActivityKind
from dialogue_gym.journal.entry import StoreError
from dialogue_gym.live.turn import LiveError
from dialogue_gym.outline.names import misspelled, written_name
from dialogue_gym.teaching.own_words import name_words
from dialogue_gym.web.accounts import RoleError, TeacherRole
from dialogue_gym.web.commands import dispatch
from dialogue_gym.web.listing import (
    MOST_ROWS,
    conversation_view,
    disagreement_rows,
    ratings,
    rows,
    unnamed_words,
)
from dialogue_gym.web.pages.refreshing import keep_fresh
from dialogue_gym.web.pages.teach import PARTS, Watchers
from dialogue_gym.web.view import Json
from dialogue_gym.web.workspace import StaleCommand, Workspace

_EVERY = 2.0
"""Seconds between two checks for new entries."""


class ConversationsView(Element, component="conversations.js", esm=PARTS):
    """All conversations, and one of them, in the browser."""

    def show(self, shown: Json) -> None:
        """Show the current content."""
        self._props["shown"] = shown
        self.update()


class Reader:
    """The state of one open page."""

    def __init__(self, workspace: Workspace) -> None:
        """Begin with all conversations."""
        self._workspace = workspace
        self._text = ""
        self._open: str | None = None
        self.error = ""
        self._seen = -1
        self._rights: Json = {}

    def has_news(self) -> bool:
        """Return whether there are entries newer than the content, or the teacher has another role."""
        return self._seen != self._workspace.shared.written or self._rights != self._rights_now()

    def _rights_now(self) -> Json:
        workspace = self._workspace
        allows = workspace.shared.allows
        return {
            "may_approve": allows(workspace.teacher, TeacherRole.APPROVE),
            "may_administer": allows(workspace.teacher, TeacherRole.ADMINISTER),
        }

    def look(self) -> Json:
        """Return the content; this may take a while."""
        workspace, workspaces = self._workspace, self._workspace.shared
        with workspaces.lock:
            workspace.catch_up()
            self._seen, self._rights = workspaces.written, self._rights_now()
            session = workspace.session
            history = session.history
            if self._open not in history.conversations:
                self._open = None
            error, self.error = self.error, ""
            listed = rows(history, workspaces.owner, self._text)
            return {
                "rows": listed,
                "count": len(listed) if len(listed) < MOST_ROWS else len(history.conversations),
                "unnamed": unnamed_words(history, workspaces.store),
                "actions": list(session.domain.actions[2:]),
                "open": None if self._open is None else conversation_view(history, self._open),
                "differing": disagreement_rows(history, session.domain, session.turn_taking),
                "ratings": ratings(history, workspaces.moderation.waiting()),
                "teacher": workspace.teacher,
                "error": error,
                **self._rights,
            }

    def search(self, text: object) -> None:
        """Search for a text."""
        self._text = str(text)[:200]

    def open(self, conversation: object) -> None:
        """Read a conversation."""
        self._open = str(conversation)

    @contextlib.contextmanager
    def _shows_errors(self) -> Iterator[None]:
        """Show an error within this context to the teacher."""
        try:
            yield
        except (DomainError, LiveError, RoleError, StoreError) as error:
            self.error = visible(str(error))

    def approve(self, given: Any) -> None:
        """Approve a whole conversation, or take that back."""
        if isinstance(given, dict):
            with self._shows_errors():
                self._workspace.rate(str(given.get("conversation")), 1.0 if given.get("is_right") else 0.0)

    def settle_rating(self, given: Any) -> None:
        """Approve or reject a visitor's rating."""
        if isinstance(given, dict) and isinstance(given.get("rating"), int):
            moderation, is_right = self._workspace.shared.moderation, bool(given.get("is_right"))
            settle = moderation.approve if is_right else moderation.decline
            with self._shows_errors():
                self._workspace.require(TeacherRole.APPROVE)
                settle(given["rating"])
                what = ActivityKind.APPROVED if is_right else ActivityKind.REJECTED
                self._workspace.record(what, f"rating {given['rating']}")

    def decline_bursts(self) -> None:
        """Reject the ratings of bursts."""
        with self._shows_errors():
            self._workspace.require(TeacherRole.APPROVE)
            self._workspace.shared.moderation.decline_bursts()
            self._workspace.record(ActivityKind.REJECTED, "the ratings of bursts")

    def name_words(self, given: Any) -> None:
        """Let an action stand for a teacher's own words."""
        if not isinstance(given, dict) or not isinstance(given.get("entry"), int):
            return
        workspace, workspaces = self._workspace, self._workspace.shared
        with workspaces.lock:
            workspace.catch_up()
            history, domain = workspace.session.history, workspace.session.domain
            action = written_name(str(given.get("action") or ""), "action", domain.actions)
            with self._shows_errors():
                if action not in domain.actions and (meant := misspelled(action, domain.actions)):
                    raise DomainError(f"unknown action {quoted(action)}; did you mean {meant!r}?")
                name_words(workspaces.store, history, domain, given["entry"], action, workspace.teacher)
            workspace.catch_up()

    def resume(self, name: str, args: Json) -> bool:
        """Fork or resume a conversation on the teaching page; return whether it worked."""
        workspace = self._workspace
        with workspace.shared.lock:
            workspace.catch_up()
            try:
                dispatch(workspace, workspace.step, name, args)
            except StaleCommand as stale:  # another tab was faster
                self.error = str(stale)
                return False
            faults = [note.text for note in workspace.notes if note.style == "bad"]
            self.error = " ".join(faults)
            return not faults


async def conversations_page(workspace: Workspace, watchers: Watchers, home: str) -> None:
    """Build the page; `home` is the path of all pages."""
    page, reader = ConversationsView(), Reader(workspace)
    page._props["home"] = home

    async def look() -> None:
        page.show(await asyncio.to_thread(reader.look))

    async def search(event: GenericEventArguments) -> None:
        reader.search(event.args)
        await look()

    async def read(event: GenericEventArguments) -> None:
        reader.open(event.args)
        await look()

    async def approve(event: GenericEventArguments) -> None:
        await asyncio.to_thread(reader.approve, event.args)
        watchers.show(workspace)
        await look()

    async def settle_rating(event: GenericEventArguments) -> None:
        await asyncio.to_thread(reader.settle_rating, event.args)
        await look()

    async def decline_bursts() -> None:
        await asyncio.to_thread(reader.decline_bursts)
        await look()

    async def name(event: GenericEventArguments) -> None:
        await asyncio.to_thread(reader.name_words, event.args)
        watchers.show(workspace)
        await watchers.update_others(workspace)
        await look()

    async def resume(event: GenericEventArguments) -> None:
        args = event.args if isinstance(event.args, dict) else {}
        name = "fork" if "entry" in args else "resume"
        if await asyncio.to_thread(reader.resume, name, args):
            watchers.show(workspace)
            ui.navigate.to("/")
            await watchers.update_others(workspace)
        else:
            await look()

    async def refresh() -> None:
        if await asyncio.to_thread(reader.has_news):
            await look()

    page.on("search", search)
    page.on("read", read)
    page.on("approve", approve)
    page.on("settle_rating", settle_rating)
    page.on("decline_bursts", decline_bursts)
    page.on("name", name)
    page.on("open", resume)
    page.on("refresh", look)
    await keep_fresh(look, refresh, _EVERY)
