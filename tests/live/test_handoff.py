"""Teachers who take over the conversations of people: the bot proposes, they decide, and it learns."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from dialogue_gym.conversation.events import to_json
from dialogue_gym.domain.model import Response
from dialogue_gym.journal.entry import LABEL, NOTE, RESULT, USER, StoreError
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.live import conversations as conversations_module
from dialogue_gym.live.bot import PATIENCE
from dialogue_gym.live.handoff import Handoff, StaleDecision
from dialogue_gym.live.moderation import JournalModeration
from dialogue_gym.live.sessions import Sessions
from dialogue_gym.live.startup import start_or_resume
from dialogue_gym.live.turn import LiveError
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from dialogue_gym.stories import parse
from dialogue_gym.stories.rulebook import RuleBook
from dialogue_gym.teaching.session import Session
from tests.live.handoffs import DOMAIN, Setup
from tests.live.learning import until


def test_the_bot_proposes_and_the_teacher_decides(setup: Setup) -> None:
    assert setup.say() == (["Hello"], []) and setup.say("bob") == (["Hello"], [])
    name = setup.take_over()
    assert setup.say() == ([], [])
    (ann, bob) = setup.handoff.open(10)
    assert (ann.person, ann.teacher, ann.waits) == ("ann", "tina", True)
    assert (bob.person, bob.teacher, bob.waits) == ("bob", None, False)
    assert setup.say("bob") == (["Hello"], [])  # nobody else notices
    _, proposals = setup.handoff.proposals(name)
    assert {proposal.action for proposal in proposals} == set(DOMAIN.actions[1:])
    setup.decide(name)
    assert not setup.bot.awaits_teacher(name)
    with pytest.raises(LiveError, match=f"'{name}': it is the user's turn"):
        setup.decide(name)
    assert setup.say() == ([], ["At once"])  # a front end that only asks gets it with its next message
    setup.handoff.give_back(name, "tina")
    assert setup.say() == (["Hello"], ["Hello"])  # the bot has answered the waiting message, too
    assert setup.say() == (["Hello"], [])


def test_teachers_decision_is_a_label_and_a_transition(setup: Setup) -> None:
    setup.say()
    name = setup.take_over()
    setup.say()
    asked = setup.bot.conversations.trace(name).conversation.observation()
    setup.decide(name)
    setup.say()
    setup.decide(name, "utter_sorry")
    labels = [entry for entry in setup.store.entries() if entry.kind == LABEL and entry.author == "tina"]
    assert [entry.content["right"] for entry in labels] == [["utter_order"], ["utter_sorry"]]
    assert {entry.content["proposal"] for entry in labels} <= set(DOMAIN.actions)
    setup.trainer.work()
    replay = setup.trainer.learner.replay.arrays()
    assert labels[0].id in replay["entries"]
    assert setup.trainer.taught[asked.tobytes()] == ("utter_order",)
    # Both learners know it after a start: the one of people, and the one of teachers.
    history = History(setup.store.taught())
    assert [label.right for label in history.labels(DOMAIN)] == [("utter_order",), ("utter_sorry",)]
    assert Session(DOMAIN, setup.store, turn_taking="auto").distinct_observations == 2
    learner = setup.trainer.learner
    learner.study(200)
    assert learner.env.action_names[int(learner.actor().outputs(asked).argmax())] == "utter_order"
    assert start_or_resume(setup.store, DOMAIN, None)[0].taught == setup.trainer.taught


def test_a_decision_against_a_rule_is_told(setup: Setup) -> None:
    rule = "rules:\n- rule: Order\n  steps: [{intent: order}, {action: utter_order}]\n"
    setup.say()
    name = setup.take_over()
    setup.bot.manager.rules = RuleBook(DOMAIN, parse(rule, "rules.yml", "yaml"))
    setup.say()
    step, _ = setup.handoff.proposals(name)
    assert setup.handoff.decide(name, "tina", "utter_sorry", step) == (
        "the rule 'Order' says utter_order here and still holds: to teach utter_sorry, change the rule",
    )
    setup.say()
    setup.decide(name, "utter_order")


def test_conversations_without_words_are_not_shown(setup: Setup) -> None:
    setup.say()
    setup.say("bob")
    (ann, bob) = setup.handoff.open(10)
    assert ann.last_words == bob.last_words == "Hello"
    setup.sessions.reply("ann", "/restart")
    assert [talk.person for talk in setup.handoff.open(10)] == ["bob"]
    setup.say()
    assert len(setup.handoff.open(10)) == 2 and len(setup.handoff.open(1)) == 1


def test_stale_decision_is_refused(setup: Setup) -> None:
    setup.say()
    name = setup.take_over()
    setup.say()
    step, _ = setup.handoff.proposals(name)
    setup.say(text="/greet")  # meanwhile
    with pytest.raises(StaleDecision):
        setup.handoff.decide(name, "tina", "utter_order", step)
    step, _ = setup.handoff.proposals(name)
    with pytest.raises(LiveError, match="tina decides"):
        setup.handoff.decide(name, "bob", "utter_order", step)
    with pytest.raises(LiveError, match="did you mean 'utter_order'"):
        setup.handoff.decide(name, "tina", "uter_order", step)
    with pytest.raises(LiveError, match="bob has not taken over"):
        setup.handoff.give_back(name, "bob")
    setup.handoff.take_over(name, "bob")
    setup.decide(name, teacher="bob")
    with pytest.raises(LiveError, match="'live9' is not open; did you mean 'live1'"):
        setup.handoff.take_over("live9", "tina")


def test_a_teacher_keeps_a_conversation_through_a_restart(setup: Setup, tmp_path: Path) -> None:
    setup.say()
    name = setup.take_over()
    setup.say()
    setup.decide(name)
    setup.say("bob")
    setup.handoff.give_back(setup.take_over("bob"), "tina")
    setup.store.close()
    again = Setup(tmp_path / "store")
    assert again.bot.conversations.teachers == {name: "tina"}
    assert again.say() == ([], ["At once"])
    again.decide(name, "utter_sorry")
    assert again.say(text="/restart") == ([], ["Sorry"])  # a new conversation, which nobody has taken over
    assert again.bot.conversations.teachers == {} and again.say() == (["Hello"], [])
    assert again.store.check() == []
    again.store.close()
    setup.store = again.store


def test_bot_answers_after_too_long_a_wait(setup: Setup) -> None:
    setup.say()
    name = setup.take_over()
    setup.clock.now += 5 * PATIENCE / 2  # nobody waits: nothing was asked
    setup.sessions.expire()
    setup.say()
    setup.clock.now += PATIENCE - 1
    setup.sessions.expire()
    assert setup.bot.conversations.teachers == {name: "tina"}
    setup.clock.now += 2
    setup.sessions.expire()
    assert setup.bot.conversations.teachers == {} and setup.say() == (["Hello"], ["Hello"])
    notes = [entry for entry in setup.store.entries(name) if entry.kind == NOTE]
    assert [(note.content["decides"], note.author) for note in notes] == [("tina", "tina"), (None, "bot")]


def test_handoff_expires_without_messages(setup: Setup) -> None:
    setup.say()
    setup.take_over()
    setup.say()
    with setup.sessions.expiring():
        setup.clock.now += PATIENCE + 1
        until(lambda: setup.bot.conversations.teachers == {})
    assert setup.say() == (["Hello"], ["Hello"])


def test_teachers_last_message_comes_with_the_next_conversation(setup: Setup) -> None:
    setup.say()
    name = setup.take_over()
    setup.say()
    setup.decide(name)
    setup.bot.leave(name)
    assert setup.say() == (["Hello"], ["At once"]) and setup.say() == (["Hello"], [])


def test_the_answer_to_a_command_is_not_late_and_ends_what_was(tmp_path: Path) -> None:
    """A teacher's messages are told with it, and none of them again."""
    responses = (Response("utter_back", ("Back!",)), Response("utter_restart", ("Anew!",)))
    setup = Setup(tmp_path, domain=dataclasses.replace(DOMAIN, responses=(*DOMAIN.responses, *responses)))
    told: list[list[str | None]] = []
    setup.bot.conversations.on_late = lambda person, late: told.append([one.text for one in late])
    setup.say()
    for command, answer in (("/back", "Back!"), ("/restart", "Anew!")):
        name = setup.take_over()
        setup.say()
        setup.handoff.say(name, "tina", "A moment", setup.handoff.proposals(name)[0])
        assert told == [["A moment"]]
        setup.handoff.give_back(name, "tina")
        assert setup.say(text=command) == ([answer], ["A moment"])
        assert setup.say() == (["Hello"], []) and told == [["A moment"]]
        told.clear()
    setup.store.close()


