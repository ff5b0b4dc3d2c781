"""Tabs of teachers and windows of visitors in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.servers import LONG, Served, chromium

playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is missing")
if chromium() is None:
    pytest.skip("chromium is missing: apt-get install chromium", allow_module_level=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield found
        found.close()


class Tab:
    """A browser page of a teacher."""

    def __init__(
        self, browser: playwright.Browser, address: str, width: int = 1280, shows: str = "#main"
    ) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 800})
        self.context.set_default_timeout(1000 * LONG)
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto(address)
        self.page.wait_for_selector(shows)

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
        """Wait for another step, with no command under way."""
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


def signed_in(
    browser: playwright.Browser, server: Served, name: str, password: str = "", width: int = 1280
) -> Tab:
    """Return the tab of a teacher who signs in; the next page is on its way."""
    tab = Tab(browser, server.address().replace("/teach/", "/teach/enter"), width, ".sign-in")
    tab.page.fill("[name=name]", name)
    if password:
        tab.page.fill("[name=password]", password)
    tab.page.keyboard.press("Enter")
    return tab


def take_over(tab: Tab, conversation: str, active: int) -> None:
    """Take over a conversation on the page People, which shows a number of active ones."""
    tab.page.click("text=People")
    tab.page.wait_for_selector(f"text={active} active")
    tab.page.click(f"text={conversation}")
    tab.page.click("button:has-text('Take over')")
    tab.page.wait_for_selector("text=taken over by you")


class Visitor:
    """A visitor in a separate browser window."""

    def __init__(self, browser: playwright.Browser, server: Served) -> None:
        self.page = browser.new_context().new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto(server.address().replace("/teach/", "/talk/"))

    def say(self, text: str) -> None:
        before = self.page.locator(".you").count()
        self.page.fill("#text", text)
        self.page.press("#text", "Enter")
        self.page.wait_for_function("n => document.querySelectorAll('.you').length > n", arg=before)

    @property
    def answers(self) -> list[str]:
        return list(self.page.locator(".bot").all_inner_texts())
