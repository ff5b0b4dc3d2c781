"""The activity log of a store: who did what, and about what. Lines are never changed; days can be removed."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from dialogue_gym.journal.data_folder import DataPath, append_data, file_in, files_in

ACTIVITY = "activity"
"""The folder of the log among the files of a store, with a file for each day in UTC."""
COMMAND_LINE = "command line"
"""The name under which commands on the machine are written down, and invite; no teacher can have it."""
_LOG = logging.getLogger("dialogue_gym.activity")


class ActivityKind(StrEnum):
    """The things that people do and that are written down."""

    SIGNED_IN = "signed in"
    WRONG_PASSWORD = "gave a wrong password for"
    SIGNED_OUT = "signed out"
    SIGNED_OUT_EVERYWHERE = "signed out on all devices"
    CHANGED_PASSWORD = "changed the password"
    INVITED = "invited"
    WITHDREW = "withdrew the invitation for"
    JOINED = "used the invitation"
    CHANGED_ROLE = "changed the role of"
    ENDED_SIGN_INS = "ended the sign-ins of"
    REMOVED = "removed the account of"
    APPROVED = "approved"
    UNAPPROVED = "took back the approval of"
    REJECTED = "rejected"
    RATED = "rated"
    TOOK_OVER = "took over"
    GAVE_BACK = "gave back"
    EXPORTED = "exported"
    IMPORTED = "imported"
    WROTE = "wrote to the domain file"
    EDITED = "edited"
    ERASED = "erased"
    PRUNED = "removed the log of the days before"


@dataclass(frozen=True)
class Activity:
    """One thing that somebody did.

    Attributes:
        time: the time in seconds since 1970.
        who: the name of a teacher, or of the place where it was done; empty for somebody unknown.
        what: one of `ActivityKind`, or one that another version knows.
        about: the name of an account, a conversation or a part of the domain; neither messages nor secrets.
    """

    time: float
    who: str
    what: str
    about: str = ""

    def __str__(self) -> str:
        """The whole in words."""
        return " ".join(filter(None, (self.who or "somebody", self.what, self.about)))


class ActivityLog:
    """The log, to which several processes can write. Thread-safe."""

    def __init__(self, folder: DataPath, clock: Callable[[], float] = time.time) -> None:
        """Use the log among the files of a store, which need not exist; `clock` is seconds since 1970."""
        self._folder = folder / ACTIVITY
        self._clock = clock

    def record(self, who: str, what: ActivityKind, about: str = "") -> None:
        """Write down that somebody has done something; the log of the server tells it, too.

        It is done already, so a line that cannot be written is an error in the log of the server alone.
        """
        now = self._clock()
        _LOG.info("%s", what.value, extra={"who": who, "about": about})
        # Its id makes each line a different one, see `append_data`.
        line = {"id": secrets.token_hex(8), "time": now, "who": who, "what": what.value, "about": about}
        path = self._folder / f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}.jsonl"
        try:
            append_data(path, f"{json.dumps(line)}\n".encode())
        except OSError as error:
            _LOG.error("%s cannot be written: %s", path, error.strerror or error)

    def prune(self, before: date) -> int:
        """Remove the days before one, all in UTC, and write that down; return how many there were.

        Raises:
            OSError: they cannot be removed.
        """
        # Names of files are dates, in their order.
        old = [name for name in files_in(self._folder) if name < f"{before:%Y-%m-%d}"]
        for name in old:
            file_in(self._folder, name).unlink()
        if old:
            self.record(COMMAND_LINE, ActivityKind.PRUNED, f"{before:%Y-%m-%d}")
        return len(old)

    def latest(self) -> Iterator[Activity]:
        """Yield everything, the latest first.

        Raises:
            OSError: the log cannot be read.
        """
        for name in reversed(files_in(self._folder)):
            # A machine without power may leave half a line; processes may write in another order.
            lines = map(_activity, reversed(file_in(self._folder, name).read_bytes().splitlines()))
            yield from sorted(filter(None, lines), key=lambda one: one.time, reverse=True)


def _activity(line: bytes) -> Activity | None:
    try:
        found = json.loads(line)
        return Activity(float(found["time"]), str(found["who"]), str(found["what"]), str(found["about"]))
    except (ValueError, LookupError, TypeError):
        return None
