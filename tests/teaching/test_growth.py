"""The growth of a bot while it is taught is written into its domain file, whose comments stay."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue_gym.conversation.events import UserUttered, entities_from
from dialogue_gym.domain import Domain, DomainError, load_domain
from dialogue_gym.domain.additions import ACTION, EXAMPLE, INTENT, RESPONSE, SLOT, Addition, extend
from dialogue_gym.domain.writer import extended_text
from dialogue_gym.factory import own_examples
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.nlu.checks import check_examples
from dialogue_gym.nlu.example_writer import annotate, dump_examples
from dialogue_gym.nlu.examples import (
    Example,
    NluData,
    builtin_path,
    parse_example,
    parse_examples,
    read_examples,
)
from dialogue_gym.stories.io import own_stories
from dialogue_gym.teaching.domain_edits import SlotForm, edit_example, edit_response, edit_slot
from dialogue_gym.teaching.example_lines import rewritten
from dialogue_gym.teaching.growth import growth_of
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.simulated_teacher import SimulatedTeacher, teach
from dialogue_gym.teaching.story_import import import_stories
from tests.commands import call
from tests.conftest import domain_from
from tests.teaching.sessions import CITY

RASA_2 = """\
version: "2.0"  # mine
config:
  store_entities_as_slots: true
intents: [greet]
slots:
  size: {type: text}  # how large
actions: [utter_a]
"""


def test_growth_is_counted_and_written_into_the_file(tmp_path: Path) -> None:
    path = tmp_path / "pizza.yml"
    path.write_text(RASA_2)
    session = Session(load_domain(path), Store.in_memory())
    assert growth_of(session.history, str(path)) is None
    for name in ("topping", "street"):
        session.add(Addition(SLOT, name))
    session.add(Addition(INTENT, "order"))
    session.add(Addition(ACTION, "utter_b", ("B",)))
    growth = growth_of(session.history, str(path))
    assert str(growth) == "pizza.yml lacks 1 action, 1 intent and 2 slots: utter_b, order, topping, street"
    assert growth is not None and path.read_text() == RASA_2
    growth.write()
    assert growth_of(session.history, str(path)) is None
    assert load_domain(path) == session.domain
    lines = path.read_text().splitlines()
    assert all(line in lines for line in RASA_2.splitlines() if "[" not in line)
    assert "mappings" not in path.read_text()  # Rasa 2 refuses them


WITH_EXAMPLES = """\
intents: [greet, order]
slots:
  size: {type: text}
responses:
  utter_a: [{text: A}]
nlu:
- intent: greet  # hello
  examples: |
    - hi
    # by day
    - good day
- intent: order
  examples:
  - "a [big](size) pizza"  # as they say it
