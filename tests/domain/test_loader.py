"""Domains: sources, plain Rasa files, labels, codes of values, additions."""

from __future__ import annotations

import ast
import copy
import dataclasses
import graphlib
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue_gym import Domain, DomainError, load_domain
from dialogue_gym.domain import Slot, model, slot
from dialogue_gym.domain.loader import read_domain
from dialogue_gym.domain.model import ActionModel
from dialogue_gym.domain.observation import SlotCodes, compile_condition, holds, observation_fields
from dialogue_gym.domain.slot import number_text
from dialogue_gym.domain.sources import builtin_names
from tests.conftest import domain_from

PLAIN_RASA = sorted(Path(__file__).with_name("plain_rasa").glob("*.yml"))

DEFAULTS = {
    "text": ("a", 1, "filled"),
    "bool": ("true", 2, "true"),
    "categorical": ("RED", 1, "red"),
    "float": ("0.5", 3, "0.4 to 0.6"),
    "list": ("[a]", 1, "filled"),
    "any": ("{a: b}", 1, "filled"),
    "unfeaturized": ("a", 1, "filled"),
}


@pytest.mark.parametrize("kind", slot.SLOT_TYPES)
def test_an_initial_value_of_each_type(kind: str) -> None:
    written, code, label = DEFAULTS[kind]
    values = ", values: [red, blue]" if kind == "categorical" else ""
    slot = domain_from(f"slots: {{a: {{type: {kind}, initial_value: {written}{values}}}}}").slot("a")
    assert slot.label(slot.initial_value) == code
    assert slot.labels[code] == label
    empty = domain_from(f"slots: {{a: {{type: {kind}, initial_value: null{values}}}}}").slot("a")
    assert empty.initial_value is None
    assert empty.labels[empty.label(None)] == "empty"


@pytest.mark.parametrize("path", PLAIN_RASA, ids=lambda path: path.stem)
def test_a_plain_rasa_domain_is_read_as_it_is(path: Path) -> None:
    domain = load_domain(path)
    assert domain.name == path.stem
    assert domain.fake_user is None
    assert domain.expert == ()
    assert domain.reward == model.DEFAULT_REWARD
    assert domain.actions[:2] == ("action_listen", "action_restart")
    assert all(len(set(field.labels)) == len(field.labels) for field in observation_fields(domain))


def test_content_of_plain_rasa_domains() -> None:
    core, one, two, three = map(load_domain, PLAIN_RASA)
    assert core.actions[-2:] == ("bot.actions.ActionDepartures", "bot.actions.ActionStoreStation")
    assert core.texts("utter_hello") == ("hey there, where are you?", "hello :)")
    assert [slot.name for slot in core.slots if not slot.is_observed] == ["timetable", "log"]
    assert core.slot("line").labels == ("empty", "U1", "U2", "named other", "other")
    assert core.slot("delay").labels[-1] == "48 to 60"
    assert one.slot("people").initial_value == 2
    assert (one.slot("room").entity, one.slot("time").entity) == (None, "time")
    assert one.texts("utter_ask_room") == ("Which room?", "In which room shall it be?")
    assert one.texts("utter_picture") == one.texts("utter_nothing") == ()
    assert one.actions[2:6] == ("action_book", "utter_ask_room", "utter_ask_time", "room_form")
    assert two.slot("price").initial_value == "Low"
    assert two.actions[5:7] == ("travel_form", "feedback_form")
    assert two.intents == ("travel", "inform", "faq", "out_of_scope")
    assert [slot.entity for slot in three.slots] == ["product", "number", None, None, None]
    assert three.texts("utter_ask_order_form_amount") == ("How many?", "We have none left.")


def test_labels_that_would_be_ambiguous_are_told_apart() -> None:
    domain = domain_from("""
        intents: [none, greet]
        slots: {a: {type: categorical, values: [other, empty, filled]}, none: {type: text}}
        actions: [none]
        expert:
        - when: {intent: named none, slots: {a: named other}, filled_last: none, said: named none}
          then: none
        - then: action_restart
    """)
    labels = {field.name: field.labels for field in observation_fields(domain)}
    assert labels["slot.a"] == ("empty", "named other", "named empty", "named filled", "other")
    assert labels["filled_last"] == ("none", "a", "named none")
    assert labels["intent"] == ("none", "named none", "greet")
    assert labels["said"] == ("none", "action_restart", "named none")
    clauses = compile_condition(domain, domain.expert[0].when)
    row = [0] * len(labels)
    row[list(labels).index("intent")] = 1
    row[list(labels).index("slot.a")] = 1
    assert not holds(clauses, row)
    row[list(labels).index("said")] = 2
    assert holds(clauses, row)


