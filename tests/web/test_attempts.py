"""Wrong passwords, sign-ins and visitors' tokens, without a server; the clock is moved by hand."""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

pytest.importorskip("nicegui", reason="the extra web is missing")

from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from dialogue_gym.journal.place import DatabaseUrl
from dialogue_gym.web.access import BROWSER_COOKIE, COOKIE, AccessPolicy, TooManyTries, network_of
from dialogue_gym.web.attempts import API, MOST_WRONG, TEACH, Applicant, PasswordAttempts
from dialogue_gym.web.security import AccessMiddleware, ProxyNotice
from dialogue_gym.web.teacher_sessions import DAYS, TeacherSessions
from dialogue_gym.web.visitors import PREFIX, VisitorTokens
from tests.postgres import PostgresServer
from tests.web.requests import PASSWORD
from tests.web.servers import wait_for

DAY = 86400.0


class Clock:
    now = 1e9

    def __call__(self) -> float:
        return self.now


def request(address: str = "192.0.2.1", **cookies: str) -> Request:
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    headers = [(b"cookie", cookie.encode())] if cookie else []
    return Request({"type": "http", "client": (address, 1), "headers": headers})


def cookies_of(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    pairs = [value.decode().partition(";")[0].partition("=") for _, value in headers]
    return {name: value for name, _, value in pairs}


def test_networks_are_what_their_owner_cannot_change() -> None:
    assert network_of("192.0.2.7") == network_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1:2") != network_of("2001:db8:0:1::1")
    assert network_of("fe80::1%eth0") == "fe80::/64" and network_of("unknown") == "unknown"


def test_realms_and_networks_wait_apart() -> None:
    attempts = PasswordAttempts(Clock())
    for _ in range(3):
        attempts.fail(Applicant(TEACH, "a"))
    assert attempts.wait(Applicant(TEACH, "a")) == 1
    assert attempts.wait(Applicant(TEACH, "b")) == attempts.wait(Applicant(API, "a")) == 0
    attempts.succeed(Applicant(TEACH, "a"))
    assert attempts.wait(Applicant(TEACH, "a")) == 0


def test_many_networks_share_an_allowance_and_known_browsers_do_not() -> None:
    clock = Clock()
    attempts = PasswordAttempts(clock)
    for number in range(MOST_WRONG):
        assert attempts.wait(Applicant(TEACH, str(number))) == 0
        attempts.fail(Applicant(TEACH, str(number)))
    assert attempts.wait(Applicant(TEACH, "fresh")) == pytest.approx(3600 / MOST_WRONG)
    assert attempts.wait(Applicant(API, "fresh")) == 0
    assert attempts.wait(Applicant(TEACH, "fresh", browser="of a teacher")) == 0
    for _ in range(3):
        attempts.fail(Applicant(TEACH, "fresh", browser="of a teacher"))
    assert attempts.wait(Applicant(TEACH, "fresh", browser="of a teacher")) == 1
    clock.now += 37
    assert attempts.wait(Applicant(TEACH, "fresh")) == 0


def test_a_known_browser_gets_in_while_its_address_is_locked(tmp_path: Path) -> None:
    policy = AccessPolicy("::1", tmp_path, PASSWORD)
    known = cookies_of(policy.sign_in("anna", Headers(), "/teach", is_https=False))
    for _ in range(3):
        assert not policy.try_password(TEACH, request(), "a guess")
    with pytest.raises(TooManyTries, match="too many wrong passwords; try again in 1 s"):
        policy.try_password(TEACH, request(), PASSWORD)
    sign = known[BROWSER_COOKIE]
    assert policy.try_password(TEACH, request(**{BROWSER_COOKIE: sign}), PASSWORD)
    for forged in (sign[:-4] + "AAAA", "x", ""):
        with pytest.raises(TooManyTries):
            policy.try_password(TEACH, request(**{BROWSER_COOKIE: forged}), PASSWORD)
    for _ in range(3):
        policy.try_password(API, request(**{BROWSER_COOKIE: sign}), "a guess")
    with pytest.raises(TooManyTries):  # programs wait whatever they send
        policy.try_password(API, request(**{BROWSER_COOKIE: "another"}), PASSWORD)
    # It opens nothing itself, and stays valid under another password.
    assert policy.teacher(Headers({"cookie": f"{COOKIE}={sign}; {BROWSER_COOKIE}={sign}"})) is None
    changed = AccessPolicy("::1", tmp_path, "another one")
    for _ in range(3):
        changed.try_password(TEACH, request(), "a guess")
    assert changed.try_password(TEACH, request(**{BROWSER_COOKIE: sign}), "another one")


def test_who_signs_in_again_leaves_no_sign_in_behind(tmp_path: Path) -> None:
    policy = AccessPolicy("::1", tmp_path, PASSWORD)
    first = cookies_of(policy.sign_in("anna", Headers(), "/teach", is_https=False))
    sent = Headers({"cookie": "; ".join(f"{name}={value}" for name, value in first.items())})
    second = cookies_of(policy.sign_in("bob", sent, "/teach", is_https=False))
    assert policy.teacher(sent) is None and second[BROWSER_COOKIE] == first[BROWSER_COOKIE]
    assert policy.teacher(Headers({"cookie": f"{COOKIE}={second[COOKIE]}"})) == "bob"


def test_sign_ins_last_while_they_are_used_and_can_be_ended(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "web.sessions"
    sessions = TeacherSessions(path, b"secret", clock)
    used, idle = sessions.begin("anna"), sessions.begin("anna")
    assert not sessions.renew(used)  # once a day is enough
    for _ in range(2 * DAYS):
        clock.now += DAY
        assert sessions.renew(used)
    assert sessions.teacher(used) == "anna" and sessions.teacher(idle) is None and not sessions.renew(idle)
    other, bob = sessions.begin("anna"), sessions.begin("bob")
    again = TeacherSessions(path, b"secret", clock)  # another process, as after a restart
    assert again.teacher(other) == "anna" and TeacherSessions(path, b"other", clock).teacher(other) is None
    sessions.end(other)
    assert again.teacher(other) is None and again.teacher(used) == "anna"
    sessions.end(used, everywhere=True)
    assert again.teacher(used) is None and again.teacher(bob) == "bob"
    assert used not in path.read_text()  # who reads the file cannot sign in
    path.unlink()
    assert sessions.teacher(bob) is again.teacher(bob) is None


def test_a_damaged_file_of_sign_ins_lets_nobody_in(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "web.sessions"
    sessions = TeacherSessions(path, b"secret")
    token = sessions.begin("anna")
    for damaged in ("{", "[]", '{"a": 1}', '{"a": ["b"]}'):
        path.write_text(damaged)
        assert sessions.teacher(token) is None and "everybody has to sign in again" in caplog.text
    assert sessions.teacher(sessions.begin("anna")) == "anna"


def test_names_without_a_password_are_those_of_earlier_versions_too(tmp_path: Path) -> None:
    local = AccessPolicy("::1", tmp_path)
    earlier = URLSafeTimedSerializer(local._names.secret_key, salt=COOKIE).dumps("anna")
    assert local.teacher(Headers({"cookie": f"{COOKIE}={earlier}"})) == "anna"
    closed = AccessPolicy("::1", tmp_path, PASSWORD)
    earlier = URLSafeTimedSerializer(closed._names.secret_key, salt=COOKIE).dumps("anna")
    assert closed.teacher(Headers({"cookie": f"{COOKIE}={earlier}"})) is None  # nobody could end it


def test_visitors_cannot_choose_their_tokens() -> None:
    written: set[str] = set()
    tokens = VisitorTokens(URLSafeSerializer("key"), written.__contains__)
    own = tokens.signed()
    name = tokens.visitor_of(request(dialogue_gym_visitor=own))
    assert name.startswith(PREFIX) and own not in name and tokens.signed(own) == own
    foreign = VisitorTokens(URLSafeSerializer("another key"), written.__contains__).signed()
    for chosen in ("a" * 22, foreign, own[:-2], "x" * 600):
        with pytest.raises(Exception, match="this page is out of date"):
            tokens.visitor_of(request(dialogue_gym_visitor=chosen))
        assert tokens.signed(chosen) not in (chosen, own)
    with pytest.raises(Exception, match="this page needs a cookie"):
        tokens.visitor_of(request())
    anybody = VisitorTokens(URLSafeSerializer("key"), lambda name: True)
    assert anybody.visitor_of(request(dialogue_gym_visitor="x" * 500))
    with pytest.raises(Exception, match="this page is out of date"):
        anybody.visitor_of(request(dialogue_gym_visitor="x" * 600))


def test_tokens_of_earlier_versions_stay_with_visitors_who_have_written() -> None:
    earlier = "b7GJxk0zmJmYQ2x3pZk1aw"
    name = f"visitor {hashlib.sha256(earlier.encode()).hexdigest()[:32]}"  # as earlier versions named them
    tokens = VisitorTokens(URLSafeSerializer("key"), {name}.__contains__)
    assert tokens.visitor_of(request(dialogue_gym_visitor=earlier)) == name
    signed = tokens.signed(earlier)
    assert signed != earlier and tokens.visitor_of(request(dialogue_gym_visitor=signed)) == name


def test_a_proxy_is_told_once_and_only_one_on_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        pass

    async def requests() -> None:
        notice = ProxyNotice(app)
        for address in ("192.0.2.1", "127.0.0.1", "127.0.0.1"):
            headers = [(b"x-forwarded-for", b"1.2.3.4")]
            scope = {"type": "http", "client": (address, 1), "headers": headers}
            await notice(scope, None, None)  # type: ignore[arg-type]

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, requests()).result(60)
    (line,) = capsys.readouterr().out.splitlines()
    assert "give --behind-proxy 127.0.0.1" in line


def test_a_visit_keeps_a_teacher_signed_in(tmp_path: Path) -> None:
    """The cookie is set again once a day, unless the response sets or removes it itself."""
    clock = Clock()
    policy = AccessPolicy("::1", tmp_path, PASSWORD)
    policy._sessions._clock = clock
    _, cookie = policy.sign_in("anna", Headers(), "", is_https=False)[0]
    token = cookie.decode().partition(";")[0]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        removal = [policy.sign_out(Headers(scope=scope), "")] if scope["path"] == "/out" else []
        await send({"type": "http.response.start", "status": 200, "headers": removal})
        await send({"type": "http.response.body", "body": b""})

    async def visits() -> None:
        transport = httpx.ASGITransport(app=AccessMiddleware(app, policy, enter="/enter"))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as browser:

            async def visit(path: str = "/") -> httpx.Response:
                return await browser.get(path, headers={"cookie": token})

            assert "set-cookie" not in (await visit()).headers
            for _ in range(2 * DAYS):
                clock.now += DAY
                assert (await visit()).headers["set-cookie"] == cookie.decode()
                assert "set-cookie" not in (await visit()).headers
            clock.now += DAY
            assert (await visit("/out")).headers.get_list("set-cookie")[0].startswith(f'{COOKIE}=""')
            assert (await visit()).status_code == 401

    with ThreadPoolExecutor(1) as thread:  # a browser's event loop may occupy this thread
        thread.submit(asyncio.run, visits()).result(60)


def test_wrong_passwords_count_over_all_processes_of_a_store(postgres: PostgresServer) -> None:
    url = DatabaseUrl(postgres.url(postgres.new_database()))
    here, there = PasswordAttempts(), PasswordAttempts()
    guest, teacher = Applicant(TEACH, "192.0.2.7"), Applicant(TEACH, "192.0.2.7", browser="known")
    with here.shared(url), there.shared(url):
        for _ in range(6):
            here.fail(guest)
        wait_for(lambda: there.wait(guest) > 0)
        assert there.wait(teacher) == 0
        there.succeed(guest)
        wait_for(lambda: here.wait(guest) == 0)
