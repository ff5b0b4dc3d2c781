"""A slow action blocks only its own conversation."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from dialogue_gym.actions import Action, ActionResult, ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.journal.entry import RESULT, USER, StoreError
from dialogue_gym.journal.store import Store
from dialogue_gym.live import conversations as conversations_module
from dialogue_gym.live.bot import PATIENCE, LiveBot
from dialogue_gym.live.follower import unlearned
from dialogue_gym.live.handoff import StaleDecision
from dialogue_gym.live.rate_limit import Limits
from dialogue_gym.live.request_limits import Rejected
from dialogue_gym.live.sessions import Sessions
from dialogue_gym.live.turn import LiveError
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter, Interpretation
from dialogue_gym.stories import parse
from dialogue_gym.stories.rulebook import RuleBook
from tests.conftest import domain_from
from tests.live.handoffs import DOMAIN, Hello, Setup


class Slow(ActionRunner):
    """Does one action that takes until it is allowed to end, as a server would."""

    def __init__(self) -> None:
        super().__init__(DOMAIN)
        self.begun, self.may_end = threading.Semaphore(0), threading.Semaphore(0)

    def reaches_out(self, action: str) -> bool:
        return action == "utter_order"

    def run(self, action: str, conversation: Conversation) -> ActionResult:
        if self.reaches_out(action):
            self.begun.release()
            assert self.may_end.acquire(timeout=60)
        return super().run(action, conversation)


def test_slow_action_does_not_block_other_conversations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its own conversation one thing is done after the other."""
    monkeypatch.setattr(conversations_module, "AT_HAND", 1)
    slow = Slow()
    setup = Setup(tmp_path / "store", slow)
    setup.say()
    setup.say("bob")
    name = setup.take_over()
    setup.say()
    with ThreadPoolExecutor(4) as threads:
        decided = threads.submit(setup.decide, name)
        assert slow.begun.acquire(timeout=60)
        assert setup.say("bob") == (["Hello"], [])
        assert setup.say("new") == (["Hello"], [])
        ann = setup.handoff.find(name)
        assert ann is not None and ann.is_busy and not ann.waits
        assert setup.sessions.snapshot("ann").waits == "bot"
        with pytest.raises(Rejected, match="your last message is still being answered"):
            setup.say()
        setup.clock.now += 10 * PATIENCE  # the others have left; the one who waits for the action has not
        setup.sessions.expire()
        assert set(setup.bot.conversations.open) == {name}
        for number in range(2):  # too many to keep in memory, but the one with a running action stays
            setup.say(f"guest {number}")
        setup.handoff.proposals(name)
        step = next(setup.store.entries(name)).id
        others = [
            threads.submit(setup.handoff.take_over, name, "bob"),
            threads.submit(setup.handoff.decide, name, "tina", "utter_sorry", step),
            threads.submit(setup.handoff.give_back, name, "tina"),
        ]
        time.sleep(0.2)
        assert not any(other.done() for other in (*others, decided))
        slow.may_end.release()
        decided.result(60)
        others[0].result(60)
        assert isinstance(others[1].exception(60), StaleDecision)
        assert isinstance(others[2].exception(60), (LiveError, type(None)))  # whoever was first
    assert setup.say() == ([], ["At once"]) and setup.bot.conversations.teachers == {name: "bob"}
    entries = list(setup.store.entries(name))
    after = next(entry for entry in entries if entry.content.get("action") == "utter_order")
    assert entries[entries.index(after) + 1].kind == RESULT  # nothing came between
    assert setup.store.check() == []
    seen = {
        one.entry
        for _, found in unlearned(setup.store, DOMAIN, setup.bot.conversations.reward, 0)
        for one in found
    }
    setup.trainer.work()
    assert set(setup.trainer.learner.replay.arrays()["entries"].tolist()) == seen
    setup.store.close()


WAITING = 1000


