"""Accounts, invitations and the log of a store, without a server; the clock is moved by hand."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("argon2", reason="the extra web is missing")

import argon2

from dialogue_gym.journal.activity import ActivityKind, ActivityLog
from dialogue_gym.journal.data_folder import append_data, change_data, data_folder
from dialogue_gym.journal.place import DatabaseUrl, StorePlace
from dialogue_gym.journal.store import Store
from dialogue_gym.journal.store_copy import copy_store
from dialogue_gym.web import account_file
from dialogue_gym.web.access import BROWSER_COOKIE, AccessPolicy, TooManyTries
from dialogue_gym.web.account_file import ACCOUNTS, AccountFile
from dialogue_gym.web.accounts import INVITATION_DAYS, AccountError, Roster, TeacherRole
from dialogue_gym.web.attempts import API, TEACH, PasswordAttempts
from tests.commands import call
from tests.web.test_attempts import DAY, Clock, cookies_of, request

RIGHT, OTHER = "correct horse", "battery staple"
NAMES = st.sampled_from(["anna", "Anna", "ben", "cora"])
TOKENS = st.sampled_from(["token 1", "token 2", "token 3"])
CHANGES = st.one_of(
    st.tuples(st.just("invited"), TOKENS, NAMES, st.sampled_from([None, *TeacherRole]), NAMES, st.just(0.0)),
    st.tuples(st.just("withdrawn"), NAMES),
    st.tuples(st.just("joined"), TOKENS, st.sampled_from(["hash 1", "hash 2"]), st.just(1.0)),
    st.tuples(st.just("with_role"), NAMES, st.sampled_from(list(TeacherRole))),
    st.tuples(st.just("with_password"), NAMES, st.just("hash 1"), st.just("hash 2")),
    st.tuples(st.just("signed_out"), NAMES),
    st.tuples(st.just("without"), NAMES),
)


@given(st.lists(CHANGES, max_size=30))
def test_whatever_is_changed_somebody_administers_and_rights_come_from_those_who_do(changes: list) -> None:
    roster = Roster()
    for name, *arguments in changes:
        before = roster
        with suppress(AccountError):
            roster = getattr(roster, name)(*arguments)
        assert Roster.from_json(json.loads(json.dumps(roster.to_json()))) == roster
        roles = [one.role for one in roster.accounts.values()]
        assert not roles or TeacherRole.ADMINISTER in roles
        known = {one.key: one for one in before.accounts.values()}
        for account in roster.accounts.values():
            former = before.find(account.name)
            if former is None or former.password != account.password:
                assert account.key not in known  # no sign-in is left
            elif name != "with_role":
                assert account.role is former.role
        # An invitation of somebody who does not administer any more gives nothing.
        demoted = [
            one.name
            for one in before.accounts.values()
            if one.role is TeacherRole.ADMINISTER
            and ((now := roster.find(one.name)) is None or now.role is not TeacherRole.ADMINISTER)
        ]
        assert not [one for one in roster.invitations.values() if one.inviter in demoted]


@given(
    st.sampled_from(list(TeacherRole)), st.sampled_from(list(TeacherRole)), st.sampled_from(list(TeacherRole))
)
def test_each_role_has_the_rights_of_those_before_it(
    one: TeacherRole, two: TeacherRole, three: TeacherRole
) -> None:
    assert one.includes(one) and TeacherRole.ADMINISTER.includes(one) and one.includes(TeacherRole.TEACH)
    assert one.includes(two) or two.includes(one)
    assert one == two or not (one.includes(two) and two.includes(one))
    if one.includes(two) and two.includes(three):
        assert one.includes(three)


def test_a_link_works_once_and_for_some_days(place: StorePlace) -> None:
    clock = Clock()
    accounts, elsewhere = (AccountFile(data_folder(place), clock) for _ in range(2))
    assert not accounts.is_used
    with pytest.raises(AccountError, match="the first account must have the role administer"):
        accounts.invite("anna", TeacherRole.TEACH, "boss")
    token, made = accounts.invite("anna", TeacherRole.ADMINISTER, "boss")
    assert not elsewhere.is_used and elsewhere.invitation(token) == made
    stored = (data_folder(place) / ACCOUNTS).read_bytes().decode()
    assert token not in stored
    for forged in (token[:-1], token + "x", "", next(iter(accounts.roster.invitations))):
        with pytest.raises(AccountError, match="this link has expired or was used already"):
            accounts.join(forged, RIGHT)
    with pytest.raises(AccountError, match="too short: 8 characters at least"):
        accounts.join(token, "1234567")
    accounts.join(token, RIGHT)
    with pytest.raises(AccountError, match="expired or was used already"):
        elsewhere.join(token, OTHER)
    assert elsewhere.is_used and elsewhere.verified("Anna ", RIGHT) == accounts.roster.find("anna")
    assert RIGHT not in (data_folder(place) / ACCOUNTS).read_bytes().decode()
    late, _ = accounts.invite("ben", None, "anna")
    clock.now += INVITATION_DAYS * DAY
    with pytest.raises(AccountError, match="expired or was used already"):
        accounts.join(late, RIGHT)
    # Another link of the same person takes the place of the first; their role and name stay.
    first, _ = accounts.invite("ANNA", None, "command line")
    second, _ = accounts.invite("anna", TeacherRole.ADMINISTER, "command line")
    before = accounts.roster.known("anna")
    with pytest.raises(AccountError):
        accounts.join(first, OTHER)
    again = accounts.join(second, OTHER)
    assert (again.name, again.role) == (before.name, before.role) and again.key != before.key
    assert accounts.verified("anna", RIGHT) is None and accounts.verified("anna", OTHER)


def test_an_old_hash_is_renewed_at_the_next_sign_in(tmp_path: Path) -> None:
    accounts = AccountFile(tmp_path)
    accounts.join(accounts.invite("anna", TeacherRole.ADMINISTER, "boss")[0], RIGHT)
    before = accounts.roster.known("anna")
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(RIGHT)
    text = (tmp_path / ACCOUNTS).read_text()
    (tmp_path / ACCOUNTS).write_text(text.replace(before.password, weak))
    assert accounts.verified("anna", OTHER) is None and accounts.roster.known("anna").password == weak
    assert accounts.verified("anna", RIGHT)
    after = accounts.roster.known("anna")
    assert after.password.startswith("$argon2id$") and after.password != weak
    assert after.key == before.key  # nobody is signed out for it
    assert accounts.verified("anna", RIGHT) == after


def test_an_unknown_name_is_verified_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same parameters, so that the time of an answer does not tell which names have accounts."""
    accounts = AccountFile(tmp_path)
    accounts.join(accounts.invite("anna", TeacherRole.ADMINISTER, "boss")[0], RIGHT)
    hashes: list[str] = []

    class Watched(argon2.PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
            hashes.append(str(hash))
            return super().verify(hash, password)

    monkeypatch.setattr(account_file, "_HASHER", Watched())
    assert accounts.verified("anna", OTHER) is accounts.verified("nobody", OTHER) is None
    known, unknown = map(argon2.extract_parameters, hashes)
    assert known == unknown
    # Programs send the right one with each request, and a wrong one is as slow as ever.
    for _ in range(3):
        assert accounts.verified("anna", RIGHT) and len(hashes) == 3
    assert accounts.verified("anna", OTHER) is None and len(hashes) == 4
    accounts.change_password(accounts.roster.known("anna"), OTHER)
    assert accounts.verified("anna", RIGHT) is None and accounts.verified("anna", OTHER)
    assert len(hashes) == 6


def test_a_damaged_or_removed_file_lets_nobody_in(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    accounts = AccountFile(tmp_path)
    accounts.join(accounts.invite("anna", TeacherRole.ADMINISTER, "boss")[0], RIGHT)
    policy = AccessPolicy("0.0.0.0", tmp_path)  # needs no shared password any more
    sent = request(**cookies_of(policy.sign_in("anna", request().headers, "/teach", is_https=False)))
    assert policy.teacher(sent.headers) == "anna"
    for damaged in (b"{", b"[]", b'{"accounts": []}', b'{"accounts": [{"role": "god"}], "invitations": {}}'):
        (tmp_path / ACCOUNTS).write_bytes(damaged)
        assert policy.teacher(sent.headers) is None and policy.needs_sign_in and accounts.is_used
        assert accounts.verified("anna", RIGHT) is None and "nobody can sign in" in caplog.text
        with pytest.raises(AccountError, match=r"web\.accounts is damaged"):
            accounts.invite("ben", TeacherRole.ADMINISTER, "boss")
        assert (tmp_path / ACCOUNTS).read_bytes() == damaged
    (tmp_path / ACCOUNTS).unlink()
    assert policy.teacher(sent.headers) is None and policy.needs_sign_in
    assert not policy.allows("anna", TeacherRole.TEACH)


def test_changes_count_at_once_wherever_they_are_made(place: StorePlace) -> None:
    """Two policies, as those of two processes: each with a connection, and a memory, of its own."""
    one, two = (AccessPolicy("::1", data_folder(place), RIGHT) for _ in range(2))
    shared = request(**cookies_of(one.sign_in("boss", request().headers, "/teach", is_https=False)))
    assert two.teacher(shared.headers) == "boss" and two.allows("boss", TeacherRole.ADMINISTER)
    for name, role in (("anna", TeacherRole.ADMINISTER), ("ben", TeacherRole.TEACH)):
        one.accounts.join(one.accounts.invite(name, role, "boss")[0], OTHER)
    # The shared password signs nobody in any more, and those whom it has are out.
    assert two.teacher(shared.headers) is None and not two.allows("boss", TeacherRole.TEACH)
    assert asyncio.run(two.identify(TEACH, request(), "boss", RIGHT)) is None
    assert asyncio.run(two.identify(TEACH, request(), " BEN", OTHER)) == "ben"
    ben = request(**cookies_of(two.sign_in("ben", request().headers, "/teach", is_https=False)))
    assert one.teacher(ben.headers) == two.teacher(ben.headers) == "ben"
    assert not one.allows("ben", TeacherRole.APPROVE)
    two.accounts.set_role("ben", TeacherRole.APPROVE)
    assert one.allows("ben", TeacherRole.APPROVE) and not one.allows("ben", TeacherRole.ADMINISTER)
    assert one.teacher(ben.headers) == "ben"
    two.accounts.sign_out("ben")
    assert one.teacher(ben.headers) is None
    ben = request(**cookies_of(one.sign_in("ben", request().headers, "/teach", is_https=False)))
    two.accounts.change_password(two.accounts.roster.known("ben"), RIGHT)
    assert one.teacher(ben.headers) is None
    ben = request(**cookies_of(one.sign_in("ben", request().headers, "/teach", is_https=False)))
    two.accounts.remove("ben")
    assert one.teacher(ben.headers) is None and not one.allows("ben", TeacherRole.TEACH)
    two.accounts.join(two.accounts.invite("ben", None, "anna")[0], RIGHT)
    assert one.teacher(ben.headers) is None  # another account of the same name
    with pytest.raises(AccountError, match="anna is the last who administers"):
        one.accounts.remove("anna")


def test_wrong_passwords_delay_one_account_from_one_network(tmp_path: Path) -> None:
    policy = AccessPolicy("::1", tmp_path, attempts=PasswordAttempts(Clock()))
    for name in ("anna", "ben"):
        policy.accounts.join(policy.accounts.invite(name, TeacherRole.ADMINISTER, "boss")[0], RIGHT)

    async def tried(name: str, password: str, address: str = "192.0.2.1", **cookies: str) -> str | None:
        return await policy.identify(TEACH, request(address, **cookies), name, password)

    async def tries() -> None:
        guesses = await asyncio.gather(*(tried("anna", "a guess") for _ in range(8)), return_exceptions=True)
        # Many at once do not overtake the first ones that are found wrong.
        refused = [one for one in guesses if isinstance(one, TooManyTries)]
        assert guesses.count(None) == 3 and len(refused) == 5  # in whichever order their threads come
        with pytest.raises(TooManyTries):
            await tried(" Anna", RIGHT)
        assert await tried("ben", RIGHT) == "ben" and await tried("anna", RIGHT, "192.0.2.2") == "anna"
        for _ in range(3):
            await tried("nobody", "a guess")
        with pytest.raises(TooManyTries):  # as if there were such an account
            await tried("nobody", "a guess")
        with pytest.raises(TooManyTries):  # nor do spaces before the name open another way
            await tried(" " * 300 + "anna", RIGHT)
        # A text that takes a second to normalize, as a name and as a password.
        assert await tried("\u0301\u0316" * 100_000, "\u0301\u0316" * 100_000, "192.0.2.3") is None
        assert max(map(len, policy.attempts._backoffs._allowances)) < 300
        # The browser of ben opens no way around the delays of anna, and neither does his password.
        known = cookies_of(policy.sign_in("ben", request().headers, "/teach", is_https=False))
        sign = {BROWSER_COOKIE: known[BROWSER_COOKIE]}
        assert await tried("ben", RIGHT, **sign) == "ben"
        with pytest.raises(TooManyTries):
            await tried("anna", RIGHT, **sign)
        own = cookies_of(policy.sign_in("anna", request().headers, "/teach", is_https=False))
        assert await tried("anna", RIGHT, **{BROWSER_COOKIE: own[BROWSER_COOKIE]}) == "anna"
        assert await policy.identify(API, request(), "anna", RIGHT) == "anna"  # programs are counted apart

    with ThreadPoolExecutor(1) as thread:  # a browser's event loop may occupy this thread
        thread.submit(asyncio.run, tries()).result(60)
    written = [str(one) for one in policy.log.latest()]
    assert "somebody gave a wrong password for anna" in written
    assert "somebody gave a wrong password for an unknown name" in written


def test_processes_change_the_files_of_a_store_without_losing_anything(
    place: StorePlace, tmp_path: Path
) -> None:
    Store(place).close()
    accounts = AccountFile(data_folder(place))
    accounts.join(accounts.invite("anna", TeacherRole.ADMINISTER, "boss")[0], RIGHT)
    url = place.url if isinstance(place, DatabaseUrl) else str(place)
    code = (
        "import sys; from tests.commands import call\n"
        "for number in range(5): call('store', 'invite', f'{sys.argv[2]}{number}', '--store', sys.argv[1])"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, url, name]) for name in ("ben", "cora", "dave")]
    assert [process.wait() for process in running] == [0, 0, 0]
    names = {f"{name}{number}" for name in ("ben", "cora", "dave") for number in range(5)}
    assert {one.name for one in accounts.roster.invitations.values()} == names
    log = list(ActivityLog(data_folder(place)).latest())
    assert {one.about for one in log} == {f"{name} (teach)" for name in names} and len(log) == 15
    assert log == sorted(log, key=lambda one: -one.time)
    listed = call("store", "teachers", "--store", url).stdout
    assert "anna" in listed and "dave4" in listed
    lines = call("store", "log", "--store", url, "--json", "--last", "2").stdout.splitlines()
    assert [json.loads(line)["what"] for line in lines] == ["invited", "invited"]
    copy_store(place, tmp_path / "copy")
    assert AccountFile(tmp_path / "copy").roster == accounts.roster
    assert list(ActivityLog(tmp_path / "copy").latest()) == log


