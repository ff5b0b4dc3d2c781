"""Channels that front ends speak: Socket.IO, callbacks, and messages that are sent again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

aiohttp = pytest.importorskip("aiohttp", reason="the extra web is missing")
socketio = pytest.importorskip("socketio", reason="the extra web is missing")

from dialogue_gym.conversation.events import BotUttered  # noqa: E402
from dialogue_gym.journal.entry import USER  # noqa: E402
from dialogue_gym.journal.store import Store  # noqa: E402
from dialogue_gym.web.access import AccessPolicy  # noqa: E402
from dialogue_gym.web.api import build_visitor_app  # noqa: E402
from dialogue_gym.web.channels.inbox import Inbox  # noqa: E402
from dialogue_gym.web.channels.socket_io import socket_parts  # noqa: E402
from dialogue_gym.web.channels.socket_server import MOST_OF_NETWORK  # noqa: E402
from dialogue_gym.web.connection import LimitedConnection, LimitedSocket  # noqa: E402
from dialogue_gym.web.server import listen  # noqa: E402
from tests.live.handoffs import Setup  # noqa: E402
from tests.web.requests import PASSWORD, Answer, Listening, ask  # noqa: E402
from tests.web.servers import LONG, Served  # noqa: E402

SITE = "https://shop.example"
HOOK = "/webhooks/rest/webhook"
DOMAIN = """
intents: [greet, tell]
entities: [who]
slots: {who: {type: text, mappings: [{type: from_entity, entity: who}]}}
actions: [say_hello]
"""
RULES = """
rules:
- {rule: greet, steps: [{intent: greet}, {action: say_hello}]}
- {rule: tell, steps: [{intent: tell}, {action: say_hello}]}
"""
ACTIONS = """
class Hello:
    def name(self):
        return "say_hello"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(image="https://shop.example/hello.png")
        buttons = [{"title": "Hi", "payload": "/greet"}]
        dispatcher.utter_message(text=f"Hello {tracker.get_slot('who')}", buttons=buttons)
        return []
