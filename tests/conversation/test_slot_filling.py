"""Slots: the messages that fill them, by Rasa's rules, and the types of their values."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from dialogue_gym import stories
from dialogue_gym.actions import ActionRunner
from dialogue_gym.conversation import (
    ActiveLoop,
    Conversation,
    Entity,
    Restarted,
    SlotSet,
    UserUttered,
    to_json,
)
from dialogue_gym.conversation.events import from_json
from dialogue_gym.conversation.slot_filling import LoopState, value_notes
from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import PERSON
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.journal.writer import ConversationWriter
from dialogue_gym.teaching import Session
from dialogue_gym.teaching.interpreter import notes_on_values
from tests.conftest import domain_from
from tests.rules.test_search import PLACES_FILE

# Rasa 3.6 gives the same slots (rasa.core.actions.action.ActionExtractSlots).
MAPPED = domain_from("""
    version: "3.1"
    intents: [book, affirm, deny, faq]
    entities: [{city: {roles: [from, to], groups: ["1"]}}, number]
    slots:
      origin: {type: text, mappings: [{type: from_entity, entity: city, role: from}]}
      target:
        type: text
        mappings:
        - {type: from_entity, entity: city, role: to}
        - {type: from_entity, entity: city, group: "1"}
        - {type: from_entity, entity: city}
      stops: {type: list, mappings: [{type: from_entity, entity: city, role: via}]}
      seats: {type: float, mappings: [{type: from_entity, entity: number, not_intent: [deny, faq]}]}
      agreed:
        type: bool
        mappings:
        - {type: from_intent, intent: affirm, value: true}
        - {type: from_intent, intent: [deny], value: false}
      said: {type: text, mappings: [{type: from_text, intent: faq}]}
      name:
        type: text
        mappings:
        - {type: from_text, conditions: [{active_loop: name_form, requested_slot: name}]}
        - {type: from_entity, entity: number, conditions: [{active_loop: null}]}
      reason: {type: text, mappings: [{type: from_trigger_intent, intent: book, value: new}]}
      by_hand: {type: any, mappings: [{type: custom}]}
    forms:
      name_form: {required_slots: [name], ignored_intents: [faq]}
      route_form: {required_slots: [origin, target, seats]}
