"""The accounts of a store: one file, which the processes of the server and commands on its machine share."""

from __future__ import annotations

import contextlib
import hmac
import json
import logging
import secrets
import time
import unicodedata
from collections.abc import Callable
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dialogue_gym.journal.data_folder import DataPath
from dialogue_gym.journal.shared_file import SharedFile
from dialogue_gym.web.accounts import (
    MOST_PASSWORD,
    Account,
    AccountError,
    Invitation,
    Roster,
    TeacherRole,
    digest_of,
    password_fault,
)

ACCOUNTS = "web.accounts"
"""The name of the file among those of a store."""
_HASHER = PasswordHasher()
_LOG = logging.getLogger(__name__)


class AccountFile:
    """The accounts of a store, with passwords hashed by Argon2id. Thread-safe.

    Whatever is changed here or by another process counts at once. A damaged file lets nobody in.
    """

    def __init__(self, folder: DataPath, clock: Callable[[], float] = time.time) -> None:
        """Use the file among those of a store, which need not exist; `clock` is seconds since 1970."""
        self._file: SharedFile[Roster | None] = SharedFile(folder / ACCOUNTS, self._parse, _render)
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._right: dict[str, bytes] = {}
        """Digests, of this process alone, of passwords that were right, by the hashes that they fit."""

    @property
    def roster(self) -> Roster:
        """The accounts and invitations as they are now.

        Raises:
            OSError: the file cannot be read.
        """
        return self._file.read() or Roster()

    @property
    def is_used(self) -> bool:
        """Whether there are accounts, so that nobody gets in without one.

        Raises:
            OSError: the file cannot be read.
        """
        found = self._file.read()
        return found is None or bool(found.accounts)

    def verified(self, name: str, password: str) -> Account | None:
        """Return the account of a name if this is its password.

        It takes as long for a name without an account: some 0.1 s. The same right password again takes no
        time, since programs send it with each request.

        Raises:
            OSError: the file cannot be read.
        """
        roster, nobody = self.roster, self._nobody
        account = roster.find(name)
        digest = hmac.digest(self._secret, _bytes(password), "sha256")
        if account and hmac.compare_digest(self._right.get(account.password, b""), digest):
            return account
        try:
            _HASHER.verify(account.password if account else nobody, _bytes(password))
        except (VerificationError, InvalidHashError):
            return None
        if account is None:
            return None
        kept = {one.password: self._right.get(one.password, b"") for one in roster.accounts.values()}
        self._right = kept | {account.password: digest}
        if _HASHER.check_needs_rehash(account.password):
            again = self._hash(password)
            with contextlib.suppress(AccountError, OSError):  # the next sign-in tries again
                self._change(
                    lambda known: known.with_password(name, account.password, again, signs_out=False)
                )
        return account

    @property
    def now(self) -> float:
        """The time in seconds since 1970."""
        return self._clock()

    def invite(self, name: str, role: TeacherRole | None, inviter: str) -> tuple[str, Invitation]:
        """Make an invitation; return the token of its link, and itself. See `Roster.invited`.

        Raises:
            AccountError: the name or the role is not possible.
            OSError: the file cannot be written.
        """
        token = secrets.token_urlsafe(32)
        roster = self._change(lambda known: known.invited(token, name, role, inviter, self._clock()))
        return token, roster.invitations[digest_of(token)]

    def invitation(self, token: str) -> Invitation:
        """Return the invitation of a token; see `Roster.invitation`."""
        return self.roster.invitation(token, self._clock())

    def join(self, token: str, password: str) -> Account:
        """Use an invitation; return the account, which has this password now.

        Raises:
            AccountError: the invitation cannot be used, or the password is too short or too long.
            OSError: the file cannot be written.
        """
        name = self.invitation(token).name  # raises before a stranger has anything hashed
        hashed = self._new_hash(password)
        return self._change(lambda known: known.joined(token, hashed, self._clock())).known(name)

    def change_password(self, account: Account, password: str) -> Account:
        """Give an account another password, which ends its sign-ins; return the account.

        Raises:
            AccountError: the password is too short or too long, or the account has been changed meanwhile.
            OSError: the file cannot be written.
        """
        hashed = self._new_hash(password)
        changed = self._change(lambda known: known.with_password(account.name, account.password, hashed))
        return changed.known(account.name)

    def withdraw(self, name: str) -> None:
        """Withdraw an invitation; see `Roster.withdrawn`."""
        self._change(lambda known: known.withdrawn(name))

    def set_role(self, name: str, role: TeacherRole) -> None:
        """Give an account another role; see `Roster.with_role`."""
        self._change(lambda known: known.with_role(name, role))

    def sign_out(self, name: str) -> None:
        """End all sign-ins of an account; see `Roster.signed_out`."""
        self._change(lambda known: known.signed_out(name))

    def remove(self, name: str) -> None:
        """Remove an account; see `Roster.without`."""
        self._change(lambda known: known.without(name))

    def _change(self, edit: Callable[[Roster], Roster]) -> Roster:
        def change(known: Roster | None) -> Roster:
            if known is None:
                raise AccountError(f"{self._file.path} is damaged; restore it, or remove it to begin anew")
            return edit(known)

        return self._file.change(change) or Roster()

    @cached_property
    def _nobody(self) -> str:
        """The hash of a password that nobody knows."""
        return self._hash(secrets.token_urlsafe(32))

    def _new_hash(self, password: str) -> str:
        if fault := password_fault(password):
            raise AccountError(fault)
        return self._hash(password)

    def _hash(self, password: str) -> str:
        return _HASHER.hash(_bytes(password))

    def _parse(self, data: bytes | None) -> Roster | None:
        """Return the roster in the file; None if the file is damaged."""
        if data is None:
            return Roster()
        try:
            return Roster.from_json(json.loads(data))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            _LOG.error("%s: damaged, so that nobody can sign in (%s)", self._file.path, error)
            return None


def _bytes(password: str) -> bytes:
    # Keyboards and systems differ in how they compose a character. Normalizing takes quadratic time, and
    # strangers may send long texts; no password is that long.
    return unicodedata.normalize("NFKC", password[: MOST_PASSWORD + 1]).encode("utf-8", "surrogatepass")


def _render(roster: Roster | None) -> bytes:
    return json.dumps((roster or Roster()).to_json(), indent=1).encode()
