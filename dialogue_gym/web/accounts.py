"""Teachers' accounts with their roles, and invitations: the rules, without files and passwords."""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from dialogue_gym._text import name_fault, quoted
from dialogue_gym.journal.activity import COMMAND_LINE
from dialogue_gym.journal.entry import BOT, EXPERT, FAKE_USER, STORY

LEAST_PASSWORD, MOST_PASSWORD = 8, 1000
"""The lengths of a password, in characters."""
INVITATION_DAYS = 7
"""Days in which an invitation can be used."""
NOT_TEACHERS = (BOT, FAKE_USER, STORY, EXPERT)
"""Authors of entries that are not teachers."""
_NAME_CHARACTERS, _TYPED_CHARACTERS = 40, 200
_DAY = 86400.0


class TeacherRole(StrEnum):
    """The rights of a teacher. Each role has those of the roles before it."""

    TEACH = "teach"
    APPROVE = "approve"
    ADMINISTER = "administer"

    def includes(self, other: TeacherRole) -> bool:
        """Return whether this role has the rights of another one."""
        order = list(TeacherRole)
        return order.index(self) >= order.index(other)


class AccountError(ValueError):
    """A change of accounts that is not possible. The message is one line, for people to read."""


class FirstAccountError(AccountError):
    """An invitation to a first account that would not administer."""

    def __init__(self) -> None:
        """Name the role that is needed."""
        super().__init__(f"the first account must have the role {TeacherRole.ADMINISTER}")


class RoleError(Exception):
    """An action that the role of a teacher does not allow. The message is for them to read."""

    def __init__(self, role: TeacherRole) -> None:
        """Name the role that is needed."""
        super().__init__(
            f"Your role does not allow this. It needs the role \u201c{role}\u201d; teachers with the role"
            f" \u201c{TeacherRole.ADMINISTER}\u201d can give it to you."
        )


@dataclass(frozen=True)
class Account:
    """The account of a teacher.

    Attributes:
        name: the name, under which everything that they teach is written down.
        role: the role.
        password: a hash of the password.
        key: a random text to which sign-ins belong; with another one all of them end.
        since: the time in seconds since 1970.
    """

    name: str
    role: TeacherRole
    password: str = field(repr=False)
    key: str = field(repr=False)
    since: float


@dataclass(frozen=True)
class Invitation:
    """An invitation, whose link works once: to a new account, or to another password of an account.

    Attributes:
        name: the name of the account.
        role: the role of a new account.
        inviter: the name of the person who invites.
        expires: the time in seconds since 1970.
    """

    name: str
    role: TeacherRole
    inviter: str
    expires: float


def teacher_fault(name: str) -> str | None:
    """Return why a text cannot be a teacher's name; None if it can."""
    if name in (*NOT_TEACHERS, COMMAND_LINE):
        return f"{name!r} is reserved"
    if len(name) > _NAME_CHARACTERS:
        return f"it has more than {_NAME_CHARACTERS} characters"
    return name_fault(name)


def same_name(name: str) -> str:
    """Return a form that two spellings of one name share: people type a name as their keyboard has it.

    >>> same_name("Anna ") == same_name("anna")
    True
    """
    return _typed(name, "NFKC").casefold()


def _typed(name: str, form: Literal["NFC", "NFKC"]) -> str:
    # Normalizing takes quadratic time, and strangers may send long texts; no name is that long.
    return unicodedata.normalize(form, name.strip()[:_TYPED_CHARACTERS])


