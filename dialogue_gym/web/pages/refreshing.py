"""Looks of a page for news, while the store may be out of reach."""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable

from dialogue_gym.journal.entry import StoreError

_LOG = logging.getLogger(__name__)


def patient(look: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[None]]:
    """Return a look for news that shows none, with a line in the log, while the store cannot be used."""

    @functools.wraps(look)
    async def try_to_look() -> None:
        try:
            await look()
        except (OSError, StoreError) as error:  # the next look may succeed
            _LOG.error("a page shows no news: %s", error)

    return try_to_look
