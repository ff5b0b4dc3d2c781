"""The rules of access: hosts, origins, the teachers' password, and the cookies of those who gave it.

Without a password the server listens on this machine alone. Requests that a browser was lured into sending
from another site are refused even then: by their host, which gives away a foreign name that points here, and
by their origin.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import secrets
import socket
from collections.abc import Collection
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from dialogue_gym.journal.data_folder import DataPath, write_new_data
from dialogue_gym.web.attempts import TEACH, Applicant, PasswordAttempts
from dialogue_gym.web.responses import cookie_header
from dialogue_gym.web.teacher_sessions import DAYS, TeacherSessions

LEAST_PASSWORD = 8
COOKIE, BROWSER_COOKIE = "dialogue_gym_teacher", "dialogue_gym_browser"
"""The cookies of a teacher who has signed in, and of a browser in which one did once."""
_BROWSER_DAYS = 365
_KEY_FILE, _SESSIONS_FILE = "web.key", "web.sessions"
_IPV6_BITS = 64
"""The part of an IPv6 address that names a network: its owner can choose the rest for each request."""
_LOG = logging.getLogger(__name__)


def is_loopback(host: str) -> bool:
    """Return whether a host is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


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
    """Return the bearer token of a request."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


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
    """The rules of access: hosts, origins, the teachers' password and their cookies.

    Attributes:
        host: the address that the server listens on.
        folder: the files that belong to the store, with the key that signs cookies, and the sign-ins.
        password: the teachers' password; required if other machines reach the server.
        names: further host names of the server.
        origins: other sites whose pages may send requests.
        frames: other sites whose pages may show the visitors' page in a frame.
        attempts: the wrong passwords so far, after which the next try waits for a doubling pause (`Backoff`).
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
            OSError: the key cannot be written.
        """
        if self.password is None and not is_loopback(self.host):
            raise ValueError(
                f"--host {self.host}: other machines can reach this address, so a password is required: set"
                " DIALOGUE_GYM_PASSWORD, or give --password-file"
            )
        if self.password is not None and len(self.password) < LEAST_PASSWORD:
            raise ValueError(f"the password is too short: {LEAST_PASSWORD} characters at least")
        key = _key(self.folder / _KEY_FILE)
        # The password is part of the secret, so that a new one ends all sessions of the old.
        secret = hmac.digest(key, (self.password or "").encode(), "sha256")
        self._names = URLSafeTimedSerializer(secret, salt=COOKIE)
        self._sessions = TeacherSessions(self.folder / _SESSIONS_FILE, secret)
        self._browsers = self.signer(BROWSER_COOKIE)
        self._digest = _digest(self.password) if self.password is not None else None

    def signer(self, purpose: str) -> URLSafeSerializer:
        """Return a signer of texts for one purpose, which stays valid under another password."""
        return URLSafeSerializer(_key(self.folder / _KEY_FILE), salt=purpose)

    def try_password(self, realm: str, request: HTTPConnection, password: str) -> bool:
        """Return whether this is the password. Wrong ones delay the next try.

        Args:
            realm: `TEACH` or `API`.
            request: the request, with the address of the client and perhaps the sign of a browser.
            password: the given password; compared in constant time.

        Raises:
            TooManyTries: the client has to wait first; the password was not looked at.
        """
        browser = self._browser(request.headers) if realm == TEACH else None
        applicant = Applicant(realm, network_of_client(request), browser)
        if (wait := self.attempts.wait(applicant)) > 0:
            raise TooManyTries(int(wait) + 1)
        is_right = self._digest is None or hmac.compare_digest(_digest(password), self._digest)
        self.attempts.succeed(applicant) if is_right else self.attempts.fail(applicant)
        return is_right

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
        if token := _cookie(headers, COOKIE):
            self._sessions.end(token)
        token = self._sessions.begin(teacher)
        browser = self._browser(headers) or secrets.token_urlsafe(16)
        sign = str(self._browsers.dumps(browser))
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
            self._sessions.end(token, everywhere)
        return cookie_header(COOKIE, "", path, 0, False)

    def teacher(self, headers: Headers) -> str | None:
        """Return the teacher who has signed in with the cookie; None without a valid one."""
        token = _cookie(headers, COOKIE)
        if token is None:
            return None
        if (name := self._sessions.teacher(token)) is not None or self.password is not None:
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

    def _browser(self, headers: Headers) -> str | None:
        """Return the sign of a browser in which a teacher has signed in before."""
        try:
            sign = self._browsers.loads(_cookie(headers, BROWSER_COOKIE) or "")
        except BadSignature:
            return None
        return sign if isinstance(sign, str) else None

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
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return None
    return found.value if found else None


def _digest(password: str) -> bytes:
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest()


def _key(path: DataPath) -> bytes:
    """Return the key of a store; create a missing one."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_new_data(path, secrets.token_bytes(32))
        if isinstance(path, Path):
            path.chmod(0o600)
    return path.read_bytes()
