"""The situations that a rule fits: entities with roles and groups, and numbers, as Rasa compares them.

Source: Rasa 3.6.21, `Domain._get_user_sub_state`, `FloatSlot._as_feature` and the rule policy.
"""

from __future__ import annotations

import pytest

from dialogue_gym import stories
from dialogue_gym.conversation import Conversation, UserUttered
from dialogue_gym.conversation.events import Entity
from dialogue_gym.stories.rulebook import RuleBook
from tests.conftest import domain_from

DOMAIN = """
    version: "3.1"
    intents: [travel, rate]
    entities: [{city: {roles: [from, to], groups: [first]}}, number]
    slots:
      rating:
        type: float
        min_value: 0
        max_value: 10
        mappings: [{type: from_entity, entity: number}]
    actions: [utter_from, utter_to, utter_first, utter_any, utter_seven, utter_best, utter_no_rating]
"""
RULES = """
rules:
- rule: From
  steps: [{intent: travel, entities: [{city: Rome, role: from}]}, {action: utter_from}]
- rule: To
  steps: [{intent: travel, entities: [{city: Rome, role: to}]}, {action: utter_to}]
- rule: First
  steps: [{intent: travel, entities: [{city: Rome, group: first}]}, {action: utter_first}]
- rule: Any
  steps: [{intent: travel, entities: [city]}, {action: utter_any}]
- rule: Seven
  steps: [{intent: rate}, {slot_was_set: [{rating: 7}]}, {action: utter_seven}]
- rule: Best
  steps: [{intent: rate}, {slot_was_set: [{rating: 10}]}, {action: utter_best}]
- rule: None
  steps: [{intent: rate}, {slot_was_set: [{rating: null}]}, {action: utter_no_rating}]
"""


def decided(intent: str, *entities: Entity) -> str | None:
    domain = domain_from(DOMAIN)
    book = RuleBook(domain, stories.parse(RULES, "r.yml", "yaml"))
    ruling = book.decide(Conversation(domain, [UserUttered("…", intent, entities)]))
    return ruling and ruling.action


@pytest.mark.parametrize(
    ("entity", "action"),
    [
        (Entity("city", "Oslo", role="from"), "utter_from"),
        (Entity("city", "Oslo", role="to"), "utter_to"),
        (Entity("city", "Oslo", group="first"), "utter_first"),
        (Entity("city", "Oslo"), "utter_any"),
        (Entity("city", "Oslo", role="via"), "utter_any"),
    ],
)
def test_a_rule_tells_roles_and_groups_apart(entity: Entity, action: str) -> None:
    assert decided("travel", entity) == action
    assert decided("travel", entity, Entity("time", "now")) == action  # the domain has no such entity
    assert decided("travel", entity, Entity("number", 3)) is None


def test_a_rule_with_both_roles_needs_both() -> None:
    assert decided("travel", Entity("city", "Oslo", role="from"), Entity("city", "Bergen", role="to")) == (
        "utter_any"
    )


@pytest.mark.parametrize(
    ("rating", "action"),
    [
        (7, "utter_seven"),
        ("7.0", "utter_seven"),
        (7.9, None),
        (6.1, None),
        (10, "utter_best"),
        (11, "utter_best"),
    ],
)
def test_a_rule_holds_for_its_number_alone(rating: object, action: str | None) -> None:
    assert decided("rate", Entity("number", rating)) == action
    assert decided("rate") == "utter_no_rating"


def test_rules_that_differ_only_in_the_value_of_an_entity_contradict_each_other() -> None:
    told = RULES + (
        "- rule: To Oslo\n"
        "  steps: [{intent: travel, entities: [{city: Oslo, role: to}]}, {action: utter_any}]\n"
    )
    problems = stories.check_stories(domain_from(DOMAIN), stories.parse(told, "r.yml", "yaml"))
    assert [problem.message for problem in problems] == [
        "the rule 'To Oslo' has utter_any where the rule 'To' (r.yml:5) has utter_to; the rule holds"
    ]