def test_silence_counts_from_a_late_answer(setup: Setup) -> None:
    """Silence counts from the teacher's last action, not from the person's message."""
    setup.say()
    name = setup.take_over()
    setup.clock.now += 3.9 * PATIENCE
    setup.handoff.give_back(name, "tina")
    setup.clock.now += PATIENCE
    setup.sessions.expire()
    assert name in setup.bot.conversations.open
    setup.take_over()
    setup.say()
    setup.clock.now += 0.9 * PATIENCE
    setup.decide(name)
    setup.clock.now += 3.5 * PATIENCE
    setup.sessions.expire()
    assert name in setup.bot.conversations.open
    setup.clock.now += PATIENCE
    setup.sessions.expire()
    assert setup.bot.conversations.open == {}


def test_answer_after_a_restart_reaches_polling_front_ends(setup: Setup) -> None:
    """The process was killed between their message and the answer."""
    name = setup.bot.begin("ann")
    last = list(setup.store.entries(name))[-1].id
    message = FixedFormatInterpreter(DOMAIN).parse("/order").message
    setup.bot.conversations.trace(name).take(setup.store.append(name, USER, to_json(message), last, "person"))
    setup.bot.resume(name)
    sessions = Sessions(setup.bot, clock=setup.clock)
    assert [one.text for one in sessions.reply("ann", "/order").late] == ["Hello"]


