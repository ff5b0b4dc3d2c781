"""Reading of a bot's actions and of the values that it says, from texts and trackers."""

from __future__ import annotations

from typing import Any

import pytest

from dialogue_gym.conversation.events import BotUttered
from dialogue_gym.testing.dialogue import ForeignDialogue
from dialogue_gym.testing.reading import Deed, DeedReader
from tests.conftest import domain_from
from tests.testing.servers import RESTAURANT

PLAIN = """
    intents: [inform, affirm, deny]
    entities: [size]
    slots:
      size: {type: text}
    responses:
      utter_ask_size: [{text: "Small or large?"}]
      utter_wait: [{text: "One moment."}, {text: "Well."}]
      utter_hold: [{text: "One moment."}, {text: "Small or large?"}]
      utter_two: [{text: "Hello!\\n\\nI sell shirts."}]
    actions: [utter_ask_size, utter_wait, utter_hold, utter_two, order]
    fake_user:
      goal: {size: [small, large]}
      indecisiveness: 0
      actions:
        utter_ask_size: {user: {inform: size}}
        order: {user: judge, says: "A {size} shirt?"}
"""


@pytest.fixture(scope="module")
def reader() -> DeedReader:
    return DeedReader(RESTAURANT)


@pytest.fixture(scope="module")
def plain() -> DeedReader:
    return DeedReader(domain_from(PLAIN))


def messages(*texts: str) -> list[BotUttered]:
    return [BotUttered(text) for text in texts]


def only(deeds: list[Deed]) -> Deed:
    (deed,) = deeds
    return deed


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("Cheap french 2 paris", {"price": "cheap", "cuisine": "french", "people": "2", "location": "paris"}),
        ("cheap italian 9 Rome", {"price": "cheap", "cuisine": "italian", "people": "9", "location": "Rome"}),
        ("None ? null Paris", {"price": None, "cuisine": None, "people": None, "location": "paris"}),
    ],
)
def test_values_are_those_that_the_text_names(reader: DeedReader, words: str, values: dict[str, Any]) -> None:
    price, cuisine, people, location = words.split()
    text = f"How about this {price} {cuisine} restaurant  in {location}, for {people} people"
    deed = only(reader.read(messages(text)))
    assert (deed.action, deed.values, deed.unnamed) == ("action_suggest", values, ())


def test_other_words_are_understood_and_values_that_they_leave_out_are_reported(reader: DeedReader) -> None:
    deed = only(reader.read(messages("Shall it be this cheap french restaurant in paris then?")))
    assert deed.action == "action_suggest"
    assert deed.values == {"price": "cheap", "cuisine": "french", "location": "paris"}
    assert deed.unnamed == ("people",)


def test_a_text_that_could_be_two_actions_is_not_guessed(plain: DeedReader) -> None:
    deed = only(plain.read(messages("Small or large?")))
    assert deed.action is None and deed.guesses == ("utter_ask_size", "utter_hold")
    assert deed.fault == "'Small or large?' could be utter_ask_size or utter_hold"
    # The user reacts to these two alike.
    assert only(plain.read(messages("One moment."))).action == "utter_hold"


def test_nonsense_is_like_no_action(reader: DeedReader) -> None:
    first, second = reader.read(messages("Lorem ipsum dolor.", "For how many people?"))
    assert first.action is None and str(first.fault).startswith("'Lorem ipsum dolor.' is like none of")
    assert second.action == "utter_ask_numpeople"
    assert only(reader.read([BotUttered(None, {"image": "a.png"})])).fault == "a message without a text"


def test_paragraphs_are_one_text(plain: DeedReader) -> None:
    first, second = plain.read(messages("Hello!", "I sell shirts.", "A small shirt?"))
    assert (first.action, len(first.messages)) == ("utter_two", 2)
    assert (second.action, second.values) == ("order", {"size": "small"})


def test_a_tracker_decides_on_the_action_and_the_text_on_the_values(plain: DeedReader) -> None:
    said = messages("Small or large?")
    assert [deed.action for deed in plain.read(said, ["utter_hold", "action_listen"])] == ["utter_hold"]
    deed = only(plain.read(messages("Sure.", "A large shirt?"), ["order"]))
    assert (deed.action, deed.values) == ("order", {"size": "large"})
    deed = only(plain.read(messages("Take this."), ["order"]))
    assert (deed.action, deed.values, deed.unnamed) == ("order", {}, ("size",))


def test_each_of_several_actions_has_its_own_message(plain: DeedReader) -> None:
    said = messages("One moment.", "Small or large?")
    deeds = plain.read(said, ("utter_wait", "utter_ask_size"))
    assert [(deed.action, deed.text) for deed in deeds] == [
        ("utter_wait", "One moment."), ("utter_ask_size", "Small or large?"),
    ]  # fmt: skip
    deeds = plain.read(said, ("utter_wait", "utter_hold", "utter_ask_size"))
    assert [deed.text for deed in deeds] == ["", "", "One moment. Small or large?"], "nobody knows"


def test_the_questions_of_a_form_are_read_from_its_texts() -> None:
    reader = DeedReader(
        domain_from("""
    intents: [inform, affirm, deny]
    entities: [size]
    slots:
      size: {type: text}
    forms: {size_form: {required_slots: [size]}}
    responses:
      utter_ask_size: [{text: "Small or large?"}]
    actions: [size_form, utter_ask_size]
    fake_user:
      goal: {size: [small, large]}
""")
    )
    deeds = reader.read(messages("Small or large?"), ["size_form", "action_listen"])
    assert [deed.action for deed in deeds] == ["utter_ask_size"]


@pytest.mark.parametrize(
    ("done", "said", "fault"),
    [
        (["utter_unknown"], ["Hm."], "the domain has no action 'utter_unknown'"),
        (["order"], [], "order was done, and the user was told nothing"),
    ],
)
def test_a_user_does_not_notice_what_nobody_told_them(
    plain: DeedReader, done: list[str], said: list[str], fault: str
) -> None:
    deeds = plain.read(messages(*said), done)
    assert deeds[0].fault == fault and all(deed.action is None for deed in deeds)


def test_the_user_judges_the_values_that_they_were_told() -> None:
    dialogue = ForeignDialogue(RESTAURANT, indecisiveness=0)
    for seed in range(20):
        dialogue.begin(seed)
        wrong = dict(dialogue.goal) | {"price": "cheap" if dialogue.goal["price"] != "cheap" else "expensive"}
        dialogue.answer([Deed("action_suggest", values=wrong)])
        assert dialogue.outcome is None
        dialogue.answer([Deed("utter_on_it"), Deed("action_suggest", values=dialogue.goal)])
        assert dialogue.outcome == "success"
        assert dialogue.total == 20 - 3  # the hand-over is not a step


def test_the_user_answers_the_last_thing_that_was_said() -> None:
    dialogue = ForeignDialogue(RESTAURANT, "fixed", indecisiveness=0)
    dialogue.begin(3)
    message = dialogue.answer([Deed("utter_greet"), Deed("utter_ask_price")])
    assert message == f'/inform{{"price": "{dialogue.goal["price"]}"}}'
    assert dialogue.answer([Deed("utter_ask_people"[:-6] + "numpeople"), Deed(None)]) is not None
    assert dialogue.answer([]) == "/deny" and dialogue.rounds[-1].was_useless
