"""The page on which a person is the bot: alone, and among the teachers' pages, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

pytest.importorskip("nicegui", reason="the extra web is missing")

from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from dialogue_gym import load_domain
from dialogue_gym.web.play_page import PlayPage
from tests.conftest import examples
from tests.processes import command_process
from tests.web.browsers import Tab, browser, playwright
from tests.web.requests import PASSWORD, ask, sign_in
from tests.web.servers import served, wait_for

__all__ = ["browser"]

PAGE = PlayPage(load_domain("concert"))
WRONG = ("99", "8", "n", "5.x", "2." * 1001 + "2")
"""Moves that do not exist, are impossible, come too early, cannot be read, or are too many."""


class Alone:
    """`dialogue-gym play DOMAIN --browser`."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.log = folder / "play.log"
        self.log.touch()
        command = ("play", *words, "--browser")
        self.process = command_process(command, folder, self.log, BROWSER="true")

        def port() -> int:
            assert self.process.is_alive(), self.log.read_text()
            found = re.search(r"http://127\.0\.0\.1:(\d+)/play/ ", self.log.read_text())
            return int(found[1]) if found else 0

        self.port: int = wait_for(port)
        self.address = f"http://127.0.0.1:{self.port}/play/"


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Alone]:
    server = Alone(tmp_path, "restaurant", "--seed", "7")
    yield server
    server.process.terminate()
    server.process.join(60)
    assert "Traceback" not in server.log.read_text() and server.process.exitcode is not None


def choose(tab: Tab, selector: str) -> None:
    with tab.page.expect_navigation():
        tab.page.click(selector)


@pytest.mark.slow
def test_a_match_is_played_in_the_browser(alone: Alone, browser: playwright.Browser) -> None:
    tab = Tab(browser, alone.address.replace("/play/", "/"), width=360, shows="text=Start")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()

    def check() -> None:
        assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert axe.run(tab.page).response["violations"] == []

    check()
    choose(tab, "button:has-text('Start')")
    assert "French food, please." in tab.page.inner_text("#now")
    assert not tab.page.locator("text=action_suggest").count()
    check()
    choose(tab, "text=What would an expert do?")
    assert tab.page.locator(".is-hint").count() == 3
    choose(tab, ".option:has-text('utter_greet')")
    for action in ("utter_ask_location", "utter_ask_numpeople", "utter_ask_price", "action_suggest"):
        choose(tab, f".option:has-text('{action}')")
    shown = tab.page.inner_text("#now")
    assert "Success: the user has what they wanted." in shown
    assert "You: 15 points" in shown and "You are 1 point behind." in shown
    check()
    choose(tab, "text=Next user")
    assert "Dialogue 2" in tab.page.inner_text(".side")
    tab.page.go_back()
    tab.page.wait_for_selector("text=Next user")
    wait_for(lambda: tab.page.reload() and "all users: 16.08." in tab.page.inner_text("#now"))
    assert tab.faults == []
    for moves in WRONG:
        status, _, text = ask(alone, f"/play/?seed=7&moves={moves}")
        assert status == 404 and "leads nowhere" in text, moves
    assert ask(alone, "/play/", Host="evil.example")[0] == 400
    for query in ("seed=x", "seed=-1", "seed=" + "9" * 50):
        status, headers, _ = ask(alone, f"/play/?{query}&noise=0.3&user=%3Cb%3E")
        assert status == 303 and headers["location"] == "?noise=0.3&seed=7#now"


def test_a_match_goes_on_with_a_long_seed() -> None:
    page = PlayPage(load_domain("restaurant"), {}, 10**20)
    try:
        scope = {"type": "http", "query_string": f"seed={10**20}&moves=5".encode()}
        answer = page._respond(Request(scope), "")
        assert b"moves=5.1" in answer.body
    finally:
        page.close()


texts = st.text(max_size=20) | st.from_regex(r"\A[0-9n.]{0,12}\Z")


@settings(max_examples=examples(60))
@given(
    st.fixed_dictionaries({}, optional={name: texts for name in ("seed", "moves", "noise", "user", "hint")})
)
def test_every_address_has_an_answer(query: dict[str, str]) -> None:
    scope = {"type": "http", "query_string": urlencode(query, errors="surrogatepass").encode()}
    answer = PAGE._respond(Request(scope), "")
    assert answer.status_code in (200, 303, 404)
    assert ("location" in answer.headers) == (answer.status_code == 303)


@pytest.mark.slow
def test_teachers_who_have_signed_in_can_play(tmp_path: Path) -> None:
    with served(tmp_path / "store", DIALOGUE_GYM_PASSWORD=PASSWORD) as server:
        assert ask(server, "/teach/play?seed=7", Accept="text/html")[0] == 303
        cookie = sign_in(server)
        status, _, page = ask(server, "/teach/play?seed=7&moves=5", Cookie=cookie)
        assert status == 200 and "A place in london, please." in page
        assert 'href="/teach/play" aria-current=page' in page and "anna" in page


@pytest.mark.slow
def test_a_domain_without_a_fake_user_has_no_such_page(tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text("intents: [greet]\nresponses: {utter_hi: [{text: Hi}]}\n")
    with served(tmp_path / "store", domain=str(tmp_path / "own.yml")) as server:
        assert ask(server, "/teach/play")[0] == 404
        assert "/teach/play" not in ask(server)[2]
