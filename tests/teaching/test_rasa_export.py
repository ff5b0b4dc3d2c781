"""A store exports as a project that Rasa 3 reads, and that can be imported again."""

from __future__ import annotations

import dataclasses
import py_compile
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from dialogue_gym.conversation.events import ActionExecuted, Json, UserUttered, entities_from
from dialogue_gym.domain import DomainError, load_domain
from dialogue_gym.domain.additions import ACTION, EXAMPLE, INTENT, SLOT, Addition
from dialogue_gym.journal.store import Store
from dialogue_gym.nlu.examples import read_examples
from dialogue_gym.stories import Either, load, parse
from dialogue_gym.teaching.export_actions import actions_text
from dialogue_gym.teaching.export_domain import rasa_domain
from dialogue_gym.teaching.export_stories import lessons_of
from dialogue_gym.teaching.growth import growth_of
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.story_import import import_stories
from tests.conftest import domain_from
from tests.strategies import domains
from tests.teaching.booking import BOOKING, booked
from tests.teaching.exports import exported, simulated
from tests.teaching.rasa_install import rasa, read_by

__all__ = ["rasa"]
PIZZA = """
version: "2.0"
config:
  store_entities_as_slots: true
intents: [greet, order]  # all of them
entities: [size]
slots:
  size:
    type: categorical
    values: [small, large]
  notes:
    type: unfeaturized
    auto_fill: false
  street:
    type: text
    auto_fill: false
forms:
  address_form:
    street: [{type: from_text}]
responses:
  utter_greet: Hi!
  utter_done:
  - text: "Your {size} pizza is on its way."
    buttons: [{title: Thanks, payload: /thanks}]
actions: [utter_greet, action_price, utter_done, address_form]
fake_user:
  goal: {size: [small, large]}
  intents: {affirm: order, deny: greet, inform: order}
reward: {success: 5}
expert:
- then: utter_greet
"""
RULES = """
rules:
- rule: thanks
  steps:
  - intent: greet
  - action: utter_greet
stories:
- story: a short one
  steps:
  - intent: greet
  - action: utter_greet
- story: meeting
  steps:
  - intent: order
  - action: action_price
  - checkpoint: priced
- story: parting
  steps:
  - checkpoint: priced
  - intent: greet
  - action: utter_greet
"""
CODE = """
class Price:
    def name(self):
        return "action_price"

    def run(self, dispatcher, tracker, domain):
        raise SystemExit("exported code is not run")
"""
NLU = """
nlu:
- intent: greet
  examples: |
    - hello
    - good morning
    - a pizza
- intent: order
  examples: |
    - a [big](size:large) pizza
    - pizza please
- synonym: large
  examples: |
    - huge
"""