"""
HELLO = [
    {"attachment": {"type": "image", "payload": {"src": "https://shop.example/hello.png"}}},
    {"text": "Hello Ann", "quick_replies": [{"content_type": "text", "title": "Hi", "payload": "/greet"}]},
]


class ChannelServed(Served):
    """The server with visitors, whose bot always says hello."""

    command = ("serve", "--no-open", "--talk")

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        (folder / "hello.yml").write_text(DOMAIN)
        (folder / "hello.py").write_text(ACTIONS)
        (folder / "rules.yml").write_text(RULES)
        options = ("--actions", "hello.py", "--stories", "rules.yml", "--origin", SITE, *options)
        environment |= {"DIALOGUE_GYM_PASSWORD": PASSWORD}
        super().__init__(folder / "store", *options, domain="hello.yml", **environment)

    def send(self, sender: str, text: str, path: str = HOOK, **headers: str) -> Answer:
        body = json.dumps({"sender": sender, "message": text})
        return ask(self, path, "POST", body, content_type="application/json", **headers)

    def texts(self) -> list[str]:
        """Return the messages of people on the disk."""
        with Store(self.folder, create=False, read_only=True) as store:
            return [entry.content["text"] for entry in store.entries() if entry.kind == USER]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChannelServed]:
    started = ChannelServed(tmp_path_factory.mktemp("channels"))
    yield started
    started.stop()
    log = started.log.read_text()
    assert "Traceback" not in log and "ERROR" not in log, log


class Widget:
    """A page with a chat, as the server sees it."""

    def __init__(self, server: Listening, session: aiohttp.ClientSession) -> None:
        self._server = server
        self._client = socketio.AsyncClient(reconnection=False, http_session=session)
        self._heard: asyncio.Queue[Any] = asyncio.Queue()
        for event in ("session_confirm", "bot_uttered"):
            self._client.on(event, self._heard.put)

    async def connect(self, origin: str | None = None, transport: str = "websocket") -> None:
        await self._client.connect(
            f"http://127.0.0.1:{self._server.port}",
            headers={"Origin": origin} if origin else {},
            transports=[transport],
        )

    async def close(self) -> None:
        await self._client.disconnect()

    async def next(self) -> Any:
        return await asyncio.wait_for(self._heard.get(), LONG)

    async def session(self, known: str | None = None) -> str:
        """Begin a session, or go on with one; return its name."""
        await self._client.emit("session_request", {"session_id": known})
        return str(await self.next())

    async def say(self, text: Any, session: Any, **more: Any) -> None:
        await self._client.emit("user_uttered", {"message": text, "session_id": session, **more})


@asynccontextmanager
async def widget(server: Listening, **options: Any) -> Any:
    async with aiohttp.ClientSession() as session:
        made = Widget(server, session)
        await made.connect(**options)
        try:
            yield made
        finally:
            await made.close()


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_a_widget_of_rasa_is_served(server: ChannelServed, transport: str) -> None:
    async def talk() -> None:
        async with widget(server, transport=transport, origin=SITE) as here, widget(server) as there:
            name = await here.session()
            assert await here.session(name) == name != await there.session()
            await here.say('/tell{"who": "Ann"}', name)
            assert [await here.next(), await here.next()] == HELLO
            async with widget(server) as again:  # opened again, or in another window
                assert await again.session(name) == name
                await again.say("/greet", name)
                assert [await again.next(), await again.next()] == HELLO
                assert [await here.next(), await here.next()] == HELLO
            await there.say("/greet", None)
            assert [await there.next(), (await there.next())["text"]] == [HELLO[0], "Hello None"]

    asyncio.run(talk())


def test_sessions_are_those_that_the_server_has_signed(server: ChannelServed) -> None:
    async def talk() -> None:
        async with widget(server) as ann, widget(server) as eve:
            name = await ann.session()
            for guess in ("ann", name[:-1], name + "x", "visitor 0123456789abcdef0123456789abcdef"):
                assert await eve.session(guess) not in (guess, name)
            await ann.say('/tell{"who": "Ann"}', name)
            assert [await ann.next(), await ann.next()] == HELLO
            await eve.say("/greet", "ann")
            assert [await eve.next(), (await eve.next())["text"]] == [HELLO[0], "Hello None"]

    asyncio.run(talk())


def test_messages_over_a_socket_have_the_limits_of_all(server: ChannelServed) -> None:
    async def talk() -> None:
        async with widget(server) as ann:
            name = await ann.session()
            for data in (None, 3, [], "text", {"message": ""}, {"message": None}, {"message": {"a": []}}):
                await ann._client.emit("user_uttered", data)  # widgets begin with an empty one
            await ann.say("x" * 1001, name)
            assert await ann.next() == {"text": "a message has at most 1000 characters"}
            for _ in range(100):
                await ann.say("/greet", name)
            answers = [await ann.next() for _ in range(100)]
            assert any("too quickly" in answer.get("text", "") for answer in answers)

    asyncio.run(talk())


POLL = "/socket.io/?EIO=4&transport=polling"
ODD = (
    "4", "9", "49", "42", "42[", "42[]", "42{}", "42[1]", "42[{}, 1]", "42[[], 1]", '42["user_uttered"]',
    '42["user_uttered", {"message": "x"}, 1, 2]', "42" + "[" * 100_000, "42" + "7" * 5000 + '["x"]', "44",
    '42["user_uttered", {"message": "hi", "session_id": "\\ud800", "message_id": "\\ud800"}]', '43["x"]',
    '42["session_request", {"session_id": "\\ud800"}]', '459999999999-["x", 1]', '461-["x"]', "40[", "4²",
    '42["disconnect"]', '42["connect", {"asgi.scope": {"type": "http", "client": ["192.0.2.9", 1]}}]',
)  # fmt: skip
"""Frames that no widget sends."""


@asynccontextmanager
async def raw_socket(server: Listening, address: str) -> Any:
    """Speak frame by frame, from an address of this machine."""
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    url = f"http://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=websocket"
    async with aiohttp.ClientSession(connector=connector) as session, session.ws_connect(url) as made:
        await made.receive_str()
        await made.send_str("40")
        await made.receive_str()
        yield made


async def say_hello(made: Any) -> str:
    """Say hello through a raw socket; return the answer, or the refusal."""
    await made.send_str('42["user_uttered", {"message": "/greet"}]')
    while True:
        heard = str(await made.receive_str())
        if "Hello" in heard or "too many" in heard:
            return heard


@pytest.mark.parametrize("frame", ODD, ids=lambda frame: frame[:30])
def test_odd_frames_have_no_effect_and_leave_no_trace(server: ChannelServed, frame: str) -> None:
    async def talk() -> None:
        async with raw_socket(server, "127.0.8.1") as made:
            await made.send_str(frame)
            await made.send_bytes(frame.encode())
            assert "Hello" in await asyncio.wait_for(say_hello(made), LONG)

    before = server.log.read_text()
    asyncio.run(talk())
    after = server.log.read_text()
    assert "Traceback" not in after[len(before) :], after


def test_nobody_chooses_the_address_that_their_limits_are_for(server: ChannelServed) -> None:
    """As many people as an address may bring, each of whom makes up another one."""

    async def answers() -> list[str]:
        found = []
        for number in range(102):
            async with raw_socket(server, "127.0.8.2") as made:
                other = {"type": "http", "client": [f"192.0.2.{number}", 1], "headers": []}
                await made.send_str("42" + json.dumps(["connect", {"asgi.scope": other}]))
                found.append(await asyncio.wait_for(say_hello(made), LONG))
        return found

    assert sum("too many new people" in answer for answer in asyncio.run(answers())) == 2


def test_one_address_does_not_take_all_sockets(server: ChannelServed) -> None:
    statuses = [ask(server, POLL, address="127.0.8.3")[0] for _ in range(MOST_OF_NETWORK + 1)]
    assert statuses == [200] * MOST_OF_NETWORK + [401]
    assert ask(server, POLL, address="127.0.8.4")[0] == 200


def test_sockets_of_other_sites_are_refused(server: ChannelServed) -> None:
    async def refused(**options: Any) -> None:
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with widget(server, **options):
                pass

    for transport in ("websocket", "polling"):
        asyncio.run(refused(origin="https://evil.example", transport=transport))


def test_a_teacher_answers_over_the_socket(tmp_path: Path) -> None:
    """Their messages come at once, to all pages of the visitor, and not again with the next answer."""
    setup = Setup(tmp_path / "store")
    app = build_visitor_app(Inbox(setup.sessions), AccessPolicy("127.0.0.1", tmp_path))
    listening = listen("127.0.0.1", 0)
    config = uvicorn.Config(app, http=LimitedConnection, ws=LimitedSocket, log_level="error")
    running = uvicorn.Server(config)

    @dataclass
    class Here:
        port: int = listening.getsockname()[1]

    async def talk() -> None:
        serving = asyncio.create_task(running.serve([listening]))
        async with widget(Here()) as ann, widget(Here()) as eve:
            name = await ann.session()
            await ann.say("/greet", name)
            assert await ann.next() == {"text": "Hello"}
            await asyncio.to_thread(setup.handoff.take_over, "live1", "tina")
            await ann.say("/order", name)
            while not setup.handoff.open(1)[0].waits:
                await asyncio.sleep(0.01)
            step, _ = await asyncio.to_thread(setup.handoff.proposals, "live1")
            await asyncio.to_thread(setup.handoff.say, "live1", "tina", "One moment.", step)
            assert await ann.next() == {"text": "One moment."}
            await ann.close()
            await ann.connect()
            assert await ann.session(name) == name
            await ann.say("/order", name)
            while not setup.handoff.open(1)[0].waits:
                await asyncio.sleep(0.01)
            step, _ = await asyncio.to_thread(setup.handoff.proposals, "live1")
            await asyncio.to_thread(setup.handoff.decide, "live1", "tina", "utter_order", step)
            assert await ann.next() == {"text": "At once"}
            await asyncio.to_thread(setup.handoff.give_back, "live1", "tina")
            await ann.say("/greet", name)
            assert await ann.next() == {"text": "Hello"}
            await eve.say("/greet", None)
            assert await eve.next() == {"text": "Hello"} and ann._heard.empty()
        running.should_exit = True
        await serving

    asyncio.run(talk())
    setup.store.close()


def test_a_message_that_is_sent_again_is_written_once(server: ChannelServed) -> None:
    hello = server.send("bob", '/tell{"who": "Bob"}', Idempotency_Key="k1")
    assert hello[0] == 200 and "Hello Bob" in hello[2]
    other = server.send("bob", '/tell{"who": "Rob"}', Idempotency_Key="k2")
    assert server.send("bob", '/tell{"who": "Bob"}', Idempotency_Key='"k1"')[2] == hello[2]  # as in the draft
    body = json.dumps({"sender": "bob", "message": '/tell{"who": "Rob"}', "message_id": "k2"})
    assert ask(server, HOOK, "POST", body, content_type="application/json")[2] == other[2]
    assert server.send("bob", "/greet", Idempotency_Key="k1")[0] == 422
    assert server.send("bob", "/greet", Idempotency_Key="x" * 257)[0] == 400
    assert server.texts().count('/tell{"who": "Bob"}') == 1
    server.kill()
    server.start()
    assert server.send("bob", '/tell{"who": "Bob"}', Idempotency_Key="k1")[2] == hello[2]
    assert server.send("bob", '/tell{"who": "Rob"}', Idempotency_Key="k2")[2] == other[2]
    assert server.texts().count('/tell{"who": "Bob"}') == 1


def test_parts_of_a_message_are_those_that_widgets_read() -> None:
    message = BotUttered(
        "One.\n\nTwo.",
        {
            "custom": {"data": {"card": 1}},
            "attachment": {"type": "file"},
            "elements": [{"title": "First", "buttons": []}],
        },
    )
    assert list(socket_parts(message)) == [
        {"text": "One."},
        {"text": "Two."},
        {"card": 1},
        {"attachment": {"type": "file"}},
        {
            "attachment": {
                "type": "template",
                "payload": {"template_type": "generic", "elements": {"title": "First", "buttons": []}},
            }
        },
    ]
