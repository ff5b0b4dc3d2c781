"""The goal of a first lesson, and the wish of the fake user."""

from __future__ import annotations

import pytest

from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.journal.entry import BOT, LIVE, PERSON, STORY
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.journal.writer import ConversationWriter
from dialogue_gym.teaching.lesson import GOAL, Lesson, LessonProgress
from dialogue_gym.teaching.pending import NEW
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.wish import wish_of
from tests.conftest import domain_from
from tests.teaching.sessions import CITY, CONCERT, RESTAURANT, booking, talk

SHORT = domain_from("""
    intents: [open]
    responses: {utter_bye: [{text: Bye}], utter_greet: [{text: Hello}]}
    fake_user: {agenda: [{say: open, answer: utter_greet}]}
""")
"""A user whose dialogues take one answer."""


def test_corrections_undo_and_forks_set_the_count_right() -> None:
    journal = Store.in_memory()
    session = Session(SHORT, journal, settings={}, turn_taking="auto")
    lesson = Lesson(session.history, has_endings=True)

    def count() -> tuple[int, int]:
        progress = lesson.progress()
        # Read anew, as after a restart, it is the same.
        assert Lesson(History(journal.entries()), has_endings=True).progress() == progress
        return progress.in_a_row, progress.longest

    session.correct("utter_greet")
    assert (session.id, count()) == ("c2", (0, 0))
    for dialogues in (1, 2, 3):
        session.confirm()
        assert count() == (dialogues, dialogues)
    assert lesson.progress().is_reached
    session.restart()  # a dialogue that is left
    assert count() == (3, 3)
    session.correct("utter_bye")
    session.resolve(NEW)
    assert count() == (0, 3) and lesson.progress().is_reached
    session.undo()
    assert count() == (3, 3)
    session.undo()  # the restart
    session.undo()  # the last answer of c4
    assert (session.id, count()) == ("c4", (2, 2)) and not lesson.progress().is_reached
    session.redo()
    assert count() == (3, 3)
    opening = session.history.path("c2")[1].id
    session.fork(opening)
    session.confirm()
    assert session.history.outcome("c7") == "success" and count() == (3, 3)
    session.fork(opening)
    session.correct("utter_bye")
    session.resolve(NEW)
    assert count() == (0, 3)


HELLO = UserUttered("hello", "greet")
CLEAN, WRONG, NOTHING = LessonProgress(3, 3), LessonProgress(0, 2), LessonProgress(2, 2)


@pytest.mark.parametrize(
    ("kind", "outcome", "has_endings", "expected"),
    [
        ("approved", "success", True, CLEAN),
        ("approved", "left", True, NOTHING),
        ("approved", "left", False, CLEAN),
        ("approved", "truncated", False, NOTHING),
        ("approved", "failure", True, WRONG),
        ("approved", "open", False, NOTHING),
        ("corrected", "success", True, WRONG),
        ("corrected", "open", True, WRONG),
        ("mended", "success", True, WRONG),
        ("by the bot", "success", True, NOTHING),
        ("story", "success", True, NOTHING),
        ("live", "success", True, NOTHING),
    ],
)
def test_a_dialogue_counts_by_its_answers_and_its_end(
    kind: str, outcome: str, has_endings: bool, expected: LessonProgress
) -> None:
    journal = Store.in_memory()

    def add(name: str, kind: str, outcome: str) -> None:
        writer = ConversationWriter(name, author=PERSON)
        writer.begin({LIVE: True} if kind == "live" else {})
        writer.message(HELLO)
        if kind == "mended":
            writer.corrected_message(HELLO)
        by = {"by the bot": BOT, "story": STORY}.get(kind, PERSON)
        proposal = {"proposal": "utter_bye" if kind in ("corrected", "live") else "utter_greet"}
        writer.decision("utter_greet", by, details=proposal)
        if outcome != "open":
            writer.end(None if outcome == "left" else outcome)
        journal.append_all(writer.take())

    for number in range(GOAL - 1):
        add(f"c{number}", "approved", "success")
    add("last", kind, outcome)
    assert Lesson(History(journal.entries()), has_endings).progress() == expected


def test_a_wish_is_in_the_words_of_the_domain_and_says_what_is_told() -> None:
    session = booking(turn_taking="auto", seed=3)
    assert str(wish_of(session)) == (
        "The user wants: indian food, a table for 2 (told), a place in san francisco, something expensive"
    )
    session.correct("utter_ask_cuisine")
    assert "indian food (told)" in str(wish_of(session))
    session.undo()
    assert "indian food," in str(wish_of(session))
    resumed = Session(RESTAURANT, session._driver._journal, settings={}, turn_taking="auto", seed=3)
    assert wish_of(resumed) == wish_of(session)


def test_a_wish_of_a_user_who_searches_has_what_does_not_matter_and_what_is_asked_for() -> None:
    session = Session(CITY, Store.in_memory(), settings={}, turn_taking="auto", seed=0)
    assert str(wish_of(session)) == (
        "The user wants: something expensive, a table indoors, somewhere romantic, any kind, any area,"
        " the phone number, the opening hours, the website"
    )
    session.correct("utter_ask_price")
    session.correct("utter_ask_kind")
    assert "something expensive (told)" in str(wish_of(session)) and "any kind (told)" in str(
        wish_of(session)
    )


def test_an_agenda_is_told_message_by_message() -> None:
    session = Session(CONCERT, Store.in_memory(), settings={}, turn_taking="auto", seed=3)
    assert str(wish_of(session)) == (
        'The user will say: "Hello." (told), "Which venues are there?", "Which has better reviews?",'
        ' "Thank you.", "Goodbye."'
    )
    session.correct("utter_greet")
    assert [part.is_told for part in wish_of(session).parts] == [True, True, False, False, False]


def test_a_wish_without_phrases_names_slots_and_intents() -> None:
    domain = domain_from("""
        intents: [order_pizza]
        entities: [pizza_size]
        slots: {pizza_size: {type: text}}
        responses: {utter_ok: [{text: OK}]}
        fake_user:
          goal: {pizza_size: [large]}
          agenda: [{say: order_pizza, tells: pizza_size, answer: utter_ok}]
    """)
    wish = wish_of(Session(domain, Store.in_memory(), settings={}))
    assert str(wish) == "The user will say: order pizza (pizza size: large) (told)"


def test_a_teacher_who_is_the_user_gets_sentences_to_try() -> None:
    assert str(wish_of(talk())) == (
        'You are the user. Say, for example: "/greet", "/search_concerts", "/search_venues", '
        '"/compare_reviews"'
    )
