"""A server of Socket.IO for anybody, in which only the packets of widgets have an effect, with limits."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import engineio
import socketio
from socketio import packet
from starlette.requests import HTTPConnection

from dialogue_gym.conversation.events import Json
from dialogue_gym.web.access import network_of_client
from dialogue_gym.web.security import MOST_BYTES

MOST_SOCKETS, MOST_OF_NETWORK = 10_000, 1000
"""Open connections at most, and those from one network."""
_FULL = "too many people are here; come back later"

_LIFECYCLE = ("connect", "disconnect")
"""Names of events that are the library's own: a client that sends one would call its handlers."""
_UNHEARD = "unheard"
"""The name of an event that has no handler."""


class WidgetPacket(packet.Packet):  # type: ignore[misc]
    """A packet; one that no widget sends becomes an event that nobody hears.

    The library itself keeps the attachments of a binary event until all have come, billions if the client
    says so; calls the handlers of its own events with arguments of the client's; and logs a traceback for
    each packet that it cannot read.
    """

    data: Any
    json = engineio.json  # NiceGUI sets another one for all packets, which halves of characters break

    def __init__(self, *given: Any, **named: Any) -> None:
        """Take the arguments of a packet."""
        super().__init__(*given, **named)
        if self.packet_type == packet.EVENT and not self.data:  # an empty one is not decoded
            self._silence()

    def decode(self, encoded_packet: Any) -> int:
        """Read a packet, and return the number of its attachments: none."""
        try:
            super().decode(encoded_packet)
        except Exception:  # whatever a stranger has sent, a number of many digits or brackets without end
            self._silence()
        if self.packet_type == packet.EVENT:
            self._keep_message()
        elif self.packet_type not in (packet.CONNECT, packet.DISCONNECT):  # nothing asks for acknowledgements
            self._silence()
        return 0

    def _keep_message(self) -> None:
        """Keep the name of an event and its first argument, which are all that handlers take."""
        name = self.data[0] if isinstance(self.data, list) and self.data else None
        if isinstance(name, str) and name not in _LIFECYCLE:
            self.data = self.data[:2]
        else:
            self._silence()

    def _silence(self) -> None:
        self.packet_type, self.namespace, self.id, self.data = packet.EVENT, None, None, [_UNHEARD]


class SocketLimits:
    """The limits of open connections, also of those through which nothing is said yet."""

    def __init__(self, transport: engineio.AsyncServer) -> None:
        """Watch over the connections of a transport, beside the server that it belongs to."""
        self._networks: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._arrived, self._departed = (transport.handlers[event] for event in _LIFECYCLE)
        transport.on("connect", self._admit)
        transport.on("disconnect", self._let_go)

    async def _admit(self, engine_sid: str, environ: Json) -> str | None:
        """Take a connection, or return the reason for refusing it."""
        network = network_of_client(HTTPConnection(environ["asgi.scope"]))
        if len(self._networks) >= MOST_SOCKETS or self._counts[network] >= MOST_OF_NETWORK:
            return _FULL
        self._networks[engine_sid] = network
        self._counts[network] += 1
        await self._arrived(engine_sid, environ)
        return None

    async def _let_go(self, engine_sid: str, *reason: object) -> None:
        if (network := self._networks.pop(engine_sid, None)) is not None:
            self._counts[network] -= 1
            if not self._counts[network]:
                del self._counts[network]
        await self._departed(engine_sid, *reason)


def socket_server(polls: bool) -> socketio.AsyncServer:
    """Return a server.

    Args:
        polls: whether a connection may begin as long polls.
    """
    quiet = logging.getLogger(f"{__name__}.transport")
    quiet.setLevel(logging.CRITICAL)  # its errors are about what clients send, which could fill the log
    server = socketio.AsyncServer(
        async_mode="asgi",
        cors_allowed_origins=[],  # they are checked before, for all paths alike
        max_http_buffer_size=MOST_BYTES,
        transports=None if polls else ["websocket"],
        serializer=WidgetPacket,
        engineio_logger=quiet,
    )
    SocketLimits(server.eio)
    return server
