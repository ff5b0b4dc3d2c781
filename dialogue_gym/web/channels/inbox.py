"""The one way in for messages of people from all channels: limits, figures, a line in the log."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from dialogue_gym.live.sessions import Rejected, Sessions
from dialogue_gym.live.turn import Reply
from dialogue_gym.web.monitoring.metrics import ServerMetrics

_THREADS = 40
"""Messages that are answered at the same time; further ones wait."""
_STOPPING = "the server is stopping; please send your message again in a moment"
_RESTART_SECONDS = 5.0
_LOG = logging.getLogger(__name__)


class Inbox:
    """The messages of people, from all channels. Channels read their own forms, and call `take`.

    Attributes:
        people: the sessions, with the limits for each sender.
        metrics: the figures of the server.
    """

    def __init__(self, people: Sessions, metrics: ServerMetrics | None = None) -> None:
        """Take messages for sessions, and count them."""
        self.people = people
        self.metrics = metrics or ServerMetrics()
        self._threads = CapacityLimiter(_THREADS)

    async def take(self, channel: str, sender: str, text: str, address: str | None = None) -> Reply:
        """Return the answer to a message, which is on the disk by then.

        A server that stops does not wait for a thread whose action takes too long: the next start goes on
        there, as after a kill.

        Args:
            channel: the name of the channel, one of a fixed list.
            sender: the name of the person.
            text: the message.
            address: the address that it comes from, which has limits; None for a known program.

        Raises:
            Rejected: the message is invalid, or over a limit.
            StoreError: the message could not be written down, and is not answered.
        """
        began = time.perf_counter()
        about: dict[str, object] = {"channel": channel, "text": text}
        answer = partial(self.people.reply, sender, text, channel, address)
        try:
            with self.metrics.message(channel):
                reply = await run_sync(answer, abandon_on_cancel=True, limiter=self._threads)
        except asyncio.CancelledError:  # the server stops, and waits no longer
            raise Rejected(503, _STOPPING, _RESTART_SECONDS) from None
        except Rejected as error:
            about["status"] = error.status
            _LOG.info("message refused", extra=about)
            raise
        about |= {"conversation": reply.conversation, "seconds": round(time.perf_counter() - began, 4)}
        _LOG.info("message answered", extra=about)
        return reply