def test_few_conversations_stay_in_memory(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations_module, "AT_HAND", 4)
    traces = {
        name: setup.bot.conversations.trace(name)
        for name in [setup.bot.begin(f"guest {one}") for one in range(3)]
    }
    assert all(setup.bot.conversations.trace(name) is trace for name, trace in traces.items())
    for name in ("one more", "another"):
        setup.bot.begin(name)
    setup.bot.conversations.trace("live5")
    assert setup.bot.conversations.trace("live1") is not traces["live1"]


def test_teacher_continues_after_a_killed_action(tmp_path: Path) -> None:
    setup = Setup(tmp_path / "store", turns="explicit")
    setup.sessions.bot.begin("ann")
    setup.sessions = Sessions(setup.bot, clock=setup.clock)
    setup.handoff = Handoff(setup.sessions, setup.trainer)
    name = setup.take_over()
    assert setup.say() == ([], [])
    last = list(setup.store.entries(name))[-1].id
    content = {"action": "utter_sorry", "right": ["utter_sorry"], "by": "person"}
    setup.bot.conversations.trace(name).take(setup.store.append(name, LABEL, content, last, "tina"))
    setup.decide(name)
    setup.decide(name, "action_listen")
    kinds = [entry.kind for entry in setup.store.entries(name)]
    assert kinds[-6:] == [LABEL, RESULT] * 3 and setup.store.check() == []
    assert setup.say() == ([], ["At once"])
    setup.store.close()


def test_unwritten_decision_has_no_effect(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    setup.say()
    name = setup.take_over()
    setup.say()
    with monkeypatch.context() as full:
        full.setattr(Store, "submit", _refuse)
        with pytest.raises(StoreError):
            setup.decide(name)
    assert setup.bot.awaits_teacher(name)
    setup.decide(name)
    assert setup.say() == ([], ["At once"])


def _refuse(*_: Any) -> Any:
    raise StoreError("the disk is full")


def test_labels_of_a_teaching_session_are_learned(setup: Setup) -> None:
    """And labels that are taken back are forgotten."""
    session = Session(DOMAIN, setup.store, turn_taking="auto")
    message = FixedFormatInterpreter(DOMAIN).parse("/order").message
    session.say(message)
    session.correct("utter_sorry")
    setup.handoff.sync(session.history, session.domain)
    assert list(setup.trainer.taught.values()) == [("utter_sorry",)]
    setup.say()
    name = setup.take_over()
    setup.say(text="/greet")
    setup.decide(name)
    session.undo()
    setup.handoff.sync(session.history, session.domain)  # which does not know of the decision yet
    assert list(setup.trainer.taught.values()) == [("utter_order",)]
    setup.store.forget(name)
    setup.handoff = Handoff(setup.sessions, setup.trainer)
    setup.handoff.sync(session.history, session.domain)
    setup.trainer.work()
    assert setup.trainer.taught == {} and setup.trainer.learner._labels is None


@pytest.mark.parametrize("is_attended", [True, False])
def test_untrusted_ratings_are_approved_or_dropped(setup: Setup, is_attended: bool) -> None:
    setup.say()
    setup.say()
    setup.sessions.rate("ann", -1)
    (rating,) = setup.sessions.moderation.waiting()
    approval = setup.sessions.moderation if is_attended else JournalModeration(setup.store)
    approval.decline(rating.id)
    assert approval.waiting() == []
    with pytest.raises(LiveError, match=f"no rating {rating.id} waits"):
        approval.approve(rating.id)
    assert History(setup.store.entries()).rating(rating.content["about"]) is None
    setup.sessions.rate("ann", 0.5)
    (rating,) = approval.waiting()
    approval.approve(rating.id)
    assert History(setup.store.entries()).rating(rating.content["about"]) == 0.5
    approval.give(rating.conversation, rating.content["about"], 1.0, "tina")
    assert setup.store.ratings()[-1].author == "tina"
