"""Edits of responses and slots: in the domain, in the journal, and in the text of a domain file."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dialogue_gym.domain import Domain, DomainError
from dialogue_gym.domain.additions import ENTITY, RESPONSE, TYPE, VALUES, Addition, extend
from dialogue_gym.domain.edits import edited
from dialogue_gym.domain.writer import extended_text
from dialogue_gym.journal.entry import DOMAIN, Draft
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.domain_edits import EditError, SlotForm, edit_slot
from tests.conftest import domain_from

FILE = """\
version: "3.1"  # mine
intents: [greet, order]
entities: [size]
slots:
  size:  # how large
    type: text
    mappings:
    - type: from_entity
      entity: size
  crust: {type: categorical, values: [thin, thick], mappings: [{type: from_entity, entity: size}]}
responses:
  # hello
  utter_hi:
    - text: "Hi"  # short
    # and the long one
    - text: |
        Hello
        you
      channel: rest
  utter_bye: [{text: A, buttons: [{title: yes, payload: /affirm}]}, {text: B}]
  utter_one: Once
actions: [utter_hi]  # all
"""
LETTERS = st.lists(st.sampled_from("abcdef"), unique=True, max_size=4)
TEXTS = st.text(min_size=1, max_size=12).filter(
    lambda text: text.strip() and text.isprintable() and "#" not in text
)
"""Lines of a teacher; the sign of comments would be counted below."""


@given(LETTERS, LETTERS, LETTERS)
def test_an_edit_made_twice_is_made_once(known: list[str], was: list[str], new: list[str]) -> None:
    new = [text for text in new if text not in was]
    once = edited(known, was, new)
    assert edited(once, was, new) == once
    assert len(set(once)) == len(once) and not set(once) & set(was)


@given(LETTERS, LETTERS)
def test_an_edit_of_something_gone_changes_nothing(known: list[str], was: list[str]) -> None:
    gone = [text for text in was if text not in known]
    assert edited(known, gone, ["new"] * len(gone)) == known


@given(
    st.lists(TEXTS, unique=True, min_size=1, max_size=3),
    st.sampled_from(["utter_hi", "utter_bye", "utter_one"]),
)
def test_texts_are_written_where_they_stand_and_comments_stay(texts: list[str], name: str) -> None:
    domain = domain_from(FILE)
    old = domain.texts(name)[0]
    assume(texts[0] != old)  # an edit changes something
    edits = [Addition(RESPONSE, name, (texts[0],), was=(old,))]
    edits += [Addition(RESPONSE, name, (text,)) for text in texts[1:]]
    written = extended_text(FILE, "f", "f", lambda domain: extend(domain, edits))
    again = domain_from(written)
    assert again.responses == extend(domain, edits).responses and texts[0] in again.texts(name)
    assert re.findall("# [a-z ]+", written) == re.findall("# [a-z ]+", FILE)


@pytest.mark.parametrize(
    ("edits", "old", "new"),
    [
        (
            [Addition(RESPONSE, "utter_hi", ("Hello: you\nthere",), was=("Hello\nyou\n",))],
            "    - text: |\n        Hello\n        you\n",
            '    - text: "Hello: you\\nthere"\n',
        ),
        ([Addition(RESPONSE, "utter_hi", (), was=("Hi",))], '    - text: "Hi"  # short\n', ""),
        (
            [Addition(RESPONSE, "utter_hi", ("Hey",))],
            "      channel: rest\n",
            "      channel: rest\n    - text: Hey\n",
        ),
        (
            [Addition(RESPONSE, "utter_one", ("Two",))],
            "utter_one: Once",
            "utter_one: [{text: Once}, {text: Two}]",
        ),
        (
            [
                Addition(TYPE, "size", ("categorical",), was=("text",)),
                Addition(VALUES, "size", ("big", "small")),
                Addition(ENTITY, "size", ("how_large",), was=("size",)),
            ],
            "    type: text\n    mappings:\n    - type: from_entity\n      entity: size\n",
            "    type: categorical\n    values: [big, small]\n"
            "    mappings: [{type: from_entity, entity: how_large}]\n",
        ),
        (
            [Addition(VALUES, "crust", ("airy", "x, y"), was=("thin",))],
            "[thin, thick]",
            "[airy, thick, 'x, y']",
        ),
        (
            [
                Addition(TYPE, "crust", ("bool",), was=("categorical",)),
                Addition(ENTITY, "crust", (), was=("size",)),
            ],
            "{type: categorical, values: [thin, thick], mappings: [{type: from_entity, entity: size}]}",
            "{type: bool, mappings: [{type: custom}]}",
        ),
    ],
)
def test_edits_change_their_lines_alone(edits: list[Addition], old: str, new: str) -> None:
    written = extended_text(FILE, "f", "f", lambda domain: extend(domain, edits))
    assert old in FILE
    expected = FILE.replace(old, new)
    assert written.replace("entities: [size, how_large]", "entities: [size]") == expected


def test_buttons_and_channels_stay_with_their_text() -> None:
    domain = extend(domain_from(FILE), [Addition(RESPONSE, "utter_bye", ("C",), was=("A",))])
    first, second = domain.variations("utter_bye")
    assert (first.text, first.content["buttons"][0]["title"], second.text) == ("C", "yes", "B")


def test_the_last_text_stays() -> None:
    domain = domain_from(FILE)
    assert extend(domain, [Addition(RESPONSE, "utter_one", (), was=("Once",))]) == domain


def test_texts_of_the_simulation_become_a_response() -> None:
    domain = Domain("d", actions=("action_listen", "action_restart", "utter_a")).with_intent("greet")
    assert extend(domain, [Addition(RESPONSE, "utter_a", ("Hi",))]).texts("utter_a") == ("Hi",)
    assert extend(domain, [Addition(RESPONSE, "utter_b", ("Hi",))]) == domain


def test_an_anchor_is_not_changed_by_chance() -> None:
    text = FILE.replace('text: "Hi"', "text: &hi Hi").replace("text: A", "text: *hi")
    with pytest.raises(DomainError, match="'utter_hi' cannot be added here: "):
        edit = Addition(RESPONSE, "utter_hi", ("Hey",), was=("Hi",))
        extended_text(text, "f", "f", lambda domain: edit.added_to(domain))


def test_edits_hold_in_the_journal_and_follow_a_renamed_action() -> None:
    domain = domain_from(FILE)
    edit = Addition(RESPONSE, "utter_hi", ("Hey",), was=("Hi",))
    size = Addition(TYPE, "size", ("bool",), was=("text",))
    assert [Addition.read(one.content()) for one in (edit, size)] == [edit, size]
    with Store.in_memory() as store:
        store.append_all([Draft("", DOMAIN, one.content()) for one in (edit, size)])
        grown = History(store.entries()).extended(domain)
    assert grown.texts("utter_hi")[0] == "Hey" and grown.slot("size").type == "bool"
    # The file has the new texts, and was edited by hand since: the hand's text holds.
    by_hand = domain_from(FILE.replace('"Hi"', "Hey ho"))
    assert extend(by_hand, [edit]) == by_hand


UNKNOWN = """\
version: "3.1"
intents: [greet]
entities: [size]
slots:
  size: {type: text, mappings: [{type: from_entity, entity: size}]}
  kind: {type: text, mappings: [{type: from_entity, entity: gone}]}
