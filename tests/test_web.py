"""Teaching in a real browser: by keyboard, by mouse, over breaks of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dialogue_gym.entries import LABEL, PERSON
from tests.web_server import LONG, Expert, Served, chromium, served

playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is missing")
if chromium() is None:
    pytest.skip("there is no chromium: apt-get install chromium brings it", allow_module_level=True)

EXPERT = Expert()


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield found
        found.close()


class Tab:
    """A page of a browser, as a teacher uses it."""

    def __init__(self, browser: playwright.Browser, address: str, width: int = 1280) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 800})
        self.context.set_default_timeout(1000 * LONG)
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto(address)
        self.page.wait_for_selector("#main")

    @property
    def step(self) -> str | None:
        return self.page.get_attribute("#main", "data-step")

    @property
    def conversation(self) -> str:
        return self.page.inner_text(".tools h1 bdi")

    @property
    def proposed(self) -> str:
        return self.page.inner_text(".proposed")

    def settled(self, before: str | None) -> None:
        """Wait until another step is shown, and nothing is under way."""
        self.page.wait_for_function(
            "before => { const main = document.querySelector('#main');"
            " return main.dataset.step !== before && main.getAttribute('aria-busy') === 'false'; }",
            arg=before,
        )

    def press(self, *keys: str) -> None:
        before = self.step
        for key in keys:
            self.page.keyboard.press(key)
        self.settled(before)

    def click(self, selector: str) -> None:
        before = self.step
        self.page.click(selector)
        self.settled(before)

    def answer_by_keyboard(self, right: list[str]) -> bool:
        """Confirm, or correct by number or name; return whether it was a correction."""
        if self.proposed in right:
            self.press("Enter")
            return False
        number = self.page.get_attribute(f'[data-action="{right[0]}"]', "data-number")
        if number and int(number) <= 10:
            self.press(str(int(number) % 10))
        else:
            self.page.keyboard.press("/")
            self.page.keyboard.type(right[0])
            self.press("Enter")
        return True

    def answer_by_mouse(self, right: list[str]) -> bool:
        if self.proposed in right:
            self.click(".confirm")
            return False
        self.click(f'[data-action="{right[0]}"]')
        return True


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "store") as started:
        yield started


def answers(server: Served) -> list[str]:
    """What a person decided, in order, as it is on the disk."""
    history = server.history()
    entries = {entry.id: entry for name in history.conversations for entry in history.path(name)}
    return [
        entries[number].content["action"]
        for number in sorted(entries)
        if entries[number].kind == LABEL and entries[number].content["by"] == PERSON
    ]


@pytest.mark.parametrize("way", ["keyboard", "mouse"])
def test_a_whole_lesson(browser: playwright.Browser, server: Served, way: str) -> None:
    tab = Tab(browser, server.address())
    assert tab.page.locator("#main button:visible").count() == 1  # there is one thing to do
    if way == "keyboard":
        tab.page.keyboard.press("Enter")
        answer = tab.answer_by_keyboard
    else:
        tab.page.click("text=Start teaching")
        answer = tab.answer_by_mouse
    tab.page.wait_for_selector(".proposed")
    corrections: dict[str, int] = {}
    while True:
        conversation = tab.conversation
        right = EXPERT.right(server.history(), conversation)
        if tab.page.locator("text=This is what the bot does last").count():
            right = ["utter_goodbye"]
        corrections.setdefault(conversation, 0)
        corrections[conversation] += answer(right)
        if tab.conversation != conversation and corrections[conversation] == 0:
            break
        assert len(corrections) < 20
    assert server.history().outcome(conversation) == "success"
    assert "the user has what they wanted. 0 corrections" in tab.page.inner_text(".notes")
    assert tab.faults == []
