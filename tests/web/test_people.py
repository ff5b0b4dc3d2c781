"""Visitors and teachers on one server, in a real browser and over HTTP."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from dialogue_gym.conversation.events import SessionStarted, to_json
from dialogue_gym.journal.activity import ActivityKind, ActivityLog
from dialogue_gym.journal.entry import BOT, DECIDES, EVENT, LABEL, LIVE, NOTE, RATING, Draft
from dialogue_gym.journal.store import Store
from dialogue_gym.live.raters import RaterWatch, RaterWeights
from dialogue_gym.live.reward import LiveReward
from dialogue_gym.web.access import AccessPolicy
from dialogue_gym.web.api import build_visitor_app
from dialogue_gym.web.channels.inbox import Inbox
from dialogue_gym.web.pages.people import Follower
from tests.conftest import domain_from
from tests.live.handoffs import Setup
from tests.web.browsers import Visitor, browser, playwright, signed_in, take_over
from tests.web.requests import PASSWORD, ask, enter, open_socket
from tests.web.servers import Served

__all__ = ["browser"]

SITE = "https://shop.example"
URL = "http://127.0.0.1"
DOMAIN = """
intents: [greet, order, thank]
responses: {utter_hello: [{text: "Hello <b>there</b>"}], utter_order: [{text: At once}]}
actions: [utter_hello, utter_order]
"""
STORIES = """
## both
* greet
  - utter_hello
* order
  - utter_hello
## order after thanks
* thank
  - utter_order
* order
  - utter_hello
