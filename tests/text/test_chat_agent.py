"""Language models as agents, on a server over a socket: success, cost, faults, and useless replies."""

from __future__ import annotations

import json
import time
from itertools import count
from typing import Any

import pytest

from dialogue_gym.text import ChatAgent, ChatEndpoint, EndpointError, TextDialogue
from dialogue_gym.training import evaluate_text
from tests.commands import call
from tests.text.chat_server import ChatServer, Raw, attentive, calling, chat_server

KEY = "sk-secret-1234"


def evaluate(server: ChatServer, *words: str) -> Any:
    words = ("evaluate", "restaurant", "--agent", "openai:tiny", "--base-url", server.url, *words)
    done = call(*words)
    assert "Traceback" not in done.stderr
    return done


def asked(server: ChatServer, **settings: Any) -> ChatAgent:
    return ChatAgent(ChatEndpoint("tiny", server.url, pause=0.001, **settings))


def test_a_model_that_listens_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with chat_server(attentive) as server:
        done = evaluate(
            server, "--dialogues", "10", "--json", "--request", "temperature=0", "indecisiveness=0"
        )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["agent"], figures["mode"], figures["dialogues"]) == ("openai:tiny", "tools", 10)
    assert figures["success_rate"] == 1 and figures["fault"] is None and figures["not_understood"] == 0
    assert figures["calls"] == len(server.requests) / 10
    assert figures["mean_return"] == pytest.approx(20 - figures["calls"])
    assert figures["tokens_written"] == pytest.approx(7 * figures["calls"])
    assert figures["tokens_read"] > 1000 * figures["calls"] and not figures["is_estimated"]
    assert figures["seconds"] > 0
    assert set(server.keys) == {f"Bearer {KEY}"}
    first = server.requests[0]
    assert (first["model"], first["temperature"]) == ("tiny", 0)
    text = TextDialogue("restaurant", "tools")
    assert first["messages"][0] == {"role": "system", "content": text.instructions}
    assert first["tools"] == text.tools


def test_names_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    def model(request: dict[str, Any]) -> dict[str, Any]:
        assert "tools" not in request
        return {"role": "assistant", "content": "<think>Hm.</think>\nutter_ask_price"}

    with chat_server(model) as server:
        model_name = "[/b]\x1b[2J"  # shown as it is
        words = [
            "--agent",
            f"openai:{model_name}",
            "--base-url",
            f"{server.url}/?version=2",
            "--mode",
            "names",
        ]
        done = call("evaluate", "restaurant", *words, "--dialogues", "1")
    assert done.returncode == 0 and set(server.keys) == {None}, done.stderr
    assert server.requests[0]["model"] == model_name
    figures, cost = done.stdout.splitlines()
    assert figures.startswith(r"openai:[/b]\x1b[2J on restaurant (names): success 0.0%, mean return ")
    assert (
        cost.startswith(f"per dialogue: {len(server.requests)}.0 calls, ") and "0.0 replies not und" in cost
    )


