"""The domain is edited in the browser: visitors, Teach, the store, the export and the file follow."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from dialogue_gym.domain import load_domain
from dialogue_gym.journal.store import Store
from dialogue_gym.nlu.examples import read_examples
from dialogue_gym.teaching.export_rasa import RASA, export_for, origins_of
from dialogue_gym.teaching.taught_interpreter import TaughtInterpreter
from dialogue_gym.web.api import rest_app
from dialogue_gym.web.channels.inbox import Inbox
from dialogue_gym.web.channels.rest import named_tokens
from dialogue_gym.web.domain_desk import DomainDesk
from dialogue_gym.web.pages.domain import DomainEditor
from tests.conftest import domain_from
from tests.live.handoffs import Setup
from tests.web.browsers import Tab, Visitor, browser, playwright
from tests.web.requests import any_teacher
from tests.web.servers import Served

__all__ = ["browser"]

PIZZA = """\
version: "3.1"  # the bot of the shop
intents: [greet, order]
entities: [size]
slots:
  size:
    type: text  # big or small
    mappings: [{type: from_entity, entity: size}]
responses:
  # the first words
  utter_hi:
    - text: "Hello there"  # short
  utter_order: [{text: "A {size} pizza, at once"}]
actions: [utter_hi, utter_order]
nlu:
- intent: greet
  examples: |
    - hi
    - hello
    # by day
    - good day
- intent: order
  examples: |
    - i would like a [big](size) pizza
    - a [small](size) pizza please
"""
STORIES = """
## greet
* greet
  - utter_hi
## order
* order
  - utter_order
* order{"size": "big"}
  - utter_order