""")
CITY = "city"


def says(intent: str, *entities: Entity, text: str | None = "some words") -> UserUttered:
    return UserUttered(text, intent, entities)


def filled(*events: Any, domain: Domain = MAPPED) -> dict[str, Any]:
    """Return the slots that events leave filled."""
    return {name: value for name, value in Conversation(domain, events).slots.items() if value is not None}


def test_roles_and_groups_decide() -> None:
    rome, oslo = Entity(CITY, "Rome", role="from"), Entity(CITY, "Oslo", role="to")
    assert filled(says("book", rome, oslo)) == {"origin": "Rome", "target": "Oslo"}
    assert filled(says("book", rome)) == {"origin": "Rome"}
    assert filled(says("book", Entity(CITY, "Bonn", group="1"), Entity(CITY, "Kyiv"))) == {"target": "Bonn"}
    assert filled(says("book", Entity(CITY, "Kyiv"))) == {"target": "Kyiv"}
    assert filled(says("book", Entity(CITY, "Bari", role="to", group="1"))) == {}
    via = [Entity(CITY, name, role="via") for name in ("Ulm", "Graz")]
    assert filled(says("book", *via)) == {"stops": ["Ulm", "Graz"]}


def test_intents_decide() -> None:
    two = Entity("number", 2)
    assert filled(says("book", two))["seats"] == 2
    assert "seats" not in filled(says("deny", two)) and "seats" not in filled(says("faq/price", two))
    assert filled(says("affirm")) == {"agreed": True}
    assert filled(says("affirm"), says("deny")) == {"agreed": False}
    assert filled(says("faq/price", text="how much?")) == {"said": "how much?"}
    assert filled(says("faq", text=None)) == {}


def test_the_active_form_decides() -> None:
    form, two = ActiveLoop("name_form"), Entity("number", "2")
    ask = SlotSet("requested_slot", "name")
    assert "name" not in filled(says("book"))
    assert "name" not in filled(form, says("book", two))
    assert filled(form, ask, says("book", two, text="Ann"))["name"] == "Ann"
    assert "name" not in filled(form, ask, says("faq"))  # an intent that the form ignores
    assert filled(says("book", two))["name"] == "2"
    assert filled(form, ask, ActiveLoop(None), says("book", two))["name"] == "2"
    assert filled(form, ask, Restarted(), says("book", two))["name"] == "2"
    assert "reason" not in filled(says("book")) and filled(form, says("book"))["reason"] == "new"
    conversation = Conversation(MAPPED, [form, ask])
    assert conversation.loop == LoopState("name_form", "name")
    assert [from_json(to_json(event)) for event in conversation.events] == [form, ask]


def test_a_condition_without_a_form_means_that_none_is_active() -> None:
    domain = domain_from("""
        version: "3.1"
        intents: [tell]
        slots: {a: {type: text, mappings: [{type: from_text, conditions: [{requested_slot: a}]}]}}
        forms: {f: {required_slots: [a]}}
    """)
    assert filled(says("tell"), domain=domain) == {"a": "some words"}
    assert filled(ActiveLoop("f"), SlotSet("requested_slot", "a"), says("tell"), domain=domain) == {}


@pytest.mark.parametrize("asked", [["name"], {"name": 1}, 2])
def test_a_form_asks_for_nothing_that_is_no_name(asked: Any) -> None:
    """Trackers of others may have set anything."""
    events = [ActiveLoop("name_form"), SlotSet("requested_slot", asked), says("book", text="Ann")]
    conversation = Conversation(MAPPED, events)
    assert conversation.loop == LoopState("name_form", None, is_unanswered=True)
    assert conversation.slots["name"] is None


def test_a_form_fills_a_slot_that_it_has_not_asked_for_only_if_the_mapping_is_its_own() -> None:
    domain = domain_from("""
        version: "3.1"
        entities: [city]
        slots:
          a: {type: text, mappings: [{type: from_entity, entity: city}]}
          b: {type: text, mappings: [{type: from_entity, entity: city}]}
        forms: {f: {required_slots: [a, b]}}
    """)
    rome = says("book", Entity(CITY, "Rome"))
    assert filled(rome, domain=domain) == {"a": "Rome", "b": "Rome"}
    assert filled(ActiveLoop("f"), SlotSet("requested_slot", "b"), rome, domain=domain) == {"b": "Rome"}


OLD = "slots: {size: {type: text}, left: {type: text, auto_fill: false}}\n"


@pytest.mark.parametrize("version", ["", 'version: "2.0"\n'])
def test_in_rasa_0_to_2_an_entity_fills_the_slot_of_its_name(version: str) -> None:
    domain = domain_from(version + OLD)
    large = says("book", Entity("size", "large", role="any"), Entity("left", "x"))
    assert filled(large, domain=domain) == {"size": "large"}
    assert filled(large, domain=domain_from(version + OLD + "config: {store_entities_as_slots: false}")) == {}


def test_in_rasa_2_forms_have_mappings() -> None:
    domain = domain_from("""
        version: "2.0"
        intents: [book]
        slots: {name: {type: text}, age: {type: text}}
        forms:
          one: {required_slots: {name: [{type: from_text}]}}
          two: {age: [{type: from_entity, entity: number}]}
    """)
    one, asked = ActiveLoop("one"), SlotSet("requested_slot", "name")
    assert [form.required_slots for form in domain.forms] == [("name",), ("age",)]
    assert filled(one, asked, says("book", text="Ann"), domain=domain) == {"name": "Ann"}
    assert filled(says("book", Entity("name", "Bo")), domain=domain) == {"name": "Bo"}
    assert filled(says("book", Entity("number", "7")), domain=domain) == {}
    assert filled(ActiveLoop("two"), says("book", Entity("number", "7")), domain=domain) == {"age": "7"}


def test_stories_fill_slots_like_conversations() -> None:
    text = """
stories:
- story: a
  steps:
  - active_loop: name_form
  - slot_was_set:
    - requested_slot: name
  - intent: book
    user: Ann
  - active_loop: null
  - slot_was_set:
    - said
    - stops
    - agreed
    - seats: 1e1
  - action: action_restart
"""
    (story,) = stories.expand(stories.parse(text), MAPPED)
    expected = {"name": "Ann", "said": "filled", "stops": ["filled"], "seats": 10.0, "reason": "new"}
    assert filled(*story.steps[:-1]) == filled(*stories.parse(text)[0].steps[:-1]) == expected
    again = stories.parse(stories.dump(stories.parse(text), "yaml"))
    assert again == stories.parse(text)
    domain = domain_from('version: "3.1"\nslots: {a: {type: bool, mappings: [{type: custom}]}}\nactions: [b]')
    (problem,) = stories.check_stories(
        domain, stories.parse("stories:\n- story: s\n  steps:\n  - slot_was_set: [a]\n  - action: b\n")
    )
    assert problem.message == "the bool slot 'a' needs a value: it is only named here"


TYPED = domain_from("""
    version: "3.1"
    intents: [go]
    slots:
      count: {type: any, initial_value: 0, mappings: [{type: custom}]}
      done: {type: any, initial_value: false, mappings: [{type: custom}]}
      seen: {type: list, initial_value: [], mappings: [{type: custom}]}
      tags: {type: list, initial_value: [red, 2], mappings: [{type: custom}]}
      rate: {type: float, initial_value: 5e-1, mappings: [{type: custom}]}
      box: {type: any, initial_value: {a: [1, true]}, mappings: [{type: custom}]}
      code: {type: text, initial_value: 007, mappings: [{type: custom}]}
      word: {type: text, initial_value: "007", mappings: [{type: custom}]}
      sure: {type: bool, initial_value: false, mappings: [{type: custom}]}
      size: {type: categorical, values: [1, 2.0, yes], initial_value: 1, mappings: [{type: custom}]}
    actions: [action_look]
