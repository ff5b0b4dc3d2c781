"""Teachers with accounts and roles: in a real browser, and by requests and sockets that no page sends."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dialogue_gym.journal.activity import ActivityLog
from dialogue_gym.journal.data_folder import data_folder
from dialogue_gym.journal.place import DatabaseUrl, StorePlace
from dialogue_gym.journal.store import Store
from dialogue_gym.web.account_file import AccountFile
from dialogue_gym.web.accounts import TeacherRole
from tests.commands import call
from tests.postgres import PostgresServer
from tests.web.browsers import Tab, browser, playwright
from tests.web.requests import PASSWORD, ask, cookies_of, enter, invite, join, open_socket, sign_in
from tests.web.servers import Served, wait_for
from tests.web.test_workers import Workers

Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe

__all__ = ["browser"]

OWN = "correct horse"
ROLES = {"anna": TeacherRole.ADMINISTER, "ben": TeacherRole.TEACH, "cora": TeacherRole.APPROVE}
DOMAIN = """
intents: [greet]
responses: {utter_hello: [{text: Hello}]}
actions: [utter_hello]
"""


def served_on(place: StorePlace, folder: Path, *options: str, **environment: str) -> Served:
    """Start a server on a store of either kind."""
    (folder / "tiny.yml").write_text(DOMAIN)
    store = place.url if isinstance(place, DatabaseUrl) else str(place)
    words = ("tiny.yml", "--store", store, *options)
    return Served(folder / "server", *words, domain="", **environment)


@pytest.fixture
def server(place: StorePlace, tmp_path: Path) -> Iterator[Served]:
    started = served_on(place, tmp_path, DIALOGUE_GYM_PASSWORD=PASSWORD)
    yield started
    started.kill()
    assert "Traceback" not in started.log.read_text()


def basic(name: str, password: str = OWN) -> dict[str, str]:
    """Return the header of a program that uses an account."""
    return {"Authorization": f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"}


def store_of(place: StorePlace) -> str:
    return place.url if isinstance(place, DatabaseUrl) else str(place)


def check(tab: Tab) -> None:
    """Check the look of a page, and that those who cannot see it can use it."""
    for width in (360, 1280):
        tab.page.set_viewport_size({"width": width, "height": 800})
        assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert Axe().run(tab.page).response["violations"] == []


def joined(browser: playwright.Browser, link: str) -> Tab:
    """Return the tab of somebody who has used an invitation."""
    tab = Tab(browser, link, shows=".sign-in")
    check(tab)
    tab.page.fill("[name=new]", OWN)
    tab.page.fill("[name=again]", OWN)
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("#main")
    return tab


def test_somebody_is_invited_teaches_and_may_approve_once_their_role_says_so(
    browser: playwright.Browser, server: Served, place: StorePlace
) -> None:
    anna = joined(browser, invite(store_of(place), server.port, "anna"))
    anna.page.click(".teacher")
    anna.page.click("text=Change your password")
    check(anna)
    anna.page.click("text=Teachers, roles and the log")
    anna.page.fill("[name=name][required]", "Ben")
    anna.page.click("text=Make a link")
    link = anna.page.input_value("#link")
    check(anna)
    ben = joined(browser, link)
    assert ben.page.inner_text(".teacher bdi") == "Ben"
    gone = Tab(browser, link, shows=".sign-in")
    assert gone.page.inner_text("[role=alert]").startswith("This link has expired or was used already")

    ben.page.press(".hero button", "Enter")
    ben.page.fill("#message", "/greet")
    ben.press("Enter")
    ben.click('[data-action="utter_hello"]')
    talk = ben.conversation
    ben.page.click("text=Conversations")
    ben.page.click(f".rows >> text={talk}")
    ben.page.wait_for_selector("text=Replay")
    assert not ben.page.is_visible("text=Approve") and not ben.page.is_visible("text=Import")
    # A browser can send whatever it likes.
    sends = (
        "(given) => getElement(+document.querySelector('[id^=c]:has(> #main)').id.slice(1)).$emit(...given)"
    )
    approve = ["approve", {"conversation": talk, "is_right": True}]
    ben.page.evaluate(sends, approve)
    ben.page.wait_for_selector("text=needs the role “approve”")
    assert ben.page.get_attribute("[aria-current=true]", "class") == "conversation"

    anna.page.reload()
    anna.page.locator("li:has-text('Ben') select").first.select_option("approve")
    anna.page.locator("li:has-text('Ben') >> text=Change role").click()
    ben.page.click("text=✓ Approve")  # without loading the page again
    ben.page.wait_for_selector(".rows .badge:has-text('approved')")

    anna.page.wait_for_load_state()
    anna.page.locator("li:has-text('Ben') >> summary").click()
    check(anna)
    anna.page.click("text=Remove Ben for good")
    anna.page.wait_for_selector("text=anna removed the account of Ben")
    ben.page.wait_for_selector("[name=password]")  # the open page is closed
    check(ben)
    assert anna.faults == ben.faults == []
    done = [str(one) for one in ActivityLog(data_folder(place)).latest()][::-1]
    assert done == [
        "command line invited anna (administer)",
        "anna used the invitation",
        "anna signed in",
        "anna invited Ben (teach)",
        "Ben used the invitation",
        "Ben signed in",
        "anna changed the role of Ben (approve)",
        f"Ben approved {talk}",
        "anna removed the account of Ben",
    ]


def test_a_shared_password_signs_in_until_there_is_an_account(server: Served, place: StorePlace) -> None:
    boss = sign_in(server, "boss")
    assert ask(server, "/teach/teachers", Cookie=boss)[0] == 200
    link = invite(store_of(place), server.port, "anna")
    assert ask(server, link.partition(str(server.port))[2])[0] == 200  # looking does not use it up
    assert ask(server, Cookie=boss)[0] == 200
    answer = join(server, link, "short")
    assert answer[0] == 400 and "The password is too short: 8 characters at least." in answer[2]
    anna = cookies_of(join(server, link, OWN))
    assert join(server, link, OWN)[0] == 404 and join(server, f"{link}x", OWN)[0] == 404
    assert ask(server, Cookie=anna)[0] == 200 and ask(server, Cookie=boss)[0] == 401
    assert open_socket(server, Cookie=boss)[0] == 401 and open_socket(server, Cookie=anna)[0] == 101
    status, _, page = enter(server, PASSWORD, "boss")
    assert status == 401 and "Wrong name or password." in page
    assert enter(server, OWN, "Anna")[0] == 303
    server.kill()
    server.start()
    assert ask(server, Cookie=anna)[0] == 200
    assert "the shared password signs nobody in" in server.log.read_text()


def test_each_request_that_a_role_does_not_allow_is_refused(server: Served, place: StorePlace) -> None:
    accounts = AccountFile(data_folder(place))
    for name, role in ROLES.items():
        accounts.join(accounts.invite(name, role, "anna")[0], OWN)
    anna, ben, cora = (cookies_of(enter(server, OWN, name)) for name in ("anna", "ben", "cora"))
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    for cookie in (ben, cora):
        for method, path, body in (
            ("POST", "export?target=chats", ""),
            ("POST", "growth?write=true", ""),
            ("GET", "export/chats.zip", None),
            ("GET", "export/chats/conversations.jsonl", None),
            ("POST", "import/domain?name=x.yml", "intents: [bye]"),
            ("GET", "teachers", None),
            ("POST", "teachers", "do=role&name=ben&role=administer"),
            ("POST", "teachers", "do=invite&name=dave&role=administer"),
            ("POST", "teachers", "do=remove&name=anna"),
        ):
            status, _, line = ask(server, f"/teach/{path}", method, body, Cookie=cookie, **form)
            assert (status, line.startswith("Your role does not allow this")) == (403, True), (path, line)
        assert "Teachers, roles and the log" not in ask(server, "/teach/enter", Cookie=cookie)[2]
    assert {one.role for one in accounts.roster.accounts.values()} == set(TeacherRole)
    assert not accounts.roster.invitations
    assert ask(server, "/teach/export?target=chats", "POST", "", Cookie=anna)[0] == 200
    # Another site cannot make use of who is signed in here.
    foreign = {"Cookie": anna, "Origin": "https://evil.example"}
    assert ask(server, "/teach/teachers", "POST", "do=remove&name=ben", **foreign, **form)[0] == 403
    for wrong in ("do=role&name=ben&role=god", "do=role&name=nobody&role=teach", "do=nothing", ""):
        status, _, page = ask(server, "/teach/teachers", "POST", wrong, Cookie=anna, **form)
        assert status == 400 and 'role="alert"' in page
    last = ask(server, "/teach/teachers", "POST", "do=role&name=anna&role=teach", Cookie=anna, **form)
    assert last[0] == 400 and "Anna is the last who administers" in last[2]
    changed = f"do=change_password&password=wrong+one&new={OWN}&again={OWN}"
    assert "Wrong password." in ask(server, "/teach/enter", "POST", changed, Cookie=ben, **form)[2]
    there = cookies_of(enter(server, OWN, "ben"))
    changed = f"do=change_password&password={OWN}&new=a+better+one&again=a+better+one".replace(" ", "+")
    ben = cookies_of(ask(server, "/teach/enter", "POST", changed, Cookie=ben, **form))
    assert ask(server, Cookie=ben)[0] == 200 and ask(server, Cookie=there)[0] == 401


def test_programs_have_the_rights_of_an_account(tmp_path: Path) -> None:
    place = tmp_path / "store"
    server = served_on(place, tmp_path, "--talk", DIALOGUE_GYM_PASSWORD=PASSWORD)
    try:
        shared = {"Authorization": f"Bearer {PASSWORD}"}
        assert ask(server, "/api/ratings", **shared)[0] == 200
        accounts = AccountFile(place)
        for name, role in ROLES.items():
            accounts.join(accounts.invite(name, role, "anna")[0], OWN)

        for refused in (shared, basic("ben", PASSWORD), basic("dave"), {"Authorization": "Basic ?"}, {}):
            status, headers, _ = ask(server, "/api/ratings", address="127.0.8.1", **refused)
            assert status == 401 and headers["www-authenticate"].startswith("Basic")
        sent = {"Content_Type": "application/json"}
        edit = json.dumps({"kind": "response", "name": "utter_hello", "was": "Hello", "now": "Hi"})
        assert ask(server, "/api/ratings", **basic("ben"))[0] == 200
        assert ask(server, "/api/domain/edits", "POST", edit, **basic("ben"), **sent)[0] == 204
        for method, path, body in (
            ("POST", "ratings/1/approval", ""),
            ("DELETE", "ratings/1", None),
            ("POST", "people/x/rating", '{"value": 1}'),
        ):
            status, _, line = ask(server, f"/api/{path}", method, body, **basic("ben"), **sent)
            assert status == 403 and "needs the role" in line
            assert ask(server, f"/api/{path}", method, body, **basic("cora"), **sent)[0] == 404
        log = call("store", "log", "--store", str(place)).stdout
        assert re.search(r"ben +edited +response utter_hello\n", log)
    finally:
        server.kill()


def test_the_first_account_closes_an_open_server(tmp_path: Path) -> None:
    """One on this machine alone, without a password, in which a page is open."""
    place = tmp_path / "store"
    server = served_on(place, tmp_path, "--log-json")
    try:
        from websockets.exceptions import ConnectionClosed
        from websockets.sync import client

        from tests.web.requests import SOCKET

        assert ask(server)[0] == 200
        assert "Teachers, roles and the log" in ask(server, "/teach/enter")[2]
        page = ask(server, "/teach/teachers")[2]
        assert "everybody on this machine can teach and administer, under any name." in page
        with client.connect(f"ws://127.0.0.1:{server.port}{SOCKET}", proxy=None) as opened:
            assert opened.recv().startswith("0")
            opened.send("40")
            assert opened.recv(60).startswith("40")
            accounts = AccountFile(place)
            accounts.join(accounts.invite("anna", TeacherRole.ADMINISTER, "anna")[0], OWN)
            with pytest.raises(ConnectionClosed):
                opened.send('42["event", {}]')
                opened.recv(60)
        assert ask(server)[0] == 401
        assert enter(server, OWN, "anna")[0] == 303
        records = [json.loads(line) for line in server.log.read_text().splitlines()]
        told = [one for one in records if one["logger"] == "dialogue_gym.activity"]
        assert [(one["who"], one["message"]) for one in told] == [("anna", "signed in")]
        server.stop()
        server.start()
        assert ask(server)[0] == 401
        assert wait_for(lambda: ask(server, "/teach/enter")[0] == 200)
    finally:
        server.kill()


def test_nobody_gets_in_while_the_store_cannot_be_read(tmp_path: Path) -> None:
    place = tmp_path / "store"
    accounts = AccountFile(place)
    token, _ = accounts.invite("anna", TeacherRole.ADMINISTER, "anna")
    server = served_on(place, tmp_path, DIALOGUE_GYM_PASSWORD=PASSWORD)
    try:
        anna = cookies_of(join(server, f"/teach/join/{token}", OWN))
        sessions = place / "web.sessions"
        sessions.rename(place / "before")
        sessions.mkdir()  # which is not a file
        assert ask(server, Cookie=anna)[::2] == (
            503,
            "the store cannot be used at present; try again later\n",
        )
        status, _, page = enter(server, OWN, "anna")
        assert status == 503 and "The server cannot write this down at present. Try again later." in page
        sessions.rmdir()
        (place / "before").rename(sessions)
        assert ask(server, Cookie=anna)[0] == 200 and enter(server, OWN, "anna")[0] == 303
        assert "Traceback" not in server.log.read_text()
    finally:
        server.kill()


def test_others_are_answered_while_accounts_wait_for_the_database(
    database: DatabaseUrl, postgres: PostgresServer, tmp_path: Path
) -> None:
    accounts = AccountFile(data_folder(database))
    accounts.join(accounts.invite("anna", TeacherRole.ADMINISTER, "anna")[0], OWN)
    server = served_on(database, tmp_path, "--talk")
    try:
        anna, there = (cookies_of(enter(server, OWN, "anna")) for _ in range(2))
        with ThreadPoolExecutor(4) as threads:
            postgres.kill()
            waiting = [
                threads.submit(ask, server, "/teach/teachers", Cookie=anna),
                threads.submit(enter, server, OWN, "anna"),
                threads.submit(ask, server, "/api/ratings", **basic("anna")),
                threads.submit(ask, server, "/teach/enter", "POST", "do=sign_out", Cookie=there),
            ]
            for _ in range(5):
                assert ask(server, "/health/live")[0] == 200
            assert not any(one.done() for one in waiting)
            postgres.start()
            assert [one.result()[0] for one in waiting] == [200, 303, 200, 303]
        assert "Traceback" not in server.log.read_text()
    finally:
        server.kill()


def test_other_machines_are_let_in_by_accounts_without_a_shared_password(tmp_path: Path) -> None:
    place = tmp_path / "store"
    accounts = AccountFile(place)
    accounts.join(accounts.invite("anna", TeacherRole.ADMINISTER, "anna")[0], OWN)
    server = served_on(place, tmp_path, "--host", "0.0.0.0")
    try:
        assert ask(server)[0] == 401 and enter(server, OWN, "anna")[0] == 303
    finally:
        server.kill()
    done = call(
        "serve", "restaurant", "--store", str(place), "--openenv", "--name", "x.example", "--port", "0"
    )
    assert done.returncode == 2 and "a password is required" in done.stderr  # for the clients of OpenEnv


@pytest.mark.slow
def test_a_change_counts_at_once_in_each_process_of_a_server(database: DatabaseUrl, tmp_path: Path) -> None:
    """Teachers change roles in one process, and programs are served by others."""
    Store(database).close()
    link = invite(database.url, 0, "anna")
    server = Workers(tmp_path, database, "--workers", "2")
    try:
        wait_for(server.is_ready)
        teachers = server.teachers
        anna = cookies_of(join(teachers, link, OWN))
        form = {"Cookie": anna, "Content_Type": "application/x-www-form-urlencoded"}
        page = ask(teachers, "/teach/teachers", "POST", "do=invite&name=ben&role=teach", **form)[2]
        (link,) = re.findall(r"/teach/join/[\w-]+", page)
        ben = cookies_of(join(teachers, link, OWN))

        def tried() -> set[int]:
            """The answers of all workers to the approval of a rating that does not exist."""
            path = "/api/ratings/999/approval"
            return {ask(server, path, "POST", "", **basic("ben"))[0] for _ in range(6)}

        assert tried() == {403}
        assert ask(teachers, "/teach/teachers", "POST", "do=role&name=ben&role=approve", **form)[0] == 303
        assert tried() == {404}
        os.kill(server.one("learner"), signal.SIGKILL)
        wait_for(lambda: "learner" in server.parts().values() and server.is_ready())
        assert ask(teachers, Cookie=ben)[0] == ask(teachers, Cookie=anna)[0] == 200
        assert ask(teachers, "/teach/teachers", "POST", "do=remove&name=ben", **form)[0] == 303
        assert tried() <= {401, 429} and ask(teachers, Cookie=ben)[0] == 401
        assert "Traceback" not in server.log.read_text()
    finally:
        server.kill()
