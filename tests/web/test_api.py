"""Visitors over HTTP: one of Rasa's front ends, a program, a browser."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

fastapi = pytest.importorskip("fastapi", reason="the extra web is missing")

from dialogue_gym.journal.activity import ActivityKind, ActivityLog  # noqa: E402
from dialogue_gym.journal.entry import USER  # noqa: E402
from dialogue_gym.journal.store import Store  # noqa: E402
from dialogue_gym.live.sessions import APOLOGY  # noqa: E402
from tests.web.requests import PASSWORD  # noqa: E402
from tests.web.requests import ask as ask_raw  # noqa: E402
from tests.web.servers import Served, chromium, wait_for  # noqa: E402

SITE = "https://shop.example"
HOOK = "/webhooks/rest/webhook"
DOMAIN = """
intents: [greet, tell]
entities: [who]
slots: {who: {type: text, mappings: [{type: from_entity, entity: who}]}}
actions: [say_hello]
responses:
  say_hello/offer:
  - {text: "Not on this channel.", channel: slack}
  - {text: "Not about Eve.", condition: [{type: slot, name: who, value: Eve}]}
  - text: "One.\\n\\nTwo."
    channel: rest
    attachment: {type: file, name: "{who}.pdf"}
    custom: {blocks: [{text: "{who}"}]}
  - text: "Hungry, {who}?"
    quick_replies: [{title: "{who} is", payload: '/tell{{"who": "{who}"}}'}]
"""
ACTIONS = """

class Hello:
    def name(self):
        return "say_hello"

    def run(self, dispatcher, tracker, domain):
        buttons = [{"title": "Hi", "payload": "/greet"}]
        text = f"Hello {tracker.get_slot('who')}"
        dispatcher.utter_message(text=text, image="https://shop.example/hello.png", buttons=buttons)
        dispatcher.utter_message(response="say_hello/offer")
        return []
