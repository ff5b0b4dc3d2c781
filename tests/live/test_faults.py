"""Conversations with people through kills, full disks and restarts."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dialogue_gym import DialogueEnv
from dialogue_gym.actions import Action, ActionRunner
from dialogue_gym.journal.entry import END, LABEL, LIVE, RESULT, Draft
from dialogue_gym.journal.group_commit import PendingWrite
from dialogue_gym.journal.store import Store, StoreError
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.decision import LiveDecision
from dialogue_gym.live.follower import JournalFollower
from dialogue_gym.live.reward import LiveReward
from dialogue_gym.live.trace import Trace
from dialogue_gym.live.turn import Turn
from dialogue_gym.live.waits import finish
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from dialogue_gym.stories import parse
from dialogue_gym.stories.rulebook import RuleBook
from dialogue_gym.teaching.session import Session
from tests.live.bots import (
    CUISINE,
    RESTAURANT,
    YES,
    Chance,
    Plan,
    all_missed,
    all_plain,
    learned,
    message,
    new,
    plain,
    talking,
)
from tests.live.handoffs import DOMAIN, Hello

REWARD = LiveReward.of(RESTAURANT)
BOOK = "action_suggest"


class Die(BaseException):
    """The process is killed."""


def reaching(done: list[str], dies: bool = False) -> ActionRunner:
    """Return a runner of two actions with side effects: each adds its name to `done`."""

    class Store(Action):
        def name(self) -> str:
            return "action_store_slot"

        def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list[Any]:
            done.append(self.name())
            return []

    class Book(Action):
        def name(self) -> str:
            return "action_suggest"

        def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list[Any]:
            done.append(self.name())
            if dies:
                raise Die
            dispatcher.utter_message(text="It is booked.")
            return []

    return ActionRunner(RESTAURANT, [Store(), Book()])


@pytest.mark.parametrize("goes_on", [True, False])
def test_action_is_not_run_twice(tmp_path: Path, goes_on: bool) -> None:
    done: list[str] = []
    with Store(tmp_path / "store") as store:
        live = talking(store, Plan("action_suggest"), reaching(done, dies=True))
        name = live.begin()
        with pytest.raises(Die):
            live.reply(name, CUISINE)
    with Store(tmp_path / "store") as store:
        live = talking(store, Plan("action_suggest"), reaching(done))
        assert done == [BOOK] and [*store.entries(name)][-1].kind == LABEL
        if goes_on:
            assert live.resume(name).messages == []
            before = store.last_id()
            assert live.resume(name).events == () and store.last_id() == before
            assert done == [BOOK]
        heard = live.reply(name, CUISINE)
        assert [message.text for message in heard.messages] == ["It is booked."] and done == [BOOK] * 2
        kinds = [entry.kind for entry in store.entries(name)]
        assert kinds.count(LABEL) == kinds.count(RESULT) == 2 and store.check() == []
        (transition,) = new(live)
        assert all_missed(store, REWARD) == [plain(transition)]


class FullDisk(Store):
    """A store whose disk is full after a given number of writes."""

    writes_left: int | None = None

    def submit(self, drafts: Iterable[Draft], held: Sequence[str] = ()) -> PendingWrite:
        if self.writes_left is not None:
            if self.writes_left == 0:
                raise StoreError("the disk is full")
            self.writes_left -= 1
        return super().submit(drafts, held)


@pytest.mark.parametrize("free", [0, 1, 2, 3])
def test_full_disk_acknowledges_nothing_and_corrupts_nothing(tmp_path: Path, free: int) -> None:
    """The bot writes a turn in three parts, so that each action is on record before it runs."""
    done: list[str] = []
    with FullDisk(tmp_path / "store") as store:
        live = talking(store, Plan("action_store_slot", BOOK), reaching(done))
        name = live.begin()
        live.reply(name, CUISINE)
        acts: tuple[Callable[[], object], ...] = (
            lambda: live.reply(name, CUISINE),
            lambda: live.rate(name, 1),
            lambda: live.reply(name, "/restart"),
            lambda: live.leave(name),
        )
        failures = 0
        for act in acts:
            last = store.last_id()
            store.writes_left = free
            try:
                act()
            except StoreError:
                failures += 1
                assert list(live.conversations.open) == [name]
                assert (
                    learned(live).last_entry == store.last_id() == last + 2 * free
                )  # the message, and the next action
            store.writes_left = None
            name = next(iter(live.conversations.open), None) or live.begin()
            heard = live.reply(name, CUISINE)
            assert heard.messages and heard.ended is None
            labels = [entry for entry in store.entries() if entry.kind == LABEL]
            assert [entry.content["action"] for entry in labels] == done
        live.leave(name)
        live.rate(name, 1)
        assert failures == (4, 1, 1, 0)[free] and store.check() == []
        assert all_missed(store, REWARD) == all_plain(new(live))


def test_full_disk_error_of_sqlite_is_one_line(store: Store) -> None:
    live = talking(store)
    name = live.begin()
    live.reply(name, CUISINE)
    (pages,) = store._database.read("PRAGMA page_count")[0]
    store._database.read(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match=r"^[^\n]*the disk is full, and this was not written[^\n]*$"):
        live.take(name, dataclasses.replace(message(), text="x" * 10_000))
    store._database.read("PRAGMA max_page_count = 1000000")
    live.reply(name, CUISINE)
    assert len(new(live)) == 1 and store.check() == []


def test_unlearned_transitions_equal_those_passed_on(tmp_path: Path) -> None:
    """This holds from any point on, with late ratings and several open conversations."""
    chance = random.Random(2)
    given_out: list[tuple[int, list[tuple[Any, ...]]]] = []
    with Store(tmp_path / "store") as store:
        store.append("c1", "event", {"event": "session_started"})  # a teacher uses the same store
        live = talking(store, Chance(DialogueEnv(RESTAURANT), 3))
        ended: list[str] = []
        follower, followed, boundaries = JournalFollower(store, RESTAURANT, REWARD, 0, at_hand=1), [], 0
        for step in range(300):
            names = list(live.conversations.open)
            choice = chance.random()
            if len(names) < 3:
                live.begin()
            elif choice < 0.6:
                heard = live.reply(chance.choice(names), chance.choice([CUISINE, YES, "/deny", "/restart"]))
                ended += [heard.ended] if heard.ended else []
            elif choice < 0.7:
                name = chance.choice(names)
                live.leave(name)
                ended.append(name)
            elif ended:
                name = chance.choice(ended)
                decisions = [entry.id for entry in store.entries(name) if entry.kind == LABEL]
                if decisions:
                    live.rate(name, chance.choice([1, -1]), chance.choice([None, *decisions]))
            given_out.append((learned(live).last_entry, all_plain(new(live))))
            for news in follower.news() if step % 7 == 6 else ():
                followed += all_plain(news.transitions)
                boundaries += news.is_boundary
        for news in follower.news():
            followed += all_plain(news.transitions)
            boundaries += news.is_boundary
        assert followed == all_missed(store, REWARD) and list(follower.news()) == []
        assert boundaries == [entry.kind for entry in store.entries()].count(END)
        for split, _ in given_out[2::3]:
            rest = [one for upto, found in given_out if upto > split for one in found]
            assert all_missed(store, REWARD, split) == rest
        assert len(all_missed(store, REWARD)) > 90 and split == store.last_id()


def test_open_conversations_continue_after_a_restart(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as store:
        live = talking(store)
        first, second, third = live.begin("Ada"), live.begin("Bo"), live.begin("Cy")
        live.reply(first, CUISINE)
        live.leave(second)
        observation = live.conversations.trace(first).conversation.observation()
    with Store(tmp_path / "store") as store:
        live = talking(store)
        assert live.conversations.open == {first: "Ada", third: "Cy"}
        np.testing.assert_array_equal(live.conversations.trace(first).conversation.observation(), observation)
        assert live.begin("Bo") == "live4"


def test_teaching_session_ignores_live_conversations(store: Store) -> None:
    live = talking(store)
    name = live.begin()
    live.reply(name, CUISINE)
    session = Session(RESTAURANT, store)
    assert session.id != name
    assert live.reply(name, CUISINE).messages
    assert LIVE not in next(store.entries(session.id)).content
    assert next(store.entries(name)).content[LIVE] == "person"


def refuse(drafts: object, held: object) -> PendingWrite:
    raise StoreError("the disk is full")


def test_failed_write_leaves_nothing_in_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.in_memory()
    trace = Trace(RESTAURANT, "live1", REWARD)
    turn = Turn(trace, store, ActionRunner(RESTAURANT), "auto")
    turn.begin("ann")
    finish(turn.write())
    seen = []
    monkeypatch.setattr(
        trace, "record", lambda entry, observation: seen.append((entry.kind, observation)) or []
    )
    with monkeypatch.context() as full:
        full.setattr(
            store, "submit", lambda drafts, held: (_ for _ in ()).throw(StoreError("the disk is full"))
        )
        finish(turn.do(LiveDecision("utter_greet")))
        with pytest.raises(StoreError):
            finish(turn.write())
    finish(turn.do(LiveDecision("utter_ask_cuisine")))
    observation = trace.conversation.observation()
    finish(turn.do(LiveDecision("utter_greet")))
    finish(turn.write())
    decisions = [one for kind, one in seen if kind == LABEL]
    assert len(decisions) == 2 and (decisions[1] == observation).all()


def test_a_new_rule_lets_nobody_be_spoken_to_unasked(tmp_path: Path) -> None:
    def talking_by(*actions: str) -> LiveBot:
        steps = ", ".join(f"{{action: {action}}}" for action in actions)
        rule = f"rules:\n- rule: Order\n  steps: [{{intent: order}}, {steps}]\n"
        rules = RuleBook(DOMAIN, parse(rule, "rules.yml", "yaml"))
        interpreter = FixedFormatInterpreter(DOMAIN)
        return LiveBot(DOMAIN, store, Hello(), interpreter, ActionRunner(DOMAIN), rules=rules)

    with Store(tmp_path / "store") as store:
        bot = talking_by("utter_order")
        name = bot.begin("ann")
        assert [one.text for one in bot.reply(name, "/order").messages] == ["At once"]
        before = store.last_id()
        bot = talking_by("utter_order", "utter_sorry")
        assert bot.resume(name).messages == [] and store.last_id() == before
        assert [one.text for one in bot.reply(name, "/order").messages] == ["At once", "Sorry"]
