"""Raters of a live bot: their weights in what it learns, and bursts of ratings, which wait."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import BURST, PENDING, RATING
from dialogue_gym.journal.store import Store
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.follower import unlearned
from dialogue_gym.live.moderation import approved, chosen, declined, waiting
from dialogue_gym.live.rate_limit import Limits
from dialogue_gym.live.raters import OpinionLog, RaterWeights
from dialogue_gym.live.reward import LiveReward
from dialogue_gym.live.simulated_person import SimulatedPerson
from dialogue_gym.live.startup import start_or_resume
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from dialogue_gym.raters import Rater
from tests.live.people import DOMAIN, SMALL, comparable
from tests.live.test_sessions import DOMAIN as HELLO
from tests.live.test_sessions import Bot


def pending(store: Store) -> list[tuple[bool, bool]]:
    """Return of each rating whether it waits, and whether it is part of a burst."""
    return [(PENDING in one.content, BURST in one.content) for one in store.ratings()]


def rate(bot: Bot, sender: str, times: int, address: str | None = None, **options: Any) -> None:
    for _ in range(times):
        bot.sessions.rate(sender, 1, address=address, **options)


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Bot]:
    made = Bot(tmp_path / "store", Limits(ratings=3, ratings_minutes=10), trusts_ratings=True)
    yield made
    made.store.close()


COUNTS, WAITS = (False, False), (True, True)


def test_a_burst_of_one_person_waits_until_they_slow_down(bot: Bot) -> None:
    bot.say("ann")
    bot.say("bob")
    rate(bot, "ann", 5)
    rate(bot, "bob", 1)
    assert pending(bot.store) == [COUNTS] * 3 + [WAITS] * 2 + [COUNTS]
    bot.clock.now += 599
    rate(bot, "ann", 1)
    assert pending(bot.store)[-1] == WAITS
    bot.clock.now += 601
    rate(bot, "ann", 1)
    assert pending(bot.store)[-1] == COUNTS


def test_a_burst_from_one_address_waits_whatever_the_names(bot: Bot) -> None:
    for number in range(5):
        bot.say(f"person {number}")
        rate(bot, f"person {number}", 1, "192.0.2.1")
    bot.say("ann")
    rate(bot, "ann", 1, "192.0.2.2")
    assert pending(bot.store) == [COUNTS] * 3 + [WAITS] * 2 + [COUNTS]


def test_the_ratings_of_teachers_are_no_burst(bot: Bot) -> None:
    bot.say("ann")
    rate(bot, "ann", 5, is_trusted=True)
    rate(bot, "ann", 1)
    assert pending(bot.store) == [COUNTS] * 6


def test_ratings_that_wait_anyway_are_marked_if_they_are_a_burst(tmp_path: Path) -> None:
    bot = Bot(tmp_path / "store", Limits(ratings=3))
    bot.say("ann")
    rate(bot, "ann", 4)
    assert pending(bot.store) == [(True, False)] * 3 + [WAITS]
    bot.store.close()


def test_all_that_are_approved_at_once_are_those_outside_of_bursts(bot: Bot) -> None:
    senders = [f"person {number}" for number in range(6)]
    for sender in senders:
        bot.say(sender)
        rate(bot, sender, 1, "192.0.2.1")
    found = waiting(bot.store.ratings())
    assert len(found) == 3 and chosen(found, "all") == [] and chosen(found, "burst") == found
    assert chosen(found, str(found[1].id)) == [found[1]] and chosen(found, "0") == []
    bot.store.append_all([approved(found[0]), declined(found[1])])
    assert chosen(waiting(bot.store.ratings()), "burst") == [found[2]]


class Public:
    """A bot, and people who talk to it: one of them rates the opposite of how it went."""

    def __init__(self, folder: Path, domain: Domain = DOMAIN, every: int = 10, weighs: bool = True) -> None:
        """Begin, or go on where the store is."""
        torch.set_num_threads(1)
        self.store = Store(folder)
        self.person = SimulatedPerson(domain, seed=5, silent=1.0)
        self.weights = RaterWeights(self.store, domain, every) if weighs else None
        reward = LiveReward.of(domain, weights=self.weights)
        self.trainer, others = start_or_resume(
            self.store, domain, None, settings=SMALL, reward=reward, explore="auto", every=10**6,
            others=lambda: {"person": self.person.state()},
        )  # fmt: skip
        self.trainer.work()
        if others:
            self.person.load(others["person"])
        self.live = LiveBot(
            domain, self.store, self.trainer.explorer, FixedFormatInterpreter(domain), self.person,
            on_transitions=self.trainer.submit, reward=reward,
        )  # fmt: skip

    def talk(self, dialogues: int) -> None:
        for _ in range(dialogues):
            number = self.person.dialogues % 4
            name = "liar" if number == 3 else f"honest {number}"
            is_success = self.person.talk(self.live, name)
            conversation = self.live.conversations.ended(name)
            assert conversation is not None
            self.live.rate(conversation, 1.0 if is_success != (name == "liar") else -1.0)
            for decision in self.live.conversations.find(conversation).decisions[:2]:
                self.live.rate(conversation, -1.0 if name == "liar" else 1.0, decision)
            self.trainer.work()

    def rewards(self) -> dict[int, float]:
        arrays = self.trainer.learner.replay.arrays()
        return dict(zip(arrays["entries"].tolist(), arrays["rewards"].tolist(), strict=True))


def test_the_ratings_of_a_liar_lose_their_effect_also_those_that_were_learned(tmp_path: Path) -> None:
    people = Public(tmp_path / "store")
    people.talk(60)
    assert people.weights is not None
    assert people.weights.of(Rater("liar")) == 0
    assert {people.weights.of(Rater(f"honest {number}")) for number in range(3)} == {1.0}
    rewards, plain, checked = people.rewards(), LiveReward.of(DOMAIN), 0
    for conversation in people.store.conversations():
        trace = people.live.conversations.find(conversation.id)
        for decision in trace.decisions if trace.person == "liar" else ():
            if decision in rewards:
                own = plain.of_step(people.store.entry(decision).content["action"])
                is_last = decision == trace.last_decision
                assert rewards[decision] == own + is_last * plain.of_end(float(trace.is_success or False))
                checked += 1
    assert checked > 5
    learner = people.trainer.learner
    known, (one, *_) = len(learner.replay), trace.rated_by({Rater("liar")})
    assert one.only_amends and not learner.remember(dataclasses.replace(one, entry=10**9))
    assert len(learner.replay) == known  # a transition that the learner has let go does not come back
    people.store.close()


def test_weights_and_rewards_are_the_same_after_a_restart(tmp_path: Path) -> None:
    one, other = Public(tmp_path / "one"), Public(tmp_path / "other")
    one.talk(50)
    for dialogues in (5, 2, 2, 5, 20, 12, 4):  # mostly between two times at which weights are learned
        other.talk(dialogues)
        other.trainer.stop()
        other.store.close()
        other = Public(tmp_path / "other")
    assert comparable(one.trainer) == comparable(other.trainer)
    assert one.weights is not None and other.weights is not None
    assert one.weights._weights == other.weights._weights != {}
    # The journal alone gives the same, as after the loss of all checkpoints.
    weights = RaterWeights(one.store, DOMAIN, 10)
    found = {}
    for _, some in unlearned(one.store, DOMAIN, LiveReward.of(DOMAIN, weights=weights), 0):
        found |= {transition.entry: transition.reward for transition in some}
    rewards = one.rewards()
    assert rewards == pytest.approx({entry: found[entry] for entry in rewards})
    one.store.close()
    other.store.close()


def test_weights_of_an_old_journal_amend_what_was_learned_without_them(tmp_path: Path) -> None:
    people = Public(tmp_path / "store", weighs=False)
    people.talk(30)
    before = people.rewards()
    people.trainer.stop()
    people.store.close()
    people = Public(tmp_path / "store")
    after = people.rewards()
    assert before.keys() == after.keys() and before != after
    people.store.close()


def test_opinions_leave_out_ratings_that_wait_and_tell_teachers_from_visitors(tmp_path: Path) -> None:
    bot = Bot(tmp_path / "store")
    bot.say("ann")
    bot.sessions.rate("ann", -1)
    log = OpinionLog(bot.store, HELLO)
    log.add(bot.store.ratings())
    assert log.report().verdicts == () and log.ratings == 0
    bot.sessions.moderation.approve(bot.sessions.moderation.waiting()[0].id)
    (about,) = {one.content["about"] for one in bot.store.ratings()}
    bot.sessions.moderation.give(bot.store.ratings()[0].conversation, about, 1, "ann")
    log.add(bot.store.ratings())
    assert {one.rater for one in log.report().verdicts} == {Rater("ann"), Rater("ann", is_teacher=True)}
    assert log.ratings == 2 and log.report().outcomes == 0  # without a fake user nobody knows success
    bot.store.append("notes", RATING, {"value": 1, "about": about}, about)  # of no live conversation
    log.add(bot.store.ratings())
    assert len(log.report().verdicts) == 2
    bot.store.close()