"""


@pytest.mark.parametrize("nlu", [(), ("pizza.yml",), ("{0}/pizza.yml", "pizza.yml"), ("{0}/../{0.name}",)])
def test_taught_sentences_and_edits_go_along(
    nlu: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    nlu = [one.format(tmp_path) for one in nlu]
    path = Path("pizza.yml")
    path.write_text(WITH_EXAMPLES)
    session = Session(load_domain(path), Store.in_memory())
    session.say(UserUttered("how much is it?", "greet"))
    session.correct_message(UserUttered("how much is it?", "price"), [Addition(INTENT, "price")])
    session.add(Addition(EXAMPLE, "order", ("a [small](size) pizza",), was=("a [big](size) pizza",)))
    session.add(Addition(EXAMPLE, "greet", ("hello",)))
    session.add(Addition(EXAMPLE, "greet", (), was=("good day",)))
    session.add(Addition(RESPONSE, "utter_a", ("B",), was=("A",)))
    growth = growth_of(session.history, str(path), nlu)
    assert str(growth) == (
        "pizza.yml lacks 1 intent, 1 change and 5 examples: price, utter_a, 'a small pizza', 'hello', "
        "'how much is it?', …"
    )
    assert growth is not None and growth.files == "pizza.yml"  # one file, however it is called
    growth.write()
    assert growth_of(session.history, str(path), nlu) is None
    assert path.read_text() == (
        WITH_EXAMPLES.replace("[greet, order]", "[greet, order, price]")
        .replace("text: A", "text: B")
        .replace("- good day\n", "- hello\n")
        .replace("[big]", "[small]")
        + "- intent: price\n  examples: |\n    - how much is it?\n"
    )
    missing = [problem.message for problem in check_examples(load_domain(path), read_examples(path))]
    assert not [message for message in missing if "no examples" in message]


def test_examples_grow_in_the_files_that_were_given(tmp_path: Path) -> None:
    path, nlu = tmp_path / "pizza.yml", tmp_path / "nlu.md"
    path.write_text(RASA_2)
    nlu.write_text("## intent:greet\n- hi\n<!-- mine -->\n## intent:order\n- one [big](size) pizza\n")
    session = Session(load_domain(path), Store.in_memory())
    session.add(Addition(INTENT, "order"))
    session.add(Addition(EXAMPLE, "greet", ("hello",)))
    growth = growth_of(session.history, str(path), [str(nlu)])
    assert growth is not None and growth.files == "nlu.md and pizza.yml"
    growth.write()
    assert nlu.read_text().startswith("## intent:greet\n- hi\n- hello\n<!-- mine -->\n")
    assert growth_of(session.history, str(path), [str(nlu)]) is None


SENTENCES = st.lists(st.sampled_from(["a", "b c", "[d](size) e", "f: g", "'h'", "#i", "ж"]), unique=True)


@given(SENTENCES, SENTENCES, SENTENCES)
def test_any_examples_can_change_in_their_file(greet: list[str], order: list[str], new: list[str]) -> None:
    path = Path("nlu.yml")
    sections = {"greet": greet, "order": [text for text in order if text not in greet]}
    known = [parse_example(text, intent) for intent, texts in sections.items() for text in texts]
    text = dump_examples(NluData(tuple(known)))
    read = parse_examples(text, path).examples
    gone = [one for one in read if annotate(one) not in new]
    added = [one for text in new if (one := parse_example(text, "greet")) not in read]
    result = parse_examples(rewritten(text, path, gone, added), path).examples
    assert set(result) == {*(one for one in read if one not in gone), *added}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (" [hello, hi]", " [hi]"),
        ("\n  - text: hello\n    metadata: {sure: true}\n  - hi # mine", "\n  - hi # mine"),
        ("\n  - text: |\n      hello\n  - text: |\n      hi", "\n  - text: |\n      hi"),
        ("\n  - {text: hello}", ""),
    ],
)
def test_examples_in_a_list_of_any_form_can_go(before: str, after: str) -> None:
    text = "nlu:\n- intent: bye # mine\n  examples: |\n    - so long\n- intent: greet\n  examples:{}\n"
    read = parse_examples(text.format(before), Path("nlu.yml")).examples
    gone = [one for one in read if one.text in ("hello", "so long")]
    result = rewritten(text.format(before), Path("nlu.yml"), gone, [parse_example("hello", "bye")])
    assert result == text.replace("so long", "hello").format(after)


def test_a_file_with_line_ends_of_windows_keeps_them() -> None:
    text = "nlu:\r\n- intent: greet\r\n  examples: |\r\n    - hi\r\n"
    new = [parse_example("hello", "greet"), parse_example("so long", "bye")]
    result = rewritten(text, Path("nlu.yml"), [], new)
    assert result.count("\n") == result.count("\r\n") > text.count("\n")
    text = "## intent:greet\n- h\u2028i\n- hey\n"
    gone = parse_examples(text, Path("nlu.md")).examples[1:]
    assert rewritten(text, Path("nlu.md"), gone, new[:1]) == text.replace("hey", "hello")


def test_the_files_of_a_folder_grow_in_their_places(tmp_path: Path) -> None:
    project = tmp_path / "bot"
    project.mkdir()
    for file, text in (
        ("a_texts", "responses:\n  utter_a: [text: A]  # mine\n"),
        ("names", "intents: [greet]\nslots: {x: {type: text, mappings: []}}\n"),
        ("others", "intents: [thank]\nactions: [action_b]\n"),
    ):
        (project / f"{file}.yml").write_text(f'version: "3.1"\n{text}')
    domain = load_domain(project)
    session = Session(domain, Store.in_memory())
    assert growth_of(session.history, str(project)) is None
    for addition in (Addition(INTENT, "order"), Addition(SLOT, "size"), Addition(ACTION, "utter_c", ("C",))):
        session.add(addition)
    session.add(Addition(RESPONSE, "utter_a", ("A, again",), was=("A",)))
    growth = growth_of(session.history, str(project))
    assert growth is not None
    assert str(growth) == (
        "bot lacks 1 action, 1 intent, 1 slot and 1 change: utter_c, order, size, utter_a"
        " (a_texts.yml and names.yml would have them)"
    )
    growth.write()
    texts = (project / "a_texts.yml").read_text()
    assert "A, again" in texts and "# mine" in texts
    grown, found = session.domain, load_domain(project)
    assert set(found.intents) == set(grown.intents) and set(found.actions) == set(grown.actions)
    assert found.slot("size").entity == "size" and found.texts("utter_c") == ("C",)
    assert growth_of(session.history, str(project)) is None


SPLIT = {
    "domain/intents.yml": "intents: [greet, order]  # they want\nentities: [size]\n",
    "domain/slots.yml": """\
