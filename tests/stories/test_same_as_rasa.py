"""Dialogues by rules and forms are those of Rasa 3.6.21: the actions, the slots and the form of each turn."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from dialogue_gym.actions import ActionRunner
from dialogue_gym.chat import Bot
from dialogue_gym.conversation import Conversation, UserUttered
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActionExecutionRejected,
    BotUttered,
    Entity,
)
from dialogue_gym.domain.default_names import FALLBACK_ACTION
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.stories import parse, with_names_of
from dialogue_gym.stories.rulebook import RuleBook
from tests.conftest import domain_from
from tests.teaching.rasa_install import rasa as rasa
from tests.teaching.rasa_install import told_by

RULES = """
version: "3.1"
rules:
- rule: Begin
  steps: [{intent: book}, {action: trip}, {active_loop: trip}]
- rule: End
  condition: [{active_loop: trip}]
  steps: [{action: trip}, {active_loop: null}, {slot_was_set: [{requested_slot: null}]}, {action: utter_done}]
- rule: Chat
  steps: [{intent: chat}, {action: utter_chat}]
- rule: Stop
  condition: [{active_loop: trip}]
  steps: [{intent: stop}, {action: utter_stop}, {action: action_deactivate_loop}, {active_loop: null}]
- rule: From
  steps: [{intent: tell, entities: [{city: x, role: from}]}, {action: utter_from}]
- rule: To
  steps: [{intent: tell, entities: [{city: x, role: to}]}, {action: utter_to}]
- rule: Seven
  steps: [{intent: rate}, {slot_was_set: [{rating: 7}]}, {action: utter_seven}]
- rule: No rating
  condition: [{slot_was_set: [{rating: null}]}]
  steps: [{intent: rate}, {action: utter_no_rating}]
