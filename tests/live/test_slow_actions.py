"""A slow action blocks only its own conversation."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dialogue_gym.actions import ActionResult, ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.journal.entry import RESULT
from dialogue_gym.live import conversations as conversations_module
from dialogue_gym.live.bot import PATIENCE
from dialogue_gym.live.follower import unlearned
from dialogue_gym.live.handoff import StaleDecision
from dialogue_gym.live.request_limits import Rejected
from dialogue_gym.live.turn import LiveError
from tests.live.handoffs import DOMAIN, Setup


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