"""


class ShopPage(BaseHTTPRequestHandler):
    """A page of another site. It embeds the bot at the port in its path, and blocks all other scripts."""

    def do_GET(self) -> None:
        bot = f"http://127.0.0.1:{self.path.strip('/')}"
        page = f'<!doctype html><h1>Shop</h1><script src="{bot}/talk/widget.js" async></script>'
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-security-policy", f"default-src 'none'; script-src {bot}; frame-src {bot}")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *parts: Any) -> None:
        pass


@pytest.fixture(scope="module")
def shop() -> Iterator[int]:
    """The port of another site; to a browser, `localhost` differs from the address of the bot."""
    with ThreadingHTTPServer(("127.0.0.1", 0), ShopPage) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield site.server_port
        site.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, shop: int) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("people")
    (folder / "shop.yml").write_text(DOMAIN)
    (folder / "shop.md").write_text(STORIES)
    options = ("--talk", "--origin", SITE, "--stories", "shop.md", "--seed", "1")
    options += (
        "--title",
        "Shop <&> friends",
        "--color",
        "#fc0",
        "--allow-origin",
        f"http://localhost:{shop}",
    )
    started = Served(folder / "store", *options, domain="shop.yml", DIALOGUE_GYM_PASSWORD=PASSWORD)
    yield started
    started.stop()
    assert "Traceback" not in started.log.read_text()


def test_teacher_takes_over_one_of_two_visitors(browser: playwright.Browser, server: Served) -> None:
    ann, bob = Visitor(browser, server), Visitor(browser, server)
    ann.say("/greet")
    bob.say("/greet")
    tab = signed_in(browser, server, "tina", PASSWORD)
    take_over(tab, "live1", active=2)
    before = ann.answers
    ann.say("/order")
    ann.page.wait_for_selector("text=A colleague is taking a look")
    assert ann.answers == before
    bob.say("/order")  # the bot replies, and shows nothing of the other conversation
    assert len(bob.answers) == 2
    tab.page.wait_for_selector("text=1 waiting for you")
    option = tab.page.wait_for_selector("[data-action=utter_order]")
    assert option is not None
    tab.page.keyboard.press(option.get_attribute("data-number") or "")
    ann.page.wait_for_selector("text=At once")  # the visitor does nothing for it
    assert ann.answers == [*before, "At once"]
    tab.page.wait_for_selector("text=Waiting for the visitor")
    ann.say("/order")
    tab.page.wait_for_function("document.title.startsWith('(1) ')")
    tab.page.fill("[aria-label='Your own words']", "Let me see. 2")  # its 2 does not pick an action
    tab.page.click(".rows >> text=live2")  # what is begun stays with the visitor whom it is for
    tab.page.wait_for_selector("h1 >> text=answered by the bot")
    tab.page.click(".rows >> text=live1")
    tab.page.wait_for_selector("h1 >> text=taken over by you")
    assert tab.page.input_value("[aria-label='Your own words']") == "Let me see. 2"
    tab.page.click("text=Send")
    tab.page.wait_for_selector("text=Waiting for the visitor")
    tab.page.wait_for_selector(".rows >> text=Let me see. 2")
    ann.page.wait_for_selector(".bot >> text=Let me see. 2")
    tab.page.click(".filters >> text=Waiting")
    tab.page.wait_for_selector("text=No matches.")
    tab.page.click(".filters >> text=All")
    before.append("At once")
    assert ann.answers == [*before, "Let me see. 2"]
    ann.page.click(".thumbs >> nth=-1 >> [aria-label='Good answer']")
    ann.page.wait_for_selector("text=Thank you.")
    ann.page.reload()
    ann.page.wait_for_selector("text=Let me see. 2")
    assert ann.answers == [*before, "Let me see. 2"]
    tab.page.click("text=Hand back")
    tab.page.wait_for_selector("text=answered by the bot")
    ann.say("/order")
    assert len(ann.answers) == len(before) + 2
    tab.page.click("nav >> text=Conversations")
    tab.page.wait_for_selector(".ratings >> text=Let me see. 2")
    tab.page.click(".ratings >> text=Approve")
    tab.page.wait_for_selector("text=No ratings to review")
    assert tab.page.input_value("[aria-label=Action]") == "utter_let_me_see_2"
    tab.page.fill("[aria-label=Action]", "utter_look")
    tab.page.click("text=Save")
    tab.page.wait_for_selector(".unnamed", state="hidden")
    assert ann.faults == bob.faults == tab.faults == []
    with Store(server.folder, create=False, read_only=True) as store:
        entries = list(store.entries())
    label, named = (entry for entry in entries if entry.kind == LABEL and entry.author == "tina")
    assert (label.conversation, label.content["right"]) == ("live1", ["utter_order"])
    assert named.conversation.startswith("c") and named.content["right"] == ["utter_look"]
    ratings = [entry for entry in entries if entry.kind == RATING]
    (words,) = {one.content["about"] for one in ratings}  # the teacher's own
    assert [one.content.get("pending", False) for one in ratings] == [True, False]
    assert "Let me see. 2" in str(next(entry for entry in entries if entry.id == words).content)


@pytest.mark.parametrize("loses_answer", [True, False])
def test_a_message_is_sent_again_until_it_is_answered_once(
    browser: playwright.Browser, server: Served, loses_answer: bool
) -> None:
    """As while the server or its database restarts, or the network is cut."""
    fay = Visitor(browser, server)
    fay.say("/greet")
    keys = []

    def answer(route: playwright.Route) -> None:
        keys.append(json.loads(route.request.post_data)["key"])
        if len(keys) > 2:
            route.continue_()
        elif loses_answer:
            route.fetch()
            route.abort()
        else:
            detail = "the message could not be stored and was not processed; try again later"
            route.fulfill(status=503, headers={"retry-after": "5"}, json={"detail": detail})

    fay.page.route("**/talk/say", answer)
    before = len(fay.answers)
    fay.page.fill("#text", "/order")
    fay.page.press("#text", "Enter")
    fay.page.wait_for_selector("text=Trying again")
    fay.page.wait_for_function("count => document.querySelectorAll('.bot').length > count", arg=before)
    assert len(fay.answers) == before + 1 and fay.page.locator(".you").count() == 2
    assert len(keys) == 3 and len(set(keys)) == 1
    fay.say("/order")  # the same text is another message
    assert len(set(keys)) == 2 and len(fay.answers) == before + 2 and fay.faults == []


def ratings(server: Served) -> list[tuple[str, float]]:
    with Store(server.folder, create=False, read_only=True) as store:
        return [(one.conversation, one.content["value"]) for one in store.ratings()]


def test_conversation_ends_aloud_and_ratings_stay_where_they_were(
    browser: playwright.Browser, server: Served
) -> None:
    known = len(ratings(server))
    eve = Visitor(browser, server)
    page = eve.page
    assert page.inner_text("h1") == page.title() == "Shop <&> friends"
    eve.say("/greet")
    page.click("[aria-label='Good answer']")
    page.wait_for_selector("text=Thank you.")
    page.click("text=Start again")
    page.click("text=Really start again?")
    page.wait_for_selector("text=This conversation has ended. How was it?")
    page.click("[aria-label=Bad]")
    page.wait_for_selector("[aria-label=Bad][aria-pressed=true]")
    for _ in range(2):
        page.reload()
        page.wait_for_selector("[aria-label='Good answer'][aria-pressed=true]")
        assert page.locator("[aria-label=Bad][aria-pressed=true]").count() == 1
        assert page.locator("[aria-pressed=true]").count() == 2
    page.click("#chat >> text=Start again")
    page.wait_for_selector("text=Say hello to start.")
    eve.say("/greet")
    page.click("[aria-label='Bad answer'] >> nth=0")  # in the previous conversation
    page.wait_for_selector("[aria-label='Bad answer'][aria-pressed=true]")
    page.click("[aria-label='Good answer'] >> nth=1")
    page.wait_for_selector("[aria-label='Good answer'][aria-pressed=true]")
    first, *others = ratings(server)[known:]
    assert [(name == first[0], value) for name, value in others] == [(True, -1), (True, -1), (False, 1)]
    page.reload()
    page.wait_for_selector("text=This conversation has ended")
    assert page.locator("[aria-label='Bad answer'][aria-pressed=true]").count() == 1
    assert page.locator(".end >> text=Start again").count() == 0  # a new one has begun already
    assert eve.faults == []


def test_widget_works_on_allowed_sites_alone(browser: playwright.Browser, server: Served, shop: int) -> None:
    page = browser.new_context(viewport={"width": 360, "height": 700}).new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"http://localhost:{shop}/{server.port}")
    button = page.get_by_role("button", name="Open the chat: Shop <&> friends")
    button.click()
    chat = page.frame_locator("iframe")
    for number in (1, 2):  # without cookies the second message belongs to the same conversation
        chat.locator("#text").fill("/greet")
        chat.get_by_role("button", name="Send").click()
        chat.locator(f".bot >> nth={number - 1}").wait_for()
    assert chat.locator(".you").count() == 2 and chat.locator("h1").inner_text() == "Shop <&> friends"
    chat.locator("#text").press("Escape")
    button.wait_for()
    assert page.locator("iframe").is_hidden()
    page.reload()
    button.click()
    chat.locator(".bot >> nth=1").wait_for()
    chat.get_by_role("button", name="Close the chat").click()
    button.wait_for()
    assert faults == []
    page.goto(f"http://127.0.0.1:{shop}/{server.port}")  # a site that is not allowed
    with page.expect_event("requestfailed", lambda request: "/talk/" in request.url) as refused:
        button.click()
    assert refused.value.failure == "net::ERR_BLOCKED_BY_RESPONSE"


def test_only_the_visitors_page_can_be_framed(server: Served, shop: int) -> None:
    _, headers, _ = ask(server, "/talk/")
    assert f"frame-ancestors http://localhost:{shop};" in headers["content-security-policy"]
    assert "x-frame-options" not in headers
    for path in ("/teach/", "/teach/enter", "/talk/state", "/talk/widget.js", "/openapi.json"):
        _, headers, _ = ask(server, path, x_visitor="a" * 22)
        assert headers.get("x-frame-options", "DENY") == "DENY"
        assert "frame-ancestors http" not in headers.get("content-security-policy", "")
    assert ask(server, "/talk/state", Origin=f"http://localhost:{shop}", x_visitor="a" * 22)[0] == 403


def test_visitor_and_teacher_cookies_are_separate(server: Served) -> None:
    cookie = ask(server, "/talk/")[1]["set-cookie"].split(";")[0]
    assert cookie.startswith("dialogue_gym_visitor=")
    assert (
        ask(server, "/teach/people", Cookie=cookie)[0] == 401 and open_socket(server, Cookie=cookie)[0] == 401
    )
    entered = enter(server, name="tina")[1]["set-cookie"]
    assert "Path=/teach" in entered
    teacher = entered.split(";")[0]
    assert ask(server, "/teach/people", Cookie=teacher)[0] == 200
    headers = {"Cookie": teacher, "Content_Type": "application/json"}
    assert ask(server, "/talk/say", "POST", '{"text": "/greet"}', **headers)[0] == 400
    assert ask(server, "/api/ratings", Cookie=teacher)[0] == 401


def test_other_sites_can_talk_but_not_teach(server: Served) -> None:
    said = '{"sender": "widget", "message": "/greet"}'
    headers = {"Origin": SITE, "Content_Type": "application/json"}
    assert ask(server, "/webhooks/rest/webhook", "POST", said, **headers)[0] == 200
    for path in ("/teach/", "/teach/enter", "/teach/people"):
        assert ask(server, path, Origin=SITE)[0] == 403
    assert open_socket(server, Origin=SITE) == (403, "cross-site request blocked; see --origin\n")


@pytest.mark.slow
def test_handoff_survives_a_kill_while_teachers_are_enabled(tmp_path: Path) -> None:
    """After a kill the teacher resumes, or the bot if there are no teachers' pages."""
    (tmp_path / "shop.yml").write_text(DOMAIN)
    with Store(tmp_path / "store") as store:
        store.use_domain("shop.yml", DOMAIN)
        entries = [
            Draft("live1", EVENT, to_json(SessionStarted()) | {LIVE: "ann"}, None, BOT),
            Draft("live1", NOTE, {DECIDES: "tina"}, None, "tina"),
        ]
        store.append_all(entries)
    server = Served(tmp_path / "store", "--talk", domain="shop.yml")
    said = '{"sender": "ann", "message": "/greet"}'
    hook, headers = "/webhooks/rest/webhook", {"Content_Type": "application/json"}
    assert ask(server, hook, "POST", said, **headers)[2] == "[]"
    server.kill()
    server.start()
    assert ask(server, hook, "POST", said, **headers)[2] == "[]"
    server.stop()
    alone = WithoutTeachers(tmp_path / "store", domain="shop.yml")
    alone.stop()
    with Store(tmp_path / "store", create=False, read_only=True) as store:
        assert store.noted(DECIDES) == {"live1": None}
        assert any(entry.kind == LABEL and entry.author == BOT for entry in store.entries("live1"))


