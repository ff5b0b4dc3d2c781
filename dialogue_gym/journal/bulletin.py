"""A bulletin: short news that the processes of a shared store tell each other, and that is kept nowhere."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from dialogue_gym._threads import repeating
from dialogue_gym.journal.entry import StoreError
from dialogue_gym.journal.place import DatabaseUrl
from dialogue_gym.journal.postgres_link import PostgresLink

if TYPE_CHECKING:
    import psycopg

EVERY = 0.25
"""Seconds between two posts; what happens meanwhile goes together."""
_MOST_BYTES = 7000  # PostgreSQL takes messages below 8000


class Bulletin:
    """The bulletin of one process. Thread-safe. News from while the connection was lost is not repeated."""

    def __init__(self, url: DatabaseUrl, channel: str, hear: Callable[[Any], object]) -> None:
        """Connect.

        Args:
            url: the address of the database.
            channel: the name of this kind of news, a name in SQL.
            hear: called with each piece of news of others, in the thread of `following`.

        Raises:
            StoreError: the server cannot be reached.
        """
        self._hear = hear
        self._channel = channel
        self._link = PostgresLink(url, "news", self._listen)
        self._posts: list[str] = []
        self._mutex = threading.Lock()

    def post(self, news: Any) -> None:
        """Tell the other processes something, as JSON of some hundred bytes at most; return at once."""
        text = json.dumps(news)
        with self._mutex:
            self._posts.append(text)

    @contextlib.contextmanager
    def following(self) -> Iterator[None]:
        """Tell and hear news, in a thread, within the context."""
        try:
            with repeating(self._try_exchange, 0.0, "news"):
                yield
        finally:
            self._link.close()

    def _try_exchange(self) -> None:
        try:
            self._exchange()
        except StoreError:  # messages report it; the next moment may succeed
            time.sleep(EVERY)

    def _listen(self, connection: psycopg.Connection) -> None:
        connection.execute(f"LISTEN {self._channel}")

    def _exchange(self) -> None:
        with self._mutex:
            posts, self._posts = self._posts, []
        for text in _bundles(posts):
            self._link.run("SELECT pg_notify(%(channel)s, %(text)s)", channel=self._channel, text=text)
        for text in self._link.notifications(EVERY):
            for news in json.loads(text):
                self._hear(news)


def _bundles(texts: list[str]) -> Iterator[str]:
    """Yield texts of JSON as lists, each short enough for one message."""
    bundle: list[str] = []
    for text in texts:
        if sum(map(len, bundle)) + len(text) > _MOST_BYTES:
            yield f"[{','.join(bundle)}]"
            bundle = []
        bundle.append(text)
    if bundle:
        yield f"[{','.join(bundle)}]"
