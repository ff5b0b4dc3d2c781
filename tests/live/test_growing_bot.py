"""A running bot takes on additions, edits and undos of teachers, without a restart."""

from __future__ import annotations

import numpy as np

from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.domain.additions import ACTION, INTENT, RESPONSE, SLOT, TYPE, VALUES, Addition
from dialogue_gym.journal.history import History
from dialogue_gym.live.holds import Hold
from dialogue_gym.live.startup import start_or_resume
from dialogue_gym.teaching.session import Session
from tests.live.handoffs import DOMAIN, Setup
from tests.live.learning import until


def slots(setup: Setup, sender: str = "ann") -> dict[str, object]:
    return setup.sessions.snapshot(sender, is_trusted=True).slots


def taught(setup: Setup, *additions: Addition) -> Session:
    session = Session(DOMAIN, setup.store, author="tina")
    for addition in additions:
        session.add(addition)
    setup.handoff.sync(session.history, session.domain)
    return session


def test_everything_that_is_added_is_there_at_once(setup: Setup) -> None:
    assert setup.say("ann", "/greet") == (["Hello"], [])
    taught(
        setup,
        Addition(SLOT, "size", type="categorical", values=("big", "small")),
        Addition(INTENT, "thank"),
        Addition(ACTION, "utter_bye", ("Bye, {size}",)),
        Addition(RESPONSE, "utter_hello", ("Good day",), was=("Hello",)),
    )
    assert setup.say("ann", '/thank{"size": "big"}') == (["Good day"], [])
    assert slots(setup) == {"size": "big"}
    name = setup.take_over()
    setup.say("ann", "/thank")
    setup.decide(name, "utter_bye")
    assert setup.sessions.snapshot("ann", is_trusted=True).events[-1].text == "Bye, big"  # type: ignore[union-attr]


def test_transitions_that_wait_are_learned_in_the_grown_domain(setup: Setup) -> None:
    for _ in range(3):
        setup.say("ann", "/greet")
    taught(setup, Addition(SLOT, "size"))
    setup.say("ann", '/order{"size": "big"}')
    setup.say("ann", "/greet")
    setup.trainer.work()
    replay = setup.trainer.learner.replay.arrays()
    setup.trainer.checkpoint()
    again, _ = start_or_resume(setup.store, setup.bot.domain, None)
    assert len(replay["entries"]) == 4 == setup.trainer.learner.transitions
    for name, column in again.learner.replay.arrays().items():
        np.testing.assert_array_equal(column, replay[name])


def test_the_domain_grows_while_the_thread_begins_with_a_turn(setup: Setup) -> None:
    """It has taken the turn from the queue, and comes too late to learn it by the domain as it was."""
    setup.say("ann", "/greet")
    trainer = setup.trainer
    trainer.start()
    with trainer._learning:
        setup.say("ann", "/greet")
        until(lambda: not trainer.backlog)
        taught(setup, Addition(SLOT, "size"))
    setup.say("ann", '/order{"size": "big"}')
    until(lambda: trainer.last_entry == setup.store.last_id())
    trainer.stop()
    assert trainer.learner.transitions == len(trainer.learner.replay) == 2


def test_an_edited_slot_and_an_undone_action_do_not_stop_the_next_start(setup: Setup) -> None:
    session = taught(setup, Addition(SLOT, "size"))
    setup.say("ann", '/order{"size": "big"}')
    setup.say("ann", "/greet")
    session.say(UserUttered("Hello", "greet"))
    session.correct("utter_bye", [Addition(ACTION, "utter_bye", ("Bye",))])
    setup.handoff.sync(session.history, session.domain)
    name = setup.take_over()
    setup.say("ann", "/greet")
    setup.decide(name, "utter_bye")
    setup.handoff.give_back(name, "tina")
    setup.say("ann", "/greet")
    session.correct("utter_oh", [Addition(ACTION, "utter_oh", ("Oh",))])
    setup.handoff.sync(session.history, session.domain)
    setup.trainer.checkpoint()  # it knows the action that is undone now
    session.undo()
    assert "utter_oh" not in session.domain.actions
    session.add(Addition(TYPE, "size", ("categorical",), was=("text",)))
    session.add(Addition(VALUES, "size", ("small",)))
    setup.handoff.sync(session.history, session.domain)
    assert setup.say("ann", "/greet") == (["Hello"], []) and slots(setup) == {"size": "big"}
    assert setup.bot.domain == session.domain
    setup.trainer.work()
    setup.trainer.checkpoint()
    session.add(Addition(TYPE, "size", ("unfeaturized",), was=("categorical",)))
    domain = History(setup.store.taught()).extended(DOMAIN)
    again, _ = start_or_resume(setup.store, domain, None)
    assert again.learner.transitions == setup.trainer.learner.transitions


def test_growth_waits_for_an_action_that_is_under_way(setup: Setup) -> None:
    setup.say("ann", "/greet")
    setup.bot.conversations.holds.by_person["ann"] = Hold(is_acting=True)
    taught(setup, Addition(INTENT, "thank"))
    assert "thank" not in setup.bot.domain.intents
    setup.bot.conversations.holds.by_person.clear()
    assert setup.say("bob", "/greet") == (["Hello"], []) and "thank" in setup.bot.domain.intents