class WithoutTeachers(Served):
    """`dialogue-gym serve` for visitors alone."""

    command = ("serve", "--no-teach", "--talk")
    page = "/talk/"


def test_the_last_message_of_a_teacher_is_shown_before_the_next_reply(tmp_path: Path) -> None:
    """The visitor writes again before their page asks for news."""
    setup = Setup(tmp_path / "store")
    server = build_visitor_app(Inbox(setup.sessions), AccessPolicy("127.0.0.1", tmp_path))

    async def say(visitor: httpx.AsyncClient, seen: dict[str, Any]) -> dict[str, Any]:
        await visitor.get("/talk/")
        return dict((await visitor.post("/talk/say", json={"text": "/order"} | seen)).json())

    def seen(news: dict[str, Any]) -> dict[str, Any]:
        return {key: news[key] for key in ("conversation", "seen")}

    async def talk() -> None:
        transport = httpx.ASGITransport(app=server)
        visitor, stranger = (httpx.AsyncClient(transport=transport, base_url=URL) for _ in range(2))
        first = await say(visitor, {})
        name = first["conversation"]
        setup.handoff.take_over(name, "tina")
        asked = await say(visitor, seen(first))
        assert asked["messages"] == [{"who": "you", "text": "/order"}] and asked["waits"] == "person"
        setup.decide(name)
        with setup.sessions.lock:
            setup.bot.leave(name)
        news = await say(visitor, seen(asked))
        assert [one["text"] for one in news["before"]["messages"]] == ["At once"]
        assert news["before"]["ended"] and [one["text"] for one in news["messages"]] == ["/order", "Hello"]
        assert news["conversation"] != name and news["seen"] == 2 and news["waits"] is None
        peeking = await say(stranger, {"conversation": name, "seen": 0})
        assert [one["text"] for one in peeking["messages"]] == ["/order", "Hello"]

    with ThreadPoolExecutor(1) as thread:  # the browser's event loop occupies this thread
        thread.submit(asyncio.run, talk()).result(60)
    setup.store.close()