"""


def test_a_slot_whose_mapping_fills_nothing_gets_another_entity() -> None:
    edit = Addition(ENTITY, "kind", ("sort",))
    written = extended_text(UNKNOWN, "f", "f", lambda domain: extend(domain, [edit]))
    assert "kind: {type: text, mappings: [{type: from_entity, entity: sort}]}" in written


@pytest.mark.parametrize("was", [SlotForm(entity="size"), None])
def test_without_mappings_only_the_entity_of_its_name_fills_a_slot(was: SlotForm | None) -> None:
    text, name = "intents: [greet]\nslots: {size: {type: text}}\n", "size" if was else "kind"
    domain = domain_from(text)
    with pytest.raises(EditError, match=r"^slots without mappings are filled by the entity of their name; "):
        edit_slot(domain, name, was, SlotForm(entity="sort"))
    for form in (SlotForm(entity=name), SlotForm()):
        edits = edit_slot(domain, name, was, form)
        grown = extended_text(text, "f", "f", lambda domain, edits=edits: extend(domain, edits))  # type: ignore[misc]
        assert domain_from(grown).slot(name).entity == form.entity
    # A store may have such an edit of an earlier version.
    edit = Addition(ENTITY, "size", ("sort",), was=("size",))
    with pytest.raises(
        DomainError, match="'size' cannot be added here: without mappings a slot is filled by "
    ):
        extended_text(text, "f", "f", lambda domain: extend(domain, [edit]))


def test_a_file_without_a_line_end_at_its_end_is_edited_there() -> None:
    slots = "slots:\n  a:\n    type: categorical\n    values:\n    - b\n    - c"
    gone = Addition(VALUES, "a", (), was=("c",))
    assert extended_text(slots, "f", "f", gone.added_to) == slots.removesuffix("    - c")
    said = "responses:\n  utter_a:\n  - text: b\n  - text: c"
    gone = Addition(RESPONSE, "utter_a", (), was=("c",))
    assert extended_text(said, "f", "f", gone.added_to) == said.removesuffix("  - text: c")


@pytest.mark.parametrize("value", ["08", "1e3", "0o7", "1_0", "no", "~", "x: y"])
def test_values_that_look_like_numbers_are_written_as_texts(value: str) -> None:
    text = "slots: {a: {type: categorical, values: [b]}}\n"
    additions = [Addition(VALUES, "a", (value,)), Addition("slot", "c", type="categorical", values=(value,))]
    again = domain_from(extended_text(text, "f", "f", lambda domain: extend(domain, additions)))
    assert (again.slot("a").values, again.slot("c").values) == (("b", value), (value,))


@pytest.mark.parametrize("text", ["a\nb", "a\u2028b", "a\u0085b"])
def test_texts_of_several_lines_stay_in_one_line_of_the_file(text: str) -> None:
    edit = Addition(RESPONSE, "utter_hi", (text,))
    written = extended_text(FILE, "f", "f", edit.added_to)
    assert domain_from(written).texts("utter_hi")[-1] == text
    assert len(written.split("\n")) == len(FILE.split("\n")) + 1


def test_buttons_do_not_move_to_the_text_that_follows_them() -> None:
    edits = [
        Addition(RESPONSE, "utter_bye", ("C",), was=("B",)),
        Addition(RESPONSE, "utter_bye", (), was=("A",)),
    ]
    written = extended_text(FILE, "f", "f", lambda domain: extend(domain, edits))
    assert "utter_bye: [{text: C}]" in written