def test_unsafe_actions_are_marked_and_leave_the_fingerprint_alone() -> None:
    marked = domain_from("actions: [pay: {safe: false}, ask: {safe: true}, {look: {send_domain: true}}]")
    assert marked.unsafe == ("pay",)
    plain = domain_from("actions: [pay, ask, look]")
    assert plain.unsafe == () and marked != plain and repr(marked) == repr(plain)
    with pytest.raises(DomainError, match=r"actions\[0\].pay.safe"):
        domain_from("actions: [pay: {safe: never}]")


def test_numbers_keep_their_digits() -> None:
    text = "entities: [n]\nslots: {n: {type: float, min_value: 1000000, max_value: 1000001}}\n"
    domain = domain_from(
        text + "intents: [inform, affirm, deny]\nfake_user: {goal: {n: [1000000.2, 1000001]}}"
    )
    assert domain.fake_user
    assert domain.fake_user.goal == (("n", ("1000000.2", "1000001")),)
    assert domain.slot("n").labels[1:3] == ("1000000 to 1000000.2", "1000000.2 to 1000000.4")
    assert [domain.slot("n").label(value) for value in ("inf", "-inf", "1e999", "nan", "many")] == [
        5,
        1,
        5,
        0,
        0,
    ]
    code = SlotCodes(domain.slot("n"), ("5",))
    assert code.decode(code.encode("5.0")) == "5"


NAMES = st.text(st.characters(categories=("L", "N", "P", "Zs")), min_size=1, max_size=8)
BOUNDS = st.tuples(st.integers(-1000, 1000), st.integers(1, 1000))


@st.composite
def slots_and_goals(draw: st.DrawFn) -> tuple[Slot, list[str]]:
    kind = draw(st.sampled_from(slot.SLOT_TYPES))
    if kind == "categorical":
        values = draw(st.lists(NAMES, min_size=1, unique_by=str.lower))
        return Slot("a", kind, values=tuple(values)), draw(st.lists(st.sampled_from(values), unique=True))
    if kind == "float":
        low, width = draw(BOUNDS)
        goal = draw(st.lists(st.floats(-2000, 3000).map(number_text), unique_by=float))
        return Slot("a", kind, min_value=low, max_value=low + width), goal
    if kind == "bool":
        return Slot("a", kind), draw(st.lists(st.sampled_from(["true", "false"]), unique=True))
    return Slot("a", kind), draw(st.lists(NAMES, unique=True))


@given(slots_and_goals(), st.one_of(st.none(), st.text(), st.floats().map(str)))
def test_codes_of_values(case: tuple[Slot, list[str]], other: str | None) -> None:
    slot, goal = case
    codes = SlotCodes(slot, goal)
    assert [codes.encode(value) for value in goal] == list(range(1, len(goal) + 1))
    for value in (None, *codes.values):
        assert codes.decode(codes.encode(value)) == value
    for value in (None, other, *codes.values):
        assert codes.seen[codes.encode(value)] == slot.label(value)
    assert all(0 <= label < len(slot.labels) for label in codes.seen)


def test_a_domain_is_a_frozen_value() -> None:
    domain = load_domain("restaurant")
    for twin in (pickle.loads(pickle.dumps(domain)), copy.deepcopy(domain), read_domain("restaurant", [])):
        assert twin == domain
        assert hash(twin) == hash(domain)
    assert domain != load_domain("concert")
    with pytest.raises(dataclasses.FrozenInstanceError):
        domain.name = "other"  # type: ignore[misc]


