"""Teachers who take over the conversations of people: the bot proposes, they decide, and it learns."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dialogue_gym.actions import ActionResult, ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import to_json
from dialogue_gym.journal.entry import LABEL, NOTE, RESULT, USER, StoreError
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.live import conversations as register
from dialogue_gym.live.bot import PATIENCE, LiveBot
from dialogue_gym.live.handoff import Handoff, StaleDecision
from dialogue_gym.live.moderation import JournalModeration
from dialogue_gym.live.sessions import Rejected, Sessions
from dialogue_gym.live.startup import start_or_resume
from dialogue_gym.live.transitions import unlearned
from dialogue_gym.live.turn import LiveError
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from dialogue_gym.teaching.session import Session
from tests.conftest import domain_from
from tests.live.learning import until
from tests.live.test_sessions import Clock

DOMAIN = domain_from("""
intents: [greet, order]
responses: {utter_hello: [{text: Hello}], utter_order: [{text: At once}], utter_sorry: [{text: Sorry}]}
actions: [utter_hello, utter_order, utter_sorry]
""")


class Hello:
    """Decides for the one action that it knows."""

    def decide(self, observation: npt.NDArray[Any], possible: npt.NDArray[np.bool_]) -> tuple[str, int]:
        return "utter_hello", 0


class Desk:
    """A bot in a folder, people who talk to it, and teachers who look after them."""

    def __init__(self, folder: Path, runner: ActionRunner | None = None, turns: str = "auto") -> None:
        self.store = Store(folder)
        self.clock = Clock()
        self.trainer, _ = start_or_resume(self.store, DOMAIN, None, turn_taking=turns)
        self.live = LiveBot(
            DOMAIN,
            self.store,
            Hello(),
            FixedFormatInterpreter(DOMAIN),
            runner or ActionRunner(DOMAIN),
            on_transitions=self.trainer.submit,
            turn_taking=turns,
            silence=4 * PATIENCE,
            clock=self.clock,
        )
        self.people = Sessions(self.live, clock=self.clock)
        self.attendance = Handoff(self.people, self.trainer)

    def say(self, sender: str = "ann", text: str = "/order") -> tuple[list[str | None], list[str | None]]:
        """Return what is answered, and what came late."""
        heard = self.people.say(sender, text)
        return [one.text for one in heard.messages], [one.text for one in heard.late]

    def take_over(self, sender: str = "ann", teacher: str = "tina") -> str:
        name = next(name for name, person in self.live.conversations.open.items() if person == sender)
        self.attendance.take_over(name, teacher)
        return name

    def decide(self, name: str, action: str = "utter_order", teacher: str = "tina") -> None:
        step, _ = self.attendance.thoughts(name)
        assert self.attendance.decide(name, teacher, action, step) == ()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "store")
    yield made
    made.store.close()


def test_the_bot_proposes_and_the_teacher_decides(desk: Desk) -> None:
    assert desk.say() == (["Hello"], []) and desk.say("bob") == (["Hello"], [])
    name = desk.take_over()
    assert desk.say() == ([], [])
    (ann, bob) = desk.attendance.talks(10)
    assert (ann.person, ann.teacher, ann.waits) == ("ann", "tina", True)
    assert (bob.person, bob.teacher, bob.waits) == ("bob", None, False)
    assert desk.say("bob") == (["Hello"], [])  # nobody else notices
    _, thoughts = desk.attendance.thoughts(name)
    assert {thought.action for thought in thoughts} == set(DOMAIN.actions[1:])
    desk.decide(name)
    assert not desk.live.waits(name)
    with pytest.raises(LiveError, match=f"'{name}': it is the user's turn"):
        desk.decide(name)
    assert desk.say() == ([], ["At once"])  # a front end that only asks gets it with its next message
    desk.attendance.give_back(name, "tina")
    assert desk.say() == (["Hello"], ["Hello"])  # the bot has answered what waited, too
    assert desk.say() == (["Hello"], [])


def test_what_a_teacher_decides_is_a_label_and_an_experience(desk: Desk) -> None:
    desk.say()
    name = desk.take_over()
    desk.say()
    asked = desk.live.conversations.trace(name).conversation.observation()
    desk.decide(name)
    desk.say()
    desk.decide(name, "utter_sorry")
    labels = [entry for entry in desk.store.entries() if entry.kind == LABEL and entry.author == "tina"]
    assert [entry.content["right"] for entry in labels] == [["utter_order"], ["utter_sorry"]]
    assert {entry.content["proposal"] for entry in labels} <= set(DOMAIN.actions)
    desk.trainer.work()
    replay = desk.trainer.learner.replay.arrays()
    assert labels[0].id in replay["entries"]
    assert desk.trainer.taught[asked.tobytes()] == ("utter_order",)
    # Both learners know it after a start: the one of people, and the one of teachers.
    history = History(desk.store.taught())
    assert [label.right for label in history.labels(DOMAIN)] == [("utter_order",), ("utter_sorry",)]
    assert Session(DOMAIN, desk.store, turn_taking="auto").distinct_observations == 2
    learner = desk.trainer.learner
    learner.study(200)
    assert learner.env.action_names[int(learner.actor().values(asked).argmax())] == "utter_order"
    assert start_or_resume(desk.store, DOMAIN, None)[0].taught == desk.trainer.taught


def test_an_answer_to_something_else_is_not_taken(desk: Desk) -> None:
    desk.say()
    name = desk.take_over()
    desk.say()
    step, _ = desk.attendance.thoughts(name)
    desk.say(text="/greet")  # meanwhile
    with pytest.raises(StaleDecision):
        desk.attendance.decide(name, "tina", "utter_order", step)
    step, _ = desk.attendance.thoughts(name)
    with pytest.raises(LiveError, match="tina decides"):
        desk.attendance.decide(name, "bob", "utter_order", step)
    with pytest.raises(LiveError, match="did you mean 'utter_order'"):
        desk.attendance.decide(name, "tina", "uter_order", step)
    with pytest.raises(LiveError, match="bob has not taken over"):
        desk.attendance.give_back(name, "bob")
    desk.attendance.take_over(name, "bob")
    desk.decide(name, teacher="bob")
    with pytest.raises(LiveError, match="'live9' does not go on; did you mean 'live1'"):
        desk.attendance.take_over("live9", "tina")


def test_a_teacher_keeps_a_conversation_through_a_restart(desk: Desk, tmp_path: Path) -> None:
    desk.say()
    name = desk.take_over()
    desk.say()
    desk.decide(name)
    desk.say("bob")
    desk.attendance.give_back(desk.take_over("bob"), "tina")
    desk.store.close()
    again = Desk(tmp_path / "store")
    assert again.live.conversations.teachers == {name: "tina"}
    assert again.say() == ([], ["At once"])
    again.decide(name, "utter_sorry")
    assert again.say(text="/restart") == ([], ["Sorry"])  # a new conversation, which nobody has taken over
    assert again.live.conversations.teachers == {} and again.say() == (["Hello"], [])
    assert again.store.check() == []
    again.store.close()
    desk.store = again.store


def test_who_waits_for_too_long_is_answered_by_the_bot(desk: Desk) -> None:
    desk.say()
    name = desk.take_over()
    desk.clock.now += 5 * PATIENCE / 2  # nobody waits: nothing was asked
    desk.people.expire()
    desk.say()
    desk.clock.now += PATIENCE - 1
    desk.people.expire()
    assert desk.live.conversations.teachers == {name: "tina"}
    desk.clock.now += 2
    desk.people.expire()
    assert desk.live.conversations.teachers == {} and desk.say() == (["Hello"], ["Hello"])
    notes = [entry for entry in desk.store.entries(name) if entry.kind == NOTE]
    assert [(note.content["decides"], note.author) for note in notes] == [("tina", "tina"), (None, "bot")]


def test_time_passes_while_nobody_says_anything(desk: Desk) -> None:
    desk.say()
    desk.take_over()
    desk.say()
    with desk.people.looked_after():
        desk.clock.now += PATIENCE + 1
        until(lambda: desk.live.conversations.teachers == {})
    assert desk.say() == (["Hello"], ["Hello"])


def test_what_a_teacher_says_last_is_heard_in_the_next_conversation(desk: Desk) -> None:
    desk.say()
    name = desk.take_over()
    desk.say()
    desk.decide(name)
    desk.live.leave(name)
    assert desk.say() == (["Hello"], ["At once"]) and desk.say() == (["Hello"], [])


def test_who_was_answered_late_is_given_time(desk: Desk) -> None:
    """Silence counts from what a teacher did last, not from what the person said."""
    desk.say()
    name = desk.take_over()
    desk.clock.now += 3.9 * PATIENCE
    desk.attendance.give_back(name, "tina")
    desk.clock.now += PATIENCE
    desk.people.expire()
    assert name in desk.live.conversations.open
    desk.take_over()
    desk.say()
    desk.clock.now += 0.9 * PATIENCE
    desk.decide(name)
    desk.clock.now += 3.5 * PATIENCE
    desk.people.expire()
    assert name in desk.live.conversations.open
    desk.clock.now += PATIENCE
    desk.people.expire()
    assert desk.live.conversations.open == {}


def test_what_was_said_at_the_start_reaches_who_only_asks(desk: Desk) -> None:
    """The process was killed between their message and the answer."""
    name = desk.live.begin("ann")
    last = list(desk.store.entries(name))[-1].id
    message = FixedFormatInterpreter(DOMAIN).parse("/order").message
    desk.live.conversations.trace(name).take(desk.store.append(name, USER, to_json(message), last, "person"))
    desk.live.go_on(name)
    people = Sessions(desk.live, clock=desk.clock)
    assert [one.text for one in people.say("ann", "/order").late] == ["Hello"]


def test_few_conversations_all_stay_at_hand(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "AT_HAND", 4)
    traces = {
        name: desk.live.conversations.trace(name)
        for name in [desk.live.begin(f"guest {one}") for one in range(3)]
    }
    assert all(desk.live.conversations.trace(name) is trace for name, trace in traces.items())
    for name in ("one more", "another"):
        desk.live.begin(name)
    desk.live.conversations.trace("live5")
    assert desk.live.conversations.trace("live1") is not traces["live1"]


def test_a_teacher_goes_on_after_an_action_that_was_killed(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "store", turns="explicit")
    desk.people.live.begin("ann")
    desk.people = Sessions(desk.live, clock=desk.clock)
    desk.attendance = Handoff(desk.people, desk.trainer)
    name = desk.take_over()
    assert desk.say() == ([], [])
    last = list(desk.store.entries(name))[-1].id
    content = {"action": "utter_sorry", "right": ["utter_sorry"], "by": "person"}
    desk.live.conversations.trace(name).take(desk.store.append(name, LABEL, content, last, "tina"))
    desk.decide(name)
    desk.decide(name, "action_listen")
    kinds = [entry.kind for entry in desk.store.entries(name)]
    assert kinds[-6:] == [LABEL, RESULT] * 3 and desk.store.check() == []
    assert desk.say() == ([], ["At once"])
    desk.store.close()


def test_a_decision_that_cannot_be_written_down_is_none(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.say()
    name = desk.take_over()
    desk.say()
    with monkeypatch.context() as full:
        full.setattr(Store, "append_all", _refuse)
        with pytest.raises(StoreError):
            desk.decide(name)
    assert desk.live.waits(name)
    desk.decide(name)
    assert desk.say() == ([], ["At once"])


def _refuse(*_: Any) -> Any:
    raise StoreError("the disk is full")


def test_what_is_taught_beside_it_is_learned(desk: Desk) -> None:
    """And what is taken back is not known any more."""
    session = Session(DOMAIN, desk.store, turn_taking="auto")
    message = FixedFormatInterpreter(DOMAIN).parse("/order").message
    session.say(message)
    session.correct("utter_sorry")
    desk.attendance.sync(session.history, dataclasses.replace(session.domain, name="another"))
    assert desk.trainer.taught == {}  # of a domain that this bot does not have
    desk.attendance.sync(session.history, session.domain)
    assert list(desk.trainer.taught.values()) == [("utter_sorry",)]
    desk.say()
    name = desk.take_over()
    desk.say(text="/greet")
    desk.decide(name)
    session.undo()
    desk.attendance.sync(session.history, session.domain)  # which does not know of the decision yet
    assert list(desk.trainer.taught.values()) == [("utter_order",)]
    desk.store.forget(name)
    desk.attendance = Handoff(desk.people, desk.trainer)
    desk.attendance.sync(session.history, session.domain)
    desk.trainer.work()
    assert desk.trainer.taught == {} and desk.trainer.learner._labels is None


@pytest.mark.parametrize("is_attended", [True, False])
def test_ratings_of_strangers_are_approved_or_dropped(desk: Desk, is_attended: bool) -> None:
    desk.say()
    desk.say()
    desk.people.rate("ann", -1)
    (rating,) = desk.people.waiting()
    approval = desk.people if is_attended else JournalModeration(desk.store)
    approval.decline(rating.id)
    assert approval.waiting() == []
    with pytest.raises(LiveError, match=f"no rating {rating.id} waits"):
        approval.approve(rating.id)
    assert History(desk.store.entries()).rating(rating.content["about"]) is None
    desk.people.rate("ann", 0.5)
    (rating,) = approval.waiting()
    approval.approve(rating.id)
    assert History(desk.store.entries()).rating(rating.content["about"]) == 0.5
    approval.give(rating.conversation, rating.content["about"], 1.0, "tina")
    assert desk.store.ratings()[-1].author == "tina"


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


def test_others_go_on_while_an_action_takes_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And in that conversation one thing is done after the other."""
    monkeypatch.setattr(register, "AT_HAND", 1)
    slow = Slow()
    desk = Desk(tmp_path / "store", slow)
    desk.say()
    desk.say("bob")
    name = desk.take_over()
    desk.say()
    with ThreadPoolExecutor(4) as threads:
        decided = threads.submit(desk.decide, name)
        assert slow.begun.acquire(timeout=60)
        assert desk.say("bob") == (["Hello"], [])
        assert desk.say("new") == (["Hello"], [])
        ann = desk.attendance.talk(name)
        assert ann is not None and ann.is_busy and not ann.waits
        assert desk.people.look("ann").waits == "bot"
        with pytest.raises(Rejected, match="your last message is still being answered"):
            desk.say()
        desk.clock.now += 10 * PATIENCE  # the others have left, but not who waits for the action
        desk.people.expire()
        assert set(desk.live.conversations.open) == {name}
        for number in range(2):  # more than are kept at hand, but what is under way stays
            desk.say(f"guest {number}")
        desk.attendance.thoughts(name)
        step = next(desk.store.entries(name)).id
        others = [
            threads.submit(desk.attendance.take_over, name, "bob"),
            threads.submit(desk.attendance.decide, name, "tina", "utter_sorry", step),
            threads.submit(desk.attendance.give_back, name, "tina"),
        ]
        time.sleep(0.2)
        assert not any(other.done() for other in (*others, decided))
        slow.may_end.release()
        decided.result(60)
        others[0].result(60)
        assert isinstance(others[1].exception(60), StaleDecision)
        assert isinstance(others[2].exception(60), (LiveError, type(None)))  # whoever was first
    assert desk.say() == ([], ["At once"]) and desk.live.conversations.teachers == {name: "bob"}
    entries = list(desk.store.entries(name))
    after = next(entry for entry in entries if entry.content.get("action") == "utter_order")
    assert entries[entries.index(after) + 1].kind == RESULT  # nothing came between
    assert desk.store.check() == []
    seen = {
        one.entry
        for _, found in unlearned(desk.store, DOMAIN, desk.live.conversations.reward, 0)
        for one in found
    }
    desk.trainer.work()
    assert set(desk.trainer.learner.replay.arrays()["entries"].tolist()) == seen
    desk.store.close()
