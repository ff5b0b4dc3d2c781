"""Outlines: questions about a new bot, and the domain file that the answers give."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue_gym import load_domain
from dialogue_gym._yaml import parse_yaml
from dialogue_gym.check import check_files
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.conversation.slot_filling import LoopState, slots_filled
from dialogue_gym.domain.loader import parse_domain
from dialogue_gym.domain.model import DOMAIN_FILE
from dialogue_gym.factory import own_examples
from dialogue_gym.journal.store import Store
from dialogue_gym.nlu.examples import read_examples
from dialogue_gym.outline import Interview, OutlineError, domain_file
from dialogue_gym.outline.model import CHOICE, MESSAGE, WORDS, YES_NO, Outline
from dialogue_gym.outline.summary import summary
from dialogue_gym.teaching.pending import Proposal
from dialogue_gym.teaching.remarks import remarks
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.startup import make_interpreter

PIZZA = (
    "It takes orders: pizza # and more", "1", "I'd like a pizza\n- a LARGE pizza with salami\n", "",
    "我要订一个披萨\n订披萨", "", "", "size", "1", "small\nlarge", "Which size?", "topping", "2",
    "salami\n蘑菇", "", "delivery", "3", "", "", "Deliver it?", "2nd visit", "3",
    "yes, again\nanother one", "never before\nthe first", "", "address", "4",
    "1 Main St\nat 2 Oak Rd", "Where?", "", "1", "One {Size} pizza with {topping}?", "", "1",
    "One {size} pizza with cheese?", "", "2", "place the order", "3", "1",
)  # fmt: skip


def interviewed(answers: tuple[str, ...]) -> Interview:
    interview = Interview()
    for answer in answers:
        interview = interview.answered(answer)
    return interview


def test_answers_give_a_domain_file_that_passes_the_strict_check(tmp_path: Path) -> None:
    interview = interviewed(PIZZA)
    assert interview.question is None
    file = tmp_path / "pizza.yml"
    file.write_text(domain_file(interview.outline), encoding="utf-8")
    assert check_files([str(file)], is_strict=True) == []
    domain = load_domain(file)
    wish = "我要订一个披萨"
    assert domain.intents == (
        "greet", "thank", "goodbye", "affirm", "deny", "pizza", wish, "inform",
        "slot_2nd_visit_yes", "slot_2nd_visit_no", "tell_address",
    )  # fmt: skip
    assert set(domain.actions[2:]) == set(interview.outline.actions)
    keys = parse_yaml(file.read_text(encoding="utf-8"), str(file), DOMAIN_FILE).value()
    assert [*keys["forms"]] == ["delivery_form", "address_form"]
    assert not {*keys["forms"]} & {*keys["actions"]}
    asked = LoopState("delivery_form", "delivery")
    for intent, answer in (("affirm", True), ("deny", False)):
        assert slots_filled(domain, UserUttered(intent, intent), asked) == {"delivery": answer}
        assert slots_filled(domain, UserUttered(intent, intent), LoopState("other_form", "delivery")) == {}
    assert domain.texts("utter_one_size_pizza") == ("One {size} pizza with {topping}?",)
    (large,) = [one for one in read_examples(own_examples(str(file))).examples if "LARGE" in one.text]
    assert [(one.name, one.value) for one in large.entities] == [("size", "large"), ("topping", "salami")]
    for intent, text, filled in (
        ("affirm", "yes", {}),  # not without its question
        ("slot_2nd_visit_no", "the first", {"slot_2nd_visit": False}),
        ("tell_address", "3 Elm St", {"address": "3 Elm St"}),
        ("pizza", "a pizza", {}),
    ):
        assert slots_filled(domain, UserUttered(text, intent)) == filled


def test_an_answer_is_refused_with_a_reason_and_can_be_taken_back() -> None:
    for place, answer, reason in (
        (2, "hello\nhi there", "'hello' means 'greet' already"),
        (2, "a pizza", "at least two ways"),
        (2, "[a] pizza\nb", "square brackets"),
        (8, "5", "not a number from 1 to 4"),
        (9, "small\nSMALL", "at least two choices, one on each line"),
        (22, "yes\nsure thing", "'yes' means 'affirm' already"),
        (19, "", "write an answer"),
        (31, "A {sizze} pizza", "did you mean 'size'?"),
        (31, "A } pizza", "braces"),
    ):
        interview = interviewed(PIZZA[:place])
        with pytest.raises(OutlineError, match=reason.replace("?", r"\?")):
            interview.answered(answer)
        assert interview.answers == PIZZA[:place]
    before = interviewed(PIZZA[:10]).back()
    assert before.withdrawn == PIZZA[9] and before.question == interviewed(PIZZA[:9]).question
    assert Interview().back() == Interview()


def test_a_list_may_stand_on_one_line_and_a_fact_is_named_once() -> None:
    bot = Outline().with_fact("the customer's size", CHOICE, ["small / medium, large"])
    (fact,) = bot.facts
    assert (fact.name, fact.examples) == ("customers_size", ("small", "medium", "large"))
    for name in ("customers size", "The customer's size"):
        with pytest.raises(OutlineError, match="the bot knows the customers size already"):
            bot.proposed_slot(name)


def test_a_plain_yes_answers_the_question_that_was_asked(tmp_path: Path) -> None:
    bot = Outline().with_small_talk()
    usual = bot.usual_answers(True), bot.usual_answers(False)
    for question in ("", " "):
        with pytest.raises(OutlineError, match="a plain yes or no answers a question"):
            bot.with_fact("delivery", YES_NO, *usual, question=question)
    for name in ("delivery", "cutlery"):
        bot = bot.with_fact(name, YES_NO, *usual, question=f"Do you want {name}?")
    file = tmp_path / "pizza.yml"
    file.write_text(domain_file(bot))
    assert check_files([str(file)], is_strict=True) == []
    session = Session(load_domain(file), Store.in_memory(), turn_taking="auto")

    def proposed() -> Proposal:
        assert isinstance(session.pending, Proposal)
        return session.pending

    session.say(UserUttered("hello", "greet"))
    session.correct("utter_greet")
    session.say(UserUttered("yes", "affirm"))
    assert session.conversation.slots == {"delivery": None, "cutlery": None}
    session.correct("utter_ask_cutlery")
    session.say(UserUttered("yes", "affirm"))
    (alone,) = (
        line for line in remarks(session.history, session.conversation, proposed()) if "alone" in line
    )
    assert alone.endswith("Choose cutlery_form to ask for cutlery.")
    session.correct("cutlery_form")
    assert session.conversation.loop.requested_slot == "cutlery"  # the yes came before this question
    assert session.conversation.slots["cutlery"] is None
    session.say(UserUttered("no", "deny"))
    assert proposed().best.action == "cutlery_form"
    session.confirm()
    assert session.conversation.slots == {"delivery": None, "cutlery": False}
    assert session.conversation.loop.name is None


def test_the_answer_to_a_question_is_the_whole_message_unless_it_is_a_wish(tmp_path: Path) -> None:
    bot = Outline().with_small_talk().with_wish(["how much is it", "prices"], "ask price")
    bot = bot.with_fact("name", MESSAGE, ["Anna", "my name is Ben"], question="What is your name?")
    bot = bot.with_fact("note", MESSAGE, ["no onions", "ring twice"])
    file = tmp_path / "salon.yml"
    file.write_text(domain_file(bot))
    assert check_files([str(file)], is_strict=True) == []
    domain, asked = load_domain(file), LoopState("name_form", "name")
    for text, intent, loop, filled in (
        ("Zbigniew Nowak", None, asked, {"name": "Zbigniew Nowak"}),
        ("No", "deny", asked, {"name": "No"}),
        ("I am Eve", "tell_name", LoopState(), {"name": "I am Eve"}),
        ("Zbigniew Nowak", None, LoopState(), {}),
        ("prices?", "ask_price", asked, {}),
        ("hello", "greet", asked, {}),
        ("ring", "tell_note", LoopState(), {"note": "ring"}),  # nothing asks for it
    ):
        assert slots_filled(domain, UserUttered(text, intent), loop) == filled
    assert [form.name for form in domain.forms] == ["name_form"]
    session = Session(domain, Store.in_memory(), turn_taking="auto")
    session.say(UserUttered("hello", "greet"))
    session.correct("utter_ask_name")
    session.say(UserUttered("Zbigniew Nowak", None))
    assert isinstance(session.pending, Proposal)
    told = remarks(session.history, session.conversation, session.pending)
    assert any("utter_ask_name alone takes fewer answers. Choose name_form" in line for line in told)


@pytest.mark.parametrize("is_yes", [True, False])
def test_one_plain_answer_needs_its_question_too(is_yes: bool) -> None:
    answers = ["again\nanother one", "never before\nthe first"]
    answers[not is_yes] = "\n".join(Outline().usual_answers(is_yes))
    interview = interviewed(("", "2", *PIZZA[2:4], "", "visit", "3", *answers))
    with pytest.raises(OutlineError, match="write an answer"):
        interview.answered("")
    (fact,) = interview.answered("Again?").outline.facts
    assert fact.form == "visit_form"


def test_the_summary_has_a_sentence_of_each_part() -> None:
    parts = dict(summary(interviewed(PIZZA).outline))
    understood, known, done = (
        dict(parts[f"It {what}"]) for what in ("understands", "knows", "says and does")
    )
    assert understood["pizza"] == "“I'd like a pizza” (and 1 more)"
    assert understood["inform"] == "small, large, salami, …"
    assert known["size"] == "one of small, large" and known["delivery"] == "yes or no"
    assert done["utter_ask_size"] == "“Which size?”"
    assert done["delivery_form"] == "asks utter_ask_delivery and takes yes or no for an answer"
    assert done["address_form"] == "asks utter_ask_address and takes the whole message for an answer"
    assert done["action_place_the_order"] == "code, to be written"
    assert summary(Outline()) == []


TEXTS = st.text(max_size=20) | st.sampled_from(
    ["yes", "no", "hello", "size", "2", "null", "a: b", "# c", "- d", "{size}"]
)
FACTS = st.tuples(
    TEXTS, st.sampled_from([CHOICE, WORDS, YES_NO, MESSAGE]),
    st.lists(TEXTS, min_size=2), st.lists(TEXTS, min_size=2), TEXTS,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    TEXTS, st.booleans(), st.lists(st.tuples(st.lists(TEXTS, min_size=2), TEXTS), max_size=4),
    st.lists(FACTS, max_size=4), st.lists(st.tuples(TEXTS, TEXTS), max_size=4), st.lists(TEXTS, max_size=2),
)  # fmt: skip
def test_any_answers_give_a_file_with_names_that_are_identifiers(
    purpose: str, small_talk: bool, wishes: list, facts: list, texts: list, deeds: list
) -> None:
    outline = Outline().with_small_talk() if small_talk else Outline()
    steps = [lambda now: now.with_purpose(purpose)]
    steps += [lambda now, one=one: now.with_wish(*one) for one in wishes]
    steps += [lambda now, one=one: now.with_fact(*one) for one in facts]
    steps += [lambda now, one=one: now.with_saying(*one) for one in texts]
    steps += [lambda now, one=one: now.with_action(one) for one in deeds]
    for step in steps:
        try:
            outline = step(outline)
        except OutlineError:
            continue
    text = domain_file(outline)
    domain = parse_domain(parse_yaml(text, "made.yml", DOMAIN_FILE), "made")
    assert domain.intents == tuple(outline.intents) and set(domain.actions[2:]) == set(outline.actions)
    assert {slot.name for slot in domain.slots} == {fact.name for fact in outline.facts}
    assert all(name.isidentifier() for name in (*domain.intents, *domain.actions, *outline.responses))
    assert {name: domain.texts(name) for name in outline.responses} == {
        name: (said,) for name, said in outline.responses.items()
    }
    forms = {form.name for form in domain.forms}
    assert all(name.startswith(("utter_", "action_")) for name in domain.actions if name not in forms)
    for intent in ("affirm", "deny"):  # ready-made: small talk, or an answer to a question
        assert slots_filled(domain, UserUttered(intent, intent)) == {}


@pytest.mark.parametrize("text", ["{}\n", "intents: [greet]\nnlu:\n", "intents: [greet]\nnlu: []\n"])
def test_a_domain_file_without_examples_has_none_of_its_own(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plain.yml"
    file.write_text(text)
    assert own_examples(str(file)) == []
    assert not make_interpreter(str(file), load_domain(file), (), 0).knows_words
