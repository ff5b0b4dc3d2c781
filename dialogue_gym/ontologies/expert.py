"""The expert of users who search: a hand-written policy, as the rules of a domain file.

Its figures were found by a search among rules of this form (`agents/search/rule_search.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dialogue_gym.domain.model import SCORES
from dialogue_gym.domain.observation import SEARCH_FIELDS
from dialogue_gym.domain.search_user import SEARCH_ROLES

Rule = dict[str, Any]

KNOWN = list(SEARCH_FIELDS["known"][1:])
MATCHES = list(SEARCH_FIELDS["matches"][1:])
CONFIDENCES = list(SCORES[1:])
MANY_SLOTS = 8
"""With so many slots, those that are known first are often none that the user cares about."""
_ON_OFFER = ["made", "accepted"]
_OFFERS = ["utter_offer", "utter_other"]


@dataclass(frozen=True)
class ExpertFigures:
    """The figures of an expert.

    Confidences are counted from the lowest: 0 is none of them, 1 those below 0.4, 2 below 0.6, 3 below 0.85.

    Attributes:
        known: slots known before an offer, 1 to 4; 5 for no offer by this reason.
        matches: matches, at most 3, by which it offers with fewer slots known; one is offered if nothing
            matches, too, which lets the user give way.
        pardon: confidences of words that it wants to hear again.
        select: confidences of values with a close rival between which it lets the user choose.
        confirm: confidences of values that it clears up.
        unmatched: likewise, if nothing matches.
        clears_by: the question that clears up a value.
        unclear: the act after an offer that is neither accepted nor denied.
        denied: the act after an offer that is denied.
        offers_again: whether, when everything that matches is turned down, it offers that again.
        thanked: the act after thanks.
    """

    known: int = 3
    matches: int = 2
    pardon: int = 1
    select: int = 1
    confirm: int = 1
    unmatched: int = 2
    clears_by: Literal["confirm", "ask"] = "confirm"
    unclear: Literal["pardon", "more", "other"] = "pardon"
    denied: Literal["ask", "confirm", "offer"] = "ask"
    offers_again: bool = False
    thanked: Literal["bye", "more"] = "bye"


def expert_figures(slots: int) -> ExpertFigures:
    """Return the figures for a domain with so many slots."""
    return ExpertFigures(known=3 if slots < MANY_SLOTS else 4)


def expert_rules(slots: Sequence[str], figures: ExpertFigures) -> list[Rule]:
    """Return the rules: serve first, then clear up doubts, then offer if enough is known, else ask.

    Args:
        slots: in the order of the questions.
        figures: of the expert.
    """
    said = ["none", *_all_but_pardon(slots)]
    rules = [
        _rule("utter_" + figures.thanked, over="yes", offer="accepted"),
        _rule("utter_tell", pending=["one", "several"], offer=_ON_OFFER),
        _rule("utter_pardon", intent_confidence=CONFIDENCES[: figures.pardon], said=said),
        _rule("utter_other", offer="other wanted"),
    ]
    for slot in slots:
        confidence = {slot: CONFIDENCES[: figures.select]}
        rules.append(_rule(f"utter_select_{slot}", confidence=confidence, second={slot: "close"}))
    rules += _cleared_up(slots, figures.confirm, figures.clears_by)
    if figures.unclear == "pardon":
        rules.append(_rule("utter_pardon", offer="made", said=_OFFERS))
    elif figures.unclear == "other":
        rules.append(_rule("utter_other", offer="made"))
    rules.append(_rule("utter_more", offer=_ON_OFFER))
    for slot in slots:  # nothing is left, but the user denies: some value must be wrong
        rules.append(
            _rule(
                f"utter_confirm_{slot}",
                offer=["no match", "no other"], intent="deny", said=_OFFERS, slots={slot: "filled"},
            )
        )  # fmt: skip
    rules += _cleared_up(slots, figures.unmatched, figures.clears_by, matches="none")
    if figures.denied == "confirm":
        rules += _cleared_up(slots, len(CONFIDENCES) - 1, "confirm", intent="deny", said=_OFFERS)
    rules += _offers(figures)
    rules += (_rule(f"utter_ask_{slot}", slots={slot: "empty"}) for slot in slots)
    return [*filter(_can_hold, rules), {"then": "utter_offer"}]


def _offers(figures: ExpertFigures) -> list[Rule]:
    """Return the rules by which something is offered, or the user is told that there is nothing."""
    intents = ["none", *(role for role in SEARCH_ROLES if role != "deny" or figures.denied == "offer")]
    rules = [
        _rule("utter_offer", known=KNOWN, matches="none"),
        _rule("utter_offer", known=KNOWN, matches=MATCHES[: figures.matches], left="yes"),
        _rule("utter_offer", known=KNOWN[figures.known - 1 :], left="yes", intent=intents),
        _rule("utter_offer", known=KNOWN, left="yes", intent="find"),
    ]
    if figures.offers_again:
        rules.append(_rule("utter_offer", known=KNOWN, matches=MATCHES, left="no"))
    return rules


def _cleared_up(slots: Sequence[str], confidences: int, question: str, **when: Any) -> list[Rule]:
    """Return the rules that clear up values of the lowest confidences, under a condition."""
    unsure = CONFIDENCES[:confidences]
    return [_rule(f"utter_{question}_{slot}", **when, confidence={slot: unsure}) for slot in slots]


def _rule(then: str, **when: Any) -> Rule:
    return {"when": when, "then": then}


def _can_hold(rule: Rule) -> bool:
    """Return whether each part of a condition allows a label."""
    parts = (part.values() if isinstance(part, dict) else [part] for part in rule["when"].values())
    return all(labels for own in parts for labels in own)


def _all_but_pardon(slots: Sequence[str]) -> list[str]:
    """Return all actions but the one that asks the user to say it again."""
    about = [f"utter_{kind}_{slot}" for kind in ("ask", "confirm", "select") for slot in slots]
    rest = ["offer", "other", "tell", "more", "bye", "greet"]
    return [*about, *(f"utter_{name}" for name in rest)]