slots:
  size: {type: text, mappings: [{type: from_entity, entity: size}]}  # how large
  day:
    type: categorical
    values: [mon, tue]  # open
    mappings: [{type: from_entity, entity: size}]
""",
    "domain/texts.yml": "responses:\n  utter_hi: [text: Hi]  # short\n",
    "domain/actions.yml": "actions: [utter_hi, action_x, utter_loud]  # all\n",
    "data/nlu/greet.yml": "nlu:\n- intent: greet  # hello\n  examples: |\n    - hi\n    - hello\n",
    "data/nlu/order.yml": "nlu:\n- intent: order\n  examples: |\n    - a [big](size) one\n",
    "data/stories.yml": "stories:\n- story: a\n  steps:\n  - intent: greet\n  - action: utter_hi\n",
}
"""A project as Rasa's people split it."""
DAY, DATE = (SlotForm("categorical", ("mon", "tue"), entity) for entity in ("size", "date"))
EDITS: dict[str, tuple[Callable[[Domain, Sequence[Example]], list[Addition]], set[str]]] = {
    "a text": (lambda domain, _: edit_response(domain, "utter_hi", "Hi", "Ho"), {"texts"}),
    "another text": (lambda domain, _: edit_response(domain, "utter_hi", None, "Ho"), {"texts"}),
    "a new response": (
        lambda domain, _: edit_response(domain, "utter_new", None, "{size}"),
        {"texts", "actions"},
    ),
    "a text of an action": (lambda domain, _: edit_response(domain, "utter_loud", None, "Ho"), {"texts"}),
    "an example": (lambda domain, known: edit_example(domain, known, "greet", "hello", "ho"), {"greet"}),
    "no example": (lambda domain, known: edit_example(domain, known, "greet", "hello", None), {"greet"}),
    "another example": (
        lambda domain, known: edit_example(domain, known, "order", None, "[two](size)"),
        {"order"},
    ),
    "a new intent": (
        lambda domain, known: edit_example(domain, known, "price", None, "how much"),
        {"greet", "intents"},
    ),
    "a new slot": (
        lambda domain, _: edit_slot(domain, "street", None, SlotForm(entity="road")),
        {"intents", "slots"},
    ),
    "a slot that no entity fills": (
        lambda domain, _: edit_slot(domain, "street", None, SlotForm()),
        {"intents", "slots"},
    ),
    "a type": (
        lambda domain, _: edit_slot(domain, "size", SlotForm(entity="size"), SlotForm("bool", (), "size")),
        {"slots"},
    ),
    "values": (
        lambda domain, _: edit_slot(domain, "day", DAY, SlotForm("categorical", ("tue", "wed"), "size")),
        {"slots"},
    ),
    "an entity": (lambda domain, _: edit_slot(domain, "day", DAY, DATE), {"intents", "slots"}),
}


