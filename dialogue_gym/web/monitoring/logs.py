"""The log of the server as one JSON object a line, without the words of people unless these are asked for."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Iterator

from pythonjsonlogger.json import JsonFormatter

PRIVATE = ("text", "problem")
"""Fields of log records that may hold the words of people: messages, and problems with them."""
_NOTICE = logging.getLogger("dialogue_gym.notice")


@contextlib.contextmanager
def json_log(with_texts: bool = False) -> Iterator[None]:
    """Write the log, and everything that is printed, as JSON to the standard output within the context.

    Args:
        with_texts: whether records keep the words of people.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        JsonFormatter(
            "{levelname}{name}{message}",
            style="{",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp=True,
        )
    )
    if not with_texts:
        handler.addFilter(_without_words)
    root, own = logging.getLogger(), logging.getLogger("dialogue_gym")
    before = root.handlers[:], own.level
    root.handlers[:] = [handler]
    own.setLevel(logging.INFO)
    try:
        with contextlib.redirect_stdout(_Notices()):
            yield
    finally:
        root.handlers[:] = before[0]
        own.setLevel(before[1])


def _without_words(record: logging.LogRecord) -> bool:
    """Take the words of people out of a record, which stays."""
    if "problem" in record.__dict__:
        record.msg, record.args = "a turn had a problem", ()
    for name in PRIVATE:
        record.__dict__.pop(name, None)
    return True


class _Notices(io.TextIOBase):
    """A stream whose lines become records of the log."""

    def __init__(self) -> None:
        self._line = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in filter(None, lines):
            _NOTICE.info("%s", line)
        return len(text)