""")
INITIAL = {
    "count": 0,
    "done": False,
    "seen": [],
    "tags": ["red", 2],
    "rate": 0.5,
    "box": {"a": [1, True]},
    "code": 7,
    "word": "007",
    "sure": False,
    "size": 1,
}
SET = {"count": 1, "done": None, "seen": [0], "tags": [], "rate": 1, "box": [{}], "code": 0.5, "sure": True}


class Look:
    """Notes the slots that it sees, changes them in its copy, and sets them anew."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}

    def name(self) -> str:
        return "action_look"

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list[dict[str, Any]]:
        self.seen = copy.deepcopy({name: tracker.get_slot(name) for name in INITIAL})
        tracker.slots["tags"].append("more")
        return [{"event": "slot", "name": name, "value": value} for name, value in SET.items()]


def test_values_keep_their_types(tmp_path: Path) -> None:
    look = Look()
    runner, conversation = ActionRunner(TYPED, [look]), Conversation(TYPED)
    result = runner.run("action_look", conversation)
    assert repr(look.seen) == repr(INITIAL)
    writer = ConversationWriter("c1")
    writer.begin({})
    writer.message(UserUttered("/go", "go"))
    writer.decision("action_look", PERSON)
    writer.result(result.events)
    with Store(tmp_path / "store") as store:
        store.append_all(writer.take())
    with Store(tmp_path / "store") as store:
        conversation = History(store.entries()).conversation(TYPED, "c1")
    runner.run("action_look", conversation)
    assert repr(look.seen) == repr(INITIAL | SET)
    conversation.append(Restarted())
    assert repr(conversation.slots) == repr(INITIAL)


def test_labels_are_those_of_rasas_features() -> None:
    for slot, value, label in [
        ("sure", "maybe", "empty"),
        ("sure", "TRUE", "true"),
        ("sure", "1", "true"),
        ("sure", 2, "false"),
        ("sure", 0.5, "false"),
        ("size", 2.0, "2.0"),
        ("size", 2, "other"),
        ("size", "YES", "yes"),
        ("seen", 0, "empty"),
        ("seen", "x", "filled"),
        ("code", "", "filled"),
        ("rate", "0.3", "0.2 to 0.4"),
    ]:
        known = TYPED.slot(slot)
        assert known.labels[known.label(value)] == label, (slot, value)
    assert Conversation(TYPED, [SlotSet("seen", "x"), SlotSet("tags", 0)]).slots["seen"] == ["x"]


@pytest.mark.parametrize(
    ("kind", "value", "fault"),
    [
        (
            "type: categorical, values: [small, Large]",
            "big",
            "has no value 'big', which to the bot is 'other'",
        ),
        ("type: categorical, values: [small, Large]", "large", None),
        ("type: bool", "maybe", "needs true or false, not 'maybe'; to the bot it is empty"),
        ("type: bool", False, None),
        ("type: float", "many", "needs a number, not 'many'; to the bot it is empty"),
        ("type: float", "0", None),
        ("type: float", None, None),  # it empties the slot
        ("type: text", "anything", None),
    ],
)
def test_values_that_a_slot_cannot_show_are_told(kind: str, value: Any, fault: str | None) -> None:
    domain = domain_from(f"intents: [tell]\nentities: [size]\nslots: {{size: {{{kind}}}}}\n")
    notes = value_notes(domain, UserUttered(None, "tell", (Entity("size", value),)))
    assert [note.startswith(f"the slot 'size' {fault}") for note in notes] == [True] * (fault is not None)


def test_what_a_search_cannot_find_or_tell_is_told() -> None:
    told = (Entity("kind", "tai"), Entity("area", "north"), Entity("attribute", "phon"))
    message = UserUttered(None, "request", (*told, Entity("attribute", "address")))
    assert value_notes(domain_from(PLACES_FILE), message) == [
        "the slot 'kind' has no value 'tai', so the bot finds nothing; did you mean 'thai'?",
        "unknown attribute 'phon'; did you mean 'phone'?",
    ]


def test_only_values_that_fill_a_slot_are_told() -> None:
    mapping = "{type: from_entity, entity: size, conditions: [{active_loop: order}]}"
    domain = domain_from(
        f"""
        intents: [tell]
        entities: [size]
        slots: {{size: {{type: float, mappings: [{mapping}]}}}}
        forms: {{order: {{required_slots: [size]}}}}
        """
    )
    message = UserUttered(None, "tell", (Entity("size", "many"),))
    assert value_notes(domain, message) == []
    session = Session(domain, Store.in_memory())
    session.say(UserUttered(None, "tell"))
    session.correct("order")
    session.correct("action_listen")
    assert len(notes_on_values(session, message)) == 1
