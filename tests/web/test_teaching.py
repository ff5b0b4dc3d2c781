"""Teaching in a real browser: by keyboard, by mouse, and through interruptions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialogue_gym.journal.entry import LABEL, PERSON
from dialogue_gym.teaching.wish import wish_of
from tests.teaching.sessions import booking
from tests.web.browsers import Tab, browser, playwright, signed_in
from tests.web.servers import Expert, Network, Served, network_to, served

__all__ = ["browser"]

EXPERT = Expert()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "store") as started:
        yield started


def answers(server: Served) -> list[str]:
    """The decisions of a person on the disk, in order."""
    history = server.history()
    entries = {entry.id: entry for name in history.conversations for entry in history.path(name)}
    return [
        entries[number].content["action"]
        for number in sorted(entries)
        if entries[number].kind == LABEL and entries[number].content["by"] == PERSON
    ]


@pytest.mark.parametrize("way", ["keyboard", "mouse"])
def test_a_bot_is_taught_until_a_dialogue_needs_no_correction(
    browser: playwright.Browser, server: Served, way: str
) -> None:
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
        if tab.page.locator("text=closing step").count():
            right = ["utter_goodbye"]
        corrections.setdefault(conversation, 0)
        corrections[conversation] += answer(right)
        if tab.conversation != conversation and corrections[conversation] == 0:
            break
        assert len(corrections) < 20
    assert server.history().outcome(conversation) == "success"
    assert "the user has what they wanted. 0 corrections" in tab.page.inner_text(".notes")
    assert tab.page.inner_text(".goal .count") == "1 of 3"
    assert tab.faults == []


COVERED = """() => {
  const place = (of) => document.querySelector(of).getBoundingClientRect();
  const { top } = place("[data-explained]");
  return top < place(".guide").bottom || top > innerHeight - 20;
}"""


def test_a_first_visit_is_guided_and_shows_the_wish(browser: playwright.Browser, server: Served) -> None:
    wish = wish_of(booking())
    for width, turn in ((1280, "key"), (360, "button")):
        tab = Tab(browser, server.address(), width)
        tab.page.click("text=Start teaching")
        shown = tab.page.locator(".wish li").all_inner_texts()
        assert [text.split("\n")[0] for text in shown] == [part.text for part in wish.parts]
        assert tab.page.locator(".wish .is-told").count() == sum(part.is_told for part in wish.parts) > 0
        assert tab.page.inner_text(".goal .count") == "0 of 3"
        for number in range(1, 7):
            tab.page.wait_for_selector(f".guide h2:has-text('{number} of 6')")
            assert not tab.page.evaluate(COVERED), (width, number)
            if turn == "key":
                tab.page.keyboard.press("ArrowRight")
            else:
                tab.page.click(".guide .primary")
        tab.page.wait_for_selector(".guide h2", state="detached")
        tab.page.reload()
        tab.page.wait_for_selector("text=Start teaching")
        tab.page.click("text=Start teaching")
        tab.page.wait_for_selector(".proposed")
        assert not tab.page.locator(".guide h2").count()  # once is enough
        tab.page.keyboard.press("?")
        tab.page.click("text=Show the guide")
        tab.page.wait_for_selector(".guide .primary:focus")
        tab.page.keyboard.press("Escape")
        tab.page.wait_for_selector(".confirm:focus")
        assert not tab.page.locator(".guide h2, [data-explained]").count() and tab.faults == []
    # A person who uses the keys at once is not kept.
    tab = start(browser, server)
    assert not tab.page.locator(".guide h2").count() and len(answers(server)) == 1
    other = Tab(browser, server.address())  # somebody whom no start page has greeted
    other.page.wait_for_selector(".guide h2")
    other.press("Enter")
    assert not other.page.locator(".guide h2").count() and len(answers(server)) == 2
    assert tab.faults == other.faults == []


def start(browser: playwright.Browser, server: Served, port: int | None = None) -> Tab:
    """A tab with a first answer."""
    tab = Tab(browser, server.address(port))
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector(".proposed")
    tab.press("3")
    return tab


def test_a_reload_loses_nothing(browser: playwright.Browser, server: Served) -> None:
    tab = start(browser, server)
    shown, given = tab.page.inner_text(".log"), answers(server)
    assert len(given) == 1
    tab.page.reload()
    tab.page.wait_for_selector(".proposed")
    assert tab.page.inner_text(".log") == shown
    tab.press("Enter")
    assert len(answers(server)) == 2


def test_killed_server_loses_nothing(browser: playwright.Browser, server: Served) -> None:
    tab = start(browser, server)
    given = answers(server)
    shown = tab.page.inner_text(".log")
    server.kill()
    tab.page.wait_for_selector("text=Connection lost")
    assert tab.page.is_disabled(".confirm")
    tab.page.keyboard.press("Enter")
    server.start()
    tab.page.wait_for_selector("text=Connection lost", state="hidden")
    tab.page.wait_for_selector(".confirm:enabled")
    assert tab.page.inner_text(".log") == shown and answers(server) == given
    tab.press("Enter")
    assert len(answers(server)) == len(given) + 1


def test_tabs_agree_and_stale_answers_are_refused(browser: playwright.Browser, server: Served) -> None:
    first, second = start(browser, server), Tab(browser, server.address())
    second.page.wait_for_selector(".proposed")
    assert second.step == first.step
    before = second.step
    first.press("Enter")
    second.settled(before)
    assert second.page.inner_text(".log") == first.page.inner_text(".log")
    # The second tab's command is held back until the first has answered.
    second.page.evaluate(
        "() => { const emit = window.socket.emit.bind(window.socket), held = [];"
        " window.socket.emit = (...all) => all[0] === 'event' ? held.push(all) : emit(...all);"
        " window.release = () => { window.socket.emit = emit; held.forEach((all) => emit(...all)); }; }"
    )
    second.page.keyboard.press("Enter")
    before = second.step
    first.press("Enter")
    given = answers(server)
    second.settled(before)
    second.page.evaluate("window.release()")
    second.page.wait_for_selector("text=Not applied")
    assert answers(server) == given and second.step == first.step


def test_a_command_sent_twice_counts_once(browser: playwright.Browser, server: Served) -> None:
    tab = start(browser, server)
    given = answers(server)
    tab.page.evaluate(
        "() => { const emit = window.socket.emit.bind(window.socket);"
        " window.socket.emit = (...given) => { emit(...given); return emit(...given); }; }"
    )
    tab.press("Enter")
    tab.page.wait_for_selector("text=Not applied")
    assert len(answers(server)) == len(given) + 1


@pytest.fixture
def network(server: Served) -> Iterator[Network]:
    with network_to(server.port) as whole:
        yield whole


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [5, 30])
def test_network_failure_loses_nothing(
    browser: playwright.Browser, server: Served, network: Network, seconds: int
) -> None:
    tab = start(browser, server, network.port)
    given = answers(server)
    network.cut()
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("text=Working on it")
    tab.page.wait_for_selector("text=Connection lost")
    tab.page.wait_for_timeout(1000 * seconds)
    network.join()
    tab.page.wait_for_selector("text=Connection lost", state="hidden")
    tab.page.wait_for_selector(".confirm:enabled")
    assert len(answers(server)) - len(given) in (0, 1)  # the page says so if it did not arrive
    events = len(server.history().events(tab.conversation))
    if len(answers(server)) == len(given):
        tab.page.wait_for_selector("text=did not arrive")
    known = len(answers(server))
    tab.press("Enter")
    assert len(answers(server)) == known + 1
    assert len(server.history().events(tab.conversation)) > events


def test_letters_need_a_modifier_and_held_keys_count_once(
    browser: playwright.Browser, server: Served
) -> None:
    tab = start(browser, server)
    given, conversation = answers(server), tab.conversation
    tab.page.keyboard.type("no, compare 2 venues: goodbye unfrwmg?")
    tab.page.keyboard.press("Enter")
    tab.page.keyboard.press("Escape")  # the end of the sentence
    assert tab.conversation == conversation and answers(server) == given
    assert not tab.page.locator("[role=alertdialog], dialog[open]").count()
    before = tab.step
    for _ in range(6):  # a held key: the first is a press, the others are repeated
        tab.page.keyboard.down("Enter")
    tab.page.keyboard.up("Enter")
    tab.settled(before)
    assert len(answers(server)) == len(given) + 1
    tab.page.keyboard.press("Alt+n")
    tab.page.wait_for_selector("[role=alertdialog]")
    tab.page.keyboard.press("Escape")
    tab.page.wait_for_selector("[role=alertdialog]", state="hidden")
    assert tab.conversation == conversation
    tab.page.click('button:has-text("Continue")')
    tab.page.wait_for_selector("text=Let the bot act by itself")
    tab.page.keyboard.press("2")
    tab.page.wait_for_selector("[role=alertdialog]", state="hidden")
    tab.page.select_option("select:has(option[value=all])", "all")
    tab.page.locator(".decision").focus()
    tab.press("u")
    assert len(answers(server)) == len(given)
    tab.page.reload()
    tab.page.wait_for_selector(".proposed")
    assert tab.page.input_value("select:has(option[value=all])") == "all" and tab.faults == []


def test_a_proposal_that_another_teacher_changed_waits_for_a_look(
    browser: playwright.Browser, server: Served
) -> None:
    anna, ben = (signed_in(browser, server, name) for name in ("anna", "ben"))
    for tab in (anna, ben):
        tab.page.wait_for_selector("#main")
        tab.page.keyboard.press("Enter")
        tab.page.wait_for_selector(".proposed")
    before, proposed = ben.step, ben.proposed
    ben.page.evaluate(
        "() => { window.blocked = []; new MutationObserver(() => {"
        " if (document.querySelector('.confirm')?.disabled) window.blocked.push(1); })"
        ".observe(document.querySelector('#main'), { subtree: true, attributes: true, childList: true }); }"
    )
    anna.press("3")
    ben.settled(before)
    ben.page.wait_for_selector("text=anna taught the bot something")
    assert ben.proposed != proposed
    ben.page.wait_for_selector(".confirm:enabled")
    assert ben.page.evaluate("window.blocked.length") and anna.faults == ben.faults == []


HOSTILE = "<img src=x onerror=window.hacked=1></script><script>window.hacked=1</script>${window.hacked=1}`"
DOMAIN = """
intents: [greet]
entities: [thing]
slots: {{thing: {{type: text}}}}
responses:
  utter_markup:
    - text: {hostile}
