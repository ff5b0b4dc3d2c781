"""Export and import of files: within the store's folder, and through the browser."""

from __future__ import annotations

import asyncio
import io
import re
import tempfile
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response

from dialogue_gym._files import FileError
from dialogue_gym._text import counted, nearest, quoted, visible
from dialogue_gym._yaml import parse_yaml
from dialogue_gym.domain import Domain
from dialogue_gym.domain.additions import ACTION, INTENT, SLOT, Addition, extend
from dialogue_gym.domain.loader import parse_domain
from dialogue_gym.domain.model import DOMAIN_FILE, LISTEN, RESTART
from dialogue_gym.factory import IMPORTED_NAME
from dialogue_gym.journal.activity import ActivityKind
from dialogue_gym.journal.data_folder import write_data
from dialogue_gym.journal.entry import DOMAIN, STORY, Draft
from dialogue_gym.nlu.examples import read_examples
from dialogue_gym.stories import parse as parse_stories
from dialogue_gym.teaching.export_chat import export_chats
from dialogue_gym.teaching.export_rasa import EXPORT_FOLDERS, export_for, origins_of
from dialogue_gym.teaching.growth import growth_of
from dialogue_gym.teaching.story_import import import_stories
from dialogue_gym.web.accounts import TeacherRole
from dialogue_gym.web.workspace import Workspace

CHATS = "chats"
"""The target and the folder of an export for language models."""
_FOLDERS = EXPORT_FOLDERS | {CHATS: CHATS}
KINDS = ("stories", "nlu", "domain")
ARCHIVE = ".zip"
EXPORT_PATH, IMPORT_PATH, GROWTH_PATH = "/export", "/import", "/growth"


class TransferError(FileError):
    """A file that cannot be exported or imported."""


@dataclass(frozen=True)
class Transfer:
    """Export and import of files for a teacher.

    Attributes:
        workspace: the workspace of the teacher.
    """

    workspace: Workspace

    @property
    def _folder(self) -> Path:
        return self.workspace.shared.store.folder

    def export(self, target: str) -> dict[str, Any]:
        """Write what was taught into a folder in the store, for `"rasa"`, `"rasa1"` or `"chats"`.

        Returns:
            The names of the archive and of all files there, and the notes of the export.

        Raises:
            RoleError: the teacher does not administer, which all methods here need that write or give files.
            FileError: something cannot be written in this format, or added to the existing files.
            OSError: a file cannot be written.
        """
        self.workspace.require(TeacherRole.ADMINISTER)
        if target not in _FOLDERS:
            raise TransferError(f"unknown target {quoted(target)}; {nearest(target, _FOLDERS)}")
        folder = self._folder / _FOLDERS[target]
        with self.workspace.shared.lock:
            self.workspace.catch_up()
            session = self.workspace.session
            if target == CHATS:
                done = export_chats(session.history, session.domain, folder)
            else:
                origins = origins_of(self.workspace.shared.store)
                done = export_for(target, session.history, session.domain, folder, origins)
        self.workspace.record(ActivityKind.EXPORTED, folder.name)
        files = [name for name in self._files() if name.startswith(f"{folder.name}/")]
        return {"archive": folder.name + ARCHIVE, "files": files, "notes": done.notes}

    def _files(self) -> list[str]:
        """Return the exported files, relative to the folder of the store."""
        folders = [self._folder / name for name in _FOLDERS.values()]
        files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
        return [path.relative_to(self._folder).as_posix() for path in files]

    def exported(self, name: str) -> Path:
        """Return an exported file.

        Raises:
            TransferError: the file was not exported.
        """
        self.workspace.require(TeacherRole.ADMINISTER)
        if name not in (files := self._files()):
            raise TransferError(f"no such export: {quoted(name)}; {nearest(name, files)}")
        return self._folder / name

    def archive(self, name: str) -> bytes | None:
        """Return all files of an export as the ZIP archive of a name, such as `rasa.zip`; None for any other.

        The archive has the folder of the export, `rasa`.
        """
        self.workspace.require(TeacherRole.ADMINISTER)
        folder = name.removesuffix(ARCHIVE)
        files = [file for file in self._files() if file.startswith(f"{folder}/")]
        if not name.endswith(ARCHIVE) or folder not in _FOLDERS.values() or not files:
            return None
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(self._folder / file, file)
        return content.getvalue()

    def growth(self, writes: bool = False) -> str:
        """Return a line about the growth that the domain file lacks; empty without any.

        Args:
            writes: whether to write it into the file.

        Raises:
            FileError: the file cannot be read, or nothing can be added to it.
            OSError: the file cannot be written.
            RoleError: the teacher may not write to it.
        """
        if writes:
            self.workspace.require(TeacherRole.ADMINISTER)
        with self.workspace.shared.lock:
            self.workspace.catch_up()
            about = self.workspace.shared.store.domain
            growth = None
            if about:
                files = self.workspace.shared.store.files
                growth = growth_of(self.workspace.session.history, about.source, files.nlu)
            if growth and writes:
                growth.write()
                self.workspace.record(ActivityKind.WROTE, f"{growth.files}")
        if growth is None:
            return ""
        return f"Wrote {growth.files}." if writes else f"{growth}."

    def take(self, kind: str, name: str, content: bytes) -> str:
        """Import a file; return a line about its new content.

        Args:
            kind: `"stories"`, `"nlu"` or `"domain"`.
            name: the name of the file, for its format and errors. NLU examples take the place of those that
                were imported from a file of this name before.
            content: the content of the file.

        Raises:
            FileError: the file is not of this kind; one line gives the reason.
            OSError: it cannot be written.
        """
        self.workspace.require(TeacherRole.ADMINISTER)
        if kind not in KINDS:
            raise TransferError(f"{quoted(kind)} cannot be imported; {nearest(kind, KINDS)}")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise TransferError(f"{visible(name, 60)}: not a UTF-8 text file") from None
        with self.workspace.shared.lock:
            self.workspace.catch_up()
            take = {"stories": self._take_stories, "nlu": self._take_nlu, "domain": self._take_domain}[kind]
            line = take(visible(name, 60), text)
            self.workspace.refresh()
        self.workspace.record(ActivityKind.IMPORTED, f"{kind} from a file")
        return line

    def _take_stories(self, name: str, text: str) -> str:
        session = self.workspace.session
        known = [re.fullmatch(rf"{STORY} (\d+)", one) for one in session.history.conversations]
        last = max((int(found[1]) for found in known if found), default=0)
        stories = [story for story in parse_stories(text, name) if story.steps]
        if not stories:
            raise TransferError(f"{name}: the file has no stories")
        count = import_stories(self.workspace.shared.store, session.domain, stories, last)
        return f"Imported {counted(len(stories), 'story', 'stories')} ({counted(count, 'new conversation')})."

    def _take_nlu(self, name: str, text: str) -> str:
        file = _stored_name(name)
        with tempfile.TemporaryDirectory() as given:
            temporary = Path(given) / file
            temporary.write_bytes(text.encode())
            try:
                count = len(read_examples(temporary, may_read_files=False).examples)
            except FileError as error:
                raise TransferError(str(error).replace(str(temporary), name)) from None
        if not count:
            raise TransferError(f"{name}: the file has no examples")
        folder = self.workspace.shared.store.data / IMPORTED_NAME
        folder.mkdir(mode=0o700, exist_ok=True)
        before = f", in the place of those from {name} before" if (folder / file).exists() else ""
        write_data(folder / file, text.encode())
        self.workspace.shared.interpreter.read_again()
        return f"Imported {counted(count, 'example')}{before}. The bot learns them now."

    def _take_domain(self, name: str, text: str) -> str:
        domain = self.workspace.session.domain
        other = parse_domain(parse_yaml(text, name, DOMAIN_FILE), domain.name, may_read_files=False)
        if not (other.intents or other.slots or set(other.actions) - {LISTEN, RESTART}):
            raise TransferError(f"{name}: the file has no intents, actions or slots")
        additions = _additions(domain, other)
        if not additions:
            return "Nothing was added: the bot has all these names already."
        extend(domain, additions)  # raises before anything impossible is written
        self.workspace.shared.store.append_all(
            Draft("", DOMAIN, one.content(), None, self.workspace.teacher) for one in additions
        )
        return f"Added {counted(len(additions), 'name')}: {', '.join(one.name for one in additions)}."