@pytest.mark.parametrize("what", EDITS)
def test_every_edit_is_written_where_it_stands_in_a_split_project(what: str, tmp_path: Path) -> None:
    edit, expected = EDITS[what]
    for name, text in SPLIT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f'version: "3.1"\n{text}')
    domain = load_domain(tmp_path)
    session = Session(domain, Store.in_memory())
    for addition in edit(domain, read_examples(own_examples(str(tmp_path))).examples):
        session.add(addition)
    growth = growth_of(session.history, str(tmp_path))
    assert growth is not None and {path.stem for path in growth.texts} == expected
    growth.write()
    assert growth_of(session.history, str(tmp_path)) is None
    grown, found = session.domain, load_domain(tmp_path)
    assert set(found.actions) == set(grown.actions) and set(found.intents) == set(grown.intents)
    for slot in grown.slots:
        now = found.slot(slot.name)
        assert (now.type, now.values, now.entity) == (slot.type, slot.values, slot.entity)
    assert {name: found.texts(name) for name in grown.actions} == {
        name: grown.texts(name) for name in grown.actions
    }
    for name, text in SPLIT.items():
        written = (tmp_path / name).read_text()
        assert re.findall("#.*", written) == re.findall("#.*", text), name


def grown_files(folder: Path, files: dict[str, str], *additions: Addition) -> dict[str, str]:
    """Return the changed files of a folder by name, once a bot has grown by additions."""
    for name, text in files.items():
        (folder / name).write_text(text)
    session = Session(load_domain(folder), Store.in_memory())
    for addition in additions:
        session.add(addition)
    growth = growth_of(session.history, str(folder))
    assert growth is not None
    growth.write()
    assert growth_of(session.history, str(folder)) is None
    return {path.name: (folder / path.name).read_text() for path in growth.texts}


def test_older_names_of_sections_are_kept_in_a_split_project(tmp_path: Path) -> None:
    files = {"a.yml": "intents: [greet]\n", "b.yml": "templates:\n  utter_hi: [text: Hi]\n"}
    changed = Addition(RESPONSE, "utter_hi", ("Ho",), was=("Hi",))
    written = grown_files(tmp_path, files, changed, Addition(ACTION, "utter_bye", ("Bye",)))
    assert [*written] == ["b.yml"] and written["b.yml"].startswith("templates:\n  utter_hi: [text: Ho]\n")
    assert load_domain(tmp_path).texts("utter_bye") == ("Bye",) and "responses" not in written["b.yml"]


def test_a_section_that_no_file_has_stands_beside_the_intents(tmp_path: Path) -> None:
    files = {"a.yml": "responses:\n  utter_hi: [text: Hi]\n", "b.yml": "intents: [greet]\nslots:\n"}
    written = grown_files(tmp_path, files, Addition(SLOT, "size"))
    assert [*written] == ["b.yml"] and "entities" in written["b.yml"]


def test_of_two_files_with_a_name_the_one_that_counts_is_changed(tmp_path: Path) -> None:
    text = "responses:\n  utter_hi: [text: Hi]\n"
    files = {"a.yml": "intents: [greet]\n" + text, "b.yml": text}
    written = grown_files(tmp_path, files, Addition(RESPONSE, "utter_hi", ("Ho",), was=("Hi",)))
    assert [*written] == ["a.yml"]


def test_a_file_with_the_name_of_examples_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "domain.yml").write_text("intents: [greet]\n")
    (tmp_path / "nlu.yml").write_text("# ours, for later\n")
    session = Session(load_domain(tmp_path), Store.in_memory())
    session.add(Addition(EXAMPLE, "greet", ("hello",)))
    assert growth_of(session.history, str(tmp_path)) is None
    assert (tmp_path / "nlu.yml").read_text() == "# ours, for later\n"


