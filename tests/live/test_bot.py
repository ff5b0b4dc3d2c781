"""Conversations with people: messages, replies, ratings and transitions."""

from __future__ import annotations

import contextlib
import dataclasses
import random
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue_gym import DialogueEnv
from dialogue_gym.actions import ActionRunner
from dialogue_gym.actions.runner import NOT_UNDERSTOOD
from dialogue_gym.conversation.bot_state import BotState
from dialogue_gym.conversation.events import BotUttered, Event, UserUttered
from dialogue_gym.domain.model import Response
from dialogue_gym.journal.entry import LABEL, Entry
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store, StoreError
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.decision import LiveDecision
from dialogue_gym.live.exploration import Explorer
from dialogue_gym.live.learner import LiveLearner
from dialogue_gym.live.reward import LiveReward
from dialogue_gym.live.simulated_person import SimulatedPerson
from dialogue_gym.live.startup import start_or_resume
from dialogue_gym.live.transitions import Transition
from dialogue_gym.live.turn import LiveError
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter, Interpretation, Interpreter
from tests.conftest import TURN_TAKINGS
from tests.live.bots import (
    CUISINE,
    DOMAINS,
    RESTAURANT,
    YES,
    Chance,
    Learned,
    Plan,
    all_missed,
    all_plain,
    new,
    plain,
    talking,
)


@pytest.mark.parametrize("turn_taking", TURN_TAKINGS)
@pytest.mark.parametrize("name", DOMAINS)
def test_transitions_of_people_equal_the_environments(name: str, turn_taking: str, tmp_path: Path) -> None:
    domain = DOMAINS[name]
    outcomes = set()
    interpreter = FixedFormatInterpreter(domain)
    env = DialogueEnv(domain, turn_taking=turn_taking)
    with Store(tmp_path / "store") as store:

        @settings(max_examples=60, deadline=None)
        @given(seed=st.integers(0, 10_000), expert=st.sampled_from([0, 0.5, 0.9, 1]))
        def play(seed: int, expert: float) -> None:
            decider = Chance(env, seed, expert)
            person = SimulatedPerson(domain, turn_taking, seed)
            found = Learned()
            live = LiveBot(
                domain, store, decider, interpreter, person, on_transitions=found, turn_taking=turn_taking
            )
            is_success = person.talk(live)
            transitions = found.transitions
            observation, info = env.reset(seed=seed)
            for one, mask, action in zip(transitions, decider.masks, decider.decided, strict=True):
                assert one.observation.dtype == observation.dtype
                np.testing.assert_array_equal(one.observation, observation)
                np.testing.assert_array_equal(mask, info["action_mask"])
                assert one.action == action
                index = env.action_names.index(action)
                observation, reward, terminated, truncated, info = env.step(index)
                if terminated or truncated:
                    break
                assert (one.reward, one.terminated) == (reward, False)
                np.testing.assert_array_equal(one.next_observation, observation)
            outcomes.add(env.conversation.outcome)
            assert is_success == info["is_success"] and live.conversations.open == {}
            if terminated:  # else they lost patience with a bot that still went on
                assert one is transitions[-1] and (one.reward, one.terminated) == (reward, True)
            if is_success:
                np.testing.assert_array_equal(one.next_observation, observation)

        play()
    assert outcomes >= {"success", "failure"}


def test_message_is_answered(store: Store) -> None:
    live = talking(store)
    name = live.begin("Ada")
    assert live.conversations.open == {name: "Ada"}
    heard = live.reply(name, CUISINE)
    assert heard.conversation == name and heard.ended is None and new(live) == []
    assert [type(message) for message in heard.messages] == [BotUttered]
    live.reply(name, CUISINE)
    assert [one.action for one in new(live)] == ["utter_ask_location"]
    with pytest.raises(LiveError, match="'live2' is not open; "):
        live.reply("live2", CUISINE)


def test_decisions_are_on_record_with_their_chances(tmp_path: Path) -> None:
    explorer = Explorer(LiveLearner(RESTAURANT, "auto").actor(), rates=(0.5, 0.5))
    with Store(tmp_path / "store") as store:
        person = SimulatedPerson(RESTAURANT, seed=3)
        person.talk(talking(store, explorer, person))
        planned = talking(store, Plan("utter_ask_price"))
        planned.reply(planned.begin(), CUISINE)
        made = [LiveDecision.read(entry.content) for entry in store.entries() if entry.kind == LABEL]
    (*explored, unknown) = made
    assert unknown == LiveDecision("utter_ask_price") and unknown.propensity is None
    for one in explored:
        assert one.chances and sum(one.chances.values()) == pytest.approx(1)
        assert one.propensity and one.propensity == one.chances[one.action] < 1