def test_proposals_are_shown_as_the_visitor_would_read_them(tmp_path: Path) -> None:
    domain = domain_from(
        """
        intents: [order]
        entities: [day]
        slots: {day: {type: text, mappings: [{type: from_entity, entity: day}]}}
        responses: {utter_hello: [{text: Hello}], utter_day: [{text: "On {day}, then"}]}
        """
    )
    setup = Setup(tmp_path / "store", domain=domain)
    setup.say(text='/order{"day": "Friday"}')
    name = setup.take_over()
    setup.say(text="/order")
    follower = Follower(setup.handoff, setup.store, "tina")
    follower.open(name)
    options = follower.look()["open"]["options"]
    assert {one["action"]: one["says"] for one in options}["utter_day"] == "On Friday, then"
    setup.store.close()


def test_teachers_are_told_of_raters_who_contradict_the_others(tmp_path: Path) -> None:
    intents = [f"ask_{number}" for number in range(9)]
    texts = ", ".join(f"{name}: [{{text: Hello}}]" for name in ("utter_hello", "utter_order"))
    domain = domain_from(f"intents: [{', '.join(intents)}]\nresponses: {{{texts}}}\n")
    setup = Setup(tmp_path / "store", domain=domain)
    setup.bot.conversations.reward = LiveReward(weights=RaterWeights(setup.store, setup.bot.domain, every=10))
    follower = Follower(setup.handoff, setup.store, "tina")
    assert (follower.look()["raters"], follower.look()["burst"]) == ([], 0)
    setup.handoff.raters = RaterWatch(setup.store, setup.bot.domain, seconds=0)
    for intent in intents:  # all come to the same nine situations
        for number in range(5):
            sender = "<b>liar" if number == 4 else f"person {number}"
            setup.say(sender, f"/{intent}")
            setup.sessions.rate(sender, -1 if number == 4 else 1, is_trusted=False)
            (rating,) = setup.sessions.moderation.waiting()
            setup.sessions.moderation.approve(rating.id)
    (one,) = follower.look()["raters"]
    assert (one["name"], one["is_teacher"]) == ("<b>liar", False)
    assert one["checked"] == one["contradicted"] >= 8 and one["weight"] < 60
    setup.store.close()