@pytest.fixture
def pizza(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session with rules, stories, examples and code, in which the domain has grown."""
    monkeypatch.chdir(tmp_path)
    Path("examples").mkdir()
    for name, text in (("pizza.yml", PIZZA), ("examples/nlu.yml", NLU), ("code.py", CODE)):
        Path(name).write_text(text)
    with Store(Path("store")) as store:
        store.use_domain("pizza.yml", PIZZA)
        store.use_files(["examples", "http://127.0.0.1:1"], ["code.py"])
        domain = load_domain("pizza.yml")
        import_stories(store, domain, parse(RULES, "rules.yml"))
        session = Session(domain, store)
        session.say(UserUttered("a pizza", "greet"))
        session.correct_message(UserUttered("a pizza", "order"))
        session.correct("action_price")
        session.correct("action_listen")
        session.add(Addition(INTENT, "complain"))
        session.add(Addition(SLOT, "topping"))
        session.say(UserUttered("olives!", "order"))
        session.correct_message(UserUttered("olives!", "complain", entities_from({"topping": "olives"})))
        session.add(Addition(ACTION, "utter_sorry"))
        session.add(Addition(ACTION, "action_refund", ("You get it back.",)))
        session.correct("utter_sorry")
        session.correct("action_refund")
        session.correct("action_listen")
        session.say(UserUttered("good morning", "greet"))  # nobody has answered this yet
        session.correct("utter_greet")
        yield session


def test_a_project_has_all_that_was_taught_and_nothing_of_the_simulation(pizza: Session) -> None:
    done = exported(pizza)
    files = ["actions/__init__.py", "actions/actions.py", "actions/code.py", "config.yml", "data/nlu.yml"]
    files += ["data/stories.yml", "domain.yml", "endpoints.yml"]
    files.insert(4, "credentials.yml")
    assert sorted(path.relative_to("out").as_posix() for path in done.files) == files
    assert done.notes == ["utter_sorry has no text yet: write it under responses in domain.yml"]

    stories = {story.name: story for story in load("out/data/stories.yml")}
    assert [*stories] == ["a short one", "meeting", "parting", "c1 order complain", "thanks"]
    assert stories["thanks"].is_rule
    assert stories["c1 order complain"].steps[-1] == ActionExecuted("action_refund")  # up to the last turn

    examples = {(one.text, one.intent) for one in read_examples("out/data/nlu.yml").examples}
    assert {("hello", "greet"), ("a big pizza", "order"), ("olives!", "complain")} <= examples
    assert ("a pizza", "order") in examples and ("a pizza", "greet") not in examples
    assert read_examples("out/data/nlu.yml").canonical("huge") == "large"

    content = yaml.safe_load(Path("out/domain.yml").read_text())
    assert content.keys() == {"version", "intents", "entities", "slots", "forms", "responses", "actions"}
    assert content["version"] == "3.1" and content["entities"] == ["size", "topping"]
    assert content["slots"] == {
        "size": {
            "type": "categorical",
            "values": ["small", "large"],
            "mappings": [{"type": "from_entity", "entity": "size"}],
        },
        "notes": {"type": "any", "mappings": [{"type": "custom"}]},
        "street": {
            "type": "text",
            "mappings": [
                {
                    "type": "from_text",
                    "conditions": [{"active_loop": "address_form", "requested_slot": "street"}],
                }
            ],
        },
        "topping": {"type": "text", "mappings": [{"type": "from_entity", "entity": "topping"}]},
    }
    assert content["responses"]["utter_greet"] == [{"text": "Hi!"}]
    assert content["responses"]["utter_done"][0]["buttons"]
    assert content["forms"] == {"address_form": {"required_slots": ["street"]}}

    code = Path("out/actions/actions.py").read_text()
    py_compile.compile("out/actions/actions.py", doraise=True)
    assert "class ActionPrice(code.Price, Action):" in code and "class ActionRefund(Action):" in code
    assert "address_form" not in code and 'utter_message(response="action_refund")' in code


def test_an_export_adds_to_a_project_and_keeps_its_content(pizza: Session) -> None:
    exported(pizza)
    assert exported(pizza).files == []
    Path("out/config.yml").write_text("mine")
    domain = Path("out/domain.yml")
    domain.write_text(domain.read_text().replace("- text: Hi!", "- text: Hi! # mine"))
    pizza.correct("action_listen")
    pizza.say(UserUttered("and now", "order"))
    pizza.correct_message(UserUttered("and now", "complain"))
    journal = pizza._driver._journal
    rule = RULES.partition("stories:")[0].replace("thanks", "again").replace("intent: greet", "intent: order")
    import_stories(journal, pizza.domain, parse(rule), 9)
    pizza.sync(journal.entries(after=max(pizza.history._entries)))
    pizza.add(Addition(ACTION, "action_map"))
    pizza.correct("action_map")
    pizza.correct("action_listen")
    assert {path.as_posix() for path in exported(pizza).files} == {
        f"out/{name}" for name in ("data/stories.yml", "data/nlu.yml", "domain.yml", "actions/actions.py")
    }
    stories = load("out/data/stories.yml")
    assert [story.name for story in stories if story.is_rule] == ["thanks", "again"]
    assert len({story.name for story in stories}) == len(stories)
    pizza.say(UserUttered("hello", "greet"))
    pizza.correct_message(UserUttered("hello", "order"))
    assert exported(pizza).notes[-1].endswith("'hello' means order now; remove it from greet")
    assert Path("out/config.yml").read_text() == "mine" and "# mine" in domain.read_text()
    code = Path("out/actions/actions.py").read_text()
    assert code.count("class ActionPrice(") == 1 and "class ActionMap(Action):" in code
    py_compile.compile("out/actions/actions.py", doraise=True)
    (Path("other") / "x").mkdir(parents=True)
    shutil.copy("pizza.yml", "other/domain.yml")
    with pytest.raises(DomainError, match=r"other/domain.yml: .*'fake_user'.*another folder"):
        exported(pizza, "other")
    assert sorted(path.name for path in Path("other").iterdir()) == ["domain.yml", "x"]


@pytest.mark.parametrize("listed", ["", "action_deactivate_loop, "])
def test_files_list_rasas_own_actions_only_where_the_domain_overrides_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: str
) -> None:
    monkeypatch.chdir(tmp_path)
    text = BOOKING + f"actions: [{listed}action_price]\n"
    Path("booking.yml").write_text(text)
    with Store(Path("store")) as store:
        store.use_domain("booking.yml", text)
        domain = load_domain("booking.yml")
        session = Session(domain, store)
        for message, action in (("stop", "action_deactivate_loop"), ("hm", "action_default_fallback")):
            session.say(UserUttered(message))
            session.correct(action, [] if action in session.actions else [Addition(ACTION, action)])
            session.correct("action_listen")
        assert {"action_deactivate_loop", "action_default_fallback"} <= set(session.domain.actions)
        assert growth_of(session.history, "booking.yml") is None
        session.add(Addition(ACTION, "action_refund"))
        growth = growth_of(session.history, "booking.yml")
        assert growth is not None and growth.actions == ("action_refund",)
        exported(session)
        exported(session)  # into the files that are there
    expected = [*filter(None, [listed.rstrip(", ")]), "action_price", "action_refund"]
    written = yaml.safe_load(Path("out/domain.yml").read_text())["actions"]
    assert [name for name in written if name.startswith("action_")] == expected


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(domains())
def test_a_converted_domain_is_the_same_one(content: Json) -> None:
    text = yaml.safe_dump(content, sort_keys=False)
    domain = domain_from(text)
    converted, _ = rasa_domain(text, "domain.yml", "test", lambda domain: domain)
    again = domain_from(converted)
    assert again.intents == domain.intents and set(again.actions) == set(domain.actions)
    slots = [dataclasses.replace(slot, mappings=()) for slot in again.slots]
    assert slots == [dataclasses.replace(slot, mappings=()) for slot in domain.slots]
    assert again.fake_user is None


# Rasa 3.6.21, core/migrate.py: what filled a slot within a form of Rasa 2 alone does so in Rasa 3.
@pytest.mark.parametrize("kind", ["from_entity", "from_intent", "from_text", "from_trigger_intent"])
def test_mappings_of_forms_of_rasa_2_hold_in_the_form_alone(kind: str) -> None:
    needed = {"from_entity": ", entity: number", "from_text": ""}.get(kind, ", intent: book, value: 1")
    text = (
        'version: "2.0"\nintents: [book]\nentities: [number]\n'
        "slots: {people: {type: any, auto_fill: false}}\n"
        f"forms: {{booking: {{people: [{{type: {kind}{needed}}}]}}}}\n"
    )
    converted, _ = rasa_domain(text, "domain.yml", "test", lambda domain: domain)
    assert domain_from(converted).slot("people").mappings == domain_from(text).slot("people").mappings


def test_options_of_actions_that_rasa_lacks_stay_out() -> None:
    text = "actions: [pay: {safe: false}, ask: {safe: true, send_domain: true}, look]"
    assert domain_from(text).unsafe == ("pay",)
    converted, _ = rasa_domain(text, "domain.yml", "test", lambda domain: domain)
    assert yaml.safe_load(converted)["actions"] == ["pay", {"ask": {"send_domain": True}}, "look"]


def test_what_teachers_took_back_is_told_where_a_project_has_it(pizza: Session) -> None:
    example = Addition(EXAMPLE, "order", ("a round one",))
    pizza.add(example)
    pizza.correct("action_listen")
    pizza.say(UserUttered("and you?", "order"))
    pizza.correct("utter_sorry")
    pizza.correct("action_listen")
    exported(pizza)
    told = exported(pizza).notes
    pizza.undo()
    pizza.undo()
    pizza.correct("utter_done")
    pizza.correct("action_listen")
    pizza.add(Addition(EXAMPLE, "order", (), was=example.texts))

    def last(text: str, file: str) -> str:
        lines = Path("out/data", file).read_text().splitlines()
        return f"{file}:{max(number for number, line in enumerate(lines, 1) if line.strip() == text)}: "

    wrong, gone = last("- action: utter_sorry", "stories.yml"), last("- a round one", "nlu.yml")
    assert [note for note in exported(pizza).notes if note not in told] == [
        f"{wrong}'c1 order complain greet order' has utter_sorry where utter_done is right now; remove it",
        f"{gone}'a round one' was changed or taken out; remove it here as well",
    ]


def test_code_that_people_have_filled_in_is_not_added_again() -> None:
    domain = domain_from("intents: [a]\nactions: [action_größe, action_x]\n")
    first = actions_text(None, domain, (), (), {})
    assert first is not None
    mine = first.replace('"action_x"', "'action_x'").replace("return []", "return [1]")
    assert actions_text(mine, domain, (), (), {}) is None
    grown = actions_text(mine, domain.with_action("action-x"), (), (), {})
    assert grown is not None and grown.startswith(mine.rstrip())
    assert grown.count("class ActionX(Action)") == grown.count("class ActionX2(Action)") == 1


def test_exported_stories_follow_the_last_word_of_the_teacher() -> None:
    domain = load_domain("concert")
    with Store.in_memory() as store:
        import_stories(store, domain, parse("## hello\n* greet\n  - utter_goodbye\n"))
        session = Session(domain, store)
        session.say(UserUttered("Hello", "greet"))
        session.correct("utter_greet")  # a teacher outranks a story
        session.correct("action_listen")
        session.restart()
        for answer in ("utter_default", "utter_youarewelcome"):
            session.say(UserUttered("Hello", "greet"))
            session.correct("utter_greet")
            session.correct("action_listen")
            session.say(UserUttered("Thanks", "thankyou"))
            session.correct(answer)
            if answer != "utter_default":
                session.resolve("new")
            session.correct("action_listen")
            session.restart()
        told = [
            [step.act if isinstance(step, UserUttered) else step.name for step in story.steps]  # type: ignore[union-attr]
            for story in lessons_of(session.history, domain)
        ]
    hello = ["greet", "utter_greet"]
    assert told == [hello, [*hello, "thankyou", "utter_youarewelcome"]]


@pytest.mark.slow
def test_rasa_reads_exported_projects(pizza: Session, rasa: Path) -> None:
    simulated("concert")
    simulated("restaurant")
    exported(pizza, "pizza")
    with Store(Path("booking-store")) as store:
        exported(booked(store), "booking")
    for name in ("concert", "restaurant", "pizza", "booking"):
        found = read_by(rasa, name)
        assert found["failed"] == [], (name, found["warnings"])
        assert found["contradictions"] is None, name
        usual = ("not used in any story", "not found in the NLU training data")
        told = [one for one in found["warnings"] if not any(part in one for part in usual)]
        assert not told, name
        stories = load(f"{name}/data/stories.yml")
        for story in stories:
            if any(isinstance(step, Either) for step in story.steps):
                continue  # Rasa has a story for each alternative
            steps = found["stories"][story.name]
            said = [
                [step.intent, [[e.name, e.value] for e in step.entities]]
                for step in story.steps
                if isinstance(step, UserUttered)
            ]
            assert [step for step in steps if isinstance(step, list)] == said
            done = [step.name for step in story.steps if isinstance(step, ActionExecuted)]
            assert [
                step
                for step in steps
                if isinstance(step, str)
                and step not in ("...", "action_unlikely_intent", "action_listen", "ActiveLoop")
            ] == done
        domain = load_domain(f"{name}/domain.yml")
        assert set(domain.actions[2:]) == set(found["actions"])
        assert found["slots"].keys() == {slot.name for slot in domain.slots}
        data = Path(name, "data/nlu.yml")
        known = {(one.text, one.intent) for one in read_examples([data] if data.exists() else []).examples}
        heard = [step for story in stories for step in story.steps if isinstance(step, UserUttered)]
        assert {(step.text, step.intent) for step in heard if step.text} <= known
        assert {tuple(one) for one in found["examples"]} == known