def test_a_thousand_people_wait_for_a_server_without_a_thread_each(tmp_path: Path) -> None:
    """Somebody whose answer needs no server is answered meanwhile."""
    domain = domain_from("""
intents: [greet, order]
responses: {utter_hello: [{text: Hello}]}
actions: [utter_hello, place_order]
""")

    rule = "rules:\n- rule: Order\n  steps: [{intent: order}, {action: place_order}]\n"
    rules = RuleBook(domain, parse(rule, "rules.yml", "yaml"))

    async def people() -> None:
        may_end, asked = asyncio.Event(), 0

        async def act(request: web.Request) -> web.Response:
            nonlocal asked
            asked += 1
            await may_end.wait()
            return web.json_response({"events": [], "responses": [{"text": "It is on its way"}]})

        app = web.Application()
        app.router.add_post("/webhook", act)
        site = web.AppRunner(app)
        await site.setup()
        await web.TCPSite(site, "127.0.0.1", 0, backlog=WAITING).start()
        port = site.addresses[0][1]
        runner = ActionRunner(domain, server=f"http://127.0.0.1:{port}", seconds=600)
        with Store(tmp_path / "store") as store:
            bot = LiveBot(domain, store, Hello(), FixedFormatInterpreter(domain), runner, rules=rules)
            sessions = Sessions(bot, Limits(people=2 * WAITING))
            answers = [
                asyncio.create_task(sessions.answer(f"person {number}", "/order"))
                for number in range(WAITING)
            ]
            while asked < WAITING:
                assert [await answer for answer in answers if answer.done()] == []
                await asyncio.sleep(0.05)
            assert threading.active_count() < 50
            hello = await sessions.answer("ann", "/greet")
            assert [message.text for message in hello.messages] == ["Hello"]
            with pytest.raises(Rejected, match="still being answered"):
                await sessions.answer("person 0", "/greet")
            may_end.set()
            for answer in answers:
                assert [message.text for message in (await answer).messages] == ["It is on its way"]
            assert store.check() == []
        await site.cleanup()

    asyncio.run(people())


@pytest.mark.parametrize("text", ["gibberish", "/back", "/restart"])
def test_what_follows_no_decision_keeps_nobody_else_waiting(tmp_path: Path, text: str) -> None:
    """A domain may have a server do what else the library does by itself."""
    own = ("action_default_fallback", "action_back")
    domain = domain_from(f"""
intents: [greet]
responses: {{utter_hello: [{{text: Hello}}]}}
actions: [utter_hello, {", ".join(own)}]
""")

    class Unsure(FixedFormatInterpreter):
        def parse(self, text: str) -> Interpretation:
            return super().parse(text) if text.startswith("/") else Interpretation(text, None, 0.2)

    async def people() -> None:
        may_end, is_asked = asyncio.Event(), asyncio.Event()

        async def act(request: web.Request) -> web.Response:
            is_asked.set()
            await may_end.wait()
            return web.json_response({"events": [], "responses": [{"text": "Done"}]})

        app = web.Application()
        app.router.add_post("/webhook", act)
        site = web.AppRunner(app)
        await site.setup()
        await web.TCPSite(site, "127.0.0.1", 0).start()
        runner = ActionRunner(domain, server=f"http://127.0.0.1:{site.addresses[0][1]}", seconds=5)
        with Store(tmp_path / "store") as store:
            sessions = Sessions(LiveBot(domain, store, Hello(), Unsure(domain), runner))
            await sessions.answer("ben", "/greet")
            answer = asyncio.create_task(sessions.answer("ben", text))
            if text != "/restart":  # which runs no code
                await is_asked.wait()
                with pytest.raises(Rejected, match="still being answered"):
                    await sessions.answer("ben", "/greet")
            hello = await sessions.answer("ann", "/greet")
            assert [message.text for message in hello.messages] == ["Hello"]
            may_end.set()
            reply = await answer
            assert [message.text for message in reply.messages] == ["Done"] * (text != "/restart")
            assert not reply.notes and store.check() == []
        await site.cleanup()

    asyncio.run(people())


def test_a_message_that_is_sent_again_is_answered_by_the_rest_of_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The turn could not be written down after an action that may have changed the world."""
    domain = domain_from("""
intents: [greet, order]
responses: {utter_hello: [{text: Hello}], utter_done: [{text: It is done}]}
actions: [utter_hello, utter_done, place_order]
""")
    rule = "rules:\n- rule: R\n  steps: [{intent: order}, {action: place_order}, {action: utter_done}]\n"
    rules = RuleBook(domain, parse(rule, "rules.yml", "yaml"))
    placed: list[str] = []

    class PlaceOrder(Action):
        def name(self) -> str:
            return "place_order"

        def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list[Any]:
            placed.append(tracker.sender_id)
            return []

    runner = ActionRunner(domain, [PlaceOrder()])
    with Store(tmp_path / "store") as store:
        bot = LiveBot(domain, store, Hello(), FixedFormatInterpreter(domain), runner, rules=rules)
        sessions = Sessions(bot)
        append = store._database.append

        def refuse_results(rows: Any, now: float, held: Any = ()) -> Any:
            if any(row.kind == RESULT for row in rows):
                raise StoreError("the disk is full")
            return append(rows, now, held)

        monkeypatch.setattr(store._database, "append", refuse_results)
        with pytest.raises(StoreError, match="the disk is full"):
            sessions.reply("ann", "/order", key="k")
        monkeypatch.setattr(store._database, "append", append)
        for _ in range(2):
            reply = sessions.reply("ann", "/order", key="k")
            assert [message.text for message in reply.messages] == ["It is done"] and reply.is_repeated
        assert len(placed) == 1 and store.check() == []
        assert [entry.kind for entry in store.entries()].count(USER) == 1