"""


class LiveServed(Served):
    """`dialogue-gym serve` for visitors alone."""

    command = ("serve", "--no-teach", "--talk")
    page = "/talk/"

    def __init__(self, tmp_path: Path, *options: str, **environment: str) -> None:
        (tmp_path / "hello.yml").write_text(DOMAIN)
        (tmp_path / "hello.py").write_text(ACTIONS)
        options = ("--actions", "hello.py", "--explore", "auto", *options)
        super().__init__(tmp_path / "store", *options, domain="hello.yml", **environment)

    def ask(self, path: str, given: Any = None, **headers: str) -> tuple[int, Any]:
        """Return the status and the decoded body of a response; a text is sent unencoded."""
        method = "GET" if given is None else "POST"
        body = given if isinstance(given, (str, bytes)) else json.dumps(given)
        headers = {"content_type": "application/json", **headers}
        status, _, said = ask_raw(self, path, method, body if given is not None else b"", **headers)
        is_json = said.startswith(("{", "["))
        assert is_json or (said.count("\n") <= 1 and len(said) < 200), said
        return status, json.loads(said) if is_json else said

    def say(self, sender: str, message: str = "/greet", **headers: str) -> tuple[int, Any]:
        return self.ask(HOOK, {"sender": sender, "message": message}, **headers)

    def api(self, path: str, given: Any = None, password: str = PASSWORD) -> tuple[int, Any]:
        return self.ask(f"/api/{path}", given, authorization=f"Bearer {password}")

    def said_by(self, sender: str) -> list[str]:
        status, tracker = self.api(f"people/{sender}/tracker")
        assert status == 200, tracker
        return [event["text"] for event in tracker["events"] if event["event"] == "user"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServed]:
    started = LiveServed(
        tmp_path_factory.mktemp("live"),
        "--origin",
        SITE,
        "--name",
        "bot.example",
        DIALOGUE_GYM_PASSWORD=PASSWORD,
    )
    yield started
    started.stop()
    assert "Traceback" not in started.log.read_text()


def test_rasa_front_end_is_served(server: LiveServed) -> None:
    assert server.ask("/webhooks/rest/") == (200, {"status": "ok"})
    for _ in range(30):  # untaught, it decides at random
        status, messages = server.say("ann", '/tell{"who": "Ann"}')
        assert status == 200
        if messages:
            break
    assert [message.pop("recipient_id") for message in messages] == ["ann"] * 6
    assert messages == [
        {"text": "Hello Ann", "buttons": [{"title": "Hi", "payload": "/greet"}]},
        {"image": "https://shop.example/hello.png"},
        {"text": "One."},
        {"text": "Two."},
        {"custom": {"blocks": [{"text": "Ann"}]}},
        {"attachment": {"type": "file", "name": "Ann.pdf"}},
    ]
    status, (note,) = server.say("ann", "what a day")
    assert status == 200 and note["text"] == APOLOGY  # without an NLU: the fixed format alone


def test_unreadable_requests_are_refused_in_one_line(server: LiveServed) -> None:
    deep = "[" * 100_000
    for body, status in [
        ("", 422), ("{", 400), (deep, 400), (b"\xff\xfe", 400), ("[]", 422), ("null", 422), ("1" * 5000, 400),
        ({"sender": "ann"}, 422), ({"sender": 3, "message": "/greet"}, 422),
        ({"sender": "ann", "message": None}, 422), ({"sender": ["ann"], "message": "/greet"}, 422),
        ('{"sender": "\\ud800", "message": "/greet"}', 400),
        ({"sender": "", "message": "/greet"}, 400), ({"sender": "a" * 129, "message": "/greet"}, 400),
        ({"sender": "ann", "message": ""}, 400), ({"sender": "ann", "message": "x" * 1001}, 413),
        ({"sender": "ann", "message": "x" * 1_000_000}, 413), ("x" * 3_000_000, 413),
    ]:  # fmt: skip
        found, answer = server.ask(HOOK, body)
        assert found == status, (str(body)[:80], answer)
        assert isinstance(answer, str) or isinstance(answer["detail"], str)
    assert server.ask(HOOK)[0] == 405 and server.ask("/nowhere")[0] == 404
    for message in (
        '/tell{"who": "\\ud800"}', '/tell{"who": NaN}', f'/tell{{"who": {"[" * 900}', '/tell{"who": 1e400}',
        '/tell{"who": ' + "9" * 900 + "}", "/\x00", "\ud800", "\u202e/greet", "/tell@1e999",
    ):  # fmt: skip
        assert server.say("strange", message)[0] == 200, message
        assert server.api("people/strange/tracker")[0] == 200


def test_api_for_programs_needs_the_password(server: LiveServed) -> None:
    assert server.say("pat", "/greet")[0] == 200
    for path, given in (("people/pat/tracker", None), ("people/pat/rating", {"value": 1}), ("ratings", None),
                        ("ratings/1/approval", {})):  # fmt: skip
        assert server.ask(f"/api/{path}", given)[0] == 401
    status, tracker = server.api("people/pat/tracker")
    assert (status, tracker["sender_id"]) == (200, "pat") and "who" in tracker["slots"]
    assert server.said_by("pat") == ["/greet"]
    assert server.api("people/pat/rating", {"value": 1}) == (204, "")
    for given, found in (({"value": 2}, 422), ({"value": "1"}, 422), ({"value": True}, 422), ("{", 400),
                         ('{"value": NaN}', 422), ({"value": 1, "about": 10**20}, 422),
                         ({"value": 1, "about": 1}, 404)):  # fmt: skip
        assert server.api("people/pat/rating", given)[0] == found, given
    for path in ("people/nobody/tracker", "people/%ff/tracker", f"people/{'a' * 200}/tracker"):
        assert server.api(path)[0] in (400, 404)
    assert server.api("ratings") == (200, [])
    assert server.api("ratings/7/approval", {})[0] == 404
    document = server.ask("/openapi.json")[1]
    assert "/api/people/{sender}/tracker" in document["paths"]
    assert server.say("pat", "/restart")[0] == 200
    assert server.api("people/pat/rating", {"value": -1}) == (
        204,
        "",
    )  # of the one before, which the log names
    rated = [one.about for one in ActivityLog(server.folder).latest() if one.what == ActivityKind.RATED]
    assert (
        rated[0] == rated[1] == tracker["conversation"] != server.api("people/pat/tracker")[1]["conversation"]
    )


def test_repeated_wrong_passwords_are_delayed(tmp_path: Path) -> None:
    server = LiveServed(tmp_path, DIALOGUE_GYM_PASSWORD=PASSWORD)
    try:
        statuses = [server.api("ratings", password=f"guess {number}")[0] for number in range(6)]
        assert statuses[:3] == [401] * 3 and set(statuses[3:]) == {429}
        assert server.ask("/api/ratings")[0] == 401  # without a password it is not a guess
        assert server.say("ann")[0] == 200
    finally:
        server.stop()


def test_teacher_access_needs_a_configured_password(tmp_path: Path) -> None:
    server = LiveServed(tmp_path)
    try:
        assert server.say("ann")[0] == 200
        for password in ("", "None", PASSWORD):
            assert server.api("people/ann/tracker", password=password)[0] == 401
    finally:
        server.stop()


def test_sender_is_known_only_in_their_channel(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("shop token-of-the-shop\n\nphone token-of-the-phone\n")
    server = LiveServed(tmp_path, "--token-file", str(tmp_path / "tokens"), DIALOGUE_GYM_PASSWORD=PASSWORD)
    try:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer \xe9"},
                        {"authorization": "Basic token-of-the-shop"}):  # fmt: skip
            assert server.say("ann", **headers)[0] == 401
        for channel in ("shop", "phone"):
            who = f'/tell{{"who": "{channel}"}}'
            assert server.say("ann", who, authorization=f"Bearer token-of-the-{channel}")[0] == 200
        assert server.said_by("shop/ann") == server.said_by("shop%2Fann") == ['/tell{"who": "shop"}']
        assert server.said_by("phone/ann") == ['/tell{"who": "phone"}']
        assert server.api("people/shop/ann/rating", {"value": -1}) == (204, "")
        assert server.api("people/ann/tracker")[0] == 404
    finally:
        server.stop()


def test_only_named_sites_are_allowed(server: LiveServed) -> None:
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type"}
    status, headers, _ = ask_raw(server, HOOK, "OPTIONS", b"", Origin=SITE, **asked)
    assert status == 200 and headers["access-control-allow-origin"] == SITE
    status, headers, _ = ask_raw(
        server, HOOK, "POST", json.dumps({"sender": "shopper", "message": "/greet"}), Origin=SITE,
        content_type="application/json",
    )  # fmt: skip
    assert status == 200 and headers["access-control-allow-origin"] == SITE
    for foreign in ("https://evil.example", "null", "https://shop.example.evil.example"):
        status, headers, _ = ask_raw(server, HOOK, "OPTIONS", b"", Origin=foreign, **asked)
        assert status == 403 and "access-control-allow-origin" not in headers
        assert server.say("ann", Origin=foreign)[0] == 403
    assert server.say("ann", Host="bot.example")[0] == 200
    assert server.say("ann", Host="evil.example")[0] == 400


def test_rate_limited_messages_get_a_retry_time(server: LiveServed) -> None:
    body = json.dumps({"sender": "hasty", "message": "/greet"})
    for _ in range(200):
        status, headers, said = ask_raw(server, HOOK, "POST", body, content_type="application/json")
        if status != 200:
            break
    assert status == 429 and 1 <= int(headers["retry-after"]) <= 60 and "detail" in said
    assert server.say("patient")[0] == 200


def test_visitor_has_no_teacher_access(server: LiveServed) -> None:
    assert ask_raw(server, "/")[0] == 307
    status, headers, _ = ask_raw(server, "/talk/")
    cookie = headers["set-cookie"]
    assert (
        status == 200
        and "HttpOnly" in cookie
        and "Path=/talk" in cookie
        and "samesite=strict" in cookie.lower()
    )
    name, _, value = cookie.split(";")[0].partition("=")
    assert name == "dialogue_gym_visitor" and "set-cookie" not in ask_raw(server, "/talk/", Cookie=cookie)[1]
    mine = {"Cookie": f"{name}={value}"}
    assert server.ask("/talk/state", **mine)[1]["messages"] == []
    assert server.ask("/talk/say", {"text": "/greet"})[0] == 400
    assert server.ask("/talk/say", {"text": "/greet"}, Cookie=f"dialogue_gym_teacher={value}")[0] == 400
    status, said = server.ask("/talk/say", {"text": "/greet"}, **mine)
    for _ in range(30):  # untaught, it decides at random
        if said["messages"][-1]["who"] == "bot":
            break
        status, said = server.ask("/talk/say", {"text": "/greet"}, **mine)
    assert status == 200 and not said["ended"] and said["before"] is None
    assert said["messages"][0] == {"who": "you", "text": "/greet"} and said["seen"] == len(said["messages"])
    seen = f"conversation={said['conversation']}&seen={said['seen']}"
    assert server.ask(f"/talk/state?{seen}", **mine)[1] == said | {"messages": []}
    about, name = said["messages"][-1]["about"], said["conversation"]
    rated = {"value": 1, "about": about, "conversation": name}
    assert server.ask("/talk/rate", rated, **mine) == (204, "")
    assert server.ask("/talk/state", **mine)[1]["messages"][-1]["rating"] == 1
    another = ask_raw(server, "/talk/")[1]["set-cookie"].split(";")[0]
    framed = server.ask("/talk/visitor", {"token": "a" * 22})[1]["token"]
    assert server.ask("/talk/visitor", {"token": framed}) == (200, {"token": framed})
    for chosen in ({"Cookie": "dialogue_gym_visitor=another"}, {"x_visitor": "a" * 22}):
        assert server.ask("/talk/say", {"text": "/greet"}, **chosen)[0] == 400
    for whose in ({"Cookie": another}, {"x_visitor": framed}):
        assert server.ask("/talk/rate", rated, **whose)[0] == 404  # they have not written yet
        assert server.ask("/talk/say", {"text": "/greet"}, **whose)[0] == 200
        assert server.ask("/talk/rate", rated, **whose) == (404, {"detail": f"unknown conversation '{name}'"})
    assert server.ask("/talk/state", x_visitor="short")[0] == 400
    assert server.ask("/talk/rate", {"value": 3}, **mine)[0] == 422
    assert server.ask("/api/ratings", **mine)[0] == 401
    (rating,) = server.api("ratings")[1]
    assert (rating["about"], rating["value"]) == (about, 1) and value not in json.dumps(rating)
    assert server.api(f"ratings/{rating['id']}/approval", {}) == (204, "")
    assert server.api("ratings") == (200, [])
    dropped = {"Authorization": f"Bearer {PASSWORD}"}
    assert server.ask("/talk/rate", {"value": -1, "about": about}, **mine) == (204, "")
    (rating,) = server.api("ratings")[1]
    for status in (204, 404):  # it no longer awaits approval
        assert ask_raw(server, f"/api/ratings/{rating['id']}", "DELETE", b"", **dropped)[0] == status
    assert server.api("ratings") == (200, [])
    for path in ("/teach/", "/talk/static/..%2f..%2fapp.py", "/talk/static/teach.js"):
        assert server.ask(path)[0] == 404


class Chatter(threading.Thread):
    """A sender that remembers which messages were answered."""

    def __init__(self, server: LiveServed, name: str) -> None:
        super().__init__()
        self.server, self.sender = server, name
        self.sent = 0
        self.answered: list[str] = []
        self.leaves = threading.Event()

    def run(self) -> None:
        while not self.leaves.wait(0.05):
            self.sent += 1
            message = f'/tell{{"who": "{self.sender} {self.sent}"}}'
            try:
                if self.server.say(self.sender, message)[0] == 200:
                    self.answered.append(message)
            except (OSError, http.client.HTTPException):
                return


def killed_while_they_talk(tmp_path: Path, kills: int) -> None:
    server = LiveServed(tmp_path, DIALOGUE_GYM_PASSWORD=PASSWORD)
    chance = random.Random(0)
    known: dict[str, list[str]] = {}
    names = [f"person {number}" for number in range(5)]
    try:
        for round in range(kills):
            chatters = [Chatter(server, f"{name}") for name in names]
            for chatter in chatters:
                chatter.sent = 1000 * round
                chatter.start()
            wait_for(lambda: all(chatter.answered for chatter in chatters))  # noqa: B023
            time.sleep(chance.random())
            server.kill()
            for chatter in chatters:
                chatter.leaves.set()
                chatter.join()
                known.setdefault(chatter.sender, []).extend(chatter.answered)
            with Store(server.folder) as store:
                assert store.check() == []
                said = [entry.content["text"] for entry in store.entries() if entry.kind == USER]
                assert {text for texts in known.values() for text in texts} <= set(said)
                assert len(store.unfinished("live")) == len(names)
            server.start()
        for name in names:
            here = server.said_by(name.replace(" ", "%20"))
            assert set(known[name]) <= set(here) and all(f'"{name} ' in text for text in here)
            assert len(here) == len(set(here)) <= len(known[name]) + kills
    finally:
        server.kill()
    assert "Traceback" not in server.log.read_text()


@pytest.mark.slow
def test_twenty_kills_lose_no_answered_message(tmp_path: Path) -> None:
    killed_while_they_talk(tmp_path, 20)


def test_two_visitors_are_independent(server: LiveServed) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is missing")
    if chromium() is None:
        pytest.skip("chromium is missing: apt-get install chromium")
    faults: list[str] = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        pages = [browser.new_context().new_page() for _ in range(2)]
        for page, name in zip(pages, ("Ann", "Bob"), strict=True):
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.goto(server.address())
            for number in range(1, 31):
                page.fill("#text", f'/tell{{"who": "{name}"}}')
                page.press("#text", "Enter")
                page.wait_for_function("n => document.querySelectorAll('.you').length === n", arg=number)
                with contextlib.suppress(playwright.TimeoutError):  # some answers are silent
                    page.wait_for_selector(".bot", timeout=2000)
                    break
        for page, name, other in zip(pages, ("Ann", "Bob"), ("Bob", "Ann"), strict=True):
            chat = page.inner_text("#chat")
            assert f"Hello {name}" in chat and other not in chat
        ann, bob = pages
        assert ann.get_attribute("#chat img >> nth=0", "src") == "https://shop.example/hello.png"
        messages = ann.locator(".you").count()
        ann.click("text=Ann is >> nth=0")
        ann.wait_for_function("n => document.querySelectorAll('.you').length === n", arg=messages + 1)
        assert ann.inner_text(".you >> nth=-1") == "Ann is"  # the title, although the payload is sent
        ann.click("[aria-label='Good answer'] >> nth=0")
        ann.wait_for_selector("text=Thank you.")
        assert [rating["value"] for rating in server.api("ratings")[1]] == [1]
        ann.reload()
        ann.wait_for_selector("text=Hello Ann")
        bob.click("header >> text=Start again")
        bob.click("text=Really start again?")
        bob.click(".end [aria-label=Bad]")
        bob.wait_for_selector("text=Thank you.")
        assert [rating["value"] for rating in server.api("ratings")[1]] == [1, -1]
        browser.close()
    assert faults == []
    with Store(server.folder, create=False, read_only=True) as store:
        assert [entry.content["pending"] for entry in store.ratings()[-2:]] == [True, True]
