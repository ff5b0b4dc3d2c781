"""What goes out of a store as files, and what comes in: all of it inside the store's folder."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response

from dialogue_gym._files import FileError, write_whole
from dialogue_gym._text import nearest, shorten, visible
from dialogue_gym._yaml import parse_yaml
from dialogue_gym.domain import Domain
from dialogue_gym.domain.additions import ACTION, INTENT, SLOT, Addition, extend
from dialogue_gym.domain.loader import parse_domain
from dialogue_gym.domain.model import DOMAIN_FILE
from dialogue_gym.journal.entry import DOMAIN, STORY, Draft
from dialogue_gym.nlu.examples import read_examples
from dialogue_gym.stories import parse as parse_stories
from dialogue_gym.teaching.export import DOMAIN_NAME, NLU_NAME, STORY_FILES, export
from dialogue_gym.teaching.import_stories import import_stories
from dialogue_gym.web.workspace import Workspace

EXPORTED, IMPORTED = "exported", "imported"
"""Folders in a store."""
FILES = (*STORY_FILES.values(), NLU_NAME, DOMAIN_NAME)
KINDS = ("stories", "nlu", "domain")


class TransferError(FileError):
    """Something that cannot be exported or imported."""


@dataclass(frozen=True)
class Transfer:
    """Carries files out of a teacher's store and into it.

    `text` is that of the domain's file.
    """

    room: Workspace
    text: str | None = None

    @property
    def _folder(self) -> Path:
        return self.room.rooms.store.folder

    def export(self, story_format: str) -> list[str]:
        """Write what was taught into the store's folder `exported`; return the names of its files.

        Raises:
            FileError: something cannot be written in this format, or added to what is there.
            OSError: a file cannot be written.
        """
        if story_format not in STORY_FILES:
            valid = nearest(story_format, STORY_FILES)
            raise TransferError(f"{shorten(story_format)} is no format of stories; {valid}")
        folder = self._folder / EXPORTED
        with self.room.rooms.lock:
            self.room.catch_up()
            session = self.room.session
            export(session.history, session.domain, folder, story_format, self.text)
        return [name for name in FILES if (folder / name).is_file()]

    def exported(self, name: str) -> Path:
        """Return an exported file.

        Raises:
            TransferError: there is none of this name.
        """
        if name not in FILES:
            raise TransferError(f"{shorten(name)} is no export; {nearest(name, FILES)}")
        path = self._folder / EXPORTED / name
        if not path.is_file():
            raise TransferError(f"{name} was not exported yet")
        return path

    def take(self, kind: str, name: str, content: bytes) -> str:
        """Take in a file that somebody has; return a line on what was new in it.

        Args:
            kind: `"stories"`, `"nlu"` or `"domain"`.
            name: what the file is called, for errors and for its format alone.
            content: of the file.

        Raises:
            FileError: it is none of its kind; one line says why.
            OSError: it cannot be kept.
        """
        if kind not in KINDS:
            raise TransferError(f"{shorten(kind)} cannot be imported; {nearest(kind, KINDS)}")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise TransferError(f"{visible(name, 60)}: this is no text in UTF-8") from None
        with self.room.rooms.lock:
            self.room.catch_up()
            take = {"stories": self._take_stories, "nlu": self._take_nlu, "domain": self._take_domain}[kind]
            line = take(visible(name, 60), text)
            self.room.refresh()
        return line

    def _take_stories(self, name: str, text: str) -> str:
        session = self.room.session
        known = [re.fullmatch(rf"{STORY} (\d+)", one) for one in session.history.conversations]
        last = max((int(found[1]) for found in known if found), default=0)
        stories = parse_stories(text, name)
        if not stories:
            raise TransferError(f"{name}: there are no stories in it")
        count = import_stories(self.room.rooms.store, session.domain, stories, last)
        return f"{len(stories)} stories are read, as {count} conversations to learn from."

    def _take_nlu(self, name: str, text: str) -> str:
        folder = self._folder / IMPORTED
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / (f"nlu{'.md' if name.lower().endswith('.md') else '.yml'}")
        count = 0

        def write(temporary: Path) -> None:
            nonlocal count
            temporary.write_text(text, encoding="utf-8")
            try:
                count = len(read_examples(temporary).examples)
            except FileError as error:
                raise TransferError(str(error).replace(str(temporary), name)) from None
            if not count:
                raise TransferError(f"{name}: there are no examples in it")

        write_whole(path, write)
        self.room.rooms.forget_words()
        return f"{count} examples are kept. What you type is understood from them, once it is learned."

    def _take_domain(self, name: str, text: str) -> str:
        domain = self.room.session.domain
        other = parse_domain(parse_yaml(text, name, DOMAIN_FILE), domain.name)
        growth = _growth(domain, other)
        extend(domain, growth)  # so that what cannot be added is never written down
        self.room.rooms.store.append_all(
            Draft("", DOMAIN, one.content(), None, self.room.teacher) for one in growth
        )
        return f"{len(growth)} names are new: {', '.join(one.name for one in growth) or 'none'}."


def imported_examples(folder: Path) -> list[Path]:
    """Return the examples that were imported into a store."""
    return sorted((folder / IMPORTED).glob("nlu.*"))


def _growth(domain: Domain, other: Domain) -> list[Addition]:
    """Return what another domain has that a domain does not."""
    growth = [
        *(Addition(ACTION, name, tuple(other.texts(name))) for name in other.actions),
        *(Addition(INTENT, name) for name in other.intents),
        *(Addition(SLOT, slot.name, type=slot.type, values=tuple(slot.values)) for slot in other.slots),
    ]
    return [one for one in growth if not one.is_in(domain)]


EXPORT, IMPORT = "/export", "/import"


def add_transfers(
    pages: FastAPI,
    room_of: Callable[[Request], Awaitable[Workspace]],
    text: str | None,
    show: Callable[[Workspace], None],
) -> None:
    """Let files go out and come in.

    Args:
        pages: where the teachers' pages are.
        room_of: gives the room of the teacher who asks.
        text: of the domain's file.
        show: lets the pages of a room show what has changed.
    """

    @pages.post(EXPORT)
    async def write(request: Request, format: str = "markdown") -> Response:
        transfer = Transfer(await room_of(request), text)
        try:
            names = await asyncio.to_thread(transfer.export, format)
        except (FileError, OSError) as error:
            return PlainTextResponse(f"{error}\n", 400)
        return JSONResponse({"files": names})

    @pages.get(EXPORT + "/{name:path}")
    async def read(request: Request, name: str) -> Response:
        try:
            path = Transfer(await room_of(request)).exported(name)
        except TransferError as error:
            return PlainTextResponse(f"{error}\n", 404)
        return FileResponse(path, filename=path.name, content_disposition_type="attachment")

    @pages.post(IMPORT + "/{kind}")
    async def take(request: Request, kind: str, name: str = "file") -> Response:
        room = await room_of(request)
        content = await request.body()
        try:
            line = await asyncio.to_thread(Transfer(room, text).take, kind, name, content)
        except (FileError, OSError) as error:
            return PlainTextResponse(f"{error}\n", 400)
        show(room)
        return JSONResponse({"line": line})
