"""The fixed format and the interpreter of a Rasa server, and their errors in one line."""

from __future__ import annotations

import json
import math
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue_gym._text import printable
from dialogue_gym.conversation.events import Entity, UserUttered, entities_from
from dialogue_gym.domain import load_domain
from dialogue_gym.nlu.interpreter import (
    CombinedInterpreter,
    FixedFormatInterpreter,
    Interpretation,
    Interpreter,
    InterpreterError,
    parse_act,
)
from dialogue_gym.nlu.rasa import RasaInterpreter

ROUNDS = settings(max_examples=80)
RESTAURANT = load_domain("restaurant")
SCALARS = st.one_of(
    st.text(max_size=8), st.integers(-(10**6), 10**6), st.booleans(), st.floats(-1e6, 1e6), st.none()
)
NAMES = st.text("abcxyz_-é 9", min_size=1, max_size=8).filter(lambda name: name == name.strip())


@pytest.mark.parametrize(
    ("text", "intent", "confidence", "values"),
    [
        ("/greet", "greet", 1.0, {}),
        ("greet", "greet", 1.0, {}),
        ("  /greet{} ", "greet", 1.0, {}),
        ('/inform{"cuisine": "french"}', "inform", 1.0, {"cuisine": "french"}),
        ('inform {"cuisine": "french"}', "inform", 1.0, {"cuisine": "french"}),
        ('/inform@0.7{"cuisine": "french"}', "inform", 0.7, {"cuisine": "french"}),
        ("/inform@0.25", "inform", 0.25, {}),
        ('/inform{"people": 2, "price": true}', "inform", 1.0, {"people": 2, "price": True}),
        ('/inform{"cuisine": ["a@b", "{}"]}', "inform", 1.0, {"cuisine": ["a@b", "{}"]}),
    ],
)
def test_fixed_format_is_parsed(text: str, intent: str, confidence: float, values: dict[str, Any]) -> None:
    found = FixedFormatInterpreter(RESTAURANT).parse(text)
    assert (found.text, found.intent, found.confidence) == (text, intent, confidence)
    assert found.entities == entities_from(values)
    assert found.message == UserUttered(text, intent, entities_from(values), confidence)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/gret", "unknown intent 'gret'; did you mean 'greet'?"),
        ('/inform{"cuisin": 1}', "unknown entity 'cuisin'; did you mean 'cuisine'?"),
        ("/", "does not name an intent"),
        ("", "does not name an intent"),
        ('{"cuisine": 1}', "does not name an intent"),
        ('/inform{"cuisine"', "not valid JSON"),
        ('/inform{"cuisine": 1} and more', "not valid JSON: Extra data at 16"),
        ('/inform{"cuisine": NaN}', "'NaN' is not a finite number"),
        ('/inform{"people": -Infinity}', "'-Infinity' is not a finite number"),
        ('/inform{"people": [1, 1e400]}', "'1e400' is not a finite number"),
        ('/inform{"people": ' + "9" * 400 + "}", "is not a finite number"),
        ('/inform{"cuisine": 1, "cuisine": 2}', "it has a duplicate name"),
        ('/inform{"cuisine": {"a": 1}}', "is not a text, a number or a list"),
        ("/inform@high", "invalid confidence 'high'"),
        ("/inform@1.5", "invalid confidence '1.5'"),
        ("/inform@nan", "invalid confidence 'nan'"),
        ('/inform{"a":' + "[" * 100_000, "nested too deeply"),
        ('/inform{"people": ' + "9" * 5000 + "}", "is not a finite number"),
        ("/gre\net", "control characters"),
    ],
)
def test_invalid_acts_are_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(InterpreterError) as caught:
        parse_act(text, RESTAURANT)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 250


def test_an_intent_of_a_retrieval_intent_keeps_its_name() -> None:
    domain = RESTAURANT.with_intent("faq")
    found = parse_act("/faq/hours@0.5", domain)
    assert (found.intent, found.ranking) == ("faq/hours", (("faq/hours", 0.5),))
    assert found.message.act == "faq/hours"
    with pytest.raises(InterpreterError, match="unknown intent 'fq/hours'"):
        parse_act("/fq/hours", domain)


@ROUNDS
@given(NAMES, st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, min_size=2, max_size=3), max_size=3))
def test_a_written_act_reads_the_same(intent: str, values: dict[str, Any]) -> None:
    said = UserUttered(None, intent, entities_from(values))
    assert parse_act(said.act).message.act == said.act
    assert parse_act("/" + said.act).entities == said.entities


@ROUNDS
@given(st.text('/{}"@:[]in form0.\\\n', max_size=30))
def test_any_text_is_an_act_or_an_error(text: str) -> None:
    try:
        found = parse_act(text, RESTAURANT)
    except InterpreterError as error:
        assert str(error) == printable(str(error))
    else:
        assert found.intent in RESTAURANT.intents and math.isfinite(found.confidence)


