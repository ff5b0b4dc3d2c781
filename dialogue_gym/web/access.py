"""The rules of access: hosts, origins, teachers' accounts or their one password, and the cookies of teachers.

Without either the server listens on this machine alone. Requests that a browser was lured into sending
from another site are refused even then: by their host, which gives away a foreign name that points here, and
by their origin.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import logging
import secrets
import socket
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, cookie_parser

from dialogue_gym.journal.activity import ActivityKind, ActivityLog
from dialogue_gym.journal.data_folder import DataPath, write_new_data
from dialogue_gym.web.account_file import AccountFile
from dialogue_gym.web.accounts import LEAST_PASSWORD, Account, TeacherRole, same_name
from dialogue_gym.web.attempts import TEACH, Applicant, PasswordAttempts
from dialogue_gym.web.responses import cookie_header
from dialogue_gym.web.teacher_sessions import DAYS, TeacherSessions

COOKIE, BROWSER_COOKIE = "dialogue_gym_teacher", "dialogue_gym_browser"
"""The cookies of a teacher who has signed in, and of a browser in which one did once."""
_BROWSER_DAYS = 365
_KEY_FILE, _SESSIONS_FILE = "web.key", "web.sessions"
_IPV6_BITS = 64
"""The part of an IPv6 address that names a network: its owner can choose the rest for each request."""
_LOG = logging.getLogger(__name__)


@lru_cache
def is_loopback(host: str) -> bool:
    """Return whether a host is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@lru_cache
def network_of(address: str) -> str:
    """Return the part of an address that its owner cannot change at will.

    >>> network_of("::ffff:192.0.2.7"), network_of("2001:db8::1"), network_of("unknown")
    ('192.0.2.7', '2001:db8::/64', 'unknown')
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_BITS), strict=False))


def bearer(request: HTTPConnection) -> str | None:
    """Return the bearer token of a request, in whichever encoding a program sends one that is not ASCII."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        return token.strip().encode("latin-1").decode()
    except UnicodeError:
        return token.strip()