def test_misunderstood_text_is_not_a_turn(store: Store) -> None:
    live = talking(store)
    name = live.begin()
    before = store.last_id()
    (note,) = live.reply(name, "/infrom").notes
    assert "did you mean 'inform'" in note and "\n" not in note
    assert store.last_id() == before


class Unsure(Interpreter):
    def parse(self, text: str) -> Interpretation:
        return Interpretation(text, "greet" if text == "hello" else None, 0.2)


@pytest.mark.parametrize(
    ("response", "said"), [("utter_default", "Pardon?"), ("utter_rephrase", "Pardon?"), ("", NOT_UNDERSTOOD)]
)
def test_fallback_answers_what_is_not_understood(store: Store, response: str, said: str) -> None:
    domain = RESTAURANT
    if response:
        domain = dataclasses.replace(domain, responses=(*domain.responses, Response(response, ("Pardon?",))))
    plan = Plan("utter_ask_price")
    live = LiveBot(domain, store, plan, Unsure(), ActionRunner(domain))
    name = live.begin()
    for _ in range(2):
        reply = live.reply(name, "gibberish")
        assert [message.text for message in reply.messages] == [said] and not reply.notes
    assert plan.made == 0 and not live.awaits_teacher(name) and live.resume(name).events == ()
    assert live.reply(name, "hello").messages[0].text and plan.made == 1
    texts = [
        event.text
        for event in live.conversations.trace(name).conversation.events
        if isinstance(event, UserUttered)
    ]
    assert texts == ["gibberish", "gibberish", "hello"]  # teachers can read and correct them
    live.take_over(name, "anna")
    assert live.reply(name, "gibberish").messages == [] and live.awaits_teacher(name)
    assert History(store.entries()).written == ()


def rated(live: LiveBot, *hears: str, rating: float | None = None) -> list[Transition]:
    """Hold a conversation that a person leaves and may rate; return its transitions."""
    name = live.begin()
    for text in hears:
        live.reply(name, text)
    if live.conversations.is_open(name):
        live.leave(name)
    if rating is not None:
        live.rate(name, rating)
    return new(live)


@pytest.mark.parametrize(
    ("rating", "worth"), [(1, 20), (-1, 0), (0, 10), (0.5, 15), (7, 20), (-7, 0), (None, None)]
)
def test_end_is_rewarded_by_its_rating(store: Store, rating: float | None, worth: float | None) -> None:
    found = rated(talking(store), CUISINE, CUISINE, rating=rating)
    ends = [one.reward for one in found if one.terminated]
    assert ends == ([] if worth is None else [worth - 1])
    assert [one.reward for one in found if not one.terminated] == [-1]


def test_unrated_end_counts_with_counts_outcome(store: Store) -> None:
    reward = LiveReward.of(RESTAURANT, counts_outcome=True)
    clock = [0.0]
    live = talking(store, Plan("action_suggest"), reward=reward, silence=60, clock=lambda: clock[0])
    assert [one.reward for one in rated(live, CUISINE)] == [-1]  # failure is worth 0
    success = rated(live, CUISINE, YES)
    assert [(one.reward, one.terminated) for one in success] == [(19, True)]
    assert [one.reward for one in rated(live, CUISINE, YES, rating=-1)] == [19, -1]
    name = live.begin()
    live.reply(name, CUISINE)
    clock[0] = 60
    (silent,) = live.expire()
    assert silent.outcome == "truncated" and new(live) == []  # the outcome is unknown
    live.rate(name, 1)
    assert [one.reward for one in new(live)] == [19]


def test_conversations_end_in_each_outcome(store: Store) -> None:
    live = talking(store, Plan("action_suggest"))
    first = live.begin("Ada")
    live.reply(first, CUISINE)
    done = live.reply(first, YES)
    assert (done.ended, done.outcome, done.conversation) == (first, "success", first)
    second = live.begin("Ada")
    live.reply(second, CUISINE)
    begun_anew = live.reply(second, " /restart ")
    assert (begun_anew.ended, begun_anew.outcome) == (second, "failure")
    third = begun_anew.conversation
    assert live.conversations.open == {third: "Ada"}
    left = live.leave(third)
    assert (left.ended, left.outcome) == (third, "failure") and live.conversations.open == {}
    for gone in (first, second, third):
        with pytest.raises(LiveError):
            live.reply(gone, CUISINE)
        new(live)
        live.rate(gone, 1)
        assert len(new(live)) == (gone != third)
    assert store.check() == []