"""


def test_hostile_messages_and_domains_are_shown_as_text(browser: playwright.Browser, tmp_path: Path) -> None:
    path = tmp_path / "markup.yml"
    path.write_text(DOMAIN.format(hostile=repr(HOSTILE)), encoding="utf-8")
    with served(tmp_path / "store", domain=str(path)) as server:
        tab = Tab(browser, server.address())
        elsewhere: list[str] = []
        tab.page.on(
            "request",
            lambda request: (
                elsewhere.append(request.url)
                if not re.match(r"(http|ws)://127\.0\.0\.1:|data:|blob:", request.url)
                else None
            ),
        )
        tab.page.goto(server.address().replace("/teach/", "/teach/enter"))
        tab.page.fill("[name=name]", "<b>anna</b>")
        tab.page.click("button")
        tab.page.wait_for_selector("text=<b>anna</b>")
        tab.page.click("text=Start teaching")
        for text in (HOSTILE, "\u202eevil\u202c \x07", "שלום עולם", "你好，世界"):
            tab.page.fill("#message", text)
            tab.press("Enter")
            tab.page.wait_for_selector(".proposed")
            tab.press(*("/" + "markup"), "Enter")
            tab.press(*("/" + "listen"), "Enter")
        shown = tab.page.inner_text(".log")
        assert shown.count(HOSTILE) == 5 and "\\u202eevil" in shown and "你好，世界" in shown
        assert tab.page.evaluate("window.hacked") is None
        assert tab.page.get_attribute(".bubble p", "dir") == "auto"
        tab.page.reload()
        tab.page.wait_for_selector("#message")
        assert tab.page.evaluate("window.hacked") is None
        assert elsewhere == [] and tab.faults == []


def knowledge(tab: Tab) -> list[str]:
    return [" ".join(text.split()) for text in tab.page.locator(".side .slots > div").all_inner_texts()]


@pytest.mark.parametrize("width", [360, 1280])
def test_the_search_is_shown_beside_the_slots(
    browser: playwright.Browser, tmp_path: Path, width: int
) -> None:
    with served(tmp_path / "city", "--user", "me", "--turn-taking", "auto", domain="city") as server:
        tab = Tab(browser, server.address(), width)
        tab.page.keyboard.press("Enter")
        for text, action in (
            ('/inform@0.5{"kind": "tea room", "price": "cheap", "area": "old town"}', "utter_ask_seating"),
            ('/inform@0.35{"price": "expensive", "seating": "indoors"}', "utter_offer"),
        ):
            assert "found 120 of 120" in knowledge(tab) or action == "utter_offer"
            say(tab, text)
            tab.answer_by_keyboard([action])
        known = knowledge(tab)
        assert "price expensive (35%) or cheap (32%)" in known and "asked for nothing" in known
        (offer,) = (text for text in known if text.startswith("offer"))
        name = re.sub("^offer (.*) on offer$", r"\1", offer)
        assert tab.page.inner_text(".side h2:last-of-type") == f"The venue: {name}"
        assert {"kind tea room", "area old town", "seating indoors"} <= {*known}
        say(tab, '/request{"attribute": "phone"}')
        assert {f"offer {name} accepted", "asked for phone"} <= {*knowledge(tab)}
        tab.answer_by_keyboard(["utter_tell"])
        say(tab, "/alternative")
        assert {f"offer {name} turned down", "asked for nothing"} <= {*knowledge(tab)}
        assert any(re.fullmatch(r"found \d+ of 120, (\d+|none) left", text) for text in knowledge(tab))
        assert tab.page.evaluate("document.documentElement.scrollWidth") == width
        assert tab.faults == []


def say(tab: Tab, text: str) -> None:
    """Send a message as the user."""
    tab.page.fill("#message", text)
    tab.press("Enter")