def test_the_log_is_kept_by_day_and_half_a_line_harms_no_other(place: StorePlace) -> None:
    clock, folder = Clock(), data_folder(place)
    log = ActivityLog(folder, clock)
    assert list(log.latest()) == []
    log.record("anna", ActivityKind.TOOK_OVER, "live1")
    clock.now += DAY
    log.record("ben", ActivityKind.APPROVED, "rating \ud800 7\nx")
    append_data(folder / "activity" / "2001-09-10.jsonl", b'{"id": "0", "tim')
    assert [(one.who, one.what, one.time) for one in log.latest()] == [
        ("ben", "approved", clock.now),
        ("anna", "took over", clock.now - DAY),
    ]


def test_old_days_of_the_log_are_removed_which_the_log_says(place: StorePlace) -> None:
    Store(place).close()
    url, clock = place.url if isinstance(place, DatabaseUrl) else str(place), Clock()
    log = ActivityLog(data_folder(place), clock)
    for who in ("anna", "ben", "carl"):  # from 2001-09-09 on
        log.record(who, ActivityKind.SIGNED_IN)
        clock.now += DAY
    words = ("store", "log", "--store", url, "--prune-before")
    for day, line in (("2001-9-9", "expected a date such as 2026-01-31"), ("2999-01-01", "has not begun")):
        done = call(*words, day, "--yes")
        assert done.returncode == 2 and line in done.stderr
    assert call(*words, "2001-09-11", typed="n\n").returncode == 1 and len(list(log.latest())) == 3
    assert call(*words, "2001-09-11", "--yes").stdout == "2 days removed\n"
    assert call(*words, "2001-09-11", "--yes").stdout == "0 days removed\n"
    assert [str(one) for one in log.latest()] == [
        "command line removed the log of the days before 2001-09-11",
        "carl signed in",
    ]


