"""A server of the chat-completions protocol, over a socket, whose model is a function."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Model = Callable[[dict[str, Any]], Any]
"""From a request to a message, or to `Raw`, which is sent as it is."""


class Raw:
    """A response that is not one of the protocol; without a body the connection is closed."""

    def __init__(self, status: int, body: bytes | None, **headers: str) -> None:
        self.status, self.body, self.headers = status, body, headers


class ChatServer:
    """A running server, and the requests that it got.

    Attributes:
        url: the base address.
        requests: the bodies of the requests.
        keys: their headers `Authorization`.
    """

    def __init__(self, model: Model, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/v1"
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self._model = model

    def respond(self, path: str, body: bytes, key: str | None) -> Raw:
        assert path.partition("?")[0] == "/v1/chat/completions"
        request = json.loads(body)
        check_messages(request["messages"])
        self.requests.append(request)
        self.keys.append(key)
        message = self._model(request)
        if isinstance(message, Raw):
            return message
        usage = {"prompt_tokens": len(body) // 4, "completion_tokens": 7}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return Raw(
            200, json.dumps({"object": "chat.completion", "choices": [choice], "usage": usage}).encode()
        )


def check_messages(messages: list[dict[str, Any]]) -> None:
    """Be as strict about messages as the strictest servers."""
    assert messages[0]["role"] == "system" and len(json.dumps(messages)) < 1_000_000
    waiting: list[str] = []
    known = set()
    for message in messages[1:]:
        assert isinstance(message["content"], str)
        if message["role"] == "tool":
            assert message["tool_call_id"] == waiting.pop(0)
            continue
        assert not waiting
        if message["role"] == "assistant":
            for call in message.get("tool_calls", ()):
                assert call["type"] == "function" and call["id"] not in known
                known.add(call["id"])
                waiting.append(call["id"])
                assert isinstance(json.loads(call["function"]["arguments"]), dict)
        else:
            assert message["role"] == "user"
    assert not waiting and messages[-1]["role"] in ("user", "tool")


@contextlib.contextmanager
def chat_server(model: Model) -> Iterator[ChatServer]:
    """Serve a model until the context ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            response = served.respond(self.path, body, self.headers["Authorization"])
            if response.body is None:
                self.close_connection = True
                return
            self.send_response(response.status)
            for name, value in {"Content-Length": str(len(response.body)), **response.headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            with contextlib.suppress(OSError):  # the client may have left
                self.wfile.write(response.body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served = ChatServer(model, server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


def attentive(request: dict[str, Any]) -> dict[str, Any]:
    """Be a model that asks for what it has not been told, and suggests what it was told last."""
    tools = {tool["function"]["name"]: tool["function"]["parameters"] for tool in request["tools"]}
    values = {slot: schema["enum"] for slot, schema in tools["action_suggest"]["properties"].items()}
    told: dict[str, str] = {}
    for message in request["messages"][1:]:
        if message["role"] != "assistant":
            for slot, known in values.items():
                told.update((slot, value) for value in known if value in message["content"])
    asks = {"cuisine": "cuisine", "people": "numpeople", "location": "location", "price": "price"}
    for slot, name in asks.items():
        if slot not in told:
            return calling(f"utter_ask_{name}")
    return calling("action_suggest", **told)


def calling(name: str, **arguments: Any) -> dict[str, Any]:
    """Return a message that calls a function."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "x", "type": "function", "function": function}],
    }
