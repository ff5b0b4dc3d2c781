"""Reader of Rasa's tracker stores: a SQL database, or trackers as JSON.

The table is that of Rasa's `SQLTrackerStore`, the JSON that of its HTTP API
(https://legacy-docs-oss.rasa.com/docs/rasa/tracker-stores).
"""

from __future__ import annotations

import importlib
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialogue_gym._files import FileError, FileKind, read_bytes, read_text
from dialogue_gym._text import printable, quoted, without_password
from dialogue_gym.conversation.events import Json

_QUERY = "SELECT sender_id, data FROM events ORDER BY id"
_POSTGRES = re.compile(r"postgres(ql)?(\+\w+)?://")
_DRIVERS = ("psycopg", "psycopg2")
_SQLITE_MARK = b"SQLite format 3\0"


class TrackerError(FileError):
    """A tracker store that cannot be read. The message is one line."""


TRACKER_FILE = FileKind("tracker file", TrackerError, max_bytes=500_000_000)


@dataclass(frozen=True)
class RasaTracker:
    """The events of one person, as Rasa wrote them."""

    sender: str
    events: list[Json]


def read_trackers(place: str) -> list[RasaTracker]:
    """Return the trackers of a SQLite or JSON file, or of a database `postgresql://…` or `sqlite:///…`.

    Raises:
        TrackerError: it cannot be read, or has no trackers.
        ImportError: the driver of the database is missing; the message has the command that installs it.
    """
    if place.startswith("sqlite:///"):
        place = place.removeprefix("sqlite:///")
    if _POSTGRES.match(place):
        return _by_sender(_postgres_rows(place), without_password(place))
    if "://" in place:
        raise TrackerError(
            f"{printable(place)}: expected a file, postgresql:// or sqlite:///; save a tracker of Rasa's"
            " HTTP API to a file first"
        )
    path = Path(place)
    try:
        is_sqlite = read_bytes(path, len(_SQLITE_MARK)).startswith(_SQLITE_MARK)
    except OSError as error:
        raise TrackerError(f"{place}: cannot be read ({error.strerror or error})") from None
    if is_sqlite:
        return _by_sender(_sqlite_rows(path), place)
    return [*_from_json(read_text(path, TRACKER_FILE), place)]


def _sqlite_rows(path: Path) -> list[Any]:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute(_QUERY).fetchall()
    except sqlite3.Error as error:
        raise TrackerError(f"{path}: not a tracker store of Rasa ({error})") from None


def _postgres_rows(url: str) -> list[Any]:
    driver = next(filter(None, map(_driver, _DRIVERS)), None)
    if driver is None:
        raise ImportError(
            "reading from PostgreSQL needs a driver: pip install psycopg[binary]", name="psycopg"
        )
    try:
        with closing(driver.connect(_POSTGRES.sub("postgresql://", url))) as connection:
            cursor = connection.cursor()
            cursor.execute(_QUERY)
            rows: list[Any] = cursor.fetchall()
            return rows
    except driver.Error as error:
        reason = " ".join(str(error).split())
        raise TrackerError(f"{without_password(url)}: not a tracker store of Rasa ({reason})") from None


def _driver(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _by_sender(rows: Iterable[Any], place: str) -> list[RasaTracker]:
    events: dict[str, list[Json]] = {}
    for sender, data in rows:
        events.setdefault(str(sender), []).append(_event(data, place))
    return [RasaTracker(sender, some) for sender, some in events.items()]


def _event(data: Any, place: str) -> Json:
    try:
        event = data if isinstance(data, dict) else json.loads(data)
    except (TypeError, ValueError, RecursionError):
        event = None
    if not isinstance(event, dict):
        raise TrackerError(f"{place}: the event {quoted(str(data))} is not a JSON object")
    return event


def _from_json(text: str, place: str) -> Iterator[RasaTracker]:
    """Yield the trackers of a JSON text: one, a list, or one on each line."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        try:
            content = [json.loads(line) for line in text.split("\n") if line.strip()]
        except (ValueError, RecursionError):
            raise TrackerError(f"{place}: not a SQLite database, and not JSON ({error})") from None
    found = content if isinstance(content, list) else [content]
    for number, one in enumerate(found, 1):
        events = one.get("events") if isinstance(one, dict) else None
        if not isinstance(events, list):
            raise TrackerError(
                f"{place}: item {number} has no list 'events', as a tracker has that Rasa's HTTP API returns"
            )
        yield RasaTracker(
            str(one.get("sender_id") or f"{number}"), [_event(event, place) for event in events]
        )
