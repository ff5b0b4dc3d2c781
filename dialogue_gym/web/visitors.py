"""Visitors of the page: tokens that the server signs, so that nobody can choose one, and their names."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

from itsdangerous import BadSignature, URLSafeSerializer
from starlette.requests import Request

from dialogue_gym.live.request_limits import Rejected

COOKIE = "dialogue_gym_visitor"
TOKEN_HEADER = "x-visitor"
"""The header in which a page in a frame identifies its visitor."""
PREFIX = "visitor "
"""The beginning of every visitor's name, which no other sender has."""
MOST_CHARACTERS = 512
"""The length of a token at most."""


class VisitorTokens:
    """The tokens of visitors.

    Earlier versions let browsers choose their tokens. One of a visitor who has written is known by its
    name and stays valid; `signed` gives the browser a signed one for it.
    """

    def __init__(self, signer: URLSafeSerializer, knows: Callable[[str], bool]) -> None:
        """Sign with a signer; `knows` returns whether a visitor of a name has written before."""
        self._signer = signer
        self._knows = knows

    def signed(self, token: str = "") -> str:
        """Return a signed token for the visitor of a token; without a valid one, for a new visitor."""
        secret = self._secret(token)
        if secret and secret != token:
            return token
        return str(self._signer.dumps(secret or secrets.token_urlsafe(16)))

    def visitor_of_token(self, token: str) -> str | None:
        """Return the name of a token's visitor; None for one that this server has not signed."""
        return None if (secret := self._secret(token)) is None else _name(secret)

    def visitor_of(self, request: Request) -> str:
        """Return the name of the visitor who sends a request.

        Raises:
            Rejected: the token is missing, or not signed by this server.
        """
        # A page in a frame of another site has no cookies there, so it sends a token of its own.
        token = request.headers.get(TOKEN_HEADER) or request.cookies.get(COOKIE, "")
        if not token:
            raise Rejected(400, "this page needs a cookie; allow cookies and open it again")
        if (name := self.visitor_of_token(token)) is None:
            raise Rejected(400, "this page is out of date; please open it again")
        return name

    def _secret(self, token: str) -> str | None:
        """Return the secret in a token, or an earlier version's token itself; None for an unknown one."""
        if not token or len(token) > MOST_CHARACTERS:
            return None
        try:
            secret = self._signer.loads(token)
        except (BadSignature, UnicodeError):  # a token of halves of characters has no bytes to sign
            return token if self._knows(_name(token)) else None
        return secret if isinstance(secret, str) else None


def _name(secret: str) -> str:
    # The journal and the interface for programs show this name, so it must not give the token away.
    return PREFIX + hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()[:32]
