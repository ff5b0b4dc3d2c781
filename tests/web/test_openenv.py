"""`serve --openenv`: sessions over web sockets and their limits, beside the teachers' pages and alone."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nicegui", reason="the extra web is missing")

from dialogue_gym import load_domain
from dialogue_gym.web.openenv_figures import OpenEnvFigures
from tests.web.requests import PASSWORD, ask, client
from tests.web.servers import LONG, Served, served, wait_for

exceptions = pytest.importorskip("websockets.exceptions")
BEARER = f"Bearer {PASSWORD}"


class OpenEnvServed(Served):
    """`dialogue-gym serve --openenv`, for training alone."""

    command = ("serve", "--no-teach", "--openenv")
    page = "/openenv/"

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        super().__init__(folder, *options, domain="", **environment)

    @classmethod
    @contextmanager
    def running(cls, folder: Path, *options: str) -> Iterator[OpenEnvServed]:
        started = cls(folder, *options)
        try:
            yield started
        finally:
            started.kill()


class Client:
    """A session of a client that knows the protocol."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket

    def say(self, kind: str, **data: Any) -> dict[str, Any]:
        self.socket.send(json.dumps({"type": kind, "data": data}))
        return self.hear()

    def hear(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.socket.recv(LONG))
        return answer


@contextmanager
def connected(server: Served, **headers: str) -> Iterator[Client]:
    address = f"ws://127.0.0.1:{server.port}/openenv/ws"
    with client.connect(address, additional_headers=headers, proxy=None) as socket:
        yield Client(socket)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenEnvServed]:
    folder = tmp_path_factory.mktemp("openenv")
    options = ("concert", "--sessions", "2", "--setting", "patience=2")
    started = OpenEnvServed(folder / "nothing", *options)
    yield started
    started.stop()
    assert "Traceback" not in started.log.read_text()
    assert [path.name for path in folder.iterdir()] == ["nothing.log"]


def fetch(server: Served, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Return the status and the decoded body of a response."""
    given = b"" if body is None else json.dumps(body)
    headers["content_type"] = "application/json"
    status, _, text = ask(server, f"/openenv{path}", "GET" if body is None else "POST", given, **headers)
    return status, json.loads(text) if text.startswith("{") else text


def test_dialogues_of_sessions_are_independent(server: OpenEnvServed) -> None:
    with connected(server) as one, connected(server) as other:
        first = one.say("reset", seed=1)["data"]
        assert other.say("reset", seed=1, patience=5)["data"]["observation"]["message"]
        endings = []
        for session in (one, other):
            for turn in range(1, 10):
                result = session.say("step", message="utter_greet")["data"]
                if result["done"]:
                    endings.append(turn)
                    break
        assert endings == [3, 6]
        assert fetch(server, "/reset", {"seed": 1}) == (200, first)
        assert one.say("step", message="utter_greet")["data"] == {
            "message": "the dialogue is over: send a reset first", "code": "EXECUTION_ERROR",
        }  # fmt: skip


def test_a_session_too_many_is_refused_until_another_ends(server: OpenEnvServed) -> None:
    with connected(server) as one, connected(server):
        with connected(server) as third:
            assert third.hear() == {
                "type": "error",
                "data": {
                    "message": "no session is free: at most 2 can be open; try again later",
                    "code": "CAPACITY_REACHED",
                },
            }
        one.socket.send(json.dumps({"type": "close"}))
        with pytest.raises(exceptions.ConnectionClosed):
            one.hear()

        def succeeds() -> bool:
            with connected(server) as third:
                return bool(third.say("state")["type"] == "state")

        wait_for(succeeds)


def test_messages_that_are_too_long_or_not_text_are_answered(server: OpenEnvServed) -> None:
    with connected(server) as one:
        refused = one.say("step", message="x" * 200_000)["data"]
        assert refused["message"] == "the message has more than 131,072 characters"
        one.socket.send(b"\xff")
        assert one.hear()["data"]["code"] == "INVALID_JSON"
        assert one.say("reset", seed=1)["type"] == "observation"
        with pytest.raises(exceptions.ConnectionClosed, match="1009"):  # perhaps while it is being sent
            one.socket.send("x" * 1_100_000)
            one.hear()


def test_an_idle_session_ends_with_the_reason(tmp_path: Path) -> None:
    with (
        OpenEnvServed.running(tmp_path / "nothing", "restaurant", "--idle", "0.001") as server,
        connected(server) as one,
    ):
        assert one.hear()["data"] == {
            "message": "the session has ended, since no message came for 0.001 minutes",
            "code": "SESSION_ERROR",
        }
        with pytest.raises(exceptions.ConnectionClosed, match="1001"):
            one.hear()


def test_without_scipy_only_the_bound_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    figures = OpenEnvFigures(load_domain("restaurant"), "names", {})
    asyncio.run(figures.wait(LONG))  # which ends
    assert figures._is_known.is_set() and figures.bound is None and figures.expert is not None


def test_a_description_and_errors_are_given_over_http(server: OpenEnvServed) -> None:
    status, about = fetch(server, "/metadata")
    assert status == 200 and about["license"] == "MIT" and about["settings"] == {"patience": 2}
    wait_for(lambda: fetch(server, "/metadata")[1]["bound"])
    about = fetch(server, "/metadata")[1]
    assert about["bound"]["mean_return"] == 15 == round(about["expert"]["mean_return"])
    status, schema = fetch(server, "/schema?mode=tools")
    assert status == 200 and "anyOf" in schema["action"]["properties"]["message"]
    assert fetch(server, "/schema?mode=tool")[0] == 422
    status, stepped = fetch(server, "/step", {"seed": 1, "action": {"message": "utter_greet"}})
    assert status == 200 and stepped["reward"] == -1
    wrong = "reset: unknown key 'sed'; did you mean 'seed'?"
    assert fetch(server, "/reset", {"sed": 1}) == (422, {"detail": wrong})
    assert fetch(server, "/step", {"action": 1})[0] == 422
    assert fetch(server, "/mcp", {"id": 4})[1]["error"]["code"] == -32601


def test_beside_the_teachers_pages_the_password_opens_it(tmp_path: Path) -> None:
    with served(tmp_path / "store", "--openenv", DIALOGUE_GYM_PASSWORD=PASSWORD) as server:
        assert fetch(server, "/health")[0] == 401
        assert fetch(server, "/health", authorization="Bearer wrong word") == (401, "wrong password\n")
        assert fetch(server, "/health", authorization=BEARER) == (200, {"status": "healthy"})
        assert fetch(server, "/health", authorization=BEARER, Host="elsewhere.example")[0] == 400
        for headers in ({}, {"Origin": "http://elsewhere.example", "Authorization": BEARER}):
            with pytest.raises(exceptions.InvalidStatus) as refused, connected(server, **headers):
                pass
            assert refused.value.response.status_code == (403 if headers else 401)
        with connected(server, Authorization=BEARER) as one:
            assert one.say("reset", seed=1)["type"] == "observation"
        assert ask(server, "/teach/enter")[0] == 200
