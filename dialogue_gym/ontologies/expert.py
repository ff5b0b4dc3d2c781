"""The expert of an ontology: a hand-written policy, as the rules of a domain file."""

from __future__ import annotations

from typing import Any

from dialogue_gym.domain.search_user import SEARCH_ROLES
from dialogue_gym.ontologies.model import Ontology, SearchSlot

Rule = dict[str, Any]

UNSURE = ["very low", "low"]
"""The confidences in a value that call for a question about it."""
_KNOWN = ["one", "two", "three", "more"]
_ON_OFFER = ["made", "accepted"]


def expert_rules(ontology: Ontology) -> list[Rule]:
    """Return the rules: serve first, then clear up doubts, then offer if enough is known, else ask.

    It asks first for the slot that divides the venues most, and offers once a single venue matches, three
    slots are known, or the user asks for an offer. A denied offer is followed by a question.
    """
    order = ontology.telling
    doubts: list[Rule] = []
    for slot in order:
        when = {"confidence": {slot.name: UNSURE}, "second": {slot.name: "close"}}
        doubts.append({"when": when, "then": f"utter_select_{slot.name}"})
    for slot in order:
        doubts.append({"when": {"confidence": {slot.name: UNSURE}}, "then": f"utter_confirm_{slot.name}"})
    others = [role for role in SEARCH_ROLES if role != "deny"]
    asked_back = [*_about("confirm", order), *_about("select", order)]
    return [
        {"when": {"over": "yes", "offer": "accepted"}, "then": "utter_bye"},
        {"when": {"pending": ["one", "several"], "offer": _ON_OFFER}, "then": "utter_tell"},
        {
            "when": {"intent_confidence": "very low", "said": ["none", *_all_but_pardon(order)]},
            "then": "utter_pardon",
        },
        {"when": {"offer": "other wanted"}, "then": "utter_other"},
        *doubts,
        {"when": {"offer": _ON_OFFER}, "then": "utter_more"},
        {"when": {"known": _KNOWN, "matches": ["none", "one"]}, "then": "utter_offer"},
        {"when": {"known": ["three", "more"], "intent": ["none", *others]}, "then": "utter_offer"},
        {"when": {"known": ["three", "more"], "intent": "deny", "said": asked_back}, "then": "utter_offer"},
        {"when": {"known": _KNOWN, "intent": "find"}, "then": "utter_offer"},
        *({"when": {"slots": {slot.name: "empty"}}, "then": f"utter_ask_{slot.name}"} for slot in order),
        {"then": "utter_offer"},
    ]


def _about(kind: str, slots: tuple[SearchSlot, ...]) -> list[str]:
    """Return the actions of one kind, by slot."""
    return [f"utter_{kind}_{slot.name}" for slot in slots]


def _all_but_pardon(slots: tuple[SearchSlot, ...]) -> list[str]:
    """Return all actions but the one that asks the user to say it again."""
    about = [action for kind in ("ask", "confirm", "select") for action in _about(kind, slots)]
    rest = ["offer", "other", "tell", "more", "bye", "greet"]
    return [*about, *(f"utter_{name}" for name in rest)]