def digest_of(token: str) -> str:
    """Return the digest of an invitation's token, which is all that a store keeps of it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def password_fault(password: str) -> str | None:
    """Return why a text cannot be a password; None if it can."""
    if len(password) < LEAST_PASSWORD:
        return f"the password is too short: {LEAST_PASSWORD} characters at least"
    if len(password) > MOST_PASSWORD:
        return f"the password is too long: {MOST_PASSWORD} characters at most"
    return None


@dataclass(frozen=True)
class Roster:
    """All accounts and open invitations at one moment. A change returns another roster.

    As long as there are accounts, one of them administers.

    Attributes:
        accounts: the accounts by `same_name`.
        invitations: the invitations by the digest of their token; some may have expired.
    """

    accounts: Mapping[str, Account] = field(default_factory=dict)
    invitations: Mapping[str, Invitation] = field(default_factory=dict)

    def find(self, name: str) -> Account | None:
        """Return the account of a name; None if there is none."""
        return self.accounts.get(same_name(name))

    def of_key(self, key: str) -> Account | None:
        """Return the account to which a sign-in belongs; None if it has ended."""
        return next((one for one in self.accounts.values() if one.key == key), None)

    def open_invitations(self, now: float) -> dict[str, Invitation]:
        """Return the invitations that can be used, by digest, those that expire first in front."""
        valid = ((digest, one) for digest, one in self.invitations.items() if one.expires > now)
        return dict(sorted(valid, key=lambda item: item[1].expires))

    def invitation(self, token: str, now: float) -> Invitation:
        """Return the invitation of a token.

        Raises:
            AccountError: it is unknown, used or expired.
        """
        if (found := self.open_invitations(now).get(digest_of(token))) is None:
            raise AccountError("this link has expired or was used already; ask for another one")
        return found

    def invited(self, token: str, name: str, role: TeacherRole | None, inviter: str, now: float) -> Roster:
        """Return a roster with an invitation, which takes the place of an earlier one for the name.

        Args:
            token: the token of the new link.
            name: the name for the account. The owner of an account can choose another password.
            role: the role; None for that of an account, or `TEACH` for a new one.
            inviter: the name of the person who invites.
            now: the time in seconds since 1970.

        Raises:
            AccountError: the name or the role is not possible.
        """
        name = _typed(name, "NFC")
        if fault := teacher_fault(name):
            raise AccountError(f"{quoted(name)} cannot be a teacher's name: {fault}")
        known = self.find(name)
        if known is not None:
            if role not in (None, known.role):
                raise AccountError(f"{known.name} has an account already, with the role {known.role}")
            name, role = known.name, known.role
        role = role or TeacherRole.TEACH
        if not self.accounts and role is not TeacherRole.ADMINISTER:
            raise FirstAccountError
        others = {
            digest: one
            for digest, one in self.open_invitations(now).items()
            if same_name(one.name) != same_name(name)
        }
        new = Invitation(name, role, inviter, now + INVITATION_DAYS * _DAY)
        return dataclasses.replace(self, invitations={**others, digest_of(token): new})

    def withdrawn(self, name: str) -> Roster:
        """Return a roster without the invitation for a name.

        Raises:
            AccountError: there is none.
        """
        kept = {
            digest: one for digest, one in self.invitations.items() if same_name(one.name) != same_name(name)
        }
        if len(kept) == len(self.invitations):
            raise AccountError(f"there is no open invitation for {quoted(name)}")
        return dataclasses.replace(self, invitations=kept)

    def joined(self, token: str, password: str, now: float) -> Roster:
        """Return a roster in which an invitation is used: an account has this password, and no sign-in.

        Args:
            token: the token of the link.
            password: the hash of the password.
            now: the time in seconds since 1970.

        Raises:
            AccountError: the invitation is unknown, used or expired.
        """
        invitation = self.invitation(token, now)
        known = self.find(invitation.name)
        role, since = (known.role, known.since) if known else (invitation.role, now)
        account = Account(invitation.name, role, password, _new_key(), since)
        kept = {digest: one for digest, one in self.invitations.items() if one is not invitation}
        return self._with(account, kept)

    def with_role(self, name: str, role: TeacherRole) -> Roster:
        """Return a roster in which an account has another role.

        The invitations of one who no longer administers are void.

        Raises:
            AccountError: there is no such account, or nobody would administer.
        """
        account = self.known(name)
        kept = self.invitations
        if account.role is TeacherRole.ADMINISTER and role is not TeacherRole.ADMINISTER:
            self._check_others_administer(account)
            kept = self._not_invited_by(account)
        return self._with(dataclasses.replace(account, role=role), kept)

    def with_password(self, name: str, before: str, password: str, signs_out: bool = True) -> Roster:
        """Return a roster in which an account has the hash of another password; its sign-ins end.

        Args:
            name: the name of the account.
            before: the hash that the account has.
            password: the new one.
            signs_out: whether sign-ins end; they need not for another hash of the same password.

        Raises:
            AccountError: there is no such account, or its password has been changed meanwhile.
        """
        account = self.known(name)
        if account.password != before:
            raise AccountError("the password has been changed meanwhile; sign in again")
        key = _new_key() if signs_out else account.key
        return self._with(dataclasses.replace(account, password=password, key=key))

    def signed_out(self, name: str) -> Roster:
        """Return a roster in which all sign-ins of an account have ended.

        Raises:
            AccountError: there is no such account.
        """
        return self._with(dataclasses.replace(self.known(name), key=_new_key()))

    def without(self, name: str) -> Roster:
        """Return a roster without an account, the invitation for its name, and those that it has made.

        Raises:
            AccountError: there is no such account, or nobody would administer.
        """
        account = self.known(name)
        self._check_others_administer(account)
        accounts = {same: one for same, one in self.accounts.items() if one != account}
        kept = self._not_invited_by(account)
        return Roster(accounts, {digest: one for digest, one in kept.items() if one.name != account.name})

    def _not_invited_by(self, account: Account) -> dict[str, Invitation]:
        return {digest: one for digest, one in self.invitations.items() if one.inviter != account.name}

    def known(self, name: str) -> Account:
        """Return the account of a name.

        Raises:
            AccountError: there is none.
        """
        if (account := self.find(name)) is None:
            raise AccountError(f"{quoted(name)} has no account")
        return account

    def _check_others_administer(self, account: Account) -> None:
        others = (one for one in self.accounts.values() if one != account)
        if all(one.role is not TeacherRole.ADMINISTER for one in others):
            raise AccountError(f"{account.name} is the last who administers; let somebody else do so first")

    def _with(self, account: Account, invitations: Mapping[str, Invitation] | None = None) -> Roster:
        accounts = {**self.accounts, same_name(account.name): account}
        return Roster(accounts, self.invitations if invitations is None else invitations)

    def to_json(self) -> dict[str, Any]:
        """Return the roster as JSON-serializable values; see `from_json`."""
        return {
            "accounts": [dataclasses.asdict(one) for one in self.accounts.values()],
            "invitations": {digest: dataclasses.asdict(one) for digest, one in self.invitations.items()},
        }

    @classmethod
    def from_json(cls, content: Any) -> Roster:
        """Return the roster that JSON holds.

        Raises:
            ValueError, LookupError, TypeError or AttributeError: it holds none.
        """
        found = [Account(**one | {"role": TeacherRole(one["role"])}) for one in content["accounts"]]
        invited = {
            digest: Invitation(**one | {"role": TeacherRole(one["role"])})
            for digest, one in content["invitations"].items()
        }
        return cls({same_name(one.name): one for one in found}, invited)


def _new_key() -> str:
    return secrets.token_hex(16)
