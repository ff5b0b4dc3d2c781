"""Senders who talk to a bot: their limits, and the effect of their ratings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dialogue_gym.actions import ActionRunner
from dialogue_gym.journal.entry import LIVE, RATING, USER
from dialogue_gym.journal.store import Store
from dialogue_gym.live import conversations as conversations_module
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.conversations import Conversations
from dialogue_gym.live.decision import LiveDecision
from dialogue_gym.live.rate_limit import Limits
from dialogue_gym.live.request_limits import Rejected
from dialogue_gym.live.sessions import APOLOGY, Sessions
from dialogue_gym.live.startup import start_or_resume
from dialogue_gym.live.trace import Trace
from dialogue_gym.live.turn import LiveError
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from tests.conftest import domain_from

DOMAIN = domain_from("""
intents: [greet, tell]
entities: [who]
slots: {who: {type: text, mappings: [{type: from_entity, entity: who}]}}
responses: {utter_hello: [{text: "Hello {who}"}]}
actions: [utter_hello]
""")


class Clock:
    """A clock that tests set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Hello:
    """Decides for the one action that speaks."""

    def decide(self, observation: npt.NDArray[Any], possible: npt.NDArray[np.bool_]) -> LiveDecision:
        return LiveDecision("utter_hello")


class Bot:
    """People who talk to a bot that is kept in a folder."""

    def __init__(self, folder: Path, limits: Limits | None = None, **options: Any) -> None:
        self.store = Store(folder)
        self.clock = Clock()
        self.trainer, _ = start_or_resume(self.store, DOMAIN, None)
        self.bot = LiveBot(
            DOMAIN, self.store, Hello(), FixedFormatInterpreter(DOMAIN), ActionRunner(DOMAIN),
            on_transitions=self.trainer.submit,            silence=1000, clock=self.clock,
        )  # fmt: skip
        self.sessions = Sessions(self.bot, limits, clock=self.clock, **options)

    def say(self, sender: str, text: str = "/greet") -> list[str | None]:
        return [message.text for message in self.sessions.reply(sender, text).messages]

    def refused(self, *said: str) -> Rejected:
        with pytest.raises(Rejected) as caught:
            self.sessions.reply(*said)
        assert "\n" not in str(caught.value)
        return caught.value

    def learned(self) -> list[tuple[int, float]]:
        """Return the entries and rewards of the learned transitions."""
        self.trainer.work()
        arrays = self.trainer.learner.replay.arrays()
        return list(zip(arrays["entries"].tolist(), arrays["rewards"].tolist(), strict=True))


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Bot]:
    made = Bot(tmp_path / "store")
    yield made
    made.store.close()


def test_message_needs_sender_text_and_bounded_length(bot: Bot) -> None:
    for sender, text, status in [
        ("", "/greet", 400), ("   ", "/greet", 400), ("a\nb", "/greet", 400), ("\ud800", "/greet", 400),
        ("a" * 129, "/greet", 400), ("ann", " ", 400), ("ann", "x" * 1001, 413),
    ]:  # fmt: skip
        assert bot.refused(sender, text).status == status
    assert bot.store.last_id() == 0
    assert bot.say("a" * 128, "/greet" + " " * 994) == ["Hello ?"]


def test_allowance_refills(tmp_path: Path) -> None:
    bot = Bot(tmp_path / "store", Limits(per_minute=3, per_day=6))
    for _ in range(3):
        bot.say("ann")
    refused = bot.refused("ann", "/greet")
    assert refused.status == 429 and refused.wait == pytest.approx(20)
    bot.say("bob")  # each has their own
    bot.clock.now += 20
    bot.say("ann")
    bot.clock.now += 60
    bot.say("ann")
    bot.say("ann")
    refused = bot.refused("ann", "/greet")  # the day's are used up, the minute's are not
    assert refused.status == 429 and refused.wait is not None and refused.wait > 10_000
    said = [entry for entry in bot.store.entries() if entry.kind == USER]
    assert len(said) == 7  # refused messages are not written down
    bot.store.close()