def test_answers_in_markdown_are_edited_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "domain.yml").write_text("intents: [greet, faq]\ntemplates: {utter_greet: [{text: Hi}]}\n")
    answers = tmp_path / "responses.md"
    answers.write_text(
        "## hours\n* faq/hours\n  - We open\\nat nine. <!-- sharp -->\n  - Come at nine\n\n"
        "* faq/fee\n  - Free\n  - None\n"
    )
    domain = load_domain(tmp_path)

    def grown(*edits: tuple[str, str | None, str | None]) -> str:
        session = Session(domain, Store.in_memory())
        for name, was, now in edits:
            for addition in edit_response(session.domain, name, was, now):
                session.add(addition)
        growth = growth_of(session.history, str(tmp_path))
        assert growth is not None and growth.files == "responses.md"
        return growth.texts[answers]

    hours, fee = "utter_faq/hours", "utter_faq/fee"
    text = grown(
        (hours, "We open\nat nine.", "We open\nat ten."), (hours, None, "See you"), (fee, "Free", None)
    )
    assert text == (
        "## hours\n* faq/hours\n  - We open\\nat ten. <!-- sharp -->\n  - Come at nine\n  - See you\n\n"
        "* faq/fee\n  - None\n"
    )
    for impossible in ("at <!-- ten", "a\\nb"):
        with pytest.raises(DomainError, match="utter_faq/fee cannot be changed here: Markdown cannot hold"):
            grown((fee, "Free", impossible))
    session = Session(domain, Store.in_memory())
    for addition in edit_response(domain, "utter_greet", "Hi", "Hello"):
        session.add(addition)
    growth = growth_of(session.history, str(tmp_path))
    assert growth is not None and growth.files == "domain.yml"


def test_examples_of_a_folder_without_any_get_a_file(tmp_path: Path) -> None:
    (tmp_path / "domain.yml").write_text("intents: [greet]\n")
    session = Session(load_domain(tmp_path), Store.in_memory())
    session.add(Addition(EXAMPLE, "greet", ("hello",)))
    growth = growth_of(session.history, str(tmp_path))
    assert growth is not None and growth.files == "nlu.yml"
    growth.write()
    assert [one.text for one in read_examples(own_examples(str(tmp_path))).examples] == ["hello"]
    assert growth_of(session.history, str(tmp_path)) is None


def test_built_in_domains_do_not_grow() -> None:
    session = Session(load_domain("concert"), Store.in_memory())
    session.add(Addition(SLOT, "mood"))
    assert growth_of(session.history, "concert") is None


def test_a_new_slot_that_no_entity_fills_is_one_in_rasa_2() -> None:
    edits = edit_slot(domain_from(RASA_2), "street", None, SlotForm())
    grown = extended_text(RASA_2, "pizza.yml", "pizza", lambda domain: extend(domain, edits))
    assert domain_from(grown).slot("street").entity is None


def test_rasa_2_cannot_fill_a_new_slot_without_its_switch() -> None:
    text = RASA_2.replace("true", "false")
    with pytest.raises(DomainError, match=r"'street' cannot be added here: .*store_entities_as_slots: false"):
        extended_text(text, "pizza.yml", "pizza", lambda domain: domain.with_slot("street"))
    grown = extended_text(text, "pizza.yml", "pizza", lambda domain: domain.with_intent("order"))
    assert "order" in domain_from(grown).intents


@pytest.mark.parametrize("answer", ["1", "2"])
def test_growth_is_offered_at_the_end(answer: str, tmp_path: Path) -> None:
    path = tmp_path / "pizza.yml"
    path.write_text(RASA_2)
    with Store(tmp_path / "pizza-teaching") as store:
        store.use_domain("pizza.yml", RASA_2)
        session = Session(load_domain(path), store)
        session.add(Addition(INTENT, "order"))
        session.say(UserUttered("one", "order", entities_from({"size": "big"})))
    result = call("teach", "pizza.yml", "--user", "me", typed=f":q\n{answer}\n", cwd=tmp_path)
    assert "pizza.yml lacks 1 intent: order." in result.stdout, result.stdout + result.stderr
    assert ("order" in load_domain(path).intents) == (answer == "1")


def test_the_venue_on_offer_is_no_slot_that_the_domain_lacks() -> None:
    with Store.in_memory() as store:
        import_stories(store, CITY, own_stories(builtin_path("city")))
        assert History(store.entries()).extended(CITY) == CITY
        session = Session(CITY, store, settings={}, author="expert")
        teach(session, SimulatedTeacher(CITY, "explicit"), 3, 1)
        resumed = Session(CITY, store, settings={}, author="expert")
        assert resumed.domain == CITY and resumed.conversation.events == session.conversation.events
