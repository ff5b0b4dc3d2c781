"""The first page of a server without a domain: a new bot from a few questions, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dialogue_gym import load_domain
from tests.commands import call
from tests.web.browsers import Tab, browser, playwright
from tests.web.requests import ask
from tests.web.servers import Served

__all__ = ["browser"]

LONG_WORD = "Donaudampfschifffahrtsgesellschaft" * 3


class Unnamed(Served):
    """A server that asks for its bot."""

    page = "/new/"


def answer(tab: Tab, text: str) -> None:
    """Type an answer, or pick the choice of a number."""
    radios = tab.page.locator("input[type=radio]")
    if radios.count():
        radios.nth(int(text) - 1).check()
    else:
        tab.page.fill("#answer", text)
    turn(tab, "Next")


def turn(tab: Tab, button: str) -> None:
    """Press a button whose answer is another page, and wait for that page: a click alone does not."""
    with tab.page.expect_navigation():
        tab.page.click(f"text={button}")


def fits(tab: Tab) -> bool:
    return bool(tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_a_bot_is_made_and_then_taught_in_the_browser(tmp_path: Path, browser: playwright.Browser) -> None:
    server = Unnamed(tmp_path / "unused", domain="")
    try:
        assert ask(server, "/new/", "POST", "place=0", Origin="http://evil.example")[0] == 403
        assert ask(server, "/new/", Host="evil.example")[0] == 400
        tab = Tab(
            browser, server.address().replace("/new/", "/"), width=360, shows="text=What is the bot for?"
        )
        answer(tab, f"It takes orders for {LONG_WORD} pizza.")
        answer(tab, "1")
        answer(tab, "I'd like a pizza\na pizza please")
        assert tab.page.input_value("#answer") == "pizza"
        turn(tab, "Back")
        assert tab.page.input_value("#answer") == "I'd like a pizza\na pizza please"
        answer(tab, "I'd like a pizza\ncan I order a pizza?")
        answer(tab, "order")
        answer(tab, "hello")  # it is known as a greeting
        assert "greet" in tab.page.inner_text("[role=alert]") and fits(tab)
        assert tab.page.input_value("#answer") == "hello"
        answer(tab, "")
        answer(tab, "size")
        answer(tab, "1")
        answer(tab, "small\nlarge")
        answer(tab, "Which size?")
        answer(tab, "")
        answer(tab, "1")
        answer(tab, "A {sizze} pizza comes <b>now</b>.")
        assert "did you mean 'size'" in tab.page.inner_text("[role=alert]")
        answer(tab, "A {size} pizza comes <b>now</b>.")
        answer(tab, "confirm")
        assert "utter_confirm" in tab.page.inner_text(".so-far") and fits(tab)
        answer(tab, "3")
        assert "“A {size} pizza comes <b>now</b>.”" in tab.page.inner_text(".so-far:has(+ form)") and fits(
            tab
        )
        answer(tab, "1")
        answer(tab, "../pizza")
        assert "without a folder" in tab.page.inner_text("[role=alert]")
        answer(tab, "pizza")
        tab.page.wait_for_selector("#main", timeout=30000)  # the same server teaches it
        tab.page.click("text=Start teaching")
        tab.page.fill("#message", "can I order a small pizza?")
        tab.page.keyboard.press("Enter")
        tab.page.wait_for_selector("text=order")
        assert tab.faults == []
        domain = load_domain(tmp_path / "pizza.yml")
        assert domain.texts("utter_confirm") == ("A {size} pizza comes <b>now</b>.",)
        assert re.search("Teach the bot at", server.log.read_text())
        server.stop()
    finally:
        server.kill()
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--talk"], "there is no bot for visitors yet; name a domain, or leave out --talk"),
        (["--host", "0.0.0.0"], "a new bot is made on this machine alone"),
    ],
)
def test_a_bot_is_made_on_this_machine_alone(tmp_path: Path, options: list[str], message: str) -> None:
    done = call("serve", *options, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and message in done.stderr
