"""The one way in for messages of people from all channels: limits, figures, a line in the log."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from dialogue_gym.conversation.events import BotUttered
from dialogue_gym.conversation.wording import PAGE
from dialogue_gym.live.request_limits import Rejected
from dialogue_gym.live.sessions import Sessions
from dialogue_gym.live.turn import Reply
from dialogue_gym.web.monitoring.health import ServerState

VISITORS_PAGE = "page"
"""The channel of the visitors' own page."""
_AS = {VISITORS_PAGE: PAGE}
"""The names of channels in responses, where they differ: Rasa's domains know the page as a web chat."""
_STOPPING = "the server is stopping; please send your message again in a moment"
_RESTART_SECONDS = 5.0
_MOST_SEEN = 10_000
_LOG = logging.getLogger(__name__)

Messages = tuple[BotUttered, ...]
TellLate = Callable[[str, Messages], Awaitable[bool]]
"""Given a person and messages that came late, such as a teacher's: whether the person can see them now."""


class Inbox:
    """The messages of people, from all channels. Channels read their own forms, and call `take`.

    Attributes:
        people: the sessions, with the limits for each sender.
        state: the state of the server: its figures, and its stop.
        late: the channels that can tell people late messages as they come; the others have them with the
            next answer.
        connected: those among them that tell the people who are connected to this process.
    """

    def __init__(self, people: Sessions, state: ServerState | None = None) -> None:
        """Take messages for sessions, and count them."""
        self.people = people
        self.state = state or ServerState()
        self.late: list[TellLate] = []
        self.connected: list[TellLate] = []
        self._seen: OrderedDict[str, Messages] = OrderedDict()
        """The late messages that a person has been told since their last message, where there are any."""
        self._answering: set[asyncio.Task[Reply]] = set()  # the event loop itself keeps none
        self._loop: asyncio.AbstractEventLoop | None = None
        people.bot.conversations.on_late = self._hear_late
        self.state.on_start.append(self.open)

    @property
    def is_shared(self) -> bool:
        """Whether other processes answer the same people."""
        return self.people.bot.conversations.store.leases is not None

    def open(self) -> None:
        """Tell late messages in the event loop that runs, from now on."""
        self._loop = asyncio.get_running_loop()

    async def take(
        self, channel: str, sender: str, text: str, address: str | None = None, key: str | None = None
    ) -> Reply:
        """Return the answer to a message, which is on the disk by then.

        A server that stops does not wait for an action that takes too long: the next start goes on there, as
        after a kill.

        Args:
            channel: the name of the channel, one of a fixed list.
            sender: the name of the person.
            text: the message.
            address: the address that it comes from, which has limits; None for a known program.
            key: the sender's own key of the message; see `Sessions.reply`.

        Raises:
            Rejected: the message is invalid, or over a limit.
            StoreError: the message could not be written down, and is not answered.
        """
        self.open()
        began = time.perf_counter()
        about: dict[str, object] = {"channel": channel, "text": text}
        answer = self.people.answer(sender, text, _AS.get(channel, channel), address, key)
        self._answering.add(task := asyncio.create_task(answer))
        task.add_done_callback(self._answering.discard)
        try:
            with self.state.metrics.message(channel):
                reply = await asyncio.shield(task)  # what has begun goes on, even if nobody waits for it
        except asyncio.CancelledError:  # the server stops, and waits no longer
            raise Rejected(503, _STOPPING, _RESTART_SECONDS) from None
        except Rejected as error:
            about["status"] = error.status
            _LOG.info("message refused", extra=about)
            raise
        about |= {"conversation": reply.conversation, "seconds": round(time.perf_counter() - began, 4)}
        _LOG.info("message answered", extra=about)
        late = self._unseen(sender, reply.late)
        if len(late) < len(reply.late):
            del self._seen[sender]
        return dataclasses.replace(reply, late=late)

    def _hear_late(self, person: str, late: Messages) -> None:
        """Take the messages that have come late in a conversation; called in any thread, with the lock."""
        self._hear(person, late, self.late)

    def hear_from_others(self, person: str, late: Messages) -> None:
        """Take late messages that another process has written, which tells its own; called in any thread."""
        self._hear(person, late, self.connected)

    def _hear(self, person: str, late: Messages, channels: Sequence[TellLate]) -> None:
        if self._loop is not None and channels:
            asyncio.run_coroutine_threadsafe(self._tell_late(person, late, channels), self._loop)

    async def _tell_late(self, person: str, late: Messages, channels: Sequence[TellLate]) -> None:
        unseen = self._unseen(person, late)
        for tell in channels if unseen else ():
            if await tell(person, unseen):
                self._seen[person] = late
                if len(self._seen) > _MOST_SEEN:
                    self._seen.popitem(last=False)

    def _unseen(self, person: str, late: Messages) -> Messages:
        """Return the late messages that a person was not told; they begin anew after each of the person's."""
        seen = self._seen.get(person, ())
        return late[len(seen) :] if late[: len(seen)] == seen else late
