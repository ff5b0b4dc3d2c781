"""The other pages, in a real browser."""

from __future__ import annotations

import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialogue_gym.journal.entry import LABEL
from tests.web.browsers import Tab, browser, playwright, signed_in
from tests.web.requests import ask
from tests.web.servers import Served, served, wait_for

__all__ = ["browser"]

NAMED = """
(() => [...document.querySelectorAll('button, a[href], input, select, [role=img]')]
  .filter((one) => one.getClientRects().length)
  .filter((one) => !(one.textContent.trim() || one.ariaLabel || one.title || one.labels?.length))
  .map((one) => one.outerHTML))()
"""
"""Controls of a page without a name for screen readers."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("pages") / "store") as started:
        yield started


def as_teacher(browser: playwright.Browser, server: Served, name: str, width: int = 1280) -> Tab:
    """A tab in which a teacher has signed in."""
    tab = signed_in(browser, server, name, width=width)
    tab.page.wait_for_selector("#main .primary")
    if tab.page.locator("text=Start teaching").count():
        tab.page.click("text=Start teaching")
    return tab


def test_a_message_is_corrected_by_keyboard(browser: playwright.Browser, server: Served) -> None:
    tab = as_teacher(browser, server, "mia")
    before = tab.step
    tab.page.select_option("select >> nth=0", "me")
    tab.settled(before)
    tab.page.fill("#message", "my cat 🐈 likes sushi")
    tab.press("Enter")
    tab.page.keyboard.press("Alt+m")
    tab.page.wait_for_selector(".message-editor")
    tab.page.keyboard.press("Control+A")
    tab.page.keyboard.type("inform")
    while tab.page.locator(".entities li").count():
        tab.page.click(".entities button >> nth=0")
    words = tab.page.locator(".words button")
    assert words.all_inner_texts() == ["my", "cat", "likes", "sushi"]
    words.nth(3).focus()
    tab.page.keyboard.press("Enter")
    assert words.nth(3).get_attribute("aria-pressed") == "true"
    tab.page.fill(".selected input", "cuisine")
    tab.page.keyboard.press("Enter")
    assert tab.page.input_value(".entities input") == "sushi"
    tab.click(".message-editor >> text=Save")
    assert 'inform{"cuisine": "sushi"}' in tab.page.inner_text(".log")
    assert "sushi" in tab.page.inner_text(".slots")
    assert tab.faults == []


def test_enter_never_adds_a_slip_and_what_was_typed_is_kept(
    browser: playwright.Browser, server: Served
) -> None:
    tab = as_teacher(browser, server, "ida")
    before = tab.step
    tab.page.select_option("select >> nth=0", "me")
    tab.settled(before)
    focused = "document.activeElement.textContent"
    tab.page.fill("#message", "/infrom")
    tab.press("Enter")
    assert tab.page.evaluate(focused).startswith("Use inform")
    tab.press("3")
    assert tab.page.input_value("#message") == "/infrom"
    tab.page.fill("#message", "somewhere in rome")
    tab.press("Enter")
    tab.page.keyboard.press("Alt+m")
    tab.page.wait_for_selector(".message-editor")
    while tab.page.locator(".entities li").count():
        tab.page.click(".entities button >> nth=0")
    tab.page.click('.words button:has-text("rome")')
    assert tab.page.input_value(".selected input") == "cuisine"
    tab.page.fill(".selected input", "loc")
    tab.page.focus("input[list=intents]")
    tab.page.keyboard.press("Control+A")
    tab.page.keyboard.type("infrom")
    tab.press("Enter")
    assert "did you mean 'inform'" in tab.page.inner_text(".decision")
    assert tab.page.evaluate(focused).startswith("Cancel")  # loc may be new, infrom hardly
    tab.press("Enter")
    assert tab.page.input_value("input[list=intents]") == "infrom"
    assert tab.page.inner_text(".entities li bdi") == "loc"
    tab.page.click(".entities button >> nth=0")
    tab.page.click('.words button:has-text("rome")')
    tab.page.fill(".selected input", "locaton")
    tab.click(".message-editor >> text=Save")
    assert tab.page.evaluate(focused).startswith("Use inform, location")
    tab.press("Enter")
    assert 'inform{"location": "rome"}' in tab.page.inner_text(".log")
    tab.click('[data-action="utter_ask_price"]')
    tab.page.keyboard.press("Alt+g")
    tab.press("Enter")  # the bot, who has spoken, listens
    tab.page.wait_for_function("document.activeElement.id === 'message'")
    assert tab.faults == []


def test_a_new_action_is_typed_without_triggering_shortcuts(
    browser: playwright.Browser, server: Served
) -> None:
    tab = as_teacher(browser, server, "noa")
    before = tab.step
    tab.page.keyboard.press("/")
    tab.page.keyboard.type("utter_grunt123")  # has u, r, n, g and digits in it
    assert tab.step == before and tab.page.input_value(".filter input") == "utter_grunt123"
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector(".new input")
    tab.page.keyboard.type("Grunt <b>")
    tab.page.reload()  # as the page does it once a server that was killed is back
    assert tab.page.input_value(".filter input") == "utter_grunt123"
    assert tab.page.input_value(".new input") == "Grunt <b>"
    tab.page.focus(".new input")
    tab.press("Enter")
    assert "Grunt <b>" in tab.page.inner_text(".log")
    assert tab.page.input_value(".filter input") == ""
    tab.page.keyboard.press("?")
    tab.page.wait_for_selector("dialog[open]")
    tab.page.keyboard.press("Alt+u")
    tab.page.keyboard.press("Escape")
    tab.page.wait_for_selector("dialog[open]", state="hidden")
    assert "Grunt <b>" in tab.page.inner_text(".log")
    tab.press("Alt+u")
    assert "Grunt <b>" not in tab.page.inner_text(".log")
    tab.press("Alt+r")
    assert "Grunt <b>" in tab.page.inner_text(".log")
    tab.press("Alt+w")
    assert not tab.page.locator(".proposed").count()
    tab.press("Alt+w")
    conversation = tab.conversation
    tab.page.keyboard.press("ArrowUp")
    tab.press("Alt+f")
    assert tab.conversation != conversation and tab.faults == []


def test_teachers_are_distinguished(browser: playwright.Browser, server: Served) -> None:
    anna = as_teacher(browser, server, "anna")
    anna.press("Enter")
    ben = as_teacher(browser, server, "בן")
    ben.press("Enter")
    assert anna.conversation != ben.conversation
    history = server.history()
    authors = {
        name: {entry.author for entry in history.path(name) if entry.kind == LABEL}
        for name in (anna.conversation, ben.conversation)
    }
    assert authors == {anna.conversation: {"anna"}, ben.conversation: {"בן"}}


def test_conversations_are_searched_read_approved_and_corrected(
    browser: playwright.Browser, server: Served
) -> None:
    tab = as_teacher(browser, server, "carl")
    conversation = tab.conversation
    tab.press("Enter")
    tab.press("Alt+n", "1")
    page = tab.page
    page.click("nav >> text=Conversations")
    page.wait_for_selector(".conversation")
    page.keyboard.press("/")
    page.keyboard.type("carl nothing like this")
    page.wait_for_selector("text=No matches.")
    page.fill(".search", f"carl {conversation}")
    page.wait_for_function("document.querySelectorAll('.conversation').length === 1")
    page.click(".conversation")
    page.wait_for_selector(".reader .bubble.is-bot")
    page.click("text=Replay")
    page.wait_for_function("document.querySelectorAll('.reader .bubble').length === 1")
    page.wait_for_selector(".reader .bubble.is-bot")
    page.click("text=Approve")
    page.wait_for_selector("[aria-pressed=true] >> text=Approved")
    assert page.inner_text(".conversation .badge >> nth=0") == "approved"
    assert page.evaluate(NAMED) == []
    page.click(".reader .fork:text-is('Correct') >> nth=0")
    page.wait_for_selector(".proposed")
    assert tab.conversation != conversation and page.locator(".bubble").count() == 1
    assert tab.faults == []


def test_files_are_exported_and_imported_through_the_page(
    browser: playwright.Browser, server: Served, tmp_path: Path
) -> None:
    tab = as_teacher(browser, server, "dora")
    tab.press("Enter")
    page = tab.page
    page.click("nav >> text=Conversations")
    page.select_option("#target", "rasa1")
    page.click(".files button:text-is('Export')")
    with page.expect_download() as waiting:
        page.click(".downloads a:text-is('Download exported.zip')")
    waiting.value.save_as(tmp_path / "exported.zip")
    with zipfile.ZipFile(tmp_path / "exported.zip") as archive:
        assert {"exported/stories.md", "exported/domain.yml"} <= {*archive.namelist()}
    page.click(".downloads summary")
    with page.expect_download() as waiting:
        page.click(".downloads a:text-is('exported/stories.md')")
    waiting.value.save_as(tmp_path / "stories.md")
    assert "* inform" in (tmp_path / "stories.md").read_text(encoding="utf-8")
    page.set_input_files("input[type=file]", tmp_path / "stories.md")
    page.wait_for_selector("text=Imported")
    (tmp_path / "bad.md").write_text("## a\n* inform\n  - utter_gret\n", encoding="utf-8")
    page.set_input_files("input[type=file]", tmp_path / "bad.md")
    page.wait_for_selector("text=did you mean 'utter_greet'")
    page.select_option("#target", "chats")
    page.click(".files button:text-is('Export')")  # its outcome is beside it, and the other one is gone
    page.wait_for_selector("text=conversations.jsonl")  # other tests may have taught
    page.wait_for_function("!document.querySelector('.pick').closest('.row').nextElementSibling.innerText")
    page.set_input_files("input[type=file]", tmp_path / "bad.md")
    page.wait_for_function(
        "document.querySelector('.pick').closest('.row').nextElementSibling.innerText.includes('utter_gret')"
    )
    assert page.request.get(server.address() + "export/..%2Fjournal.sqlite").status == 404
    assert tab.faults == []


SLOW = """
from pathlib import Path
from time import sleep