def test_a_burst_is_told_on_one_page_and_rejected_on_the_other(
    browser: playwright.Browser, tmp_path: Path
) -> None:
    options = ("--talk", "--trust-ratings", "--burst", "2/10")
    server = Served(tmp_path / "store", *options, DIALOGUE_GYM_PASSWORD=PASSWORD)
    ann = Visitor(browser, server)
    for _ in range(5):
        ann.say("/greet")
        ann.page.click(".thumbs >> nth=-1 >> [aria-label='Bad answer']")
        ann.page.wait_for_selector("text=Thank you.")
    tab = signed_in(browser, server, "tina", PASSWORD)
    with tab.page.expect_navigation():
        tab.page.click("nav >> text=People")
    tab.page.wait_for_selector(".raters >> text=3 ratings came too fast from one source")
    with tab.page.expect_navigation():
        tab.page.click(".raters >> text=Conversations")
    tab.page.wait_for_selector(".ratings >> text=too fast")
    assert tab.page.locator(".ratings li").count() == 3
    tab.page.click("text=Reject all of these")
    tab.page.wait_for_selector("text=No ratings to review")
    assert ann.faults == tab.faults == []
    server.stop()
    with Store(server.folder, create=False, read_only=True) as store:
        found = store.ratings()
    assert [(one.content.get("burst", False), one.content.get("declined", False)) for one in found] == (
        [(False, False)] * 2 + [(True, False)] * 3 + [(True, True)] * 3
    )


def test_a_page_knows_whether_its_own_click_was_done(tmp_path: Path) -> None:
    """A visitor who writes meanwhile is news of another kind: the words that came too late are not lost."""
    setup = Setup(tmp_path / "store")
    setup.say()
    follower = Follower(setup.handoff, setup.store, "tina", ActivityLog(tmp_path))
    follower.open("live1")
    follower.take_over({"id": 1, "conversation": "live1"})
    assert follower.look()["answer"] == {"id": 1, "is_done": True}
    setup.say()
    step = follower.look()["open"]["step"]
    setup.decide("live1")
    setup.say()
    assert follower.look()["answer"]["id"] == 1
    follower.say({"id": 2, "conversation": "live1", "step": step, "text": "One moment."})
    shown = follower.look()
    assert shown["answer"] == {"id": 2, "is_done": False} and "has moved on" in shown["error"]
    follower.say({"id": 3, "conversation": "live1", "step": shown["open"]["step"], "text": "One moment."})
    assert follower.look()["answer"] == {"id": 3, "is_done": True} and setup.say()[1] == ["One moment."]
    follower.give_back({"id": 4, "conversation": "live2"})
    assert follower.look()["answer"] == {"id": 4, "is_done": False}
    assert [one.what for one in ActivityLog(tmp_path).latest()] == [ActivityKind.TOOK_OVER]
    setup.store.close()


def test_a_proposal_is_said_as_it_was_shown_though_others_speak_meanwhile(tmp_path: Path) -> None:
    texts = ", ".join(f"{{text: Hello {number}}}" for number in range(20))
    domain = domain_from(f"intents: [order]\nresponses: {{utter_hello: [{texts}], utter_order: [{texts}]}}\n")
    setup = Setup(tmp_path / "store", domain=domain)
    setup.say()
    name = setup.take_over()
    follower = Follower(setup.handoff, setup.store, "tina")
    follower.open(name)
    setup.say()
    heard = []
    for other in range(4):
        options = follower.look()["open"]["options"]
        (says,) = [one["says"] for one in options if one["action"] == "utter_order"]
        setup.say(f"other {other}")
        setup.decide(name)
        _, late = setup.say()
        assert late == [says]
        heard.append(says)
    assert len(set(heard)) > 1
    setup.store.close()
