"""The page on which a bot is taught: it shows a room's view, and passes on what the teacher answers."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from nicegui import background_tasks
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from dialogue_gym.web.view import Json, names_of
from dialogue_gym.web.workspace import StaleAnswer, Workspace, Workspaces

PARTS = {"dialogue-gym-web": "parts"}
"""What the pages' scripts share, and the folder in which it is."""
KEYS = (
    ("Enter", "yes, this is right"),
    ("1 … 9, 0", "pick what is right, by its number"),
    ("/", "filter the steps, or name a new one"),
    ("m", "say what the user meant"),
    ("u", "undo"),
    ("r", "redo"),
    ("n", "begin another conversation"),
    ("g", "let the bot go on by itself until it is unsure; Esc stops it"),
    ("w", "pick every step yourself"),
    ("↑ ↓", "move through the conversation"),
    ("f", "fork from where you are in it"),
    ("t", "type what the user says"),
    ("?", "this help"),
)
"""Shortcuts of the page, and what they do."""
_PACE = 0.1
"""Seconds between two steps that the bot does by itself, so that a person can follow."""


class TeachView(Element, component="teach.js", esm=PARTS):
    """What a teacher sees of a room."""

    def show(self, room: Workspace, told: str = "") -> None:
        """Show how things are, and tell something for a moment."""
        self._props["view"] = room.view | {"told": told}
        self._props["names"] = names_of(room.session.domain)
        self.update()


class Watchers:
    """The pages that show each room: when something happens in one, all of its pages show it."""

    def __init__(self, rooms: Workspaces) -> None:
        """Begin without any page."""
        self._rooms = rooms
        self._pages: defaultdict[str, list[TeachView]] = defaultdict(list)

    def add(self, room: Workspace, page: TeachView) -> None:
        """Let a page show a room, until it is closed."""
        pages = self._pages[room.teacher]
        pages.append(page)
        page.client.on_delete(lambda: pages.remove(page))

    def show(self, room: Workspace) -> None:
        """Let all pages of a room show how things are."""
        for page in list(self._pages[room.teacher]):
            page.show(room)

    async def tell_others(self, room: Workspace) -> None:
        """Let the other teachers' bots learn what was taught here."""
        for other in self._rooms:
            if other is not room and self._pages[other.teacher] and await asyncio.to_thread(other.catch_up):
                self.show(other)


def teach(room: Workspace, watchers: Watchers) -> None:
    """Build the page."""
    page = TeachView()
    page._props["keys"] = KEYS
    page.show(room)
    watchers.add(room, page)

    async def answer(event: GenericEventArguments) -> None:
        step, do, given = _read(event.args)
        try:
            await asyncio.to_thread(room.answer, step, do, given)
        except StaleAnswer:
            page.show(room, "Not applied: what is asked had changed by then. Look again.")
            return
        except Exception:
            page.show(room, "Something went wrong. The server's log says what.")
            raise
        watchers.show(room)
        if room.is_running:
            background_tasks.create(go_on())
        else:
            await watchers.tell_others(room)

    async def go_on() -> None:
        while await asyncio.to_thread(room.run_on):
            watchers.show(room)
            await asyncio.sleep(_PACE)
        watchers.show(room)

    async def stop() -> None:
        await asyncio.to_thread(room.stop)
        watchers.show(room)

    page.on("answer", answer)
    page.on("stop", stop)
    page.on("refresh", lambda: page.show(room))


def _read(sent: Any) -> tuple[str, str, Json]:
    """Return the step, the name and the values of an answer, whatever was sent."""
    content = sent if isinstance(sent, dict) else {}
    given = content.get("given")
    return str(content.get("step")), str(content.get("do")), given if isinstance(given, dict) else {}