def test_an_append_or_change_that_is_sent_again_is_done_once(database: DatabaseUrl) -> None:
    """As after a connection that was lost before its answer came."""
    folder = data_folder(database)
    for _ in range(2):
        append_data(folder / "lines", b"one\n")
    append_data(folder / "lines", b"two\n")
    assert (folder / "lines").read_bytes() == b"one\ntwo\n"
    change_data(folder / "number", lambda data: b"1" if data is None else b"%d" % (int(data) + 1))
    version, data = (folder / "number").snapshot()  # type: ignore[union-attr]
    assert data == b"1" and not (folder / "number").exchange(b"9", (version or 0) - 1)  # type: ignore[union-attr]
    assert not (folder / "number").exchange(b"9", None)  # type: ignore[union-attr]
    assert (folder / "number").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("invite", "anna", "--role", "boss"),
            "--role: unknown role 'boss'; valid: administer, approve, teach",
        ),
        (("invite", "anna"), "the first account must have the role administer: give --role administer"),
        (
            ("invite", "anna", "--role", "approve"),
            "the first account must have the role administer: give --role administer",
        ),
        (("invite", "bot", "--role", "administer"), "'bot' cannot be a teacher's name: 'bot' is reserved"),
        (("invite", "command line"), "'command line' cannot be a teacher's name"),
        (("invite", "anna", "--role", "administer", "--url", "bot.example"), "--url 'bot.example': expected"),
    ],
)
def test_what_cannot_be_invited_is_explained_in_one_line(
    words: tuple[str, ...], line: str, tmp_path: Path
) -> None:
    Store(tmp_path).close()
    done = call("store", *words, "--store", str(tmp_path))
    assert done.returncode == 2 and done.stderr.startswith(f"error: {line}"), done.stderr
    missing = call("store", words[0], "anna", "--store", str(tmp_path / "none"))
    assert missing.returncode == 2 and "there is no store here" in missing.stderr