def test_a_domain_can_have_restart_for_an_intent(store: Store) -> None:
    domain = RESTAURANT.with_intent("restart")
    live = LiveBot(domain, store, Plan("utter_greet"), FixedFormatInterpreter(domain), ActionRunner(domain))
    name = live.begin()
    assert live.reply(name, "/restart").ended is None and list(live.conversations.open) == [name]


def test_default_intents_are_obeyed_and_stay_on_record(tmp_path: Path) -> None:
    said = [BotUttered("Back!")]
    responses = tuple(
        Response(name, (text,)) for name, text in (("utter_restart", "Anew!"), ("utter_back", "Back!"))
    )
    domain = dataclasses.replace(RESTAURANT, responses=(*RESTAURANT.responses, *responses))
    with Store(tmp_path / "store") as store:
        bot = LiveBot(
            domain, store, Plan("utter_ask_location"), FixedFormatInterpreter(domain), ActionRunner(domain)
        )
        name = bot.begin()
        bot.reply(name, CUISINE)
        bot.reply(name, '/inform{"location": "rome"}')
        reply = bot.reply(name, "/back")
        assert (reply.messages, reply.ended, reply.conversation) == (said, None, name)
        slots = bot.conversations.trace(name).conversation.slots
        assert (slots["cuisine"], slots["location"]) == ("french", None)
        assert bot.conversations.on_record(name).conversation.slots == slots
        reply = bot.reply(name, "/session_start")
        assert (reply.ended, reply.outcome, reply.messages) == (name, "truncated", [])
        assert bot.conversations.on_record(reply.conversation).conversation.slots == slots
        reply = bot.reply(reply.conversation, "/restart")
        assert reply.outcome == "failure" and reply.messages == [BotUttered("Anew!")]
        assert bot.conversations.on_record(str(reply.ended)).conversation.events[-1] == BotUttered("Anew!")
        assert not any(bot.conversations.trace(reply.conversation).conversation.slots.values())


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("is_ended", [False, True])
def test_ratings_amend_transitions_already_passed_on(
    tmp_path: Path, is_restarted: bool, is_ended: bool
) -> None:
    with contextlib.ExitStack() as opened:
        store = opened.enter_context(Store(tmp_path / "store"))
        live = talking(store)
        name = live.begin()
        live.reply(name, CUISINE)
        live.reply(name, CUISINE)
        (first,) = new(live)
        second = live.conversations.trace(name).last_decision
        if is_ended:
            live.leave(name)
        if is_restarted:
            store.close()
            store = opened.enter_context(Store(tmp_path / "store"))
            live = talking(store)
        live.rate(name, 1, first.entry)
        (good,) = new(live)
        assert plain(good) == (*plain(first)[:3], first.reward + 5, *plain(first)[4:])
        live.rate(name, -1, first.entry)
        (bad,) = new(live)
        assert bad.reward == first.reward - 5
        live.rate(name, 1, second)
        assert new(live) == []  # its consequence is not known yet
        if is_ended:
            live.rate(name, 1)
        else:
            live.rate(name, 0.5)  # the last decision, again
            live.rate(name, 1)
            live.reply(name, CUISINE)
        (end,) = new(live)
        assert (end.entry, end.reward) == (second, -1 + 5 + 20 * is_ended)
        assert store.check() == []


@pytest.mark.parametrize("is_restarted", [False, True])
def test_late_rating_is_learned_without_the_callers_help(tmp_path: Path, is_restarted: bool) -> None:
    """Hours after the end, and even by another process: the trainer has it, and nobody handed it over."""
    with contextlib.ExitStack() as opened:
        for part in range(1 + is_restarted):
            store = opened.enter_context(Store(tmp_path / "store"))
            trainer, _ = start_or_resume(store, RESTAURANT, None)
            live = talking(store, on_transitions=trainer.submit)
            if part == 0:
                name = live.begin()
                for _ in range(2):
                    live.reply(name, CUISINE)
                live.leave(name)
            if is_restarted and part == 0:
                store.close()
        trainer.work()
        before = trainer.learner.replay.arrays()["rewards"].tolist()
        assert before == [-1]  # the reward of the last step is unknown
        live.rate(name, 1)
        trainer.work()
        assert trainer.learner.replay.arrays()["rewards"].tolist() == [-1, 19]
        assert trainer.last_entry == store.last_id()


