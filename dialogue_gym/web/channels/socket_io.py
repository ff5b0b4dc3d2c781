"""Rasa's Socket.IO channel, as web chat widgets speak it: a session, and messages in both directions.

Source: https://rasa.com/docs/rasa/connectors/your-own-website#websocket-channel (the events; images, buttons
and elements are as `SocketIOOutput` of Rasa 3 sends them).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import socketio
from anyio.to_thread import run_sync
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dialogue_gym._text import printable
from dialogue_gym.conversation.events import BotUttered, Json
from dialogue_gym.journal.entry import StoreError
from dialogue_gym.live.request_limits import Rejected
from dialogue_gym.live.sessions import APOLOGY
from dialogue_gym.web.access import network_of_client
from dialogue_gym.web.channels.inbox import Inbox, Messages
from dialogue_gym.web.channels.socket_server import socket_server
from dialogue_gym.web.visitors import VisitorTokens

PATH = "/socket.io"
SOCKET = "socketio"
_USER, _BOT = "user_uttered", "bot_uttered"
_SESSION, _CONFIRMED = "session_request", "session_confirm"
_MOST_WAITING = 5
"""Messages of one connection that wait for the one before; a further one is dropped."""
_TOO_FAST = "you are sending messages too quickly; please wait a moment"


@dataclass(eq=False)
class Connection:
    """The connection of one page.

    Attributes:
        network: the network that it comes from.
        visitor: the visitor's name.
        turn: held while a message or a wish for a session is answered, so that they are in their order.
        waiting: the number of those that are not answered yet.
    """

    network: str
    visitor: str
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0

    @contextmanager
    def one_more(self) -> Iterator[bool]:
        """Count a message within the context, which is told whether it may be answered."""
        is_one_of_few = self.waiting <= _MOST_WAITING
        self.waiting += is_one_of_few
        try:
            yield is_one_of_few
        finally:
            self.waiting -= is_one_of_few


class SocketChannel:
    """The channel, whose sessions are those of visitors: a token that the server signs names each.

    Messages that a teacher sends, or that come late, reach all connections of their visitor at once.

    It is an application that speaks Engine.IO and Socket.IO under `PATH`.
    """

    def __init__(self, inbox: Inbox, tokens: VisitorTokens, polls: bool = True) -> None:
        """Listen for messages.

        Args:
            inbox: takes the messages.
            tokens: the visitors' tokens.
            polls: whether a connection may begin as long polls, all of which have to reach this process.
        """
        self._inbox = inbox
        self._tokens = tokens
        self._connections: dict[str, Connection] = {}
        self._server = socket_server(polls)
        self._engine: ASGIApp = socketio.ASGIApp(self._server, socketio_path=PATH)
        self._polls: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        for event, handler in (
            ("connect", self._connect),
            ("disconnect", self._disconnect),
            (_SESSION, self._begin_session),
            (_USER, self._take),
        ):
            self._server.on(event, handler)
        inbox.late.append(self._tell_late)
        inbox.connected.append(self._tell_late)
        inbox.state.on_stop.append(self.stop)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or speak over a WebSocket."""
        task = asyncio.current_task()
        if scope["type"] != "http" or task is None:
            await self._engine(scope, receive, send)
            return
        self._polls.add(task)
        try:
            await self._engine(scope, receive, send)
        except asyncio.CancelledError:
            if not self._is_stopping:
                raise
            await PlainTextResponse("the server is stopping\n", 503)(scope, receive, send)
        finally:
            self._polls.discard(task)

    async def stop(self) -> None:
        """Wait until messages under way are answered, and close all connections."""
        while any(known.waiting for known in self._connections.values()):
            await asyncio.sleep(0.05)
        # The transport alone is closed: told to go, clients would not come back after the restart.
        for engine_sid in list(self._server.eio.sockets):
            await self._server.eio.disconnect(engine_sid)
        await self._server.shutdown()
        # Requests that wait for news, which Engine.IO keeps even after their client has gone.
        self._is_stopping = True
        for poll in self._polls:
            poll.cancel()

    async def _connect(self, sid: str, environ: Json, auth: object = None) -> None:
        network = network_of_client(HTTPConnection(environ["asgi.scope"]))
        visitor = self._tokens.visitor_of_token(self._tokens.signed()) or ""
        await self._enter(sid, Connection(network, visitor))

    async def _enter(self, sid: str, connection: Connection) -> None:
        self._connections[sid] = connection
        await self._server.enter_room(sid, connection.visitor)

    async def _disconnect(self, sid: str, reason: object = None) -> None:
        self._connections.pop(sid, None)

    async def _begin_session(self, sid: str, data: object = None) -> None:
        """Confirm the session that a page goes on with, or begin another."""
        if (known := self._connections.get(sid)) is None:
            return
        with known.one_more() as is_one_of_few:
            if not is_one_of_few:
                return
            async with known.turn:  # another visitor would miss the answer to a message under way
                token = await run_sync(self._tokens.signed, _text_of(data, "session_id"))
                await self._use(sid, token)
            await self._server.emit(_CONFIRMED, token, to=sid)

    async def _use(self, sid: str, token: str) -> None:
        """Let a connection be that of a token's visitor, if the server has signed it."""
        known = self._connections.get(sid)
        visitor = await run_sync(self._tokens.visitor_of_token, token)
        if known and visitor and visitor != known.visitor:
            await self._server.leave_room(sid, known.visitor)
            known.visitor = visitor
            await self._server.enter_room(sid, visitor)

    async def _take(self, sid: str, data: object = None) -> None:
        """Answer a message."""
        known = self._connections.get(sid)
        if known is None or not _text_of(data, "message").strip():
            return  # widgets without an opening message send an empty one
        with known.one_more() as is_one_of_few:
            if not is_one_of_few:
                await self._server.emit(_BOT, {"text": _TOO_FAST}, to=sid)
                return
            async with known.turn:
                await self._use(sid, _text_of(data, "session_id"))
                await self._answer(sid, known, data)

    async def _answer(self, sid: str, known: Connection, data: object) -> None:
        visitor, key = known.visitor, _text_of(data, "message_id") or None
        try:
            reply = await self._inbox.take(SOCKET, visitor, _text_of(data, "message"), known.network, key)
        except Rejected as error:
            await self._server.emit(_BOT, {"text": str(error)}, to=sid)
            return
        except StoreError:
            await self._server.emit(_BOT, {"text": APOLOGY}, to=sid)
            return
        notes = [BotUttered(printable(note)) for note in reply.notes]
        for message in (*reply.late, *reply.messages, *notes):
            await self._send(visitor, message)

    async def _send(self, visitor: str, message: BotUttered) -> None:
        for part in socket_parts(message):
            await self._server.emit(_BOT, part, to=visitor)

    async def _tell_late(self, visitor: str, late: Messages) -> bool:
        is_here = any(known.visitor == visitor for known in self._connections.values())
        if is_here:
            for message in late:
                await self._send(visitor, message)
        return is_here


def _text_of(data: object, name: str) -> str:
    """Return a text in the content of an event, which can be anything; empty without it."""
    found = data.get(name) if isinstance(data, dict) else None
    return found if isinstance(found, str) else ""


def socket_parts(message: BotUttered) -> Iterator[Json]:
    """Yield a message in the parts that widgets show: paragraphs, or a text with buttons; attachments."""
    data: dict[str, Any] = dict(message.data)
    if buttons := data.get("quick_replies") or data.get("buttons"):
        replies = [
            {"content_type": "text", "title": one.get("title", ""), "payload": one.get("payload", "")}
            for one in buttons
        ]
        yield {"text": message.text or "", "quick_replies": replies}
    elif message.text:
        yield from ({"text": paragraph} for paragraph in message.text.strip().split("\n\n"))
    if custom := data.get("custom"):
        yield custom.get("data", custom) if isinstance(custom, dict) else {"custom": custom}
    if image := data.get("image"):
        yield {"attachment": {"type": "image", "payload": {"src": image}}}
    if (attachment := data.get("attachment")) and attachment != image:
        yield {"attachment": attachment}
    for element in data.get("elements") or ():
        template = {"template_type": "generic", "elements": element}
        yield {"attachment": {"type": "template", "payload": template}}
