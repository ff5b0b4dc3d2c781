"""Attempts to give a password: wrong ones delay the next from a network, a browser, or anywhere. No HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from dialogue_gym.journal.bulletin import Bulletin
from dialogue_gym.journal.place import DatabaseUrl
from dialogue_gym.live.rate_limit import Backoff, RateLimiter, TokenBucket

TEACH, API = "teach", "api"
"""The realms, whose wrong passwords are counted apart."""
MOST_WRONG = 100
"""Wrong passwords of a realm in an hour, over all networks."""
_HOUR = 3600.0
_CHANNEL, _RIGHT = "dialogue_gym_passwords", "is_right"


@dataclass(frozen=True)
class Applicant:
    """Somebody who gives a password.

    Attributes:
        realm: `TEACH` or `API`.
        network: the network from which they come.
        browser: the sign of a browser that has given the right password before; None without one.
        account: the name of the account whose password it is to be; empty for the shared password.
    """

    realm: str
    network: str
    browser: str | None = None
    account: str = ""


class PasswordAttempts:
    """The wrong passwords so far. Thread-safe.

    An applicant with a sign waits for their own wrong passwords alone, so that nobody in the same
    network, and no crowd of networks, can lock them out. Who knows the password of one account has not made
    up for wrong passwords of another.

    Attributes:
        turn: held while a password is checked that takes a while, so that many guesses at once cannot
            overtake the first of them that is found wrong.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without any; `clock` is the time in seconds."""
        self._backoffs = RateLimiter(Backoff, clock=clock)
        self.turn = asyncio.Lock()
        self._everybody = RateLimiter(partial(TokenBucket, MOST_WRONG, _HOUR), clock=clock)
        self._lock = threading.Lock()
        self._tell: Callable[[dict[str, Any]], object] = lambda attempt: None

    def wait(self, applicant: Applicant) -> float:
        """Return the seconds until the next attempt is allowed; 0 if it is allowed now."""
        with self._lock:
            own = self._backoffs.wait(_key(applicant))
            return own if applicant.browser else max(own, self._everybody.wait(applicant.realm))

    def fail(self, applicant: Applicant) -> None:
        """Count a wrong password."""
        self._count(applicant, is_right=False)
        self._tell({**asdict(applicant), _RIGHT: False})

    def succeed(self, applicant: Applicant) -> None:
        """Forget the applicant's wrong passwords."""
        self._count(applicant, is_right=True)
        self._tell({**asdict(applicant), _RIGHT: True})

    def _count(self, applicant: Applicant, is_right: bool) -> None:
        with self._lock:
            if is_right:
                self._backoffs.forget(_key(applicant))
                return
            self._backoffs.use(_key(applicant))
            if not applicant.browser:
                self._everybody.use(applicant.realm)

    @contextlib.contextmanager
    def shared(self, url: DatabaseUrl) -> Iterator[None]:
        """Count the passwords that other processes of a store were given, too, within the context.

        Raises:
            StoreError: the server cannot be reached.
        """

        def hear(attempt: dict[str, Any]) -> None:
            is_right = attempt.pop(_RIGHT)
            self._count(Applicant(**attempt), is_right)

        bulletin = Bulletin(url, _CHANNEL, hear)
        self._tell = bulletin.post
        with bulletin.following():
            yield


def _key(applicant: Applicant) -> str:
    source = f"browser {applicant.browser}" if applicant.browser else f"network {applicant.network}"
    return f"{applicant.realm} {source} {applicant.account}"