def test_each_event_is_applied_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long conversation is not replayed from its start at each turn; only what failed is read again."""
    applied: list[Event] = []
    apply = BotState.apply

    def counted(state: BotState, event: Event) -> None:
        applied.append(event)
        apply(state, event)

    monkeypatch.setattr(BotState, "apply", counted)
    live = talking(store, Plan("utter_ask_location"))
    name = live.begin()
    for _ in range(20):
        live.reply(name, CUISINE)
    live.rate(name, 1)
    events = live.conversations.trace(name).conversation.events
    assert len(events) > 60 and applied == list(events)

    def fail(drafts: object, held: object) -> list[Entry]:
        raise StoreError("the disk is full")

    with monkeypatch.context() as full:
        full.setattr(store, "submit", fail)
        with pytest.raises(StoreError):
            live.reply(name, CUISINE)
    assert live.conversations.trace(name).conversation.events == events


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_invalid_ratings_are_refused(store: Store, value: float) -> None:
    live = talking(store)
    name, other = live.begin(), live.begin()
    with pytest.raises(LiveError, match="can no longer be rated"):
        live.rate(name, 1)
    live.reply(name, CUISINE)
    live.reply(other, CUISINE)
    with pytest.raises(LiveError, match="finite"):
        live.rate(name, value)
    with pytest.raises(LiveError, match="can no longer be rated"):
        live.rate(name, 1, live.conversations.trace(other).last_decision)
    with pytest.raises(LiveError, match="unknown live conversation"):
        live.rate("live9", 1)


def test_conversations_are_independent(tmp_path: Path) -> None:
    """Each of several that are held at once is as if it had been held alone."""
    chance = random.Random(1)
    texts = [CUISINE, YES, "/deny", '/inform{"people": "2", "price": "cheap"}', "/greet", "/restart"]
    said = [[chance.choice(texts) for _ in range(20)] for _ in range(8)]

    def observing(folder: Path) -> tuple[Store, LiveBot]:
        class Seeing:
            def decide(self, observation: npt.NDArray[Any], possible: Any) -> LiveDecision:
                names = RESTAURANT.actions[1:]  # its actions follow from the observation alone
                return LiveDecision(names[int(observation @ np.arange(1, len(observation) + 1)) % len(names)])

        store = Store(folder)
        return store, talking(store, Seeing())

    def comparable(found: list[Transition]) -> list[tuple[Any, ...]]:
        return [plain(one)[1:] for one in found]

    alone = []
    for number, lines in enumerate(said):
        store, live = observing(tmp_path / f"alone{number}")
        with store:
            name = live.begin()
            for text in lines:
                heard = live.reply(name, text)
                name = heard.conversation if heard.outcome != "success" else live.begin()
            live.leave(name)
            alone.append(comparable(new(live)))
    store, live = observing(tmp_path / "together")
    with store:
        names = [live.begin(f"p{number}") for number in range(len(said))]
        together: list[list[Transition]] = [[] for _ in said]
        order = [number for number in range(len(said)) for _ in range(20)]
        chance.shuffle(order)
        at = [iter(lines) for lines in said]
        for number in order:
            heard = live.reply(names[number], next(at[number]))
            together[number] += new(live)
            ended = heard.outcome == "success"
            names[number] = live.begin(f"p{number}") if ended else heard.conversation
            assert live.conversations.open[names[number]] == f"p{number}"
        for number, name in enumerate(names):
            live.leave(name)
            together[number] += new(live)
    assert [comparable(found) for found in together] == alone and sum(map(len, alone)) > 80


def test_wall_clock_jumps_are_harmless(tmp_path: Path) -> None:
    times = iter([5e9, 1e9, 3e9, 1.0, *([2.0] * 50)])
    with Store(tmp_path / "store", clock=lambda: next(times)) as store:
        live = talking(store)
        given_out = rated(live, CUISINE, CUISINE, rating=1)
        assert store.check() == []
        assert all_missed(store, LiveReward.of(RESTAURANT)) == all_plain(given_out)