CASES = {
    "wrong key": (
        Raw(401, json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}."}}).encode()),
        "responded with status 401: 'Incorrect API key provided: ***.' (the key is that of OPENAI_API_KEY)",
    ),
    "no such model": (Raw(404, b'{"error": "model not found"}'), "status 404: 'model not found'"),
    "down": (Raw(503, b"<html>"), "responded with status 503 (3 attempts)"),
    "too much": (Raw(429, b"{}", Retry_After="0"), "responded with status 429 (3 attempts)"),
    "no JSON": (Raw(200, b"<html>"), "sent a response that is not JSON: "),
    "no answer": (Raw(200, b'{"choices": []}'), "did not respond as chat completions do: there is no list"),
    "no object": (Raw(200, b"[1]"), "did not respond as chat completions do: there is no list 'choices'"),
    "no message": (Raw(200, b'{"choices": [{"text": "x"}]}'), "has no object 'message'"),
    "an error": (Raw(200, b'{"error": {"message": "busy\\u001b"}}'), r"chat completions do: 'busy\x1b'"),
    "closed": (Raw(200, None), "sent no complete HTTP response"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_one_sentence(case: str) -> None:
    response, sentence = CASES[case]
    with chat_server(lambda request: response) as server:
        agent = asked(server, key=KEY, retries=2)
        with pytest.raises(EndpointError) as caught:
            evaluate_text(TextDialogue("restaurant", "tools"), agent, 1)
    message = str(caught.value)
    assert sentence in message and message.startswith("'http://127.0.0.1:") and message.isprintable()
    assert KEY not in message
    assert len(server.requests) == (3 if "(3 attempts)" in sentence else 1)


def test_a_server_that_is_dead_or_slow() -> None:
    with chat_server(lambda request: time.sleep(1)) as server:
        slow = evaluate(server, "--timeout", "0.1")
    assert slow.returncode == 2
    assert slow.stderr.splitlines()[-1].endswith("/v1/chat/completions' did not respond within 0.1 s")
    dead = evaluate(server)
    assert dead.returncode == 2 and "cannot be reached: " in dead.stderr.splitlines()[-1]


def test_transient_failures_are_tried_again() -> None:
    number = count()

    def model(request: dict[str, Any]) -> Any:
        return attentive(request) if next(number) % 3 == 2 else Raw(502, b"")

    with chat_server(model) as server:
        result = evaluate_text(
            TextDialogue("restaurant", "tools", indecisiveness=0.0), asked(server, retries=2), 2
        )
    assert result.figures.success_rate == 1 and len(server.requests) == 6 * result.calls


def test_a_limit_of_tokens_ends_the_run_with_figures() -> None:
    with chat_server(attentive) as server:
        some = evaluate(server, "--dialogues", "50", "--token-limit", "30000")
        none = evaluate(server, "--token-limit", "10")
    assert some.returncode == none.returncode == 2
    *_, last = some.stderr.splitlines()
    number = int(last.split("those of ")[1].split()[0])
    assert (
        last == f"error: the figures are those of {number} dialogues: the limit of 30,000 tokens is reached"
    )
    assert 0 < number < 10 and f"({number} dialogues)" in some.stdout
    assert none.stderr.splitlines()[-1] == "error: the limit of 10 tokens is reached" and not none.stdout


BAD = [
    {"content": "hello"},
    {"content": "x" * 1_000_000},
    {"content": "\x1b[2J\0<b>&\ud800"},
    {"content": None},
    {"content": ["a", {"text": "b"}, 3]},
    {"content": "", "tool_calls": "utter_greet"},
    {"content": "", "tool_calls": [3, {"function": None}]},
    {"content": "", "tool_calls": [{"function": {"name": "utter greet\n"}}]},
    {"content": "", "tool_calls": [{"function": {"name": "utter_gret", "arguments": "{}"}}]},
    {"content": "", "tool_calls": [{"function": {"name": "action_suggest", "arguments": "{" * 100_000}}]},
    {"content": "", "tool_calls": [{"function": {"name": "action_suggest", "arguments": [1]}}]},
    {"content": "", "tool_calls": [{"function": {"name": None, "arguments": "{}"}}]},
    {"content": "", "tool_calls": [{"function": {"name": True}}, {"function": {"name": 5}}]},
    {
        "content": "",
        "tool_calls": [{"function": {"name": "action_suggest", "arguments": {"people": "é" * 100_000}}}],
    },
    {"content": "", "tool_calls": [calling("nothing")["tool_calls"][0]] * 3},
]


def test_nonsense_is_useless_turns() -> None:
    number = count()
    with chat_server(lambda request: BAD[next(number) % len(BAD)]) as server:
        result = evaluate_text(TextDialogue("restaurant", "tools", patience=len(BAD) + 2), asked(server), 1)
    assert result.figures.success_rate == 0 and result.fault is None
    assert len(server.requests) == len(BAD)  # the last of them has three replies
    assert result.not_understood == len(BAD) + 2 and result.figures.mean_return == -len(BAD) - 2
    sent = [message for request in server.requests for message in request["messages"]]
    names = [call["function"]["name"] for message in sent for call in message.get("tool_calls", ())]
    assert names and all(isinstance(name, str) for name in names)  # a server refuses others, and the run ends
    own = [message for message in sent if message["role"] == "assistant"]
    assert all(message["content"] or message.get("tool_calls") for message in own)  # and such a message, too
    told = [
        message["content"]
        for message in server.requests[-1]["messages"]
        if message["role"] in ("user", "tool")
    ]
    assert (
        all(text.startswith("(not understood: ") for text in told[1:])
        and "did you mean 'utter_greet'" in told[9]
    )


def test_a_message_that_calls_twice_acts_twice() -> None:
    ask = [calling(f"utter_ask_{slot}")["tool_calls"][0] for slot in ("cuisine", "price")]
    with chat_server(lambda request: {"content": "Both.", "tool_calls": ask}) as server:
        agent = asked(server)
        text = TextDialogue("restaurant", "tools")
        message = text.reset(seed=3)
        agent.begin(text)
        actions = []
        for _ in range(4):
            done = text.step(agent.reply(message))
            actions.append(done.action)
            message = done.message
    assert actions == ["utter_ask_cuisine", "utter_ask_price"] * 2 and len(server.requests) == 2


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--agent", "openai:"], "--agent openai:: the name of a model is missing, as in openai:MODEL"),
        (
            ["--agent", "openai:x", "--base-url", "localhost"],
            "'localhost/chat/completions' is not an address: ",
        ),
        (["--agent", "openai:x", "--request", "temperature"], "--request 'temperature': it has the form"),
        (["--agent", "openai:x", "--request", "=1"], "--request '=1': it has the form KEY=VALUE"),
        (["--agent", "openai:x", "--request", "model=y"], "request: 'model' cannot be chosen here"),
        (["--agent", "openai:x", "--request", "stream=true"], "request: 'stream' cannot be chosen here"),
        (["--agent", "openai:x", "--base-url", ""], "--base-url: the address is empty; without the option"),
        (["--agent", "openai:x", "--against", "expert"], "--against: dialogues in text are not compared"),
        (["--agent", "expert", "--base-url", "http://x"], "--base-url: it is for a language model, as in"),
        (["--agent", "expert", "--timeout", "60"], "--timeout: it is for a language model, as in"),
        (["--agent", "expert", "--token-limit", "5"], "--token-limit: it is for a language model, as in"),
        (["--agent", "expert", "--mode", "free"], "expert: it writes no sentences; the mode must be"),
        (
            ["foo=1", "--agent", "openai:x"],
            "unknown setting 'foo'; valid: correction_rate, indecisiveness, informativeness, patience,"
            " reward, semantic_error_rate, user",
        ),
        (["observation=belief", "--agent", "openai:x"], "unknown setting 'observation'; valid: "),
        (["turn_taking=explicit", "--agent", "expert", "--mode", "names"], "unknown setting 'turn_taking'"),
    ],
)
def test_wrong_options_are_one_sentence(words: list[str], error: str) -> None:
    done = call("evaluate", "restaurant", *words)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"error: {error}"), done.stderr


def test_a_key_that_cannot_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1\r\nX: y")
    done = call("evaluate", "restaurant", "--agent", "openai:x", "--base-url", "http://127.0.0.1:9")
    assert done.returncode == 2 and done.stderr.startswith(
        "error: the key in OPENAI_API_KEY cannot be sent: a header has no spaces, line breaks"
    )
    assert "sk-1" not in done.stderr
