"""The teaching page: it shows a workspace's view, and passes the teacher's commands on."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from nicegui import background_tasks
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from dialogue_gym.web.commands import dispatch
from dialogue_gym.web.view import Json, names_of
from dialogue_gym.web.workspace import StaleCommand, Workspace, Workspaces

PARTS = {"dialogue-gym-web": "parts"}
"""The module that the pages' scripts share, and its folder."""
KEYS = (
    ("Enter", "approve the proposed step"),
    ("1 … 9, 0", "choose a step by its number"),
    ("/", "filter the steps, or name a new one"),
    ("Alt+M", "correct the meaning of the message"),
    ("Alt+U", "undo"),
    ("Alt+R", "redo"),
    ("Alt+N", "start a new conversation"),
    ("Alt+G", "continue until the bot is unsure; Esc stops it"),
    ("Alt+W", "choose every step yourself"),
    ("↑ ↓", "move through the conversation"),
    ("Alt+F", "fork the conversation here"),
    ("Alt+T", "type a message"),
    ("?", "show this help"),
)
"""The page's shortcuts, with their effects."""
GUIDE = (
    (
        ".log",
        "The conversation",
        "The user is on the right, your bot on the left. Small print says how the bot understood a message.",
    ),
    (
        ".lesson",
        "The wish and the goal",
        "What the user wants, ticked once the bot knows it. Your goal is a row of dialogues in which you"
        " correct nothing.",
    ),
    (
        ".proposal",
        "The bot's next step",
        "What the bot would do now, how sure it is, and how often it was taught that. If it is right, approve"
        " it.",
    ),
    (
        ".say",
        "Your message",
        "You are the user. Type what a customer would say. Then the bot shows its next step: approve it, or"
        " choose a better one.",
    ),
    (
        ".picking",
        "A better step",
        "If the bot is wrong, click the right step, or press its number. The bot learns straight away.",
    ),
    (
        ".side",
        "The bot's notes, and settings",
        "What the bot has noted in this conversation. Below: who plays the user, and when the bot may"
        " continue by itself.",
    ),
    (
        ".tools",
        "If something goes wrong",
        "Undo takes back any answer. ? shows all keys, and this guide again.",
    ),
)
"""The parts of the page in the order in which the guide explains them: selector, title, text."""
_PACE = 0.1
"""Seconds between two steps of a bot that continues by itself, so that a person can follow."""


class TeachView(Element, component="teach.js", esm=PARTS):
    """A workspace in the browser."""

    def show(self, workspace: Workspace, notice: str = "") -> None:
        """Show the current view, with a notice for a moment."""
        self._props["view"] = workspace.view | {"notice": notice}
        self._props["names"] = names_of(workspace.session.domain)
        self.update()


class Watchers:
    """The open pages of each workspace, which all show the same."""

    def __init__(self, workspaces: Workspaces) -> None:
        """Begin without any page."""
        self._workspaces = workspaces
        self._pages: defaultdict[str, list[TeachView]] = defaultdict(list)

    def add(self, workspace: Workspace, page: TeachView) -> None:
        """Keep a page up to date until it is closed."""
        pages = self._pages[workspace.teacher]
        pages.append(page)
        page.client.on_delete(lambda: pages.remove(page))

    def show(self, workspace: Workspace) -> None:
        """Update all pages of a workspace."""
        for page in list(self._pages[workspace.teacher]):
            page.show(workspace)

    async def update_others(self, workspace: Workspace | None = None) -> None:
        """Let the other teachers' bots learn from this workspace, and update their pages; None for all."""
        for other in self._workspaces:
            if (
                other is not workspace
                and self._pages[other.teacher]
                and await asyncio.to_thread(other.catch_up)
            ):
                self.show(other)


def teach(workspace: Workspace, watchers: Watchers) -> None:
    """Build the page."""
    page = TeachView()
    page._props["keys"] = KEYS
    page._props["guide"] = [{"of": of, "title": title, "text": text} for of, title, text in GUIDE]
    page.show(workspace)
    watchers.add(workspace, page)

    async def command(event: GenericEventArguments) -> None:
        step, name, args = _read(event.args)
        try:
            await asyncio.to_thread(dispatch, workspace, step, name, args)
        except StaleCommand as stale:
            page.show(workspace, str(stale))
            return
        except Exception:
            page.show(workspace, "Something went wrong. See the server's log.")
            raise
        watchers.show(workspace)
        if workspace.is_running:
            background_tasks.create(go_on())
        else:
            await watchers.update_others(workspace)

    async def go_on() -> None:
        while await asyncio.to_thread(workspace.run_on):
            watchers.show(workspace)
            await asyncio.sleep(_PACE)
        watchers.show(workspace)

    async def stop() -> None:
        await asyncio.to_thread(workspace.stop)
        watchers.show(workspace)

    page.on("command", command)
    page.on("stop", stop)
    page.on("refresh", lambda: page.show(workspace))


def _read(sent: Any) -> tuple[str, str, Json]:
    """Return the step, name and arguments of a command, whatever was sent."""
    content = sent if isinstance(sent, dict) else {}
    args = content.get("args")
    return str(content.get("step")), str(content.get("command")), args if isinstance(args, dict) else {}
