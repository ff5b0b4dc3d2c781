"""Every key of a domain file has its documented effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dialogue_gym import Domain
from dialogue_gym.domain import Slot, model
from dialogue_gym.domain import fake_user as simulation
from dialogue_gym.domain.model import (
    ActionModel,
    Agenda,
    AgendaItem,
    Condition,
    ExpertChoice,
    ExpertRule,
    Noise,
    Profile,
    Response,
    Variation,
)
from dialogue_gym.domain.slot import Form, LoopCondition, SlotMapping
from tests.conftest import domain_from
from tests.domain.keys import IGNORED, KNOWN
from tests.domain.views import (
    AGENDA,
    BASE,
    GOAL,
    agenda,
    ask,
    expert,
    first_slot,
    form,
    goal_user,
    loop,
    mapped,
    user,
    when,
    whole,
)

GREET = AgendaItem("greet", (), ("ask",))
ALWAYS = Condition()

# By level and key: a file, a view of its domain, and the view that the key causes.
KEYS: list[tuple[str, str, tuple[str, Callable[[Domain], Any]], Any]] = [
    ("file", "intents", whole("intents: [yes, 2]", lambda d: d.intents), ("yes", "2")),
    ("file", "intents", whole("intents: [{a: {use_entities: true}}, b]", lambda d: d.intents), ("a", "b")),
    ("file", "entities", whole("entities: [a, {b: {roles: [c]}}]", lambda d: d.entities), ("a", "b")),
    ("file", "slots", whole("slots: {a: {type: any}}", lambda d: [s.name for s in d.slots]), ["a"]),
    (
        "file",
        "responses",
        whole("responses: {a: [{text: b, image: c}, d]}", lambda d: d.responses),
        (Response("a", ("b", "d"), (Variation("b", further='{"image": "c"}'), Variation("d"))),),
    ),
    (
        "file",
        "responses",
        whole(
            "responses: {a: [{text: b, channel: c, condition: [{type: slot, name: d, value: 007}]}]}",
            lambda d: d.variations("a"),
        ),
        (Variation("b", (("d", "7"),), "c"),),
    ),
    ("file", "templates", whole("templates: {a: [b, c]}", lambda d: d.texts("a")), ("b", "c")),
    ("file", "templates", whole("templates: {a: b}", lambda d: d.texts("a")), ("b",)),
    ("file", "actions", whole("actions: [b, my.Action]", lambda d: d.actions[2:]), ("b", "my.Action")),
    ("file", "forms", whole("forms: [b_form]\nactions: [a]", lambda d: d.actions[2:]), ("a", "b_form")),
    ("file", "forms", whole("forms: {a: {required_slots: [b]}}", lambda d: d.actions[2:]), ("a",)),
    (
        "file",
        "config",
        whole(BASE + "config: {store_entities_as_slots: false}", lambda d: d.slot("size").entity),
        None,
    ),
    ("file", "description", whole("description: |\n  a\n  b", lambda d: d.description), "a b"),
    ("file", "fake_user", whole(GOAL, lambda d: user(d).kind), "goal"),
    (
        "file",
        "reward",
        whole(BASE + "reward: {success: 5, ask: -0.5}", lambda d: d.reward),
        (("success", 5.0), ("failure", 0.0), ("step", -1.0), ("ask", -0.5)),
    ),
    ("file", "expert", expert("- then: ask"), (ExpertRule(ALWAYS, (ExpertChoice("ask"),)),)),
    ("slot", "type", first_slot("type: bool"), Slot("size", "bool", entity="size")),
    ("slot", "type", first_slot("type: my.Slot, depth: 3"), Slot("size", "any", entity="size")),
    (
        "slot",
        "initial_value",
        first_slot("type: text, initial_value: 2"),
        Slot("size", "text", 2, entity="size"),
    ),
    (
        "slot",
        "values",
        first_slot("type: categorical, values: [a, 1], initial_value: A"),
        Slot("size", "categorical", "A", ("a", "1"), entity="size"),
    ),
    (
        "slot",
        "min_value",
        first_slot("type: float, min_value: -1, initial_value: 1e3"),
        Slot("size", "float", 1000.0, min_value=-1, entity="size"),
    ),
    (
        "slot",
        "max_value",
        first_slot("type: float, max_value: 9"),
        Slot("size", "float", max_value=9, entity="size"),
    ),
    (
        "slot",
        "influence_conversation",
        first_slot("type: text, influence_conversation: no"),
        Slot("size", influences=False, entity="size"),
    ),
    ("slot", "auto_fill", first_slot("type: text, auto_fill: false"), Slot("size")),
    ("slot", "mappings", mapped("type: custom"), (SlotMapping("custom"),)),
    (
        "slot",
        "mappings",
        first_slot("type: text, mappings: [{type: from_text}, {type: from_entity, entity: number}]"),
        Slot(
            "size",
            entity="number",
            mappings=(SlotMapping("from_text"), SlotMapping("from_entity", "number")),
        ),
    ),
    ("mapping", "type", mapped("type: from_text"), (SlotMapping("from_text"),)),
    (
        "mapping",
        "entity",
        mapped("type: from_entity, entity: size"),
        (SlotMapping("from_entity", entity="size"),),
    ),
    (
        "mapping",
        "role",
        mapped("type: from_entity, entity: size, role: to"),
        (SlotMapping("from_entity", "size", role="to"),),
    ),
    (
        "mapping",
        "group",
        mapped("type: from_entity, entity: size, group: 1"),
        (SlotMapping("from_entity", "size", group="1"),),
    ),
    (
        "mapping",
        "intent",
        mapped("type: from_text, intent: greet"),
        (SlotMapping("from_text", intents=("greet",)),),
    ),
    (
        "mapping",
        "not_intent",
        mapped("type: from_text, not_intent: [greet, deny]"),
        (SlotMapping("from_text", not_intents=("greet", "deny")),),
    ),
    ("mapping", "value", mapped("type: from_intent, value: 0"), (SlotMapping("from_intent", value=0),)),
    (
        "mapping",
        "conditions",
        mapped("type: from_text, conditions: [{active_loop: null}]"),
        (SlotMapping("from_text", conditions=(LoopCondition(None),)),),
    ),
    ("mapping", "action", mapped("type: custom, action: ask"), (SlotMapping("custom", action="ask"),)),
    ("loop", "active_loop", loop("active_loop: a"), (LoopCondition("a"),)),
    ("loop", "requested_slot", loop("active_loop: a, requested_slot: b"), (LoopCondition("a", "b"),)),
    ("form", "required_slots", form("required_slots: [b, c]"), (Form("a", ("b", "c")),)),
    ("form", "required_slots", form("required_slots: {b: [{type: from_text}]}"), (Form("a", ("b",)),)),
    ("form", "ignored_intents", form("ignored_intents: d"), (Form("a", (), ("d",)),)),
    ("form", "ignored_intents", form("ignored_intents: [d, e]"), (Form("a", (), ("d", "e")),)),
    (
        "fake_user",
        "goal",
        whole(GOAL, lambda d: user(d).goal),
        (("size", ("small", "large")), ("tint", ("red", "blue"))),
    ),
    ("fake_user", "agenda", agenda("  - {say: greet, answer: ask}"), (Agenda(1.0, (GREET,)),)),
    (
        "fake_user",
        "intents",
        goal_user("intents: {affirm: yes_please}", lambda u: dict(u.intents)["affirm"]),
        "yes_please",
    ),
    (
        "fake_user",
        "actions",
        goal_user("actions: {ask: {user: open}}", lambda u: u.actions),
        (ActionModel("ask", reaction="open"),),
    ),
    (
        "fake_user",
        "phrases",
        goal_user("phrases: {greet: Hi, size: [a, b]}", lambda u: u.phrases),
        (("greet", ("Hi",)), ("size", ("a", "b"))),
    ),
    (
        "fake_user",
        "users",
        goal_user("users: {rude: {corrects: 0}, unfriendly: {patience: 2}}", lambda u: u.profiles[1:]),
        (("unfriendly", Profile(2, 0.55, 0.01, 0.25)), ("rude", Profile(correction_rate=0))),
    ),
    ("fake_user", "patience", goal_user("patience: 3", lambda u: u.profile("standard").patience), 3),
    ("fake_user", "patience", goal_user("patience: 3", lambda u: u.profile("unfriendly").patience), 1),
    (
        "fake_user",
        "informativeness",
        goal_user("informativeness: 2", lambda u: u.profiles[0][1].informativeness),
        2,
    ),
    (
        "fake_user",
        "indecisiveness",
        goal_user("indecisiveness: 1", lambda u: u.profiles[0][1].indecisiveness),
        1,
    ),
    ("fake_user", "corrects", goal_user("corrects: 0.1", lambda u: u.profiles[0][1].correction_rate), 0.1),
    (
        "fake_user",
        "intents",
        (
            AGENDA.replace("  agenda:", "  corrects: 0.2\n  intents: {inform: greet, deny: deny}\n  agenda:")
            + "  - {say: greet, answer: ask}",
            lambda d: (user(d).intents, user(d).profile("unfriendly").correction_rate),
        ),
        ((("inform", "greet"), ("deny", "deny")), 0.1),
    ),
    *[
        (
            "role",
            role,
            goal_user(f"intents: {{{role}: yes_please}}", lambda u, r=role: dict(u.intents)[r]),
            "yes_please",
        )
        for role in simulation.ROLES
    ],
    ("action", "speaks", ask("speaks: false"), ActionModel("ask", speaks=False)),
    (
        "action",
        "needs",
        ask("needs: {slots: {size: filled}, spoken: no}"),
        ActionModel("ask", needs=Condition((("slot.size", ("filled",)), ("spoken", ("no",))))),
    ),
    (
        "action",
        "sets",
        ask("sets: {size: 5, tint: RED, seen: filled}"),
        ActionModel("ask", sets=(("size", "5"), ("tint", "red"), ("seen", "filled"))),
    ),
    (
        "action",
        "sets",
        ask("sets: {size: null, seen: empty, tint: }"),
        ActionModel("ask", sets=(("size", None), ("seen", None), ("tint", None))),
    ),
    ("action", "user", ask("user: {inform: tint}"), ActionModel("ask", reaction="inform", slot="tint")),
    *[
        ("action", "user", ask(f"user: {reaction}"), ActionModel("ask", reaction=reaction))
        for reaction in model.REACTIONS
        if reaction != "inform"
    ],
    ("action", "says", ask("says: [a, b]"), ActionModel("ask", says=("a", "b"))),
    ("action", "description", ask("description: Asks."), ActionModel("ask", description="Asks.")),
    (
        "agenda",
        "say",
        agenda("  - {say: deny, answer: ask}"),
        (Agenda(1.0, (AgendaItem("deny", (), ("ask",)),)),),
    ),
    (
        "agenda",
        "tells",
        agenda("  - {say: inform, tells: [size, tint], answer: ask}"),
        (Agenda(1.0, (AgendaItem("inform", ("size", "tint"), ("ask",)),)),),
    ),
    (
        "agenda",
        "answer",
        agenda("  - {say: greet, answer: [ask, offer]}"),
        (Agenda(1.0, (AgendaItem("greet", (), ("ask", "offer")),)),),
    ),
    (
        "agenda",
        "maybe",
        agenda("  - maybe: [{say: deny, answer: ask}]\n  - {say: greet, answer: ask}"),
        (Agenda(0.5, (AgendaItem("deny", (), ("ask",)), GREET)), Agenda(0.5, (GREET,))),
    ),
    (
        "agenda",
        "chance",
        agenda("  - {maybe: [{say: greet, answer: ask}], chance: 0.25}\n  - {say: greet, answer: ask}"),
        (Agenda(0.25, (GREET, GREET)), Agenda(0.75, (GREET,))),
    ),
    (
        "agenda",
        "chance",
        agenda("  - {maybe: [{say: greet, answer: ask}], chance: 1}"),
        (Agenda(1.0, (GREET,)),),
    ),
    (
        "agenda",
        "one_of",
        agenda("  - {say: greet, answer: ask}\n  - one_of: [[], [{say: greet, answer: ask}]]"),
        (Agenda(0.5, (GREET,)), Agenda(0.5, (GREET, GREET))),
    ),
    (
        "agenda",
        "chances",
        agenda(
            "  - {one_of: [[{say: greet, answer: ask}], [], []], chances: [0.5, 0.25, 0.25]}\n"
            "  - {say: greet, answer: ask}"
        ),
        (Agenda(0.5, (GREET, GREET)), Agenda(0.25, (GREET,)), Agenda(0.25, (GREET,))),
    ),
    ("fake_user", "noise", goal_user("noise: {error_rate: 0.2}", lambda u: u.noise), Noise(0.2)),
    ("noise", "error_rate", goal_user("noise: {error_rate: 1}", lambda u: u.noise), Noise(1.0)),
    (
        "noise",
        "right",
        goal_user("noise: {right: {low: 0.25, high: 0.75}}", lambda u: u.noise),
        Noise(right=(0.75, 0.0, 0.25)),
    ),
    (
        "noise",
        "wrong",
        goal_user("noise: {wrong: {medium: 1}}", lambda u: u.noise),
        Noise(wrong=(0.0, 1.0, 0.0)),
    ),
    (
        "noise",
        "faults",
        goal_user("noise: {faults: {value: 1}}", lambda u: u.noise),
        Noise(faults=(0.0, 1.0, 0.0)),
    ),
    ("faults", "intent", goal_user("noise: {faults: {intent: 1}}", lambda u: u.noise.faults), (1, 0, 0)),
    ("faults", "value", goal_user("noise: {faults: {value: 1}}", lambda u: u.noise.faults), (0, 1, 0)),
    ("faults", "lost", goal_user("noise: {faults: {lost: 1}}", lambda u: u.noise.faults), (0, 0, 1)),
    (
        "answer",
        "after",
        agenda(
            "  - one_of: [[{say: greet, answer: ask}], [{say: inform, answer: ask}]]\n"
            "  - {say: deny, answer: {after: {greet: offer, inform: [ask, search]}}}"
        ),
        (
            Agenda(0.5, (GREET, AgendaItem("deny", (), ("offer",)))),
            Agenda(0.5, (AgendaItem("inform", (), ("ask",)), AgendaItem("deny", (), ("ask", "search")))),
        ),
    ),
    (
        "condition",
        "slots",
        when("slots: {size: empty, tint: [red, other]}"),
        (("slot.size", ("empty",)), ("slot.tint", ("red", "other"))),
    ),
    ("condition", "slots", when("slots: {tint: filled}"), (("slot.tint", ("red", "blue", "other")),)),
    ("condition", "confidence", when("confidence: {size: low}"), (("confidence.size", ("low",)),)),
    ("condition", "intent", when("intent: [greet, none]"), (("intent", ("greet", "none")),)),
    ("condition", "intent_confidence", when("intent_confidence: high"), (("intent_confidence", ("high",)),)),
    ("condition", "heard", when("heard: {seen: [no, changed]}"), (("heard.seen", ("no", "changed")),)),
    ("condition", "filled_last", when("filled_last: tint"), (("filled_last", ("tint",)),)),
    ("condition", "said", when("said: [ask, none]"), (("said", ("ask", "none")),)),
    ("condition", "spoken", when("spoken: yes"), (("spoken", ("yes",)),)),
    ("condition", "done", when("done: search"), (("done", ("search",)),)),
    (
        "expert",
        "when",
        expert("- {when: {intent: greet}, then: ask}\n- then: offer"),
        (
            ExpertRule(Condition((("intent", ("greet",)),)), (ExpertChoice("ask"),)),
            ExpertRule(ALWAYS, (ExpertChoice("offer"),)),
        ),
    ),
    (
        "expert",
        "then",
        expert("- then: [ask, {when: {spoken: no}, then: offer}, {then: search}]"),
        (
            ExpertRule(
                ALWAYS,
                (
                    ExpertChoice("ask"),
                    ExpertChoice("offer", Condition((("spoken", ("no",)),))),
                    ExpertChoice("search"),
                ),
            ),
        ),
    ),
]
WITHOUT = {"slots": "slots: {a: {type: text}}", "intents": "intents: [a]", "entities": "entities: [a]"}


@pytest.mark.parametrize(("level", "key", "file", "expected"), KEYS, ids=[f"{k[0]}: {k[1]}" for k in KEYS])
def test_effect_of_a_key(
    level: str, key: str, file: tuple[str, Callable[[Domain], Any]], expected: Any
) -> None:
    text, look = file
    assert key in text
    assert look(domain_from(text)) == expected


@pytest.mark.parametrize("level", KNOWN)
def test_every_key_is_tested(level: str) -> None:
    assert {key for at, key, _, _ in KEYS if at == level} == set(KNOWN[level])


@pytest.mark.parametrize("key", IGNORED)
def test_ignored_keys(key: str) -> None:
    part = IGNORED[key].partition(":")[0]
    without = WITHOUT.get(part, "actions: [a]" if part == "actions" else "")
    assert domain_from(IGNORED[key]) == domain_from(without or "intents: []")
