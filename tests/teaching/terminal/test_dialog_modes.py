"""Modes of the dialog with a teacher: a bot that continues by itself, a wizard, fake users, resumption."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue_gym import load_domain
from dialogue_gym.conversation.events import SessionStarted, UserUttered, to_json
from dialogue_gym.journal.entry import BOT, EVENT, LABEL, LIVE, STORY, Draft
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.stories import parse
from dialogue_gym.teaching.mode import use_mode
from dialogue_gym.teaching.pending import MissingResult, Proposal
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.story_import import import_stories
from tests.teaching.terminal.dialogs import concert, dialog, played, text_of


def test_bot_continues_until_it_is_unsure_or_stopped() -> None:
    session = concert(Store.in_memory(), stories=False)
    list(played(dialog(session), ["/greet", "2", "utter_greet", "2", "listen"]))
    before = len(session.history.labels(session.domain, "explicit"))
    shown = list(played(dialog(session), [":t", "1", ":n", "/greet", "g", "", "", "/thankyou", "g"]))
    assert shown[5].startswith("bot   utter_greet") and shown[6].startswith("bot   action_listen")
    assert shown[7].endswith("you > ")
    assert "the bot is unsure after 0 steps" in shown[9]
    assert len(session.history.labels(session.domain, "explicit")) == before == 2
    stopped = list(played(dialog(session), ["t", "0", "g", "stop"]))
    assert "(stopped)" in stopped[-1]


def test_wizard_picks_everything_and_then_lets_the_bot_play() -> None:
    session = concert(Store.in_memory(), stories=False)
    answers = [
        "/greet",
        "utter_greet",
        "action_listen",
        "/thankyou",
        "utter_youa",
        "listen",
        ":n",
        "/greet",
        ":p",
        "2",
    ]
    shown = list(played(dialog(session, is_wizard=True), answers))
    assert not any(re.search(r"\d%\)\. Is this right|probability", one) for one in shown[:8])
    assert "bot   utter_greet" in shown[10]


def test_fake_user_talks_and_the_next_dialogue_begins() -> None:
    session = Session(load_domain("restaurant"), Store.in_memory(), settings={}, seed=1)
    teaching, first = dialog(session), session.id
    screen, seen = next(teaching), ""
    while session.id == first:
        slots = session.conversation.slots
        missing = [name for name in ("cuisine", "people", "location", "price") if not slots[name]]
        assert isinstance(session.pending, Proposal)
        if session.pending.is_closing:
            action = "utter_goodbye"
        elif session.conversation.events[-1] != session.conversation.latest_message:
            action = "action_listen"
        else:
            ask = {"people": "numpeople"}.get(missing[0], missing[0]) if missing else ""
            action = f"utter_ask_{ask}" if missing else "action_suggest"
        for answer in ["1"] if session.pending.best.action == action else ["2", action]:
            screen = teaching.send(answer)
            seen += text_of(screen)
    assert "Choose the bot's closing step" in seen
    assert (
        "--- the user has what they wanted ---\n"
        "Goal: 3 dialogues in a row without a correction. So far: 0.\n"
        "--- conversation c2 ---"
    ) in seen


def test_missing_result_of_a_killed_process_is_asked_for() -> None:
    journal = Store.in_memory()
    session = concert(journal)
    list(played(dialog(session), ["/search_concerts"]))
    content = {"action": "action_search_concerts", "right": [], "by": "person"}
    journal.append_all(
        [Draft(session.id, LABEL, content, session.history.head(session.id))]
    )  # as if the process had been killed here
    again = concert(journal)
    assert isinstance(again.pending, MissingResult)
    first, then = played(dialog(again), ["2"])
    assert "The result of action_search_concerts is missing" in first
    assert again.conversation.slots["concerts"] is None
    assert "[action_" in then or "[utter_" in then


def test_stories_are_imported_with_slots_and_listening() -> None:
    domain = load_domain("concert")
    journal = Store.in_memory()
    lines = ["## one", "* search_concerts", "  - action_search_concerts", '  - slot{"concerts": ["a"]}']
    text = "\n".join([*lines, "* compare_reviews", "  - action_restart", ""])
    import_stories(journal, domain, parse(text))
    history = History(journal.entries())
    labels = history.labels(domain, "explicit")
    assert [label.right[0] for label in labels[:4]] == [
        "action_search_concerts", "action_listen", "action_restart", "action_listen"
    ]  # fmt: skip
    assert {label.by for label in labels} == {STORY}
    kinds = [entry.kind for entry in history.path("story 1")]
    assert kinds == [
        "event",
        "user",
        "label",
        "result",
        "label",
        "result",
        "user",
        *["label", "result"] * 2,
        "end",
    ]


def test_conversation_with_another_user_is_not_resumed() -> None:
    journal = Store.in_memory()
    domain = load_domain("restaurant")
    use_mode(journal, "me", "explicit")
    first = Session(domain, journal)
    first.say(UserUttered("hi", "greet"))
    use_mode(journal, "me", "explicit")
    assert Session(domain, journal).id == first.id
    use_mode(journal, "fake", "auto")
    other = Session(domain, journal, settings={}, turn_taking="auto")
    assert other.id != first.id and isinstance(other.pending, Proposal)


def test_live_conversations_do_not_end_with_the_mode() -> None:
    journal = Store.in_memory()
    begun = Draft("live1", EVENT, to_json(SessionStarted()) | {LIVE: "ann"}, None, BOT)
    journal.append_all([begun])
    use_mode(journal, "me", "explicit")
    assert not History(journal.entries()).has_ended("live1")


ANSWERS = [
    "1",
    "2",
    "3",
    "0",
    "",
    "u",
    "r",
    "f",
    "n",
    "g",
    "t",
    "s",
    "?",
    ":u",
    ":n",
    ":g",
    ":p",
    ":x",
    ":goal",
    "/greet",
]
ANSWERS += [
    "/compare_reviews",
    '/sing{"song": "a"}',
    "/x{",
    "reviews",
    "listen",
    "99",
    "-",
    "a=b",
    "=",
    "[/b]",
]


@settings(max_examples=30)
@given(
    st.lists(st.sampled_from(ANSWERS) | st.text(max_size=8), max_size=14),
    st.booleans(),
    st.booleans(),
)
def test_any_answer_is_handled(answers: list[str], is_wizard: bool, is_fake: bool) -> None:
    journal = Store.in_memory()
    session = Session(load_domain("restaurant"), journal, settings={} if is_fake else None)
    teaching = dialog(session, is_wizard)
    for _ in played(teaching, answers):
        pass
    again = Session(load_domain("restaurant"), journal, settings={} if is_fake else None)
    assert again.conversation == session.conversation and again.actions == session.actions
