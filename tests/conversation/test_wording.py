"""Responses: the variation that is said, and its text and attachments."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from dialogue_gym import DomainError
from dialogue_gym.actions import ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import BotUttered, Entity, UserUttered
from dialogue_gym.conversation.transcripts import message_lines
from dialogue_gym.conversation.wording import fill, fitting
from dialogue_gym.domain.model import Variation
from dialogue_gym.nlu.examples import Example
from dialogue_gym.nlu.phrasebook import Phrasebook
from tests.conftest import domain_from


def only(condition: dict[str, Any], channel: str | None = None) -> Variation:
    wanted = tuple((name, json.dumps(value)) for name, value in condition.items())
    return Variation("text", wanted, channel)


GOLD, SILVER, COUNT = only({"member": "gold"}), only({"member": "Silver"}), only({"count": 0})
BOTH = only({"member": "gold", "count": 1})
SLACK, PLAIN, GOLD_SLACK = (
    Variation("text", None, "slack"),
    Variation("text"),
    only({"member": "gold"}, "slack"),
)
COLLECTOR = Variation("text", None, "collector")
ALL = (GOLD, SILVER, COUNT, BOTH, SLACK, PLAIN, GOLD_SLACK, COLLECTOR)


@pytest.mark.parametrize(
    ("slots", "channel", "expected"),
    [
        ({}, None, [PLAIN]),
        ({"member": "bronze"}, "cmdline", [PLAIN]),
        ({"member": "gold"}, None, [GOLD]),
        ({"member": "GOLD", "count": 1}, None, [GOLD, BOTH]),  # in any case
        ({"member": "silver", "count": 0}, "cmdline", [SILVER, COUNT]),
        ({"count": "0"}, None, [PLAIN]),  # a text is not a number
        ({"member": "gold"}, "slack", [GOLD_SLACK]),
        ({"member": "silver"}, "slack", [SLACK]),  # the channel counts more than the condition
        ({"member": "silver"}, "rest", [COLLECTOR]),
    ],
)
def test_variations_fit_by_channel_and_condition(
    slots: dict[str, Any], channel: str | None, expected: list[Variation]
) -> None:
    assert fitting(ALL, slots, channel) == expected
    assert fitting([SLACK, GOLD], {}, "cmdline") == []


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Hi {name}, {none}, {unknown}!", "Hi Ann, ?, {unknown}!"),
        ("{{name}} and {{{name}}}", "{name} and {Ann}"),
        ('/tell{{"name": "{name}"}}', '/tell{"name": "Ann"}'),
        ('/tell{"name": {"first": {"a": 1}}}', '/tell{"name": {"first": {"a": 1}}}'),  # not meant as escapes
    ],
)
def test_doubled_braces_stand_for_single_ones(template: str, text: str) -> None:
    assert fill(template, {"name": "Ann", "none": None}) == text


def test_response_carries_its_attachments() -> None:
    domain = domain_from("""
        intents: [tell]
        entities: [city]
        slots: {city: {type: text}}
        responses:
          utter_go:
          - text: "To {city}?"
            buttons: [{title: "{city}", payload: '/tell{{"city": "{city}"}}'}, {title: "No"}]
            image: "https://example.org/{city}.png"
            metadata: {a: b}
          utter_silent: [{text: "Gold.", condition: [{type: slot, name: city, value: Oslo}]}]
    """)
    conversation = Conversation(domain, [UserUttered("Rome", "tell", (Entity("city", "Rome"),))])
    runner = ActionRunner(domain)
    (said,) = runner.run("utter_go", conversation).events
    buttons = [{"title": "Rome", "payload": '/tell{"city": "Rome"}'}, {"title": "No"}]
    assert said == BotUttered("To Rome?", {"buttons": buttons, "image": "https://example.org/Rome.png"})
    assert isinstance(said, BotUttered) and message_lines(said) == [
        "To Rome?",
        "https://example.org/Rome.png",
        '[Rome] /tell{"city": "Rome"}',
        "[No]",
    ]
    assert runner.run("utter_silent", conversation).events == ()


@pytest.mark.parametrize(
    "data",
    [
        {"elements": [{"title": "Pizza", "buttons": ["order"]}]},
        {"elements": "Pizza"},
        {"buttons": ["yes"]},
        {"quick_replies": {"title": "yes"}},
    ],
)
def test_attachments_of_another_form_leave_the_text(data: dict[str, Any]) -> None:
    """Trackers of other bots have anything."""
    assert message_lines(BotUttered("Well?", data)) == ["Well?"]


def test_buttons_of_elements_are_checked_in_the_domain_file() -> None:
    with pytest.raises(DomainError, match=r"elements\[0\]\.buttons\[0\]: expected keys such as 'title'"):
        domain_from("responses: {utter_a: [{text: a, elements: [{title: b, buttons: [c]}]}]}")


def test_a_seed_may_be_numpys() -> None:
    domain = domain_from(f"responses: {{utter_a: [{', '.join('abcdefgh')}]}}")
    seeds = range(10)
    said = [ActionRunner(domain, seed=seed).run("utter_a", Conversation(domain)) for seed in seeds]
    again = [ActionRunner(domain, seed=seed).run("utter_a", Conversation(domain)) for seed in np.arange(10)]
    assert again == said
    examples = [Example(text, "a") for text in "abcdefgh"]
    for seed in seeds:
        assert Phrasebook(examples, seed).say("a") == Phrasebook(examples, np.int64(seed)).say("a")  # type: ignore[arg-type]
