"""The content of a page, and looks for news, while the store may be out of reach."""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable

from nicegui import ui

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


async def keep_fresh(
    show: Callable[[], Awaitable[object]], refresh: Callable[[], Awaitable[object]], seconds: float
) -> None:
    """Show the first content of a page, then refresh it every so many seconds.

    The timer comes last: it waits for the browser, and NiceGUI would send the page without its content.
    """
    await show()
    ui.timer(seconds, patient(refresh))