def test_number_of_conversations_is_limited(tmp_path: Path) -> None:
    bot = Bot(tmp_path / "store", Limits(people=3))
    statuses = []
    for number in range(30):
        try:
            bot.say(f"person {number}")
        except Rejected as refused:
            statuses.append(refused.status)
    assert statuses == [503] * 27
    assert len(bot.bot.conversations.open) == 3 and len(bot.sessions._requests._per_minute) <= 6
    bot.clock.now += 1000  # they are taken to have left
    bot.sessions.expire()
    assert bot.say("late") == ["Hello ?"]
    assert list(bot.bot.conversations.open.values()) == ["late"]
    bot.store.close()


def test_evicted_conversation_continues_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[list[Any]] = []
    for hand in (2, 1000):
        monkeypatch.setattr(conversations_module, "AT_HAND", hand)
        bot = Bot(tmp_path / str(hand))
        names = [f"person {number}" for number in range(5)]
        lines = [bot.say(name, f'/tell{{"who": "{name}"}}') for name in names]
        lines += [bot.say(name) for _ in range(2) for name in reversed(names)]
        assert len(bot.bot.conversations._traces) == min(hand, 5)
        assert lines == [[f"Hello {name}"] for name in [*names, *names[::-1], *names[::-1]]]
        told.append([lines, bot.learned()])
        bot.store.close()
    assert told[0] == told[1] and len(told[0][1]) == 10


def test_untrusted_rating_is_learned_once_approved(bot: Bot) -> None:
    for _ in range(2):
        bot.say("ann")
    before = bot.learned()
    (decision, reward) = before[0]
    bot.sessions.rate("ann", 1, decision)
    bot.sessions.rate("ann", -1, decision)  # they have changed their mind
    assert bot.learned() == before
    (waiting,) = bot.sessions.moderation.waiting()
    assert (waiting.content["about"], waiting.content["value"]) == (decision, -1)
    bot.sessions.moderation.approve(waiting.id)
    assert bot.learned() == [(decision, reward - 5)]
    assert bot.sessions.moderation.waiting() == []
    for rating in (waiting.id, 0, decision):
        with pytest.raises(LiveError, match="waits to be approved"):
            bot.sessions.moderation.approve(rating)
    bot.sessions.rate("ann", 1, decision)
    bot.sessions.rate("ann", 0.5, decision, is_trusted=True)  # a teacher has said how it is
    assert bot.sessions.moderation.waiting() == [] and bot.learned() == [(decision, reward + 2.5)]


def test_a_trusted_rating_counts_at_once(tmp_path: Path) -> None:
    bot = Bot(tmp_path / "store", trusts_ratings=True)
    bot.say("ann")
    bot.say("ann", "/restart")
    for value in (1.5, float("nan")):
        with pytest.raises(Rejected) as caught:
            bot.sessions.rate("ann", value)
        assert caught.value.status == 400
    with pytest.raises(LiveError, match="can no longer be rated"):
        bot.sessions.rate("ann", 1, about=1)
    with pytest.raises(Rejected) as caught:
        bot.sessions.rate("nobody", 1)
    assert caught.value.status == 404
    bot.say("ann")
    bot.sessions.rate("ann", 1)
    bot.say("ann")
    assert [reward for _, reward in bot.learned()] == [4.0]
    bot.store.close()


def test_each_sender_continues_after_a_restart(tmp_path: Path) -> None:
    bot = Bot(tmp_path / "store")
    bot.say("ann", '/tell{"who": "Ann"}')
    bot.say("bob", '/tell{"who": "Bob"}')
    bot.bot.leave(bot.bot.conversations.current("bob"))
    bot.store.close()
    bot = Bot(tmp_path / "store")
    assert bot.say("ann") == ["Hello Ann"]
    bot.sessions.rate("bob", 1)  # an ended conversation can still be rated
    (rating,) = bot.sessions.moderation.waiting()
    beginnings = {entry.conversation: entry.content.get(LIVE) for entry in bot.store.entries()
                  if entry.parent is None and LIVE in entry.content}  # fmt: skip
    assert beginnings[rating.conversation] == "bob" and rating.kind == RATING
    assert bot.say("bob") == ["Hello ?"]
    bot.store.close()


