"""Actions in the dialog with a teacher: failures are told, and texts are shown as they will be said."""

from __future__ import annotations

from typing import Any

import pytest

from dialogue_gym.actions import ActionRunner
from dialogue_gym.journal.store import Store
from dialogue_gym.stories import parse
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.story_import import import_stories
from tests.conftest import domain_from
from tests.teaching.terminal.dialogs import answered, dialog, played

FAILING = """
intents: [go]
slots: {city: {type: text, initial_value: Oslo}}
responses:
  utter_where: [{text: "You are in {city}, {name}."}]
actions: [action_boom, action_slot]
"""


class Boom:
    def name(self) -> str:
        return "action_boom"

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list[dict[str, Any]]:
        raise RuntimeError("the service is down")


class UnknownSlot(Boom):
    def name(self) -> str:
        return "action_slot"

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list[dict[str, Any]]:
        return [{"event": "slot", "name": "town", "value": "Rome"}]


@pytest.fixture
def failing() -> Session:
    domain = domain_from(FAILING)
    return Session(domain, Store.in_memory(), runner=ActionRunner(domain, [Boom, UnknownSlot]))


@pytest.mark.parametrize(
    ("action", "problem"), [("action_boom", "the service is down"), ("action_slot", "unknown slot 'town'")]
)
def test_a_failing_action_is_told_once(failing: Session, action: str, problem: str) -> None:
    teaching = dialog(failing)
    *_, shown, later = played(teaching, ["/go", "2", action, "s"])
    assert f"The action failed. {action}: " in shown and problem in shown
    assert "The action failed" not in later
    undone, _, again = answered(teaching, ["u", "2", action])
    assert "The action failed" not in undone and "The action failed" in again


def test_a_bot_that_continues_stops_at_a_failure(failing: Session) -> None:
    teaching = dialog(failing)
    answers = ["/go", "2", "action_boom", "2", "listen", "/go", "t", "0", "g", ""]
    *_, told, stopped = played(teaching, answers)
    assert told.startswith("The action failed. action_boom: ") and "bot   action_boom" in told
    assert stopped.startswith("(stopped, because an action failed)")
    assert failing.conversation.latest_action == "action_boom"


def test_a_rule_that_overrules_an_answer_is_no_failure() -> None:
    domain, store = domain_from("intents: [go]\nactions: [utter_a, utter_b]"), Store.in_memory()
    rule = "rules:\n- rule: Go\n  steps:\n  - intent: go\n  - action: utter_a\n"
    import_stories(store, domain, parse(rule))
    *_, told, later = played(dialog(Session(domain, store)), ["/go", "2", "utter_b", "2"])
    assert told.startswith(
        "The rule 'Go' says utter_a here and still holds: to teach utter_b, change the rule.\n"
    )
    assert "failed" not in told and "Learned" not in told and "still holds" not in later


def test_proposals_are_shown_as_they_will_be_said(failing: Session) -> None:
    teaching = dialog(failing)
    *_, asked, shown = played(teaching, ["/go", "2", "utter_where"])
    assert "utter_where 0.20 You are in Oslo, {name}." in asked and "action_boom 0.20 runs code" in asked
    *_, shown = answered(teaching, ["2", "action_listen", ":n", "/go"])
    assert "[utter_where] (100%, taught once)" in shown and "it says: You are in Oslo, {name}.\n" in shown
    *_, shown = answered(teaching, ["2", "action_boom", "1", "n", "/go"])
    assert "[action_boom] (100%, taught once)" in shown and "\nit runs code\n" in shown
