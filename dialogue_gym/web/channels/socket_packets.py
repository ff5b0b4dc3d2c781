"""Packets of Socket.IO from anybody, of which only those of widgets have an effect."""

from __future__ import annotations

from typing import Any

import engineio
from socketio import packet

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
