"""Remarks on proposals: repeated actions, and questions without their forms."""

from __future__ import annotations

import pytest

from dialogue_gym.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted, ActiveLoop, Event
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching import Session
from dialogue_gym.teaching.pending import Option, Proposal
from dialogue_gym.teaching.remarks import remarks
from tests.conftest import domain_from

DOMAIN = """
intents: [tell]
entities: [size]
slots:
  size: {type: text, mappings: [{type: from_entity, entity: size, conditions: [{active_loop: order}]}]}
forms: {order: {required_slots: [size]}}
responses: {utter_ask_size: [text: Which size?], utter_hi: [text: Hi]}
"""
ANYWHERE = DOMAIN.replace(", conditions: [{active_loop: order}]", "")
BY_NAME = DOMAIN.partition("  size: {")[0] + "  size: {type: text}\nforms" + DOMAIN.partition("\nforms")[2]
SAID, BEGUN = ActionExecuted("utter_hi"), (ActionExecuted("order"), ActiveLoop("order"))


def told(domain: str, *events: Event, action: str, ruling: str | None = None) -> list[str]:
    """Return the first words of the remarks on an action after some events."""
    session = Session(domain_from(domain), Store.in_memory())
    conversation = Conversation(session.domain, events, session.id)
    best = Option(action, 1.0, True, ruling=ruling)
    found = remarks(session.history, conversation, Proposal((best,), is_closing=False))
    return [" ".join(line.split()[:4]) for line in found]


@pytest.mark.parametrize(
    ("events", "action", "ruling", "expected"),
    [
        ((SAID,), "utter_hi", None, ["The bot did the"]),
        ((SAID,), "utter_hi", "rule 'Greet'", []),
        ((SAID, ActionExecuted("action_listen")), "action_listen", None, []),
        (BEGUN, "order", None, []),  # once for each question
    ],
)
def test_a_repeated_action_is_told_unless_it_is_meant(
    events: tuple[Event, ...], action: str, ruling: str | None, expected: list[str]
) -> None:
    assert told(DOMAIN, *events, action=action, ruling=ruling) == expected


@pytest.mark.parametrize(
    ("domain", "events", "expected"),
    [
        (DOMAIN, (), ["order asks utter_ask_size and"]),
        (DOMAIN, BEGUN, []),  # the form takes the answer
        (ANYWHERE, (), []),
        (BY_NAME, (), []),
    ],
)
def test_a_question_whose_answer_only_a_form_takes_is_told(
    domain: str, events: tuple[Event, ...], expected: list[str]
) -> None:
    assert told(domain, *events, action="utter_ask_size") == expected
