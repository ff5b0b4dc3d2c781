"""Files in and out over HTTP: what a page cannot carry through its socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response

from dialogue_gym.domain.reader import FileError
from dialogue_gym.web.files import Transfer, TransferError
from dialogue_gym.web.rooms import Room

EXPORT, IMPORT = "/export", "/import"


def add_transfers(
    pages: FastAPI,
    room_of: Callable[[Request], Awaitable[Room]],
    text: str | None,
    show: Callable[[Room], None],
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