class Echo(Interpreter):
    def parse(self, text: str) -> Interpretation:
        return Interpretation(text, "said", 0.5)


def test_only_a_slash_begins_the_fixed_format() -> None:
    both = CombinedInterpreter(Echo(), RESTAURANT)
    assert both.parse(" /greet").intent == "greet"
    assert both.parse("greet / inform").intent == "said"
    with pytest.raises(InterpreterError):
        both.parse("/nothing")


ANSWER = {
    "text": "french for two",
    "intent": {"name": "inform", "confidence": 0.9},
    "intent_ranking": [{"name": "inform", "confidence": 0.9}, {"name": "deny", "confidence": 0.1}],
    "entities": [
        {
            "entity": "cuisine",
            "value": "french",
            "start": 0,
            "end": 6,
            "confidence_entity": 0.8,
            "extractor": "X",
        }
    ],
}


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, asked))  # type: ignore[attr-defined]
        status, body = self.server.answer  # type: ignore[attr-defined]
        if status == 0:
            self.server.is_over.wait()  # type: ignore[attr-defined]
        try:
            self.send_response(status or 200)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # nobody waited

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.asked, server.answer = [], (200, json.dumps(ANSWER).encode())  # type: ignore[attr-defined]
        server.is_over = threading.Event()  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield server
        server.is_over.set()  # type: ignore[attr-defined]
        server.shutdown()


def test_a_rasa_server_is_asked(server: Any) -> None:
    interpreter = RasaInterpreter(f"http://127.0.0.1:{server.server_port}/")
    found = interpreter.parse("french for two")
    assert server.asked.pop() == ("/model/parse", {"text": "french for two"})
    assert (found.intent, found.confidence) == ("inform", 0.9)
    assert found.ranking == (("inform", 0.9), ("deny", 0.1))
    assert found.entities == (Entity("cuisine", "french", 0, 6, 0.8),)
    server.answer = (200, b'{"intent": {"name": null, "confidence": 0.0}, "entities": []}')
    assert interpreter.parse("") == Interpretation("")
    chosen = {"response": {"intent_response_key": "faq/hours", "confidence": 1.0}}
    for selector in ({"faq": chosen}, {"all_retrieval_intents": [], "default": chosen}):
        answer = {"intent": {"name": "faq", "confidence": 0.9}, "response_selector": selector}
        server.answer = (200, json.dumps(answer).encode())
        assert interpreter.parse("when?").ranking == (("faq/hours", 0.9),)


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("", "/model/parse"),
        ("/bots/one/", "/bots/one/model/parse"),
        ("?token=a/b", "/model/parse?token=a/b"),
        ("/model/parse/", "/model/parse"),
        ("/one/model/parse?emulation_mode=LUIS", "/one/model/parse?emulation_mode=LUIS"),
    ],
)
def test_all_forms_of_an_address_are_equivalent(server: Any, address: str, asked: str) -> None:
    RasaInterpreter(f"http://127.0.0.1:{server.server_port}{address}").parse("hi")
    assert [path for path, _ in server.asked] == [asked]


def test_invalid_address_is_reported_in_one_line() -> None:
    for url in ("http://[", "localhost:5005", ""):
        with pytest.raises(InterpreterError, match="not an address"):
            RasaInterpreter(url).parse("hi")


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (500, b"{}", "500"),
        (200, b"<html>", "not JSON"),
        (200, b"[]", "no 'intent'"),
        (200, b'{"intent": "inform"}', "not an object"),
        (200, b'{"intent": {"name": 7, "confidence": 1}}', "not a text"),
        (200, b'{"intent": {"name": "a", "confidence": "x"}}', "not a number"),
        (200, b'{"intent": null, "entities": 3}', "not a list"),
        (200, b'{"intent": null, "entities": [3]}', "needs its name"),
        (0, b"{}", "not respond within"),
    ],
)
def test_unusable_response_is_reported_in_one_line(
    server: Any, status: int, body: bytes, message: str
) -> None:
    server.answer = (status, body)
    with pytest.raises(InterpreterError, match=message) as caught:
        RasaInterpreter(f"http://127.0.0.1:{server.server_port}", timeout=0.3 if status == 0 else 60).parse(
            "hi"
        )
    assert str(caught.value) == printable(str(caught.value))


def test_unreachable_server_is_reported_in_one_line() -> None:
    with socket.socket() as silent, pytest.raises(InterpreterError, match="cannot be reached") as caught:
        silent.bind(("127.0.0.1", 0))  # it is taken, but nobody listens
        RasaInterpreter(f"http://127.0.0.1:{silent.getsockname()[1]}").parse("hi")
    assert str(caught.value) == printable(str(caught.value))
