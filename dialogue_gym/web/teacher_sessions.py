"""The sign-ins of teachers: a file of the store, so that they outlive the server, and it can end them."""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from dialogue_gym.journal.data_folder import DataPath, write_data

DAYS = 30
"""Days without use after which a teacher has to sign in again."""
_DAY = 86400.0
_MOST = 1000
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class SignIn:
    """A teacher's sign-in, and the time of its last use in seconds since 1970, to a day."""

    teacher: str
    used: float


class TeacherSessions:
    """The sign-ins of teachers, by a token that their browser keeps. Thread-safe.

    The file holds digests of tokens, which a reader of it cannot use, made with the secret: under another
    secret all are void. A file that is edited or removed counts at once.
    """

    def __init__(self, path: DataPath, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        """Use the file at a path, which need not exist; `clock` is seconds since 1970."""
        self._path = path
        self._secret = secret
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at: int | None = None
        self._found: dict[str, SignIn] = {}

    def begin(self, teacher: str) -> str:
        """Sign a teacher in; return the token.

        Raises:
            OSError: the file cannot be written.
        """
        token = secrets.token_urlsafe(32)
        with self._lock:
            known = self._valid()
            known[self._digest(token)] = SignIn(teacher, self._clock())
            self._write(known)
        return token

    def teacher(self, token: str) -> str | None:
        """Return the teacher who was given a token; None once their sign-in has ended."""
        with self._lock:
            found = self._read().get(self._digest(token))
        return found.teacher if found and self._is_valid(found) else None

    def renew(self, token: str) -> bool:
        """Count a use; return whether the browser should keep the token for longer, once a day.

        Raises:
            OSError: the file cannot be written.
        """
        with self._lock:
            known = self._valid()
            found = known.get(digest := self._digest(token))
            if found is None or self._clock() - found.used < _DAY:
                return False
            known[digest] = SignIn(found.teacher, self._clock())
            self._write(known)
        return True

    def end(self, token: str, everywhere: bool = False) -> None:
        """Sign the owner of a token out, in this browser or everywhere.

        Raises:
            OSError: the file cannot be written.
        """
        with self._lock:
            known = self._valid()
            ended = known.pop(self._digest(token), None)
            if ended and everywhere:
                known = {digest: one for digest, one in known.items() if one.teacher != ended.teacher}
            self._write(known)

    def _digest(self, token: str) -> str:
        return hmac.digest(self._secret, token.encode("utf-8", "surrogatepass"), "sha256").hex()

    def _is_valid(self, one: SignIn) -> bool:
        return self._clock() - one.used < DAYS * _DAY

    def _valid(self) -> dict[str, SignIn]:
        return {digest: one for digest, one in self._read().items() if self._is_valid(one)}

    def _read(self) -> dict[str, SignIn]:
        try:
            changed = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            self._read_at = None
            return {}
        if changed != self._read_at:
            self._read_at = changed
            try:
                content = json.loads(self._path.read_text(encoding="utf-8"))
                self._found = {key: SignIn(str(one[0]), float(one[1])) for key, one in content.items()}
            except (ValueError, AttributeError, LookupError, TypeError) as error:
                _LOG.error("%s: damaged, so that everybody has to sign in again (%s)", self._path, error)
                self._found = {}
        return self._found

    def _write(self, known: dict[str, SignIn]) -> None:
        newest = sorted(known.items(), key=lambda item: item[1].used)[-_MOST:]
        text = json.dumps({key: [one.teacher, one.used] for key, one in newest})
        write_data(self._path, text.encode())
        self._read_at = None