def test_repeated_requests_for_a_conversation_are_refused(bot: Bot) -> None:
    with pytest.raises(Rejected, match="has not written yet"):
        bot.sessions.snapshot("ann")
    bot.say("ann")
    with pytest.raises(Rejected) as caught:
        for _ in range(100):
            bot.sessions.snapshot("ann")
    assert caught.value.status == 429
    assert len(bot.sessions.snapshot("ann", is_trusted=True).events) == 4


def test_people_read_an_apology_and_teachers_the_reason(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    class Failing:
        def name(self) -> str:
            return "utter_hello"

        def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list[Any]:
            raise RuntimeError("the service is down")

    failing = ActionRunner(DOMAIN, [Failing])
    sessions = Sessions(
        LiveBot(DOMAIN, bot.store, Hello(), FixedFormatInterpreter(DOMAIN), failing, silence=1000)
    )
    reply = sessions.reply("ann", "/greet")
    assert reply.notes == (APOLOGY,) and "the service is down" in sessions.problem(reply.conversation)
    assert "the service is down" in caplog.text
    misspelled = sessions.reply("ann", "/gret")
    assert misspelled.notes == (APOLOGY,) and "did you mean 'greet'" in sessions.problem(reply.conversation)
    assert bot.sessions.reply("ben", "/greet").notes == ()


def test_a_message_with_a_key_is_answered_and_written_once(bot: Bot, tmp_path: Path) -> None:
    def send(key: str, text: str = "/greet", bot: Bot = bot) -> tuple[list[str | None], bool]:
        reply = bot.sessions.reply("ann", text, key=key)
        return [message.text for message in (*reply.late, *reply.messages)], reply.is_repeated

    def written(bot: Bot = bot) -> list[tuple[str, Any]]:
        return [(entry.kind, entry.content) for entry in bot.store.entries()]

    first = send("k1", '/tell{"who": "Ann"}')
    second = send("k2")
    assert first == (["Hello Ann"], False) and second == (["Hello Ann"], False)
    assert bot.say("ann") == ["Hello Ann"]  # without a key
    before = written()
    assert send("k1", '/tell{"who": "Ann"}') == (first[0], True) and send("k2") == (second[0], True)
    assert written() == before
    assert bot.refused("ann", "/greet", None, None, "k1").status == 422
    for key in ("", "a\nb", "x" * 257):
        assert bot.refused("ann", "/greet", None, None, key).status == 400
    assert [entry.kind for entry in bot.store.entries()].count(USER) == 3
    # A command is done once as well, and the conversation before is remembered; so it is after a restart.
    replies = [bot.sessions.reply("ann", " /restart", key="k3") for _ in range(2)]
    assert [(one.messages, one.is_repeated) for one in replies] == [([], False), ([], True)]
    first_time, again_told = [(one.conversation, one.ended, one.outcome) for one in replies]
    assert again_told == first_time == ("live2", "live1", "failure")
    assert bot.say("bob") == ["Hello ?"]
    assert len(bot.bot.conversations) == 2 and send("k2") == (["Hello Ann"], True)
    before = written()
    bot.store.close()
    again = Bot(tmp_path / "store")
    assert send("k2", bot=again) == (["Hello Ann"], True) and send("k3", "/restart", again) == ([], True)
    assert written(again) == before
    assert again.sessions.reply("bob", "/greet", key="k2").is_repeated is False  # a key of their own


def test_a_conversation_that_has_ended_is_not_read_for_each_new_key(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot.sessions.reply("ann", "/greet", key="first")
    bot.sessions.leave("ann")
    read: list[str] = []
    on_record = Conversations.on_record

    def count(conversations: Conversations, name: str) -> Trace:
        read.append(name)
        return on_record(conversations, name)

    monkeypatch.setattr(Conversations, "on_record", count)
    for number in range(5):
        assert not bot.sessions.reply("ann", "/greet", key=str(number)).is_repeated
    assert len(read) <= 2, "to find late messages, and the keys"
    assert bot.sessions.reply("ann", "/greet", key="first").is_repeated
