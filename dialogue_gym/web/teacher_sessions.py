"""The sign-ins of teachers: a file of the store, so that they outlive the server, and it can end them."""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dialogue_gym.journal.data_folder import DataPath
from dialogue_gym.journal.shared_file import SharedFile

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


_SignIns = Mapping[str, SignIn]
"""Sign-ins by the digest of their token."""


class TeacherSessions:
    """The sign-ins of teachers, by a token that their browser keeps. Thread-safe.

    The file holds digests of tokens, which a reader of it cannot use, made with the secret: under another
    secret all are void. A file that is edited or removed counts at once, and several processes can share it.
    """

    def __init__(self, path: DataPath, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        """Use the file at a path, which need not exist; `clock` is seconds since 1970."""
        self._file: SharedFile[_SignIns] = SharedFile(path, self._parse, _render)
        self._secret = secret
        self._clock = clock

    def begin(self, teacher: str) -> str:
        """Sign a teacher in; return the token.

        Raises:
            OSError: the file cannot be written.
        """
        token = secrets.token_urlsafe(32)
        new = {self._digest(token): SignIn(teacher, self._clock())}
        self._file.change(lambda known: {**self._valid(known), **new})
        return token

    def teacher(self, token: str) -> str | None:
        """Return the teacher who was given a token; None once their sign-in has ended."""
        found = self._file.read().get(self._digest(token))
        return found.teacher if found and self._is_valid(found) else None

    def renew(self, token: str) -> bool:
        """Record a use, at most once a day; return whether to renew the cookie.

        Raises:
            OSError: the file cannot be written.
        """
        digest, now = self._digest(token), self._clock()
        found = self._file.read().get(digest)
        if found is None or not self._is_valid(found) or now - found.used < _DAY:
            return False

        def used(known: _SignIns) -> _SignIns:
            valid = self._valid(known)  # it may have been ended since
            return {**valid, digest: SignIn(found.teacher, now)} if digest in valid else valid

        self._file.change(used)
        return True

    def end(self, token: str, everywhere: bool = False) -> None:
        """Sign the owner of a token out, in this browser or everywhere.

        Raises:
            OSError: the file cannot be written.
        """
        digest = self._digest(token)

        def without(known: _SignIns) -> _SignIns:
            ended = known.get(digest)
            return {
                other: one
                for other, one in self._valid(known).items()
                if other != digest and not (everywhere and ended and one.teacher == ended.teacher)
            }

        self._file.change(without)

    def _digest(self, token: str) -> str:
        return hmac.digest(self._secret, token.encode("utf-8", "surrogatepass"), "sha256").hex()

    def _is_valid(self, one: SignIn) -> bool:
        return self._clock() - one.used < DAYS * _DAY

    def _valid(self, known: _SignIns) -> dict[str, SignIn]:
        return {digest: one for digest, one in known.items() if self._is_valid(one)}

    def _parse(self, data: bytes | None) -> _SignIns:
        if data is None:
            return {}
        try:
            return {key: SignIn(str(one[0]), float(one[1])) for key, one in json.loads(data).items()}
        except (ValueError, AttributeError, LookupError, TypeError) as error:
            _LOG.error("%s: damaged, so that everybody has to sign in again (%s)", self._file.path, error)
            return {}


def _render(known: _SignIns) -> bytes:
    newest = sorted(known.items(), key=lambda item: item[1].used)[-_MOST:]
    return json.dumps({key: [one.teacher, one.used] for key, one in newest}).encode()
