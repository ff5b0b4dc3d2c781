"""Teachers' own words to people: an answer, a message to rate, and an action later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dialogue_gym.domain import DomainError
from dialogue_gym.journal.entry import LABEL, StoreError
from dialogue_gym.journal.history import History
from dialogue_gym.live.handoff import StaleDecision
from dialogue_gym.live.startup import start_or_resume
from dialogue_gym.live.turn import LiveError
from dialogue_gym.teaching.own_words import name_words, unnamed
from dialogue_gym.web.listing import ratings
from dialogue_gym.web.talk_page import _messages
from tests.live.handoffs import DOMAIN, Setup


@pytest.mark.parametrize("turns", ["auto", "explicit"])
def test_teacher_answers_in_own_words(tmp_path: Path, turns: str) -> None:
    setup = Setup(tmp_path / "store", turns=turns)
    handoff, words = setup.handoff, "Let me see."
    setup.sessions.reply("ann", "/greet")
    name = setup.take_over()
    assert setup.say() == ([], [])
    step, _ = handoff.proposals(name)
    for teacher, text, fault in (("tom", words, "tina"), ("tina", " ", "the message is empty")):
        with pytest.raises(LiveError, match=fault):
            handoff.say(name, teacher, text, step)
    assert handoff.say(name, "tina", f" {words} ", step) == ()
    with pytest.raises(StaleDecision):
        handoff.say(name, "tina", words, step)
    assert not setup.bot.awaits_teacher(name)
    (shown,) = handoff.open(10)
    assert (shown.last_words, shown.is_from_person, shown.waits) == (words, False, False)
    assert setup.say() == ([], [words])
    step, _ = handoff.proposals(name)
    handoff.say(name, "tina", "At once", step)  # the one text of an action
    (*_, label) = (entry for entry in setup.store.entries() if entry.kind == LABEL)
    assert (label.content["right"], label.author) == (["utter_order"], "tina")
    events = setup.bot.conversations.trace(name).conversation.events
    setup.store.close()
    again = Setup(tmp_path / "store", turns=turns)
    assert again.bot.conversations.trace(name).conversation.events == events
    assert again.bot.awaits_teacher(name) == (turns == "explicit")  # they have not listened yet
    again.store.close()


def test_own_words_become_an_action(setup: Setup) -> None:
    setup.say()
    name = setup.take_over()
    situations = []
    for text, words in (("/greet", "Let me see."), ("/order", "Sorry, sorry")):
        setup.say(text=text)
        situations.append(setup.bot.conversations.trace(name).conversation.observation().tobytes())
        setup.handoff.say(name, "tina", words, setup.handoff.proposals(name)[0])

    def history() -> History:
        return History(setup.store.entries())

    look, sorry = unnamed(history(), setup.store)
    assert (look.conversation, look.text, look.writer) == (name, "Let me see.", "tina")
    for action, entry, error in (("action_listen", look.entry, DomainError), ("utter_look", 1, StoreError)):
        with pytest.raises(error):
            name_words(setup.store, history(), DOMAIN, entry, action, "tom")
    fork = name_words(setup.store, history(), DOMAIN, look.entry, "utter_look", "tom")
    assert [one.entry for one in unnamed(history(), setup.store)] == [sorry.entry]
    domain = history().extended(DOMAIN)
    assert domain.texts("utter_look") == ("Let me see.",) and domain.actions[:-1] == DOMAIN.actions
    name_words(setup.store, history(), domain, sorry.entry, "utter_sorry", "tom")
    assert unnamed(history(), setup.store) == [] and history().extended(DOMAIN) == domain
    right = {label.key: label.right for label in history().labels(domain)}
    assert [right[situation] for situation in situations] == [("utter_look",), ("utter_sorry",)]
    assert history().has_ended(fork)
    assert setup.store.check() == []
    setup.say()  # with the person all goes on as before
    trainer, _ = start_or_resume(setup.store, domain, None)
    assert right == trainer.taught


def test_own_words_are_rated_like_any_reply(setup: Setup) -> None:
    setup.say()
    name = setup.take_over()
    setup.say()
    setup.handoff.say(name, "tina", "Let me see.", setup.handoff.proposals(name)[0])
    (said,) = setup.bot.conversations.trace(name).own_words

    def page() -> list[tuple[Any, Any, Any]]:
        news = _messages(setup.sessions.snapshot("ann"))
        return [(one["text"], one["about"], one["rating"]) for one in news if one["who"] == "bot"]

    (hello, decision, _), own = page()
    assert (hello, own) == ("Hello", ("Let me see.", said, None)) and decision not in (None, said)
    before = setup.trainer.learner.replay.arrays()["rewards"].tolist()
    setup.sessions.rate("ann", -1)  # the last reply is meant
    (rating,) = setup.sessions.moderation.waiting()
    history = History(setup.store.entries())
    assert rating.content["about"] == said
    assert [one["about"] for one in ratings(history, [rating])] == ["Let me see."]
    setup.sessions.moderation.approve(rating.id)
    setup.trainer.work()
    assert [rating for _, _, rating in page()] == [None, -1.0]
    assert History(setup.store.entries()).rating(said) == -1
    setup.sessions.rate("ann", 1, decision)
    setup.say()
    setup.decide(name)
    assert [rating for _, _, rating in page()] == [1.0, -1.0, None]
    assert setup.trainer.learner.replay.arrays()["rewards"].tolist()[: len(before)] == before
    setup.store.close()
    again = Setup(setup.store.folder)
    assert again.bot.conversations.trace(name).own_words == [said]
    setup.store = again.store
