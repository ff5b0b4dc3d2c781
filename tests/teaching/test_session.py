"""Teaching a bot: the session and the learner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dialogue_gym.conversation.bot_state import BotState
from dialogue_gym.conversation.events import Entity, Event, UserUttered
from dialogue_gym.domain.additions import ACTION, INTENT, SLOT, Addition
from dialogue_gym.domain.model import DomainError
from dialogue_gym.journal.entry import HEAD, LABEL, Draft
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store, forget
from dialogue_gym.nlu.interpreter import parse_act
from dialogue_gym.teaching.pending import (
    BOTH,
    NEW,
    OLD,
    AwaitsMessage,
    MissingResult,
    PendingContradiction,
    Proposal,
    SessionError,
)
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.simulated_teacher import SimulatedTeacher
from tests.conftest import domain_from
from tests.teaching.sessions import CONCERT, RESTAURANT, booking, say, state, talk


def proposal(session: Session) -> Proposal:
    assert isinstance(session.pending, Proposal)
    return session.pending


def test_correction_holds_at_once() -> None:
    session = booking()
    first = proposal(session).best.action
    observation = session.conversation.observation()
    other = next(name for name in session.actions if name not in (first, "action_listen"))
    session.correct(other)
    assert session.change is not None
    assert session.change.before.action == first
    assert (session.change.after.action, session.change.after.probability) == (other, 1)
    possible = [True] * len(session.actions)
    assert session.proposed(observation, possible) == other
    assert session.conversation.latest_action == other


def test_user_speaks_when_the_bot_listens() -> None:
    session = talk()
    assert isinstance(session.pending, AwaitsMessage)
    with pytest.raises(SessionError, match="proposes nothing now"):
        session.confirm()
    say(session, "/greet")
    session.correct("utter_greet")
    assert proposal(session) and session.conversation.latest_action == "utter_greet"
    session.correct("action_listen")
    assert isinstance(session.pending, AwaitsMessage)
    with pytest.raises(SessionError, match="unknown action 'utter_gret'; did you mean 'utter_greet'"):
        say(session, "/greet")
        session.correct("utter_gret")


def test_a_bot_that_has_spoken_listens_until_it_is_taught_otherwise() -> None:
    session = talk()
    for act, action in (("/greet", "utter_greet"), ("/thankyou", "utter_youarewelcome")):
        say(session, act)
        session.correct(action)
        assert proposal(session).best.action == "action_listen"  # before any lesson about that
        session.restart()
    say(session, "/greet")
    session.confirm()
    session.correct("utter_goodbye")  # two in a row: lessons about the same action hold
    session.restart()
    say(session, "/goodbye")
    session.correct("utter_greet")
    assert proposal(session).best.action == "utter_goodbye"


def test_a_bot_is_expected_to_listen_in_the_situation_after_it_has_spoken() -> None:
    domain = domain_from(
        """
        intents: [greet]
        actions: [say, look]
        fake_user:
          agenda: [{say: greet, answer: say}]
          actions: {look: {speaks: false}}
        """
    )
    for action, speaks in (("say", True), ("look", False), ("action_restart", False)):
        session = Session(domain, Store.in_memory())
        say(session, "/greet")
        observation = session.conversation.observation()
        session.correct(action)
        expected = session._driver.model.learner._expected(observation[np.newaxis])
        assert expected.tolist() == ([session.conversation.observation().tolist()] if speaks else [])


def test_a_new_bot_proposes_what_the_intent_is_about_and_a_restart_last() -> None:
    domain = domain_from("""
        intents: [greet, ask_price, faq/hours, book_table]
        responses: {utter_hi: [{text: Hi}], utter_price: [{text: "2"}], utter_greet: [{text: Hello}]}
        actions: [action_save_table, utter_faq]
        forms: {book_form: {required_slots: []}}
    """)
    session = Session(domain, Store.in_memory())

    def ranked(said: str) -> list[str]:
        session.restart()
        say(session, said)
        return [one.action for one in proposal(session).options]

    for said, first in (
        ("/greet", "utter_greet"),
        ("/ask_price", "utter_price"),
        ("/faq/hours", "utter_faq"),
        ("/book_table", "book_form"),
    ):
        assert (ranked(said)[0], ranked(said)[-1]) == (first, "action_restart")
    assert ranked("/book_table")[1:3] == ["action_save_table", "action_listen"]
    session.correct("utter_hi")
    assert proposal(session).best.action == "action_listen"  # it has answered
    assert ranked("/book_table")[0] == "utter_hi"  # a lesson is stronger than a name


def test_context_is_learned_from_one_correction_each() -> None:
    """The right reviews depend on the preceding search: for concerts or for venues."""
    session = talk(turn_taking="auto")
    for search, reviews in (
        ("/search_concerts", "action_show_concert_reviews"),
        ("/search_venues", "action_show_venue_reviews"),
    ):
        say(session, search)
        session.correct(search.replace("/", "action_"))
        say(session, "/compare_reviews")
        session.correct(reviews)
        session.restart()
    for search, reviews in (("/search_venues", "venue"), ("/search_concerts", "concert")):
        say(session, search)
        session.confirm()
        say(session, "/compare_reviews")
        assert proposal(session).best.action == f"action_show_{reviews}_reviews"
        session.restart()


def test_teacher_resolves_a_contradiction() -> None:
    for which, right in (
        (NEW, {"utter_goodbye"}),
        (OLD, {"utter_greet"}),
        (BOTH, {"utter_greet", "utter_goodbye"}),
    ):
        session = talk(turn_taking="auto")
        say(session, "/greet")
        observation = session.conversation.observation()
        session.correct("utter_greet")
        session.restart()
        say(session, "/greet")
        session.correct("utter_goodbye")
        assert session.pending == PendingContradiction("utter_goodbye", ("utter_greet",))
        with pytest.raises(SessionError, match="unknown resolution 'newer'; did you mean 'new'"):
            session.resolve("newer")
        session.resolve(which)
        label = session.history.labels(session.domain)[-1]
        assert label.observation.tolist() == observation.tolist() and set(label.right) == right
        assert session.conversation.latest_action in right
        if which == BOTH:  # now either is right, and confirming one does not forget the other
            session.restart()
            say(session, "/greet")
            session.correct("utter_goodbye")
            assert set(session.history.labels(session.domain)[-1].right) == right


def test_corrected_message_replaces_the_original_one() -> None:
    session = booking()
    message = session.conversation.latest_message
    assert message is not None
    mended = UserUttered(message.text, "inform", (Entity("people", "5"),))
    session.correct_message(mended)
    assert session.conversation.slots["people"] == "5"
    assert session.conversation.latest_message == mended
    session.correct("utter_ask_price")
    session.correct("action_listen")
    assert session.conversation.slots["people"] == "5" and session.conversation.slots["price"]


def test_message_is_corrected_before_the_bot_acts_on_it() -> None:
    session = booking()
    session.correct("utter_ask_price")
    with pytest.raises(SessionError, match="the bot has already acted on this message; undo that first"):
        session.correct_message(UserUttered("hello", "greet"))
    session.undo()
    session.correct_message(UserUttered("hello", "greet"))
    session.undo()
    assert session.conversation.latest_message and session.conversation.latest_message.intent == "inform"


def test_name_of_an_erased_conversation_is_not_reused(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        session = talk(store)
        for _ in range(2):
            say(session, "/greet")
            session.correct("utter_greet")
            session.restart()
        store.forget("c1")
    with Store(tmp_path) as store:
        session = talk(store)
        session.restart()
        assert "c2" in session.history.conversations and session.id == "c4"
        assert len(session.history.labels(session.domain, "explicit")) == 1
        say(session, "/greet")
        store.forget("c4")
    with Store(tmp_path) as store:
        assert talk(store).id == "c5"


def test_action_removed_from_the_file_is_still_known() -> None:
    journal = Store.in_memory()
    domain = domain_from("intents: [greet]\nactions: [wave]\nresponses: {utter_greet: [{text: Hello}]}\n")
    session = Session(domain, journal)
    say(session, "/greet")
    session.correct("wave")
    smaller = domain_from("intents: [greet]\nresponses: {utter_greet: [{text: Hello}]}\n")
    later = Session(smaller, journal)
    assert "wave" in later.actions and later.conversation.latest_action == "wave"


def test_new_action_can_be_taught_and_persists() -> None:
    journal = Store.in_memory()
    session = booking(journal)
    session.add(Addition(ACTION, "utter_joke", ("Ha!",)))
    session.correct("utter_joke")
    session.undo()  # an addition of its own is not undone
    session.correct("utter_joke")
    tomorrow = booking(journal)
    assert tomorrow.domain.texts("utter_joke") == ("Ha!",)
    assert state(tomorrow) == state(session)
    assert tomorrow.conversation.latest_action == "utter_joke"


def test_additions_are_undone_with_their_answer(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        session = talk(store)
        say(session, "/greet")
        session.correct("utter_greet")
        session.restart()
        say(session, "/greet")
        joke = Addition(ACTION, "utter_joke", ("Ha!",))
        with pytest.raises(DomainError, match="there is an action 'utter_greet' already"):
            session.correct("utter_greet", [Addition(ACTION, "utter_greet")])
        session.correct("utter_joke", [joke])
        session.cancel()
        assert session.domain == CONCERT
        session.correct("utter_joke", [joke])
        session.resolve(OLD)
        session.undo()
        assert session.domain == CONCERT
        session.correct("utter_joke", [joke])
        session.resolve(BOTH)
        assert session.change is not None and session.change.right == ("utter_greet", "utter_joke")
        point = session.history.head(session.id)
        assert session.domain.texts("utter_joke") == ("Ha!",) and point is not None
        session.fork(point)
        session.correct("utter_joke")
        fork = session.id
        # An undo elsewhere takes nothing from the fork.
        store.append("c2", HEAD, {"to": session.history.undo_target("c2")})
        session.sync(store.entries(after=session.history.head(fork)))
        assert session.domain.texts("utter_joke") == ("Ha!",)
        assert store.check() == []
        assert forget(store, "c2", with_forks=True) == ["c2", fork]
        assert History(store.entries()).extended(CONCERT).texts("utter_joke") == ("Ha!",)
        assert store.check() == []


def test_names_that_another_teacher_uses_survive_an_undo() -> None:
    journal, owners = Store.in_memory(), dict[str, str]()

    def teacher(name: str) -> Session:
        mine = talk(journal, author=name, is_mine=lambda conversation: owners.get(conversation) == name)
        owners[mine.id] = name
        return mine

    def synced(session: Session) -> None:
        session.sync(entry for entry in journal.entries() if entry not in session.history)

    ann, ben = teacher("Ann"), teacher("Ben")
    new = [Addition(INTENT, "order"), Addition(SLOT, "size")]
    message = parse_act('/order{"size": "big"}').message
    synced(ann)
    ann.say(message, new)
    synced(ben)
    ben.say(message)
    ben.correct("utter_greet")
    (before,) = ben.history.labels(ben.domain)
    synced(ann)
    ann.undo()
    synced(ben)
    assert "order" in ben.domain.intents and ben.domain.slots[-1].name == "size"
    (after,) = ben.history.labels(ben.domain)
    assert after.key == before.key  # the lesson is about this message still, not about any unknown one
    ben.undo()
    ben.undo()
    assert ben.domain == CONCERT


def test_each_answer_applies_only_its_own_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """A conversation is read once, not from its start at each answer."""
    applied = 0
    apply = BotState.apply

    def counted(state: BotState, event: Event) -> None:
        nonlocal applied
        applied += 1
        apply(state, event)

    def answer(times: int) -> int:
        before = applied
        for _ in range(times):
            say(session, "/greet")
            session.correct("utter_greet")
            session.correct("action_listen")
        return applied - before

    monkeypatch.setattr(BotState, "apply", counted)
    session = talk()
    answer(1)  # the first one contradicts nothing
    early, late = answer(10), [answer(10) for _ in range(3)][-1]
    assert early == late and len(session.conversation) > 100
    said = session.conversation.events
    replayed = session.history.conversation(session.domain, session.id)
    assert said == replayed.events and session.conversation == replayed
    assert (session.conversation.observation() == replayed.observation()).all()
    before = applied
    session.undo()  # only this replays it
    assert len(said) - 2 <= applied - before <= 3 * len(said)


def test_bot_closes_after_a_success() -> None:
    session = booking(seed=3)
    teacher = SimulatedTeacher(RESTAURANT, "explicit")
    while not proposal(session).is_closing:
        teacher.answer(session)
    conversation = session.id
    assert session.conversation.latest_message and session.conversation.latest_message.intent == "affirm"
    session.correct("utter_ack_makereservation")
    assert session.id != conversation
    assert session.history.outcome(conversation) == "success"
    assert session.history.conversation(RESTAURANT, conversation).latest_action == "utter_ack_makereservation"


def test_own_action_of_the_bot_is_not_a_label() -> None:
    session = booking()
    SimulatedTeacher(RESTAURANT, "explicit").answer(session)
    labels = len(session.history.labels(session.domain, "explicit"))
    assert session.run(threshold=1.01) == 0
    assert session.run(threshold=0.0, steps=5) == 5
    assert len(session.history.labels(session.domain, "explicit")) == labels


def test_missing_result_of_an_action_is_pending() -> None:
    runs = []

    class Search:
        def name(self) -> str:
            return "action_search_concerts"

        def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list[Any]:
            runs.append(1)
            return [{"event": "slot", "name": "concerts", "value": ["one"]}]

    from dialogue_gym.actions import ActionRunner

    journal = Store.in_memory()
    runner = ActionRunner(CONCERT, [Search])
    session = talk(journal, runner=runner)
    say(session, "/search_concerts")
    head = session.history.head(session.id)
    content = {"action": "action_search_concerts", "right": ["action_search_concerts"], "by": "person"}
    journal.append_all([Draft(session.id, LABEL, content, head)])  # and here the process dies
    for answer, concerts in (("skip_action", None), ("run_action", ["one"])):
        again = Store.in_memory()
        again.append_all(
            Draft(one.conversation, one.kind, one.content, one.parent, one.author)
            for one in journal.entries()
        )
        resumed = talk(again, runner=runner)
        assert resumed.pending == MissingResult("action_search_concerts") and not runs
        getattr(resumed, answer)()
        assert resumed.conversation.slots["concerts"] == concerts
        assert isinstance(resumed.pending, Proposal)
    assert len(runs) == 1
    resumed = talk(again, runner=runner)
    assert len(runs) == 1 and isinstance(resumed.pending, Proposal)


def test_plain_domain_can_be_taught() -> None:
    domain = domain_from("intents: [greet]\nresponses: {utter_greet: [{text: Hello}]}\n")
    session = Session(domain, Store.in_memory())
    say(session, "/greet")
    session.correct("utter_greet")
    session.correct("action_listen")
    say(session, "/greet")
    assert proposal(session).best.action == "utter_greet"
    session.add(Addition(INTENT, "leave"))
    session.add(Addition(SLOT, "city"))
    session.confirm()
    assert session.domain.intents == ("greet", "leave") and session.conversation.slots == {"city": None}
    assert np.isclose(sum(option.probability for option in proposal(session).options), 1)