def name_and_password(request: HTTPConnection) -> tuple[str, str] | None:
    """Return the name and the password of a request, as HTTP's basic authentication sends them."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(given.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if colon else None


def network_of_client(request: HTTPConnection) -> str:
    """Return the network from which a request comes."""
    return network_of(request.client.host) if request.client else ""


class TooManyTries(Exception):
    """Wrong passwords in a row: the next one is accepted in `seconds`, a whole number of at least 1."""

    def __init__(self, seconds: int) -> None:
        """Keep the pause."""
        super().__init__(f"too many wrong passwords; try again in {seconds} s")
        self.seconds = seconds


@dataclass
class AccessPolicy:
    """The rules of access: hosts, origins, teachers' accounts or their one password, and their cookies.

    Accounts and sign-ins are read from the store each time, which takes seconds while its database is down:
    an event loop asks in a thread.

    The password is for one person alone: with it they sign in under any name, and administer. As soon as
    there are accounts, teachers need one, and the password is that of OpenEnv's clients alone.

    Attributes:
        host: the address that the server listens on.
        folder: the files that belong to the store: the key that signs cookies, sign-ins, accounts, the log.
        password: the shared password; required without accounts if other machines reach the server.
        names: further host names of the server.
        origins: other sites whose pages may send requests.
        frames: other sites whose pages may show the visitors' page in a frame.
        attempts: the wrong passwords so far, after which the next try waits for a doubling pause (`Backoff`).
        accounts: the accounts of teachers.
        log: the activity log.
    """

    host: str
    folder: DataPath
    password: str | None = None
    names: Collection[str] = ()
    origins: Collection[str] = ()
    frames: Collection[str] = ()
    attempts: PasswordAttempts = field(default_factory=PasswordAttempts)

    def __post_init__(self) -> None:
        """Read the key, or create it.

        Raises:
            ValueError: the password is missing or too short.
            OSError: the key cannot be written, or the accounts cannot be read.
        """
        self.accounts, self.log = AccountFile(self.folder), ActivityLog(self.folder)
        self._had_accounts = self.accounts.is_used
        if self.password is None and not is_loopback(self.host) and not self._had_accounts:
            raise ValueError(
                f"--host {self.host}: other machines can reach this address, so a password is required: set"
                " DIALOGUE_GYM_PASSWORD, or give --password-file"
            )
        if self.password is not None and len(self.password) < LEAST_PASSWORD:
            raise ValueError(f"the password is too short: {LEAST_PASSWORD} characters at least")
        self._key = key = _key(self.folder / _KEY_FILE)
        # The password is part of the secret, so that a new one ends all sessions of the old.
        secret = hmac.digest(key, (self.password or "").encode(), "sha256")
        self._names = URLSafeTimedSerializer(secret, salt=COOKIE)
        path = self.folder / _SESSIONS_FILE
        self._of_password = TeacherSessions(path, secret)
        self._of_accounts = TeacherSessions(path, hmac.digest(key, b"\0accounts", "sha256"))
        self._digest = _digest(self.password) if self.password is not None else None

    @property
    def has_accounts(self) -> bool:
        """Whether there are accounts; if their file is removed, nobody gets in before the next start."""
        self._had_accounts = self._had_accounts or self.accounts.is_used
        return self._had_accounts

    @property
    def needs_sign_in(self) -> bool:
        """Whether teachers have to sign in with a password."""
        return self.password is not None or self.has_accounts

    @property
    def _sessions(self) -> TeacherSessions:
        return self._of_accounts if self.has_accounts else self._of_password

    def signer(self, purpose: str) -> URLSafeSerializer:
        """Return a signer of texts for one purpose, which stays valid under another password."""
        return URLSafeSerializer(self._key, salt=purpose)

    def account(self, teacher: str) -> Account | None:
        """Return the account of a teacher; None without one."""
        return self.accounts.roster.find(teacher) if self.has_accounts else None

    def allows(self, teacher: str, role: TeacherRole) -> bool:
        """Return whether a teacher has the rights of a role now; without accounts everybody has all."""
        if not self.has_accounts:
            return True
        account = self.account(teacher)
        return account is not None and account.role.includes(role)

    def try_password(self, realm: str, request: HTTPConnection, password: str) -> bool:
        """Return whether this is the shared password. Wrong ones delay the next try.

        Args:
            realm: `TEACH` or `API`.
            request: the request, with the address of the client and perhaps the sign of a browser.
            password: the given password; compared in constant time.

        Raises:
            TooManyTries: the client has to wait first; the password was not looked at.
        """
        applicant = self._applicant(realm, request)
        self._check_wait(applicant)
        is_right = self._digest is None or hmac.compare_digest(_digest(password), self._digest)
        self.attempts.succeed(applicant) if is_right else self.attempts.fail(applicant)
        return is_right

    async def identify(self, realm: str, request: HTTPConnection, name: str, password: str) -> str | None:
        """Return the name of the teacher who gives this password; None if it is wrong.

        With accounts it is the password of one, whose name is returned; otherwise the shared one, which goes
        with any name. Arguments and errors are those of `try_password`, and:

        Raises:
            OSError: the accounts cannot be read.
        """
        if not await asyncio.to_thread(lambda: self.has_accounts):
            return name if self.try_password(realm, request, password) else None
        applicant = self._applicant(realm, request, name)
        async with self.attempts.turn:
            self._check_wait(applicant)
            account = await asyncio.to_thread(self._verified, name, password)
            self.attempts.succeed(applicant) if account else self.attempts.fail(applicant)
        return account.name if account else None

    def _verified(self, name: str, password: str) -> Account | None:
        account = self.accounts.verified(name, password)
        if account is None:
            # Written down in any case, so that the time of the answer does not tell whose name it is.
            known = self.accounts.roster.find(name)
            self.log.record("", ActivityKind.WRONG_PASSWORD, known.name if known else "an unknown name")
        return account

    def _applicant(self, realm: str, request: HTTPConnection, name: str = "") -> Applicant:
        account = same_name(name)
        browser = self._browser(request.headers, account) if realm == TEACH else None
        return Applicant(realm, network_of_client(request), browser, account)

    def _check_wait(self, applicant: Applicant) -> None:
        if (wait := self.attempts.wait(applicant)) > 0:
            raise TooManyTries(int(wait) + 1)

    def sign_in(self, teacher: str, headers: Headers, path: str, is_https: bool) -> list[tuple[bytes, bytes]]:
        """Sign a teacher in, in the place of whoever was; return the headers that set their cookies.

        Args:
            teacher: the teacher's name.
            headers: the headers of the request.
            path: the path of the pages to which the cookies are sent.
            is_https: whether the request came over HTTPS.

        Raises:
            OSError: the sign-in cannot be written.
        """
        account = self.account(teacher)
        if token := _cookie(headers, COOKIE):
            self._sessions.end(token)
        token = self._sessions.begin(account.key if account else teacher)
        self.log.record(teacher, ActivityKind.SIGNED_IN)
        name = account.name if account else ""
        browser = self._browser(headers, name) or secrets.token_urlsafe(16)
        sign = str(self._browser_signer(name).dumps(browser))
        return [
            cookie_header(COOKIE, token, path, DAYS, is_https),
            cookie_header(BROWSER_COOKIE, sign, path, _BROWSER_DAYS, is_https),
        ]

    def sign_out(self, headers: Headers, path: str, everywhere: bool = False) -> tuple[bytes, bytes]:
        """Sign a teacher out, in this browser or everywhere; return the header that removes the cookie.

        Raises:
            OSError: the file of sign-ins cannot be written.
        """
        if token := _cookie(headers, COOKIE):
            if teacher := self.teacher(headers):
                self.log.record(
                    teacher, ActivityKind.SIGNED_OUT_EVERYWHERE if everywhere else ActivityKind.SIGNED_OUT
                )
            self._sessions.end(token, everywhere)
        return cookie_header(COOKIE, "", path, 0, False)

    def teacher(self, headers: Headers) -> str | None:
        """Return the teacher who has signed in with the cookie; None without a valid one."""
        token = _cookie(headers, COOKIE)
        if token is None:
            return None
        if self.has_accounts:
            key = self._of_accounts.teacher(token)
            account = self.accounts.roster.of_key(key) if key else None
            return account.name if account else None
        if (name := self._of_password.teacher(token)) is not None or self.password is not None:
            return name
        # Without a password the cookie only names the teacher, and those of earlier versions still do.
        try:
            signed = self._names.loads(token, max_age=DAYS * 86400)
        except BadSignature:
            return None
        return signed if isinstance(signed, str) else None

    def renewal(self, headers: Headers, path: str, is_https: bool) -> list[tuple[bytes, bytes]]:
        """Count a request; return the header that keeps the teacher's cookie for longer, once a day."""
        token = _cookie(headers, COOKIE)
        try:
            if token is None or not self._sessions.renew(token):
                return []
        except OSError as error:  # the sign-in is as valid as before, and the next request tries again
            _LOG.error("%s cannot be written: %s", self.folder / _SESSIONS_FILE, error.strerror)
            return []
        return [cookie_header(COOKIE, token, path, DAYS, is_https)]

    def _browser(self, headers: Headers, account: str) -> str | None:
        """Return the sign of a browser in which a teacher has signed in before, to an account if given."""
        try:
            sign = self._browser_signer(account).loads(_cookie(headers, BROWSER_COOKIE) or "")
        except BadSignature:
            return None
        return sign if isinstance(sign, str) else None

    def _browser_signer(self, account: str) -> URLSafeSerializer:
        # The sign of one account opens no way around the delays of another.
        return self.signer(f"{BROWSER_COOKIE} {same_name(account)}" if account else BROWSER_COOKIE)

    def knows_host(self, host: str) -> bool:
        """Return whether a `Host` header names this server."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            return False
        if is_loopback(name):
            return True
        if name in {known.lower() for known in (self.host, *self.names)}:
            return True
        if is_loopback(self.host):
            return False
        try:
            ipaddress.ip_address(name)  # an address: no foreign name can hide behind it
        except ValueError:
            return name == socket.gethostname().lower()
        return True


def _cookie(headers: Headers, name: str) -> str | None:
    # Other programs at this host have cookies as well, which Python's own parser may stop at.
    return cookie_parser("; ".join(headers.getlist("cookie"))).get(name)


def _digest(password: str) -> bytes:
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest()


def _key(path: DataPath) -> bytes:
    """Return the key of a store; create a missing one."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_new_data(path, secrets.token_bytes(32))
    return path.read_bytes()