class Wait:
    def name(self):
        return "wait"

    def run(self, dispatcher, tracker, domain):
        Path("begun").touch()
        while not Path("go").exists():
            sleep(0.05)
        dispatcher.utter_message(text="At last")
        return []
"""


def test_a_slow_action_keeps_no_other_page_waiting(browser: playwright.Browser, tmp_path: Path) -> None:
    (tmp_path / "slow.yml").write_text("intents: [greet]\nactions: [wait]\n")
    (tmp_path / "slow.py").write_text(SLOW)
    options = ("--actions", "slow.py", "--user", "me", "--turn-taking", "auto")
    with served(tmp_path / "store", *options, domain="slow.yml") as server:
        tab = as_teacher(browser, server, "person")
        tab.page.fill("#message", "/greet")
        tab.press("Enter")
        tab.page.click("[data-action=wait]")
        wait_for((tmp_path / "begun").exists)
        pages = ["/teach/progress", *["/teach/conversations"] * 40]
        waiting = [threading.Thread(target=ask, args=(server, page)) for page in pages]
        for one in waiting:
            one.start()
        for _ in range(50):  # whenever the page is begun
            assert ask(server, "/health/live")[0] == 200
            time.sleep(0.02)
        assert ask(server, "/teach/")[0] == 200  # of the same teacher
        (tmp_path / "go").touch()
        for one in waiting:
            one.join()
        tab.page.wait_for_selector("text=At last")
        assert not tab.faults


def test_progress_updates_live(browser: playwright.Browser, server: Served) -> None:
    tab = as_teacher(browser, server, "emil")
    other = tab.context.new_page()
    other.goto(server.address() + "progress")
    answers = "() => document.querySelectorAll('.numbers dd')[2].textContent"
    other.wait_for_selector(".plot svg")
    texts = "getComputedStyle(document.querySelector('.plot svg text')).fill"
    assert other.evaluate(f"{texts} === getComputedStyle(document.querySelector('.numbers dt')).color")
    before = other.evaluate(answers)
    tab.press("Enter")
    other.wait_for_function(f"before => ({answers})() !== before", arg=before)
    other.click("summary")
    other.wait_for_function(
        "() => [...document.querySelectorAll('td')].some((one) => /%$/.test(one.textContent))"
    )
    assert other.evaluate(NAMED) == [] and tab.page.evaluate(NAMED) == []
    other.click("text=Teach this dialogue")
    other.wait_for_selector("text=The bot fails with this user.")
    assert other.url == server.address() and other.query_selector_all(".bubble.is-user")


ROWS = """[...document.querySelectorAll('.top nav a')].reduce((rows, one) => {
    const top = Math.round(one.getBoundingClientRect().top);
    return { ...rows, [top]: (rows[top] || 0) + 1 };
}, {})"""


@pytest.mark.slow
@pytest.mark.parametrize(("options", "rows"), [((), [5]), (("--talk",), [3, 3])])
def test_the_names_of_pages_fill_their_rows_on_a_phone(
    browser: playwright.Browser, tmp_path: Path, options: tuple[str, ...], rows: list[int]
) -> None:
    with served(tmp_path / "store", *options) as server:
        tab = Tab(browser, server.address(), width=360, shows="text=Start teaching")
        assert [*tab.page.evaluate(ROWS).values()] == rows
        tab.page.set_viewport_size({"width": 1280, "height": 800})
        assert [*tab.page.evaluate(ROWS).values()] == [sum(rows)]


def test_pages_fit_the_window_width(browser: playwright.Browser, server: Served) -> None:
    tab = as_teacher(browser, server, "wide", 360)
    for page in ("", "progress", "conversations"):
        tab.page.goto(server.address() + page)
        tab.page.wait_for_selector("#main")
        for width in (360, 768, 1920, 360):
            tab.page.set_viewport_size({"width": width, "height": 800})
            for theme in ("dark", "light"):
                tab.page.evaluate(f"setTheme('{theme}')")
                # A chart that was drawn for a wider window is drawn again a moment later.
                tab.page.wait_for_function("most => document.documentElement.scrollWidth <= most", arg=width)
