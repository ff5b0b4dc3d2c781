"""Answers that the server itself sends on: tried again after a failure, and once for each message."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from dialogue_gym._text import printable
from dialogue_gym.conversation.events import Json
from dialogue_gym.live.turn import Reply
from dialogue_gym.web.monitoring.metrics import ServerMetrics

PAUSES = (1.0, 4.0)
"""Seconds before the second attempt, and before the third and last."""
_MOST_KEYS = 10_000
_LOG = logging.getLogger(__name__)


class DeliveryError(Exception):
    """A message that did not arrive. The text is one line, without the message.

    Attributes:
        is_final: whether another attempt would fail as well.
    """

    def __init__(self, line: str, is_final: bool = False) -> None:
        """Keep the line."""
        super().__init__(line)
        self.is_final = is_final


def is_final(status: int) -> bool:
    """Return whether a request that was answered with a status would get the same answer again."""
    return status < 500 and status not in (408, 429)


class Delivery:
    """The way of answers out of one channel."""

    def __init__(self, channel: str, metrics: ServerMetrics) -> None:
        """Count the answers of a channel among the figures of the server."""
        self._channel = channel
        self._metrics = metrics
        self._begun: OrderedDict[tuple[str, str | None], None] = OrderedDict()

    def begins(self, sender: str, key: str | None, reply: Reply) -> bool:
        """Return whether an answer is still to be sent: a repeated one only if its process has ended.

        Args:
            sender: the name of the person.
            key: the key of their message.
            reply: the answer.
        """
        if reply.is_elsewhere or (reply.is_repeated and (sender, key) in self._begun):
            return False
        if key is not None:
            self._begun[sender, key] = None
            if len(self._begun) > _MOST_KEYS:
                self._begun.popitem(last=False)
        return True

    async def send(self, post: Callable[[Json], Awaitable[None]], messages: Sequence[Json]) -> None:
        """Send messages one after the other; after one that does not arrive, the rest stays here as well.

        Args:
            post: sends one message, or raises a `DeliveryError`.
            messages: the messages.
        """
        for message in messages:
            try:
                await self._try(post, message)
            except DeliveryError as error:
                self._metrics.delivered(self._channel, is_lost=True)
                _LOG.error("%s: an answer did not arrive: %s", self._channel, printable(str(error)))
                return
            self._metrics.delivered(self._channel)

    async def _try(self, post: Callable[[Json], Awaitable[None]], message: Json) -> None:
        for pause in PAUSES:
            try:
                await post(message)
                return
            except DeliveryError as error:
                if error.is_final:
                    raise
            await asyncio.sleep(pause)
        await post(message)
