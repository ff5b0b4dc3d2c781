"""Messages and answers that other processes have written: each reaches its person once."""

from __future__ import annotations

import pytest

from dialogue_gym.conversation.events import to_json
from dialogue_gym.domain.additions import ACTION, Addition, extend
from dialogue_gym.journal.entry import USER, StoreError
from dialogue_gym.journal.place import DatabaseUrl
from dialogue_gym.live.waits import finish
from dialogue_gym.live.worker import LateMessages, each_second
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from dialogue_gym.stories.rulebook import RuleBook
from tests.live.handoffs import DOMAIN
from tests.live.learning import until
from tests.live.test_leases import Worker


def test_teachers_messages_are_found_by_other_processes_once(database: DatabaseUrl) -> None:
    here, there = Worker(database), Worker(database)
    heard: list[tuple[str, list[str | None]]] = []
    late = LateMessages(here.sessions, lambda who, said: heard.append((who, [one.text for one in said])))

    def look() -> list[tuple[str, list[str | None]]]:
        here.sessions.expire()  # which finds out about the conversations of others
        late.look()
        found, heard[:] = list(heard), []
        return found

    try:
        assert here.say() == ["Hello"] and look() == []
        (name,) = here.bot.conversations.open
        there.sessions.expire()
        manager = there.sessions.manager
        there.sessions.do(name, lambda: manager.take_over(name, "tina"))
        assert here.say() == [] and look() == []
        there.sessions.do(name, lambda: manager.say(name, "tina", "One moment."))
        assert look() == [("ann", ["One moment."])] and look() == []
        assert here.say() == [] and look() == [], "they came with the answer"
        there.sessions.do(name, lambda: manager.give_back(name, "tina"))
        assert look() == [("ann", ["Hello"])] and look() == []
    finally:
        here.store.close()
        there.store.close()


def test_an_answer_is_sent_on_by_its_process_as_long_as_that_runs(database: DatabaseUrl) -> None:
    here, there = Worker(database), Worker(database)
    try:
        first = here.sessions.reply("ann", "/greet", key="m1")
        again = [one.sessions.reply("ann", "/greet", key="m1") for one in (here, there)]
        assert [one.messages for one in again] == [first.messages] * 2
        assert [(one.is_repeated, one.is_elsewhere) for one in again] == [(True, False), (True, True)]
        here.store.close()
        until(lambda: not there.sessions.reply("ann", "/greet", key="m1").is_elsewhere)
    finally:
        here.store.close()
        there.store.close()


def test_a_teacher_elsewhere_finds_out_that_somebody_waits(database: DatabaseUrl) -> None:
    here, there = Worker(database), Worker(database)

    def look_around() -> None:
        finish(there.bot.conversations.look_around(), there.sessions.lock)

    try:
        here.say()
        look_around()
        (name,) = there.bot.conversations.open
        there.sessions.do(name, lambda: there.sessions.manager.take_over(name, "tina"))
        assert not there.bot.awaits_teacher(name)
        assert here.say() == []
        look_around()
        assert there.bot.awaits_teacher(name)
    finally:
        here.store.close()
        there.store.close()


def test_the_rest_of_a_turn_is_told_with_the_next_answer_of_any_process(database: DatabaseUrl) -> None:
    """One process was killed between a message and its answer, and another one has gone on."""
    here, there = Worker(database), Worker(database)
    try:
        here.say()
        (name,) = here.bot.conversations.open
        message = FixedFormatInterpreter(DOMAIN).parse("/order").message
        last = here.store.last_id()
        here.store.append(name, USER, to_json(message), last, "person")
        finish(there.sessions._pick_up("ann"), there.sessions.lock)
        for worker, late in ((here, ["Hello"]), (there, []), (here, [])):
            reply = worker.sessions.reply("ann", "/greet")
            assert [one.text for one in reply.messages] == ["Hello"]
            assert [one.text for one in reply.late] == late
    finally:
        here.store.close()
        there.store.close()


def test_a_process_that_lacks_an_addition_goes_on_once_it_has_taken_that_over(database: DatabaseUrl) -> None:
    """Until then the person is to come back, and nothing is decided by a part of the conversation."""
    grown = extend(DOMAIN, [Addition(ACTION, "utter_soon", ("Soon",))])
    here, there = Worker(database), Worker(database)
    there.bot.use_domain(grown, RuleBook(grown))
    heard: list[tuple[str, list[str | None]]] = []
    late = LateMessages(here.sessions, lambda who, said: heard.append((who, [one.text for one in said])))
    looks: list[str] = []

    def look() -> None:
        looks.append("begins")
        late.look()
        looks.append("ends")

    try:
        here.say()
        there.sessions.expire()
        manager, (name,) = there.sessions.manager, here.bot.conversations.open
        there.sessions.do(name, lambda: manager.take_over(name, "tina"))
        assert here.say() == []
        late.look()
        there.sessions.do(name, lambda: manager.decide(name, "tina", "utter_soon", 0, "utter_hello"))
        with each_second(look):
            until(lambda: looks.count("begins") > 1)
            assert "ends" not in looks and not heard
            for _ in range(2):
                with pytest.raises(StoreError, match="another process has added more"):
                    here.say()
            with here.sessions.lock:
                here.bot.use_domain(grown, RuleBook(grown))
            until(lambda: heard == [("ann", ["Soon"])])
        assert [one.text for one in here.sessions.reply("ann", "/greet").late] == ["Soon"]
    finally:
        here.store.close()
        there.store.close()
