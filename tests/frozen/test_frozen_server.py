"""Requests of front ends of version 0.1.0 get the responses that it gave."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.frozen.files import HERE, folder
from tests.processes import command_process

__all__ = ["folder"]

PASSWORD = "open sesame"
VARYING = ("about", "id", "time", "timestamp", "confidence")
"""Keys of responses whose values are not compared: confidences follow from the corrections in a store."""


class Server:
    """A server on a copy of the store, in a process of its own."""

    def __init__(self, folder: Path, options: list[str]) -> None:
        words = [
            "serve",
            "pizza.yml",
            *options,
            "--nlu",
            "pizza-nlu.yml",
            "--store",
            "pizza-live",
            "--port",
            "0",
        ]
        self.log = folder / "server.log"
        self.log.touch()
        self.process = command_process(tuple(words), folder, self.log, DIALOGUE_GYM_PASSWORD=PASSWORD)
        until = time.monotonic() + 60
        while not (found := re.findall(r"http://[^/]*:(\d+)/talk/", self.log.read_text())):
            assert self.process.is_alive() and time.monotonic() < until, self.log.read_text()
            time.sleep(0.05)
        self.port = int(found[0])

    def stop(self) -> None:
        self.process.terminate()
        self.process.join(60)
        assert self.process.exitcode == 0 and "Traceback" not in self.log.read_text(), self.log.read_text()

    def ask(self, step: dict[str, Any], known: dict[str, Any]) -> list[Any]:
        """Return the status and the response; keep what later requests need of it."""
        body = filled(step.get("body"), known)
        if body is not None and not isinstance(body, str):
            body = json.dumps(body)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(step["method"], filled(step["path"], known), body, step["headers"])
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        response = json.loads(text) if text.startswith(("{", "[")) else text
        for name, keys in step.get("keep", {}).items():
            known[name] = response
            for key in keys:
                known[name] = known[name][key]
        if step["path"].endswith(("/webhook", "/say")) and answer.status == 200:
            time.sleep(0.3)  # the bot learns from it before the next request
        return [answer.status, without_varying(response)]


def filled(value: Any, known: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: filled(one, known) for key, one in value.items()}
    if not isinstance(value, str):
        return value
    if match := re.fullmatch(r"\{\{(\w+)\}\}", value):
        return known[match[1]]
    return re.sub(r"\{\{(\w+)\}\}", lambda match: str(known[match[1]]), value)


def has(response: Any, recorded: Any) -> bool:
    """Return whether a response has all that was recorded; it may have more keys."""
    if isinstance(recorded, dict):
        return all(key in response and has(response[key], value) for key, value in recorded.items())
    if isinstance(recorded, list):
        return len(response) == len(recorded) and all(map(has, response, recorded))
    return bool(response == recorded)


def without_varying(value: Any) -> Any:
    if isinstance(value, list):
        return [without_varying(one) for one in value]
    if not isinstance(value, dict):
        return round(value, 4) if isinstance(value, float) else value
    return {
        key: "*" if key in VARYING and one is not None else without_varying(one) for key, one in value.items()
    }


@pytest.fixture(params=[["--talk"], ["--talk", "--no-teach"]], ids=["teach", "talk"])
def server(folder: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    pytest.importorskip("fastapi", reason="the extra web is missing")
    server = Server(folder, request.param)
    yield server
    server.stop()


@pytest.mark.slow
def test_front_ends_get_the_same_responses(server: Server) -> None:
    known: dict[str, Any] = {}
    for number, step in enumerate(json.loads((HERE / "rest.json").read_text(encoding="utf-8"))):
        status, response = server.ask(step, known)
        if step["status"] >= 400:  # the wording of errors may improve
            assert status == step["status"] and response.keys() == step["response"].keys()
        else:
            assert status == step["status"] and has(response, without_varying(step["response"])), (
                number,
                step,
                response,
            )