def _stored_name(name: str) -> str:
    """Return the name of an imported file in the store, another one for each name that it comes with."""
    stem, digest = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(name).stem), sha256(name.encode()).hexdigest()
    return f"nlu.{stem[:40]}.{digest[:8]}{'.md' if name.lower().endswith('.md') else '.yml'}"


def _additions(domain: Domain, other: Domain) -> list[Addition]:
    """Return the actions, intents and slots of another domain that a domain lacks."""
    additions = [
        *(Addition(ACTION, name, tuple(other.texts(name))) for name in other.actions),
        *(Addition(INTENT, name) for name in other.intents),
        *(Addition(SLOT, slot.name, type=slot.type, values=tuple(slot.values)) for slot in other.slots),
    ]
    return [one for one in additions if not one.is_in(domain)]


def add_transfers(
    pages: FastAPI,
    workspace_of: Callable[[Request], Awaitable[Workspace]],
    show: Callable[[Workspace], None],
) -> None:
    """Add the routes for export and import.

    Args:
        pages: the application of the teachers' pages.
        workspace_of: returns the workspace of the teacher who sends a request.
        show: updates the pages of a workspace.
    """

    @pages.post(EXPORT_PATH)
    async def write(request: Request, target: str = "rasa") -> Response:
        transfer = Transfer(await workspace_of(request))
        try:
            done = await asyncio.to_thread(transfer.export, target)
        except (FileError, OSError) as error:
            return PlainTextResponse(f"{error}\n", 400)
        return JSONResponse(done)

    @pages.get(EXPORT_PATH + "/{name:path}")
    async def read(request: Request, name: str) -> Response:
        transfer = Transfer(await workspace_of(request))
        if archive := await asyncio.to_thread(transfer.archive, name):
            headers = {"Content-Disposition": f'attachment; filename="{name}"'}
            return Response(archive, media_type="application/zip", headers=headers)
        try:
            path = await asyncio.to_thread(transfer.exported, name)
        except TransferError as error:
            return PlainTextResponse(f"{error}\n", 404)
        return FileResponse(path, filename=path.name, content_disposition_type="attachment")

    @pages.post(GROWTH_PATH)
    async def grow(request: Request, write: bool = False) -> Response:
        transfer = Transfer(await workspace_of(request))
        try:
            line = await asyncio.to_thread(transfer.growth, write)
        except (FileError, OSError) as error:
            return PlainTextResponse(f"{error}\n", 400)
        return JSONResponse({"line": line})

    @pages.post(IMPORT_PATH + "/{kind}")
    async def take(request: Request, kind: str, name: str = "file") -> Response:
        workspace = await workspace_of(request)
        content = await request.body()
        try:
            line = await asyncio.to_thread(Transfer(workspace).take, kind, name, content)
        except (FileError, OSError) as error:
            return PlainTextResponse(f"{error}\n", 400)
        show(workspace)
        return JSONResponse({"line": line})