"""
PICTURES = os.environ.get("PICTURES")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("domain")
    (folder / "pizza.yml").write_text(PIZZA)
    (folder / "pizza.md").write_text(STORIES)
    options = ("--talk", "--stories", "pizza.md", "--user", "me", "--turn-taking", "auto")
    started = Served(folder / "store", *options, domain="pizza.yml")
    yield started
    started.stop()
    assert "Traceback" not in started.log.read_text()


class DomainTab(Tab):
    """The domain page of a teacher."""

    def __init__(self, browser: playwright.Browser, server: Served, width: int = 1280) -> None:
        super().__init__(browser, f"{server.address()}domain", width)

    def open(self, kind: str, name: str) -> None:
        self.page.get_by_role("button", name=kind, exact=True).click()
        self.page.locator(".rows button", has_text=name).first.click()
        self.page.locator(".editor h1", has_text=name).wait_for()

    def save(self, label: str, text: str, button: str = "Save") -> None:
        field = self.page.get_by_label(label, exact=True)
        field.fill(text)
        field.locator("xpath=ancestor::form").get_by_role("button", name=button).first.click()

    def saved(self) -> None:
        self.page.locator("[role=status]", has_text="Saved").wait_for()

    @property
    def fault(self) -> str:
        self.page.locator(".editor [role=alert]").wait_for()
        return self.page.locator(".editor [role=alert]").inner_text()

    def picture(self, name: str) -> None:
        if PICTURES:
            self.page.screenshot(path=f"{PICTURES}/domain-{name}.png", full_page=True)


def test_edits_hold_everywhere_through_a_restart_and_in_the_file(
    browser: playwright.Browser, server: Served
) -> None:
    ann = Visitor(browser, server)
    ann.say("hi")
    ann.page.wait_for_selector("text=Hello there")
    tab = DomainTab(browser, server)
    tab.open("Responses", "utter_hi")
    tab.save("Text 1", "Good day to you")
    tab.saved()
    tab.open("Intents", "greet")
    tab.save("Another example", "moin moin", "Add")
    tab.saved()
    tab.open("Slots", "size")
    tab.page.get_by_label("Type").select_option("categorical")
    tab.page.get_by_label("Values, one in each line").fill("big\nsmall\n")
    tab.page.keyboard.press("Tab")
    tab.page.keyboard.press("Tab")
    tab.page.keyboard.press("Enter")
    tab.saved()
    tab.page.get_by_role("button", name="New slot").click()
    tab.page.get_by_label("Name", exact=True).fill("street")
    tab.page.get_by_role("button", name="Add slot").click()
    tab.saved()
    tab.picture("1280")
    ann.say("moin moin to you")  # like the new example, in the conversation that goes on
    ann.page.wait_for_selector("text=Good day to you")
    ann.say('/order{"street": "Elm", "size": "big"}')
    ann.page.wait_for_selector("text=A big pizza, at once")
    tab.page.goto("about:blank")  # a page that finds its server again reloads at any time
    server.stop()
    server.start()
    ann.say("hello")
    ann.page.wait_for_function("() => document.body.innerText.split('Good day to you').length === 3")
    with Store(server.folder, create=False, read_only=True) as store:
        domain = load_domain(server.folder.parent / "pizza.yml")
        export_for(RASA, server.history(), domain, server.folder / "out", origins_of(store))
    exported = load_domain(server.folder / "out" / "domain.yml")
    assert exported.texts("utter_hi") == ("Good day to you",)
    assert exported.slot("size").values == ("big", "small") and exported.slot("street").entity == "street"
    assert "moin moin" in {
        one.text for one in read_examples(server.folder / "out" / "data" / "nlu.yml").examples
    }
    tab.page.goto(f"{server.address()}conversations")
    tab.page.wait_for_selector("text=pizza.yml lacks 1 slot, 2 changes and 1 example: street, utter_hi, size")
    tab.page.click("text=Write them into the file")
    tab.page.wait_for_selector("text=Wrote pizza.yml.")
    written = (server.folder.parent / "pizza.yml").read_text()
    assert re.findall("#.*", written) == re.findall("#.*", PIZZA)
    street = "  street:\n    type: text\n    mappings:\n      - type: from_entity\n        entity: street\n"
    assert street in written
    assert written.replace(street, "") == (
        PIZZA.replace('"Hello there"', "Good day to you")
        .replace("[size]", "[size, street]")
        .replace("type: text  # big", "type: categorical  # big")
        .replace("entity: size}]\n", "entity: size}]\n    values: [big, small]\n", 1)
        .replace("    - good day\n", "    - good day\n    - moin moin\n")
    )
    assert not tab.faults and not ann.faults


def test_a_page_comes_with_its_content(server: Served) -> None:
    for name in 3 * ("conversations", "domain", "people"):
        page = httpx.get(f"{server.address()}{name}", timeout=60)
        assert page.status_code == 200 and '"shown":' in page.text, name


def test_bad_input_is_refused_at_its_field(browser: playwright.Browser, server: Served) -> None:
    tab = DomainTab(browser, server, 360)
    tab.open("Intents", "order")
    tab.save("Another example", "a [big](sizq) pizza", "Add")
    assert tab.fault == "unknown entity 'sizq'; did you mean 'size'?"
    assert tab.page.evaluate("document.activeElement.getAttribute('aria-label')") == "Another example"
    assert tab.page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "fault"
    tab.picture("360")
    tab.save("Another example", "Hello", "Add")
    tab.page.wait_for_selector("text='Hello' is an example of greet already")
    tab.open("Responses", "utter_order")
    tab.save("Text 1", "A {sizq} pizza")
    assert tab.fault == "unknown slot 'sizq'; did you mean 'size'?"
    tab.page.get_by_role("button", name="Remove").click()
    tab.page.wait_for_selector("text=a response keeps its last text; change it instead")
    tab.page.get_by_role("button", name="New response").click()
    tab.page.get_by_label("Name", exact=True).fill("of a response")
    tab.page.get_by_role("button", name="Slots", exact=True).click()
    tab.page.get_by_role("button", name="New slot").click()
    assert tab.page.get_by_label("Name", exact=True).input_value() == ""
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert not tab.faults


def test_of_two_teachers_the_later_one_sees_the_earlier_edit(
    browser: playwright.Browser, server: Served
) -> None:
    ann, bob = DomainTab(browser, server), DomainTab(browser, server)
    for tab in (ann, bob):
        tab.open("Responses", "utter_order")
        tab.page.get_by_label("Text 1", exact=True).fill(f"{'Ann' if tab is ann else 'Bob'} says so")
    ann.page.get_by_role("button", name="Save").first.click()
    ann.saved()
    bob.page.get_by_role("button", name="Save").first.click()
    assert (
        bob.fault
        == "not saved, utter_order was changed meanwhile: it says 'Ann says so' now; you wrote 'Bob says so'"
    )
    assert bob.page.get_by_label("Text 1", exact=True).input_value() == "Ann says so"
    assert not bob.faults


def test_a_text_that_is_being_written_follows_its_place(browser: playwright.Browser, server: Served) -> None:
    """Beside it would stand the buttons of another text."""
    ann, bob = DomainTab(browser, server), DomainTab(browser, server)
    for tab in (ann, bob):
        tab.open("Intents", "greet")
    ann.page.get_by_label("Example 2", exact=True).fill("hello again")
    fewer = ann.page.locator(".items > li").count() - 1
    bob.page.get_by_role("button", name="Remove 1").click()
    bob.saved()
    ann.page.wait_for_function(
        "number => document.querySelectorAll('.items > li').length === number", arg=fewer
    )
    shown = [ann.page.get_by_label(f"Example {number}", exact=True).input_value() for number in (1, 2)]
    assert shown == ["hello again", "good day"]
    ann.page.get_by_role("button", name="Save 1").click()
    ann.saved()
    assert ann.page.get_by_label("Example 1", exact=True).input_value() == "hello again"
    assert ann.page.get_by_role("button", name="Save 1").is_disabled() and not ann.faults


@pytest.fixture
def desk() -> DomainDesk:
    return DomainDesk(domain_from(PIZZA), Store.in_memory(), TaughtInterpreter(domain_from(PIZZA)))


FAULTS: list[tuple[Any, str, str]] = [
    ({"kind": "response", "name": "utter_hi", "now": "  "}, "text", "write a text"),
    ({"kind": "response", "name": "utter_hi", "now": "a\x07"}, "text", "the text has control characters"),
    (
        {"kind": "response", "name": "utter_hi", "now": "Hello there"},
        "text",
        "utter_hi says 'Hello there' already",
    ),
    (
        {"kind": "response", "name": "utter_hi", "was": "Hi", "now": "Ho"},
        "text",
        "not saved, utter_hi was changed meanwhile: it says 'Hello there' now; you wrote 'Ho'",
    ),
    ({"kind": "example", "name": "greet", "now": "/greet"}, "text", "an example is a sentence"),
    ({"kind": "example", "name": "greet", "now": 'a [b]{"x": 1}'}, "text", "invalid annotation"),
    (
        {"kind": "example", "name": "greet", "was": "gone", "now": None},
        "text",
        "not saved, greet was changed meanwhile: it has lost this example",
    ),
    ({"kind": "slot", "name": "size", "now": {"type": "text"}}, "name", "there is a slot 'size' already"),
    (
        {"kind": "slot", "name": "new", "now": {"type": "txt"}},
        "type",
        "unknown slot type 'txt'; did you mean",
    ),
    ({"kind": "slot", "name": "new", "now": {"type": "categorical"}}, "values", "a categorical slot needs"),
    (
        {"kind": "slot", "name": "new", "now": {"type": "categorical", "values": ["a", "A"]}},
        "values",
        "'a' and 'A' are the same value",
    ),
    (
        {"kind": "slot", "name": "size", "was": {"type": "bool"}, "now": {"type": "text"}},
        "type",
        "not saved, size was changed meanwhile: it is text, filled by size now",
    ),
    (
        {"kind": "example", "name": "ordr", "now": "one more"},
        "name",
        "unknown intent 'ordr'; did you mean 'order'?",
    ),
    (
        {"kind": "response", "name": "utter ordr", "now": "At once"},
        "name",
        "unknown response 'utter_ordr'; did you mean 'utter_order'?",
    ),
    (
        {"kind": "slot", "name": "sizes", "now": {"type": "text"}},
        "name",
        "unknown slot 'sizes'; did you mean 'size'?",
    ),
    ({"kind": "other"}, "text", "this edit is not complete"),
    (None, "text", "this edit is not complete"),
]


@pytest.mark.parametrize(("edit", "field", "sentence"), FAULTS)
def test_faults_are_one_sentence_and_change_nothing(
    desk: DomainDesk, edit: Any, field: str, sentence: str
) -> None:
    editor = DomainEditor(desk, "tina")
    editor.edit({"id": 1, "edit": edit})
    answer = editor.look()["answer"]
    assert answer["field"] == field and answer["error"].startswith(sentence) and "\n" not in answer["error"]
    assert desk.written == 0


def test_new_names_have_no_spaces(desk: DomainDesk) -> None:
    editor = DomainEditor(desk, "tina")
    for edit, name in (
        ({"kind": "example", "name": "book table", "now": "a table please"}, "book_table"),
        ({"kind": "response", "name": "utter Opening hours", "now": "At eight"}, "utter_opening_hours"),
        ({"kind": "response", "name": "say goodbye", "now": "Bye"}, "utter_say_goodbye"),
        (
            {"kind": "slot", "name": "Katy Perry's", "now": {"type": "text", "entity": "an artist"}},
            "katy_perrys",
        ),
    ):
        editor.edit({"id": 1, "edit": edit})
        shown = editor.look()
        assert (shown["answer"]["error"], shown["open"]["name"]) == ("", name)
    domain = desk.look().domain
    assert domain.slot("katy_perrys").entity == "an_artist" and "book_table" in domain.intents


def test_a_text_tells_what_goes_with_it_and_which_places_nothing_fills() -> None:
    domain = domain_from("""
        slots: {size: {type: text}}
        responses:
          utter_ask:
          - text: Which?
            buttons: [{title: Big, payload: /big}, {title: Small, payload: /small}]
            channel: socketio
          - {text: How big?, condition: [{type: slot, name: size, value: big}], image: a.png}
          - text: What?
    """)
    store = Store.in_memory()
    editor = DomainEditor(DomainDesk(domain, store, TaughtInterpreter(domain)), "tina")
    editor.open({"kind": "responses", "name": "utter_ask"})
    assert editor.look()["open"]["about"] == [
        "with the buttons Big, Small; in the channel socketio",
        'with image; if size is "big"',
        "",
    ]
    editor.edit(
        {"id": 1, "edit": {"kind": "response", "name": "utter_ask", "was": "What?", "now": "A {day}?"}}
    )
    answer = editor.look()["answer"]
    assert answer["error"] == "" and answer["notes"] == [
        "But: unknown slot 'day' in braces; valid: size (only an action can fill it)."
    ]


def test_slots_are_listed_with_their_values_and_what_fills_them() -> None:
    domain = domain_from(
        """
        intents: [affirm, deny, tell]
        entities: [place]
        forms: {f: {required_slots: [big]}}
        slots:
          size: {type: categorical, values: [s, m], mappings: [{type: from_entity, entity: place, role: to}]}
          big:
            type: bool
            mappings:
            - {type: from_intent, intent: affirm, value: true, conditions: [{active_loop: f}]}
            - {type: from_text, intent: tell}
        """
    )
    editor = DomainEditor(DomainDesk(domain, Store.in_memory(), TaughtInterpreter(domain)), "tina")
    assert editor.look()["slots"] == [["size", "categorical: s, m"], ["big", "bool"]]
    filled = []
    for name in ("size", "big"):
        editor.open({"kind": "slots", "name": name})
        filled.append(editor.look()["open"]["filled"])
    assert filled == ["place as to", "affirm: true, in f; the text of tell"]


def test_programs_of_teachers_edit_the_domain(desk: DomainDesk, tmp_path: Path) -> None:
    setup = Setup(tmp_path / "store")
    app = rest_app(Inbox(setup.sessions), named_tokens({}), any_teacher, desk=desk)
    edit = {"kind": "response", "name": "utter_hi", "was": "Hello there", "now": "Good day"}
    slot = {"type": "categorical", "values": ["thin"], "entity": "crust"}
    crust = {"kind": "slot", "name": "crust", "now": slot}

    async def sent() -> tuple[list[int], str, Any]:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
        ) as client:
            given = [edit, edit, crust, crust, {"kind": "slot"}]
            answers = [await client.post("/api/domain/edits", json=one) for one in given]
            now = (await client.get("/api/domain")).json()
        return [answer.status_code for answer in answers], answers[1].json()["detail"], now

    with ThreadPoolExecutor(1) as thread:  # the browser's loop runs in this one
        statuses, detail, now = thread.submit(asyncio.run, sent()).result()
    assert statuses == [204, 409, 204, 400, 422]
    assert detail == (
        "text: not saved, utter_hi was changed meanwhile: it says 'Good day' now; you wrote 'Good day'"
    )
    assert now["responses"][0] == {"name": "utter_hi", "texts": ["Good day"]}
    assert now["slots"]["crust"] == slot
    setup.store.close()
