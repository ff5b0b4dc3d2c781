"""The dialog with a teacher as screens and answers, without a terminal."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from dialogue_gym import load_domain
from dialogue_gym.conversation.events import Entity, UserUttered
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.pending import AwaitsMessage, Proposal
from dialogue_gym.teaching.remarks import HABIT
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.taught_examples import learned_examples, word_lessons
from dialogue_gym.teaching.terminal.screens import Dialog
from tests.conftest import domain_from
from tests.teaching.terminal.dialogs import PLAIN, answered, concert, dialog, played, text_of

PIZZA = """
intents: [order]
entities: [size]
slots: {size: {type: categorical, values: [small, large]}}
actions: [utter_ok]
"""


def taught(teaching: Dialog[None], session: Session, answers: dict[str, str], acts: Iterable[str]) -> int:
    """Answer as a person who knows the right action for each message; return the number of corrections."""
    corrections = 0
    acts = iter(acts)
    screen = next(teaching)
    while True:
        pending = session.pending
        if isinstance(pending, AwaitsMessage):
            act = next(acts, None)
            if act is None:
                return corrections
            wanted = answers[act]
            screen = teaching.send(act)
        elif isinstance(pending, Proposal):
            action = "action_listen" if session.conversation.latest_action == wanted else wanted
            if pending.best.action == action:
                screen = teaching.send("1")
            else:
                corrections += 1
                assert "2  no, the action" in text_of(screen)
                assert action in text_of(teaching.send("2"))
                screen = teaching.send(action)
        else:
            screen = teaching.send("1")


def test_walk_through_needs_no_correction_the_second_time() -> None:
    journal = Store.in_memory()
    session = concert(journal)
    answers = {
        "/greet": "utter_greet",
        "/search_concerts": "action_search_concerts",
        "/search_venues": "action_search_venues",
        "/thankyou": "utter_youarewelcome",
        "/compare_reviews ": "action_show_concert_reviews",
        "/compare_reviews": "action_show_venue_reviews",
    }
    acts = ["/greet", "/search_concerts", "/compare_reviews ", "/search_venues", "/compare_reviews"]
    assert taught(dialog(session), session, answers, acts) >= 1
    session.restart()
    assert taught(dialog(session), session, answers, acts) == 0


def test_question_shows_chat_slots_and_confidence() -> None:
    session = concert(Store.in_memory())
    *_, shown = played(dialog(session), ["/greet"])
    assert shown.startswith("\nuser  /greet\nmeans greet (1.00)\nslots concerts: empty, venues: empty")
    assert "[utter_greet] (100%, from stories). Is this right?\nit says: Hey there!" in shown
    *_, shown = played(dialog(session), ["2", "review", ":u"])
    assert "action_show_concert_reviews 0.00 not possible now" not in shown and "(undone)" in shown


@pytest.mark.parametrize(
    ("typed", "action"),
    [("8", "action_show_concert_reviews"), ("rt_rev", "action_show_concert_reviews"), ("VENUE_R", None)],
)
def test_action_is_picked_by_number_or_part_of_its_name(typed: str, action: str | None) -> None:
    session = concert(Store.in_memory(), stories=False)
    answers = ["/greet", "2", typed]
    *_, shown = played(dialog(session), answers)
    expected = action or "action_show_venue_reviews"
    assert session.conversation.latest_action == expected
    assert f"Now, in the same situation: {expected} (100%)" in shown


def test_invalid_picks_are_asked_again() -> None:
    session = concert(Store.in_memory(), stories=False)
    answers = ["/greet", "x", "2", "99", "reviews", "+\x1b", "sing", "2", ""]
    shown = list(played(dialog(session), answers))
    assert "(unknown answer x; choose one of 1 2 3 0, or a command; ? shows them)" in shown[2]
    assert "(choose a number from 0 to 9)" in shown[4]
    assert shown[5].splitlines()[0].startswith("action_show_concert_reviews") and "utter" not in shown[5]
    assert "(\\x1b is not a valid name for an action: it has control characters)" in shown[6]
    assert "Unknown action sing (" in shown[7] and "add it as an action" in shown[7]
    assert "Is this right?" in shown[9]
    assert session.history.labels(session.domain) == []


def test_new_actions_intents_and_slots_can_be_typed() -> None:
    session = Session(domain_from(PLAIN), Store.in_memory())
    answers = [
        'order me one', "3", "order", "1", "size=one", "1",  # the intent, its entity as a slot
        "2", "utter_size", "1", "Which size?",  # the action, and its text
        "2", "listen", "order  ME one",
    ]  # fmt: skip
    shown = list(played(dialog(session), answers))
    assert "means not understood" in shown[1]
    assert session.domain.intents == ("greet", "order")
    assert [slot.name for slot in session.domain.slots] == ["size"]
    assert session.domain.texts("utter_size") == ("Which size?",)
    assert 'means order{"size": "one"} (1.00)' in shown[-1]  # the same sentence
    (message,) = learned_examples((), word_lessons(session.history)).exact.values()
    assert message.entities[0].start == len("order me ")
    session.undo()  # the last message
    while session.history.can_undo(session.id):
        session.undo()
    assert learned_examples((), word_lessons(session.history)).exact == {}


def test_typed_names_have_no_spaces() -> None:
    session = Session(domain_from(PLAIN), Store.in_memory())
    answers = [
        "order me one",
        "3",
        "book table",
        "1",
        "Katy Perry's=one",
        "1",
        "2",
        "+Which size",
        "Which?",
    ]
    shown = list(played(dialog(session), answers))
    assert "add it as an intent, written book_table" in shown[3]
    assert session.domain.intents[-1] == "book_table" and session.domain.slots[-1].name == "katy_perrys"
    assert session.domain.actions[-1] == "utter_which_size"
    *_, shown = played(
        dialog(session), ["2", "listen", "more", "3", "Book Table", "", "2", "utter which size"]
    )
    assert session.domain.intents[-1] == "book_table" and session.domain.actions[-1] == "utter_which_size"
    assert "Unknown" not in shown and session.conversation.latest_action == "utter_which_size"


def test_entities_are_marked_in_the_words_that_mean_them() -> None:
    session = Session(domain_from(PIZZA), Store.in_memory())
    answers = ["the biggest you have", "3", "order"]
    *_, asked, refused, shown = played(dialog(session), [*answers, "size", "[biggest](size:large)"])
    assert "known: size" in asked and "[words](size:small)" in asked
    assert refused == "(malformed entity 'size'; the format is cuisine=french)\nentities > "
    message = session.conversation.latest_message
    assert message is not None
    assert message.entities == (Entity("size", "large", len("the "), len("the biggest")),)
    assert 'means order{"size": "large"} (1.00)' in shown
    *_, shown = played(dialog(session), ["u", "u", *answers, "the [biggest](size:large) you have"])
    assert session.conversation.latest_message == message


def test_an_unknown_command_is_told_at_every_prompt_for_text() -> None:
    session = concert(Store.in_memory(), stories=False)
    *_, shown = played(dialog(session), [":wizard"])
    assert shown == "(unknown command :wizard; ? shows them)\nyou > "
    *_, shown = played(dialog(session), [":help"])
    assert "quit, at every prompt" in shown and not session.conversation.events[1:]


def test_act_of_an_unknown_intent_can_add_it() -> None:
    session = Session(domain_from(PLAIN), Store.in_memory())
    *_, shown = played(dialog(session), ["/order", "2"])
    assert "order" not in session.domain.intents and isinstance(session.pending, AwaitsMessage)
    *_, shown = played(dialog(session), ["/order", "1"])
    assert session.domain.intents[-1] == "order" and "means order (1.00)" in shown


def test_a_slip_is_mended_and_nothing_is_added() -> None:
    session = concert(Store.in_memory(), stories=False)
    before = session.domain
    answers = ["/gret", "1", "3", "serch_concerts", "1", "", "2", "utter_gret", "1"]
    shown = list(played(dialog(session), answers))
    assert "1  use greet\n2  add it as an intent\n3  cancel" in shown[1]
    assert "means greet" in shown[2] and "means search_concerts" in shown[6]
    assert "1  use utter_greet" in shown[8] and session.conversation.latest_action == "utter_greet"
    assert session.domain == before


def test_an_unlisted_value_is_told_when_it_is_typed_and_when_it_is_mended() -> None:
    domain = domain_from(PLAIN + "slots: {size: {type: categorical, values: [small, large]}}\n")
    teaching = dialog(session := Session(domain, Store.in_memory()))
    told = "(the slot 'size' has no value 'huge', which to the bot is 'other'; valid: large, small)"
    *_, shown = played(teaching, ['/greet{"size": "huge"}'])
    assert shown.startswith(told) and session.conversation.slots == {"size": "huge"}
    *_, shown = answered(teaching, ["3", "greet", "size=large"])
    assert "the slot" not in shown
    *_, shown = answered(teaching, ["3", "greet", "size=huge"])
    assert told in shown


def test_intents_that_every_rasa_bot_knows_need_no_question() -> None:
    session = Session(domain_from(PLAIN), Store.in_memory())
    answers = ["/restart", "/greet", "2", "listen", "/back", "/session_start", "/restart", "/nlu_fallback"]
    empty, *_, back, start, anew, unsure = list(played(dialog(session), answers))[1:]
    assert session.id == "c2" and "unknown" not in (empty + anew).lower()
    assert back.startswith("(/back takes a turn back when people talk to the bot; here, undo")
    assert start.startswith("(/session_start begins a session with the slots so far")
    assert "--- conversation c2 ---" in anew and "means nlu_fallback (1.00)" in unsure
    assert session.domain.intents == ("greet", "nlu_fallback")
    own = Session(domain_from(PLAIN.replace("[greet]", "[greet, restart]")), Store.in_memory())
    *_, shown = played(dialog(own), ["/greet", "2", "listen", "/restart"])
    assert own.id == "c1" and "means restart (1.00)" in shown


@pytest.mark.parametrize(
    ("answer", "right"), [("1", {"utter_goodbye"}), ("2", {"utter_default"}), ("3", None)]
)
def test_contradiction_is_resolved(answer: str, right: set[str] | None) -> None:
    session = concert(Store.in_memory(), stories=False)
    first = ["/greet", "2", "utter_default", "n", "/greet", "2", "utter_goodbye"]
    *_, shown = played(dialog(session), first)
    assert "You chose utter_default in this same situation before." in shown
    *_, shown = played(dialog(session), [answer])
    learned = {
        "1": "utter_default (100%). Now, in the same situation: utter_goodbye (100%).",
        "2": "",
        "3": "utter_default (100%). Now, in the same situation: utter_default or utter_goodbye (50% each).",
    }
    assert ("Learned. Before: " + learned[answer] in shown) == (answer != "2")
    labels = session.history.labels(session.domain)
    assert set(labels[-1].right) == (right or {"utter_default", "utter_goodbye"})


def test_a_correction_to_an_action_whose_needs_do_not_hold_says_so() -> None:
    session = Session(load_domain("city"), Store.in_memory())
    *_, shown = played(dialog(session), ["/greet", "2", "utter_tell"])
    assert "utter_tell (100%). But its needs do not hold here." in shown
    *_, shown = played(dialog(session), ["u", "2", "utter_ask_kind"])
    assert "Learned" in shown and "its needs" not in shown


def test_undo_redo_fork_statistics_and_confidence() -> None:
    session = concert(Store.in_memory())
    shown = list(
        played(dialog(session), ["/greet", "1", "u", "u", ":u", ":r", "r", "s", "t", "2", "t", "0.5"])
    )
    assert "(undone)" in shown[3] and "[utter_greet]" in shown[3]
    assert "(there is nothing to undo)" in shown[5]
    assert "[action_listen]" in shown[7]
    assert "\nanswers 1\n" in f"\n{shown[8]}\n" and "corrections 0" in shown[8]
    assert "2 is not a number from 0 to 1" in shown[10]
    *_, which, asked, shown_last = played(dialog(session), ["f", "0", "0"])
    assert which.startswith("c1 1 /greet current\nstory ") and "+ new name" not in which
    assert "user  /greet" in asked and "bot   utter_greet" in asked
    assert session.id == session.history.conversations[-1]
    assert "[utter_greet]" in shown_last
    *_, shown_last = played(dialog(session), ["?", "q"])
    assert session.conversation.latest_action is None


def test_any_conversation_can_be_forked_from_any_turn() -> None:
    session = concert(Store.in_memory(), stories=False)
    first = ["/greet", "2", "utter_greet", "2", "listen", "/thankyou", "2", "utter_youare", "n"]
    *_, shown = played(dialog(session), [*first, ":f", "9"])
    assert session.id == "c2" and "unknown conversation" not in shown  # there is only one
    assert "(9 is not a number from 0 to 4)" in shown
    *_, which, wrong, _, again, where, shown = played(
        dialog(session), ["/goodbye", "f", "sing", "", "f", "c1", "2"]
    )
    assert which == again and which.startswith("c2 1 /goodbye current\nc1 2 /greet \n")
    assert wrong.startswith("(unknown conversation sing; valid: c1, c2)")
    assert where.splitlines()[2:4] == ["bot   action_listen", "user  /thankyou"]
    assert session.id == "c3"
    assert [event.act for event in session.conversation.events if isinstance(event, UserUttered)] == ["greet"]
    assert isinstance(session.pending, AwaitsMessage) and shown.endswith("you > ")


def test_additions_are_written_with_the_last_answer_or_not_at_all() -> None:
    journal = Store.in_memory()
    session = Session(domain_from(PLAIN), journal)
    list(
        played(dialog(session), ["order me one", "3", "order", "1", "size=one", "2"])
    )  # the slot is cancelled
    assert session.domain == domain_from(PLAIN) and session.can_correct_message
    list(played(dialog(session), ['/order{"size": "one"}', "1", "2"]))
    assert session.domain == domain_from(PLAIN)
    before = len(list(journal.entries()))
    list(played(dialog(session), ["3", "order", "1", "size=one"]))  # and here the process dies
    assert len(list(journal.entries())) == before
    list(played(dialog(session), ["3", "order", "1", "size=one", "1"]))
    assert session.domain.intents == ("greet", "order") and session.domain.slots
    *_, shown = played(dialog(session), ["u"])
    assert session.domain == domain_from(PLAIN) and "not understood" in shown


def test_unavailable_command_shows_one_line() -> None:
    session = concert(Store.in_memory(), stories=False)
    *_, unavailable, number, new = played(dialog(session), [":g", ":1", ":n"])
    assert unavailable.startswith("(:g is not available here; try :u :r :f :n :t :s :goal :? :0 :q)\n\n")
    assert number.startswith("(:1 is not available here")
    assert new.startswith("(this conversation is still empty)") and session.id == "c1"
    *_, shown = played(dialog(session), ["/greet", ":p"])
    assert "(:p is not available here; try :u :r :f :n :g :m :t :s :goal :? :0 :q)" in shown


def test_only_sentences_of_the_teacher_are_remembered() -> None:
    kept = "This sentence and like ones will have this meaning from now on."
    session = concert(Store.in_memory(), stories=False)
    *_, shown = played(dialog(session), ["hi!", "3", "greet", ""])
    assert f"Corrected. {kept}" in shown
    *_, shown = played(dialog(session), ["u", "u", "/greet", "3", "thankyou", ""])
    assert "Corrected." in shown and kept not in shown
    booking = Session(load_domain("restaurant"), Store.in_memory(), settings={})
    *_, shown = played(dialog(booking), ["3", "deny", "-"])
    assert "Corrected." in shown and kept not in shown


def test_sentences_are_text_at_every_question() -> None:
    session = concert(Store.in_memory(), stories=False)
    for sentence in ("no, compare venues", "goodbye", "quit now", "2 tickets", "u n g q"):
        *_, shown = played(dialog(session), ["/greet", sentence])
        assert shown.startswith(f"(unknown answer {sentence}; choose one of 1 2 3 0")
        assert session.conversation.latest_action is None and isinstance(session.pending, Proposal)
        session.undo()
    *_, shown = played(dialog(session), ["goodbye"])  # to a bot that has no examples
    assert "user  goodbye" in shown


QUESTIONS = {
    "you > ": [],
    "answer > ": ["/greet"],
    "action > ": ["/greet", "2"],
    "none) > ": ["/greet", "2", "+sing"],
    "intent > ": ["/greet", "3"],
    "a new intent": ["/greet", "3", "order"],
    "entities > ": ["/greet", "3", "greet"],
    "a new name": ["/order"],
    "a contradiction": ["/greet", "2", "utter_default", "n", "/greet", "2", "utter_goodbye"],
    "conversation > ": ["/greet", "n", "/greet", "f"],
    "cancel) > ": ["/greet", "f"],
    "now 0.9) > ": [":t"],
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("quitting", ["q", ":q"])
def test_q_quits_and_help_helps_at_every_question(question: str, quitting: str) -> None:
    session = concert(Store.in_memory(), stories=False)
    teaching = dialog(session)
    *_, asked = played(teaching, [*QUESTIONS[question], "?"])
    assert "quit, at every prompt" in asked
    before = len(session.history.path(session.id))
    assert asked.splitlines()[-1] == text_of(teaching.send("?")).splitlines()[-1]  # the same question
    with pytest.raises(StopIteration):
        teaching.send(quitting)
    assert len(session.history.path(session.id)) == before


def test_wizard_mends_a_message_and_is_asked_before_the_bot_runs_on() -> None:
    session = concert(Store.in_memory(), stories=False)
    teaching = dialog(session, is_wizard=True)
    *_, shown = played(teaching, ["/greet", ":m", "thankyou", ""])
    assert "means thankyou (1.00)" in shown and "Which action is right?" in shown
    *_, asked, shown = answered(teaching, ["utter_youarewelcome", ":p", "3"])
    assert "How do you want to go on?" in asked and "Which action is right?" in shown
    before = session.conversation
    shown = text_of(teaching.send(":p")) and text_of(teaching.send("1"))
    assert "Is this right?" in shown and session.conversation == before


def test_repetitions_and_habits_are_remarked_on() -> None:
    session = concert(Store.in_memory(), stories=False)
    teaching = dialog(session)
    *_, shown = played(teaching, ["/greet", "2", "utter_greet"])
    while "[utter_greet]" not in shown:  # until the bot proposes it again
        *_, shown = answered(teaching, ["2", "utter_greet"])
    assert "The bot did the same in the step before. Has it missed something?" in shown
    for _ in range(HABIT):
        shown = text_of(teaching.send("1"))
    assert "steps in under a second each" in shown
    *_, shown = answered(teaching, ["2", "action_listen", "/greet"])
    assert "steps in under a second each" not in shown  # a correction shows that the teacher reads


def test_a_typed_text_with_an_unknown_slot_is_told() -> None:
    session = Session(domain_from(PLAIN + "slots: {size: {type: text}}\n"), Store.in_memory())
    typed = ["/greet", "2", "utter_price", "1", "A {size} one is {prize} euros."]
    *_, last = played(dialog(session), typed)
    assert "unknown slot 'prize' in braces; did you mean 'size'? (only an action can fill it)" in last
    assert session.domain.texts("utter_price") == (typed[-1],)