def test_sources_of_a_domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert builtin_names() == ["city", "concert", "hotel", "laptop", "restaurant"]
    domain = load_domain("restaurant")
    assert load_domain(domain) is domain is load_domain("restaurant")  # read once
    path = tmp_path / "my bot.yml"
    path.write_text("\ufeffintents: [grüßen]", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert (
        load_domain(path)
        == load_domain(str(path))
        == load_domain("my bot.yml")
        == Domain("my bot", ("grüßen",))
    )
    (tmp_path / "bot").write_text("intents: [a]\r\nactions: [b]\r\n")
    assert load_domain("bot").actions[2:] == ("b",)


def test_package_has_no_import_circle() -> None:
    package = Path(model.__file__).parent
    imported: dict[str, set[str]] = {}
    for path in package.glob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))  # also in functions
        names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
        inside = {name.removeprefix("dialogue_gym.") for name in names if "gym.domain" in name}
        imported["domain" if path.stem == "__init__" else f"domain.{path.stem}"] = inside
    order = [*graphlib.TopologicalSorter(imported).static_order()]  # raises CycleError
    assert order.index("domain.model") < order.index("domain.loader") < order.index("domain")
    assert imported["domain.model"] == {"domain.slot", "domain.venues"}


def test_additions_come_last() -> None:
    old = load_domain("restaurant")
    before = pickle.dumps(old)
    new = (
        old.with_action("utter_joke", ["a", "b"])
        .with_action("action_silent")
        .with_action("utter_one", "text")
    )
    new = new.with_intent("joke").with_slot("stars", "categorical", [1, 2]).with_slot("price_range")
    assert new.actions == (*old.actions, "utter_joke", "action_silent", "utter_one")
    assert [new.texts(name) for name in new.actions[-3:]] == [("a", "b"), (), ("text",)]
    assert new.intents == (*old.intents, "joke")
    assert new.entities == (*old.entities, "stars", "price_range")
    assert new.slots == (
        *old.slots,
        Slot("stars", "categorical", values=("1", "2"), entity="stars"),
        Slot("price_range", entity="price_range"),
    )
    assert new.action_model("utter_joke") == ActionModel("utter_joke", reaction="deny")
    assert (
        dataclasses.replace(
            new,
            actions=old.actions,
            responses=old.responses,
            intents=old.intents,
            entities=old.entities,
            slots=old.slots,
        )
        == old
    )
    assert pickle.dumps(old) == before
    assert Domain("a", entities=("b",)).with_slot("b").entities == ("b",)
    assert Domain("a").with_slot("b", "categorical", "red").slot("b").values == ("red",)  # as in with_action


REFUSED: list[tuple[Callable[[Domain], Any], str]] = [
    (lambda d: d.with_action("utter_greet"), "there is an action 'utter_greet' already"),
    (lambda d: d.with_action(" "), "' ' is not a valid name for an action: it is empty"),
    (lambda d: d.with_action("step"), "an action cannot be called 'step', like a term of the reward"),
    (lambda d: d.with_intent("deny"), "there is an intent 'deny' already"),
    (lambda d: d.with_intent("a\nb"), r"'a\nb' is not a valid name for an intent: it has control characters"),
    (lambda d: d.with_slot("price"), "there is a slot 'price' already"),
    (lambda d: d.with_slot("x", "flot"), "unknown slot type 'flot'; did you mean 'float'?"),
    (lambda d: d.with_slot("x", "categorical"), "a categorical slot needs values, and no other slot has any"),
    (lambda d: d.with_slot("x", "text", ["a"]), "a categorical slot needs values, and no other slot has any"),
    (lambda d: d.with_slot("x", "categorical", ["a", "A"]), "there is a value 'a' already"),
    (lambda d: d.slot("prise"), "unknown slot 'prise'; did you mean 'price'?"),
]


@pytest.mark.parametrize(("grow", "expected"), REFUSED)
def test_invalid_addition_is_refused(grow: Callable[[Domain], Any], expected: str) -> None:
    with pytest.raises(DomainError) as caught:
        grow(load_domain("restaurant"))
    assert str(caught.value) == f"restaurant: {expected}"


def test_names_are_limited() -> None:
    full = Domain("full", intents=tuple(map(str, range(model.MAX_NAMES))))
    with pytest.raises(DomainError, match=r"^full: there are 1000 already, more are not supported$"):
        full.with_intent("one more")


def test_hash_is_not_pickled() -> None:
    domain = load_domain("restaurant")
    hash(domain)
    code = "import pickle, sys; d = pickle.load(sys.stdin.buffer); from dialogue_gym import load_domain; "
    code += "print(hash(d) == hash(load_domain('restaurant')), d == load_domain('restaurant'))"
    result = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(domain), capture_output=True, check=True
    )
    assert result.stdout.split() == [b"True", b"True"]