"""
INTENTS = ["book", "book", "tell", "tell", "tell", "chat", "rate", "yes", "no", "stop"]
TEXTS = (
    "ask_first",
    "ask_trip_second",
    "ask_third",
    "done",
    "chat",
    "stop",
    "from",
    "to",
    "seven",
    "no_rating",
)


def _mappings(chance: random.Random, slot: str) -> list[dict[str, Any]]:
    inside, asked = {"active_loop": "trip"}, {"active_loop": "trip", "requested_slot": slot}
    by_intent = [
        {"type": "from_intent", "intent": said, "value": said == "yes", "conditions": [asked]}
        for said in ("yes", "no")
    ]
    by_number: dict[str, Any] = {"type": "from_entity", "entity": "number"}
    trigger = {"type": "from_trigger_intent", "intent": "book", "value": "new", "conditions": [inside]}
    ways: list[list[dict[str, Any]]] = [
        [{"type": "from_entity", "entity": "city", "role": "from"}],
        [{"type": "from_entity", "entity": "city", "role": "to", "not_intent": "no"}],
        [by_number],
        [by_number | {"conditions": [inside]}],
        [{"type": "from_text", "conditions": [asked]}],
        [{"type": "from_text", "not_intent": ["chat"], "conditions": [asked]}],
        by_intent,
        [trigger, by_number],
    ]
    return chance.choice(ways)


def _domain(chance: random.Random) -> str:
    names = ("first", "second", "third")
    slots: dict[str, Any] = {
        name: {
            "type": "text",
            "influence_conversation": chance.random() < 0.5,
            "mappings": _mappings(chance, name),
        }
        for name in names
    }
    by_number = {"type": "from_entity", "entity": "number", "intent": "rate"}
    slots["rating"] = {"type": "float", "min_value": 0, "max_value": 10, "mappings": [by_number]}
    form: dict[str, Any] = {"required_slots": chance.sample(names, chance.randint(1, 3))}
    if chance.random() < 0.3:
        form["ignored_intents"] = chance.choice([["chat"], ["chat", "no"]])
    content = {
        "version": "3.1",
        "intents": sorted(set(INTENTS)),
        "entities": [{"city": {"roles": ["from", "to"]}}, "number"],
        "slots": slots,
        "forms": {"trip": form},
        "responses": {f"utter_{name}": [{"text": name}] for name in TEXTS},
    }
    return yaml.safe_dump(json.loads(json.dumps(content)), sort_keys=False)  # without aliases


def _messages(chance: random.Random) -> list[list[Any]]:
    entities = (
        {"entity": "city", "value": "Oslo", "role": "from"},
        {"entity": "city", "value": "Rome", "role": "to"},
        {"entity": "number", "value": chance.choice([7, 7.5, 3, 12])},
    )
    return [
        [f"text {number}", chance.choice(INTENTS), [one for one in entities if chance.random() < 0.3]]
        for number in range(chance.randint(2, 6))
    ]


def _turns(domain: str, rules: str, messages: list[list[Any]]) -> list[list[Any]]:
    """Return the actions with their texts, the slots, the form and its requested slot, turn by turn."""
    told = parse(rules, "rules.yml", "yaml")
    known = with_names_of(domain_from(domain), told)
    bot, conversation = Bot(known, None, ActionRunner(known), RuleBook(known, told)), Conversation(known)
    turns: list[list[Any]] = []
    for text, intent, entities in messages:
        first = len(conversation)
        bot.reply(conversation, UserUttered(text, intent, tuple(map(Entity.from_json, entities))))
        done: list[str | None] = []
        for event in conversation.events[first:]:
            if isinstance(event, ActionExecutionRejected):
                done.pop()
            elif isinstance(event, ActionExecuted) and event.name != FALLBACK_ACTION:
                done.append(event.name)
            elif isinstance(event, BotUttered) and done[-1:] == ["trip"]:
                done.append(event.text)
        if done[-1:] != [LISTEN]:
            done.append(LISTEN)
        loop = conversation.loop
        turns.append([done, conversation.slots, loop.name, loop.requested_slot])
    return turns


def _last_compared(turns: list[list[Any]]) -> int:
    """Return the number of turns up to the first one after which a form is left declined.

    Rasa's then takes no answer, or declines until Rasa gives up; here it goes on (docs/forms.md).
    """
    for number, (done, _, loop, _) in enumerate(turns, 1):
        if done[-1:] != [LISTEN]:
            return number - 1
        if loop and loop not in done:
            return number
    return len(turns)


@pytest.mark.slow
def test_dialogues_by_rules_and_forms_are_those_of_rasa(rasa: Path, tmp_path: Path) -> None:
    chance = random.Random(1)
    cases = [(_domain(chance), RULES, [_messages(chance) for _ in range(15)]) for _ in range(40)]
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    answers = told_by(rasa, "rasa_dialogues.py", str(tmp_path), "cases.json")
    compared = 0
    for (domain, rules, dialogues), expected in zip(cases, answers, strict=True):
        for messages, turns in zip(dialogues, expected, strict=True):
            last = _last_compared(turns)
            assert _turns(domain, rules, messages)[:last] == turns[:last], (domain, messages)
            compared += last
    assert compared > 1_000


# FormAction.activate: the slots are extracted once more, with the form as the active one.
def test_a_form_reads_the_message_that_begins_it_anew() -> None:
    domain = """
        version: "3.1"
        intents: [book]
        entities: [number]
        slots:
          kind:
            type: text
            mappings:
            - {type: from_trigger_intent, intent: book, value: new, conditions: [{active_loop: trip}]}
            - {type: from_entity, entity: number}
          town: {type: text, mappings: [{type: custom}]}
        forms: {trip: {required_slots: [kind, town]}}
        responses: {utter_ask_town: [{text: "Which town?"}]}
    """
    rules = "rules:\n- rule: Begin\n  steps: [{intent: book}, {action: trip}, {active_loop: trip}]\n"
    (turn,) = _turns(domain, rules, [["one more", "book", [{"entity": "number", "value": 1}]]])
    assert turn == [["trip", "Which town?", LISTEN], {"kind": "new", "town": None}, "trip", "town"]
