"""Undoing and redoing what was taught, going on with it, and forks of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialogue_gym.conversation.events import Entity, SessionStarted, UserUttered, to_json
from dialogue_gym.domain.additions import ACTION, INTENT, SLOT, Addition
from dialogue_gym.journal.entry import BOT, EVENT, LIVE, RESULT, USER, Draft, StoreError
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.pending import BOTH, NEW, OLD, AwaitsMessage, PendingContradiction, SessionError
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.simulated_teacher import SimulatedTeacher
from dialogue_gym.teaching.terminal.views import conversation_rows
from tests.teaching.sessions import RESTAURANT, booking, say, state, talk

ROUNDS = settings(max_examples=25, suppress_health_check=list(HealthCheck))


def path_end(session: Session) -> int:
    return session.history.path(session.id)[-1].id


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("correct"), st.integers(0, 30)),
        st.tuples(st.just("confirm"), st.just(0)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("mend"), st.integers(0, 3)),
        st.tuples(st.just("run"), st.integers(1, 3)),
        st.tuples(st.just("new"), st.integers(0, 2)),
    ),
    max_size=8,
)


def do(session: Session, moves: list[tuple[str, int]]) -> None:
    for move, number in moves:
        if move == "restart":
            session.restart()
        elif move == "new":
            use_unknown_names(session, number)
        elif isinstance(session.pending, AwaitsMessage):
            session.say(UserUttered(None, session.domain.intents[number % len(session.domain.intents)]))
        elif isinstance(session.pending, PendingContradiction):
            session.resolve((NEW, OLD, BOTH)[number % 3])
        elif move == "confirm":
            session.confirm()
        elif move == "correct":
            session.correct(session.actions[number % len(session.actions)])
        elif move == "mend" and session.can_correct_message:
            intent = "inform" if "inform" in session.domain.intents else "greet"
            session.correct_message(UserUttered(None, intent))
        elif move == "run":
            session.run(0.0, number)


def use_unknown_names(session: Session, number: int) -> None:
    """Give an answer that the domain grows for, if it has not done so before."""

    def new(*growth: Addition) -> list[Addition]:
        return [one for one in growth if not one.is_in(session.domain)]

    intent, slot = Addition(INTENT, f"want{number}"), Addition(SLOT, f"slot{number}")
    message = UserUttered(None, intent.name, (Entity(slot.name, "x"),))
    action = Addition(ACTION, f"utter_{number}", ("Ha!",))
    if isinstance(session.pending, AwaitsMessage):
        session.say(message, new(intent, slot))
    elif isinstance(session.pending, PendingContradiction):
        session.resolve(BOTH)
    elif session.can_correct_message and number == 0:
        session.correct_message(message, new(slot, intent))
    else:
        session.correct(action.name, new(action))


@ROUNDS
@given(st.sampled_from(["booking", "talk"]), MOVES, MOVES, st.sampled_from(["auto", "explicit"]))
def test_undone_steps_leave_no_trace(
    kind: str, before: list[Any], after: list[Any], turn_taking: str
) -> None:
    make = booking if kind == "booking" else talk
    session, untouched = (make(turn_taking=turn_taking) for _ in range(2))
    do(session, before)
    do(untouched, before)
    if isinstance(session.pending, PendingContradiction):
        session.resolve(NEW)
        untouched.resolve(NEW)
    conversation = session.id
    head = session.history.head(conversation)
    undone = 0
    do(session, [move for move in after if move[0] != "run"])
    if isinstance(session.pending, PendingContradiction):
        session.resolve(NEW)
    last = state(session)
    while (session.id, session.history.head(session.id)) != (conversation, head):
        session.undo()
        undone += 1
    assert state(session) == state(untouched)
    chances = [option.probability for option in getattr(session.pending, "options", ())]
    assert chances == [option.probability for option in getattr(untouched.pending, "options", ())]
    for _ in range(undone):
        session.redo()
    assert state(session) == last


@ROUNDS
@given(st.sampled_from(["booking", "talk"]), MOVES)
def test_session_resumes_at_the_end_of_its_journal(kind: str, moves: list[Any]) -> None:
    make = booking if kind == "booking" else talk
    journal = Store.in_memory()
    session = make(journal)
    do(session, moves)
    if isinstance(session.pending, PendingContradiction):
        session.resolve(BOTH)  # an unanswered question is asked again, not kept
    resumed = make(journal)
    assert state(resumed) == state(session)
    if kind == "booking":  # the fake user goes on as well
        for one in (session, resumed):
            do(one, [("correct", 3), ("correct", 0)])
        assert state(resumed)[0] == state(session)[0]


def test_fork_leaves_the_original_unchanged() -> None:
    session = booking()
    for _ in range(4):
        SimulatedTeacher(RESTAURANT, "explicit").answer(session)
    first, events = session.id, session.conversation.events
    path = session.history.path(first)
    point = next(entry for entry in path if entry.kind == RESULT)
    session.fork(point.id)
    assert session.id != first
    assert session.conversation.events == events[: len(session.conversation.events)]
    session.correct("utter_ask_price")
    assert session.history.conversation(RESTAURANT, first).events == events
    labels = session.history.labels(RESTAURANT, "explicit")
    assert len({label.entry for label in labels}) == len(labels)
    with pytest.raises(StoreError, match="unknown entry 999"):
        session.fork(999)


def test_fork_continues_with_the_same_user() -> None:
    journal = Store.in_memory()
    simulated = booking(journal)
    other = Session(RESTAURANT, journal)
    say(other, "/greet")
    with pytest.raises(SessionError, match=f"another user talks at entry {path_end(simulated)}"):
        other.fork(path_end(simulated))
    with pytest.raises(SessionError, match=f"another user talks at entry {path_end(other)}"):
        booking(journal).fork(path_end(other))
    assert [row.name for row in conversation_rows(other)] == [other.id]


def test_live_conversations_are_taught_in_forks_only() -> None:
    journal = Store.in_memory()
    begins = Draft("live1", EVENT, to_json(SessionStarted()) | {LIVE: "ann"}, None, BOT)
    said = Draft("live1", USER, to_json(UserUttered("hi", "greet")), begins, "ann")
    *_, message = journal.append_all([begins, said])
    session = talk(journal)
    assert session.id == "c1"
    with pytest.raises(SessionError, match="people talk to the bot in 'live1': fork it instead"):
        session.resume("live1")
    session.fork(message.id)
    session.correct("utter_greet")
    again = talk(journal)
    assert again.id == session.id == "c2"
    again.undo()
    assert (again.id, again.conversation.events[-1]) == ("c2", UserUttered("hi", "greet"))
    assert again.history.path("live1")[-1] == message
