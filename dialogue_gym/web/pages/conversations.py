"""The page of all conversations: search, read, approve, correct afterwards, settle, export and import."""

from __future__ import annotations

import asyncio
from typing import Any

from nicegui import ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from dialogue_gym._text import visible
from dialogue_gym.journal.entry import StoreError
from dialogue_gym.live.turn import LiveError
from dialogue_gym.web.listing import differing, ratings, reading, rows
from dialogue_gym.web.pages.teach import PARTS, Watchers
from dialogue_gym.web.view import Json
from dialogue_gym.web.workspace import StaleAnswer, Workspace

_EVERY = 2.0
"""Seconds between two looks for news."""


class ConversationsView(Element, component="conversations.js", esm=PARTS):
    """All conversations, and one of them."""

    def show(self, shown: Json) -> None:
        """Show how things are."""
        self._props["shown"] = shown
        self.update()


class Reader:
    """What one page looks at."""

    def __init__(self, room: Workspace) -> None:
        """Look at all conversations."""
        self._room = room
        self._text = ""
        self._open: str | None = None
        self.told = ""
        self._seen = -1

    def has_news(self) -> bool:
        """Return whether something was written down since the last look."""
        return self._seen != self._room.rooms.written

    def look(self) -> Json:
        """Return what is shown; it may take a while."""
        room, rooms = self._room, self._room.rooms
        with rooms.lock:
            room.catch_up()
            self._seen = rooms.written
            session = room.session
            history = session.history
            if self._open not in history.conversations:
                self._open = None
            told, self.told = self.told, ""
            return {
                "rows": rows(history, rooms.owner, self._text),
                "count": len(history.conversations),
                "open": None if self._open is None else reading(history, self._open),
                "differing": differing(history, session.domain, session.turn_taking),
                "ratings": ratings(history, rooms.approval.waiting()),
                "teacher": room.teacher,
                "told": told,
            }

    def search(self, text: object) -> None:
        """Look for a text."""
        self._text = str(text)[:200]

    def open(self, conversation: object) -> None:
        """Read a conversation."""
        self._open = str(conversation)

    def approve(self, given: Any) -> None:
        """Say that all of a conversation is right, or take that back."""
        if isinstance(given, dict):
            try:
                self._room.rate(str(given.get("conversation")), 1.0 if given.get("is_right") else 0.0)
            except (LiveError, StoreError) as error:
                self.told = visible(str(error))

    def settle(self, given: Any) -> None:
        """Let the rating of a stranger count, or never count."""
        if isinstance(given, dict) and isinstance(given.get("rating"), int):
            approval = self._room.rooms.approval
            settle = approval.approve if given.get("is_right") else approval.decline
            try:
                settle(given["rating"])
            except (LiveError, StoreError) as error:
                self.told = visible(str(error))

    def answer(self, do: str, given: Json) -> bool:
        """Do what leads back to teaching; return whether it did."""
        room = self._room
        with room.rooms.lock:
            room.catch_up()
            try:
                room.answer(room.step, do, given)
            except StaleAnswer:  # somebody else was faster
                return False
            faults = [note.text for note in room.notes if note.style == "bad"]
            self.told = " ".join(faults)
            return not faults


def converse(room: Workspace, watchers: Watchers, home: str) -> None:
    """Build the page; `home` is the path under which all pages are."""
    page, reader = ConversationsView(), Reader(room)
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
        watchers.show(room)
        await look()

    async def settle(event: GenericEventArguments) -> None:
        await asyncio.to_thread(reader.settle, event.args)
        await look()

    async def answer(event: GenericEventArguments) -> None:
        given = event.args if isinstance(event.args, dict) else {}
        do = "fork" if "entry" in given else "take_up"
        if await asyncio.to_thread(reader.answer, do, given):
            watchers.show(room)
            ui.navigate.to("/")
            await watchers.tell_others(room)
        else:
            await look()

    async def refresh() -> None:
        if reader.has_news():
            await look()

    ui.timer(_EVERY, refresh)
    page.on("search", search)
    page.on("read", read)
    page.on("approve", approve)
    page.on("settle", settle)
    page.on("answer", answer)
    page.on("refresh", look)
    page.show(reader.look())
