"""Bots of the restaurant over HTTP: a good one, faulty ones, and servers that answer otherwise."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from dialogue_gym import load_domain

RESTAURANT = load_domain("restaurant")
assert RESTAURANT.fake_user is not None
VALUES = dict(RESTAURANT.fake_user.goal)
ASKS = {"cuisine": "cuisine", "people": "numpeople", "location": "location", "price": "price"}
SUGGESTION = "How about this {price} {cuisine} restaurant in {location}, for {people} people?"
Answer = tuple[str, str]
"""An action, and the text that it says."""


class Waiter:
    """A bot that asks for what it has not been told, and then suggests what it was told last."""

    def __init__(self) -> None:
        self.told: dict[str, dict[str, str]] = defaultdict(dict)

    def reply(self, sender: str, message: str) -> list[Answer]:
        told = self.told[sender]
        self.hear(told, self.found_in(message))
        for slot, name in ASKS.items():
            if slot not in told:
                return [self.say(f"utter_ask_{name}")]
        return [("action_suggest", SUGGESTION.format(**self.suggested(told)))]

    @staticmethod
    def found_in(message: str) -> dict[str, str]:
        return {slot: one for slot, known in VALUES.items() for one in known if one in message.lower()}

    def hear(self, told: dict[str, str], heard: dict[str, str]) -> None:
        told.update(heard)

    def suggested(self, told: dict[str, str]) -> dict[str, str | None]:
        return {slot: told.get(slot) for slot in VALUES}

    @staticmethod
    def say(action: str) -> Answer:
        return action, RESTAURANT.texts(action)[-1]

    def texts(self, sender: str, message: str) -> list[str]:
        return [text for _, text in self.reply(sender, message)]


class Forgetful(Waiter):
    """It keeps the first value that it hears."""

    def hear(self, told: dict[str, str], heard: dict[str, str]) -> None:
        for slot, value in heard.items():
            told.setdefault(slot, value)


class Stubborn(Waiter):
    """It takes one change of a value, and keeps that."""

    def __init__(self) -> None:
        super().__init__()
        self._heard: dict[tuple[int, str], set[str]] = defaultdict(set)

    def hear(self, told: dict[str, str], heard: dict[str, str]) -> None:
        for slot, value in heard.items():
            before = self._heard[id(told), slot]
            before.add(value)
            told[slot] = value if len(before) < 3 else told[slot]


class Hasty(Waiter):
    """It suggests at once."""

    def reply(self, sender: str, message: str) -> list[Answer]:
        told = self.told[sender]
        self.hear(told, self.found_in(message))
        return [("action_suggest", SUGGESTION.format(**self.suggested(told)))]


class Looping(Waiter):
    """It asks for the location for ever."""

    def reply(self, sender: str, message: str) -> list[Answer]:
        return [self.say("utter_ask_location")]


class Mistaken(Waiter):
    """It suggests another price than it was told."""

    def suggested(self, told: dict[str, str]) -> dict[str, str | None]:
        others = [price for price in VALUES["price"] if price != told["price"]]
        return super().suggested(told) | {"price": others[0]}


class Raw:
    """A response as it is sent; without a body the connection is closed."""

    def __init__(self, status: int, body: bytes | None) -> None:
        self.status, self.body = status, body


Reply = Callable[[str, str], list[Answer] | Raw]


class BotServer:
    """A running server with Rasa's REST channel, and if wanted with its tracker.

    Attributes:
        url: its address.
        events: the events by sender, as Rasa's tracker has them.
        queries: the queries of the addresses that messages were sent to.
    """

    def __init__(self, reply: Reply, port: int, pause: float) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.events: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.queries: set[str] = set()
        self._reply, self._pause = reply, pause

    def answer(self, body: bytes) -> Raw:
        given = json.loads(body)
        time.sleep(self._pause)
        said = self._reply(given["sender"], given["message"])
        if isinstance(said, Raw):
            return said
        events = self.events[given["sender"]]
        if not events:
            events += [
                _action("action_session_start"),
                {"event": "session_started"},
                _action("action_listen"),
            ]
        events.append({"event": "user", "text": given["message"], "parse_data": {}})
        for action, text in said:
            events += [_action(action), {"event": "bot", "text": text, "data": {}}]
        events.append(_action("action_listen"))
        messages = [{"recipient_id": given["sender"], "text": text} for _, text in said if text]
        return Raw(200, json.dumps(messages).encode())

    def tracker(self, sender: str) -> Raw:
        return Raw(200, json.dumps({"sender_id": sender, "events": self.events[sender]}).encode())


def _action(name: str) -> dict[str, Any]:
    return {"event": "action", "name": name, "policy": "RulePolicy", "confidence": 1.0}


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


@contextlib.contextmanager
def bot_server(reply: Reply, *, has_tracker: bool = False, pause: float = 0.0) -> Iterator[BotServer]:
    """Serve a bot until the context ends; it thinks for `pause` seconds."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            path, _, query = self.path.partition("?")
            served.queries.add(query)
            self._send(served.answer(body) if path == "/webhooks/rest/webhook" else Raw(404, b""))

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            _, kind, sender, *_ = [*path.split("/"), "", ""]
            if not has_tracker or kind != "conversations":
                self._send(Raw(404, b"Not Found"))
                return
            assert query == "include_events=ALL"
            self._send(served.tracker(sender))

        def _send(self, response: Raw) -> None:
            if response.body is None:
                self.close_connection = True
                return
            with contextlib.suppress(OSError):  # the client may have left
                self.send_response(response.status)
                self.send_header("Content-Length", str(len(response.body)))
                self.end_headers()
                self.wfile.write(response.body)

        def log_message(self, *_: Any) -> None:
            pass

    with _Server(("127.0.0.1", 0), Handler) as server:
        served = BotServer(reply, server.server_address[1], pause)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()
