"""Rules that Rasa's rule policy refuses are told; a slow test asks Rasa itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogue_gym.check import check_files
from tests.teaching.rasa_install import rasa, read_by

__all__ = ["rasa"]

DOMAIN = """\
version: "3.1"
intents: [book, inform, chit]
entities: [size]
slots:
  size: {type: text, mappings: [{type: from_entity, entity: size, conditions: [{active_loop: f}]}]}
forms: {f: {required_slots: [size]}}
responses: {utter_ask_size: [text: Which], utter_done: [text: Done]}
actions: [action_x]
"""
SEEN = DOMAIN.replace("slots:\n", "slots:\n  requested_slot: {type: text, mappings: [{type: custom}]}\n")
"""The domain in which `requested_slot` influences the conversation."""
UNSEEN = SEEN.replace("requested_slot: {", "requested_slot: {influence_conversation: false, ")
NULL, VALUE = ("  - slot_was_set:\n    - requested_slot: " + value for value in ("null", "size"))


def form(begin: str = "", end: str = "") -> str:
    return f"""\
- rule: begin
  steps:
  - intent: book
  - action: f
  - active_loop: f
{begin}
- rule: end
  condition:
  - active_loop: f
  steps:
  - action: f
  - active_loop: null
{end}
  - action: utter_done
"""


def action(end: str = "", condition: str = "", said: str = "intent: chit") -> str:
    return f"""\
- rule: a
  steps:
  - intent: book
  - action: action_x
  - slot_was_set:
    - size: big
  - action: utter_done
- rule: b
{condition}
  steps:
  - {said}
  - action: action_x
{end}
"""


def loop(end: str = "", condition: str = "", said: str = "intent: chit") -> str:
    return f"""\
- rule: a
  steps:
  - intent: book
  - action: f
  - active_loop: f
- rule: b
{condition}  steps:
  - {said}
  - action: f
{end}
"""


SIZE = "slot_was_set:\n    - size: "
REQUESTED = "f sets the slot 'requested_slot' in another rule and not here"
LOST = "action_x sets the slot 'size' in another rule and not here"
OPEN = "  wait_for_user_input: false"
PLAIN = DOMAIN.replace(", conditions: [{active_loop: f}]", "")
"""The domain in which an entity fills the slot at any time."""
TWO = DOMAIN.replace("forms: {", "forms: {g: {required_slots: [size]}, ")
LATER = """\
- rule: a
  steps:
  - action: action_x
  - intent: book
  - slot_was_set:
    - size: big
  - action: utter_done
- rule: b
  steps:
  - intent: chit
  - action: action_x
"""
LIMITED = "  day: {type: text, mappings: [{type: from_text, conditions: [{active_loop: f}]}]}\n"
CASES = {
    "a form": (DOMAIN, form(), ""),
    "null at the end": (DOMAIN, form(end=NULL), ""),
    "null at the end, seen": (SEEN, form(end=NULL), f"data/rules.yml:6: {REQUESTED}"),
    "null at the end, not seen": (UNSEEN, form(end=NULL), ""),
    "a value at the beginning": (SEEN, form(VALUE), f"data/rules.yml:14: {REQUESTED}"),
    "both": (SEEN, form(VALUE, NULL), ""),
    "a slot": (DOMAIN, action(), f"data/rules.yml:14: {LOST}"),
    "a slot, null": (DOMAIN, action(f"  - {SIZE}null"), ""),
    "a slot in the condition": (DOMAIN, action(condition=f"  condition:\n  - {SIZE}big"), ""),
    "a slot that begins with a value": (DOMAIN.replace("text, ", "text, initial_value: big, "), action(), ""),
    "a slot that the message fills": (PLAIN, action(said="intent: chit\n    entities: [size: big]"), ""),
    "a slot that is set after a message": (DOMAIN, LATER, ""),
    "an open end": (DOMAIN, action(OPEN), ""),
    "an open end, later": (DOMAIN, action(f"  - action: utter_done\n{OPEN}"), f"data/rules.yml:14: {LOST}"),
    "a loop": (DOMAIN, loop(), "data/rules.yml:11: f sets active_loop in another rule and not here"),
    "a loop, null": (DOMAIN, loop("  - active_loop: null"), ""),
    "another loop": (
        TWO,
        loop(condition="  condition:\n  - active_loop: g\n"),
        "data/rules.yml:13: f sets active_loop in another rule and not here",
    ),
    "two messages": (
        DOMAIN,
        loop("  - active_loop: f\n  - intent: inform\n  - action: utter_done"),
        "data/rules.yml:13: the rule 'b' has 2 messages; Rasa refuses more than one",
    ),
    "two messages, one of them with alternatives": (
        DOMAIN,
        loop(
            "  - active_loop: f\n  - intent: inform\n  - action: utter_done",
            said="or:\n    - intent: inform\n    - intent: chit",
        ),
        "data/rules.yml:15: the rule 'b' has 2 messages; Rasa refuses more than one",
    ),
    "no form": (DOMAIN.replace("{active_loop: f}", "{active_loop: f}, {active_loop: null}"), form(), ""),
    "an unknown form": (
        DOMAIN.replace("active_loop: f", "active_loop: g"),
        form(),
        "domain.yml:5: slots.size: unknown form 'g' in a condition; valid: f",
    ),
    "a slot that the form lacks": (
        DOMAIN.replace("forms:", f"{LIMITED}forms:"),
        form(),
        "domain.yml:6: slots.day: a mapping holds in f, whose required_slots lack 'day'",
    ),
    "a slot that the form's first message fills": (
        DOMAIN.replace(
            "forms:", LIMITED.replace("from_text", "from_trigger_intent, intent: book, value: x") + "forms:"
        ),
        form(),
        "",
    ),
    "a form that names no slots": (
        DOMAIN.replace("required_slots: [size]", "required_slots: []"),
        form(),
        "",
    ),
}


def project(folder: Path, domain: str, rules: str) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "domain.yml").write_text(domain)
    (folder / "data" / "rules.yml").write_text(f'version: "3.1"\nrules:\n{rules}')


@pytest.mark.parametrize("name", CASES)
def test_rules_that_rasa_refuses_are_warnings(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain, rules, expected = CASES[name]
    project(tmp_path, domain, rules)
    monkeypatch.chdir(tmp_path)
    found = check_files(["domain.yml", "data"])
    assert [line.partition(" (")[0].partition("; Rasa refuses such")[0] for line in found] == (
        [f"warning: {expected}"] if expected else []
    )
    assert [line.partition(":")[0] for line in check_files(["domain.yml", "data"], is_strict=True)] == (
        ["error"] if expected else []
    )


@pytest.mark.slow
def test_rasa_refuses_the_same_rules(rasa: Path, tmp_path: Path) -> None:
    nlu = "".join(
        f"- intent: {one}\n  examples: |\n    - {one} a\n    - {one} b\n"
        for one in ("book", "inform", "chit")
    )
    config = "recipe: default.v1\nlanguage: en\npipeline: []\npolicies: [{name: RulePolicy}]\n"
    for number, (name, (domain, rules, expected)) in enumerate(CASES.items()):
        folder = tmp_path / str(number)
        project(folder, domain, rules)
        (folder / "config.yml").write_text(config)
        (folder / "data" / "nlu.yml").write_text(f'version: "3.1"\nnlu:\n{nlu}')
        found = read_by(rasa, str(folder))
        assert bool(found["contradictions"] or found["failed"]) == bool(expected), name
