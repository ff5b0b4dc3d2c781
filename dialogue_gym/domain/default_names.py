"""The names that every Rasa bot knows, although its domain file does not list them.

Sources: https://legacy-docs-oss.rasa.com/docs/rasa/default-actions, and Rasa 3.6.21 for names without a page.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable

from dialogue_gym.domain.model import LISTEN, RESTART, Domain

BACK, SESSION_START = "action_back", "action_session_start"
FALLBACK_ACTION, FALLBACK_INTENT = "action_default_fallback", "nlu_fallback"

DEFAULT_ACTIONS: dict[str, str | None] = {
    LISTEN: None,
    RESTART: "utter_restart",
    SESSION_START: None,
    BACK: "utter_back",
    FALLBACK_ACTION: "utter_default",
    "action_default_ask_rephrase": "utter_ask_rephrase",
    "action_default_ask_affirmation": None,
    "action_two_stage_fallback": None,
    "action_revert_fallback_events": None,
    "action_deactivate_loop": None,
    "action_deactivate_form": None,
    "action_unlikely_intent": None,
    "action_extract_slots": None,
    "action_validate_slot_mappings": None,
}
"""Rasa's own actions, each with the response that it says if the domain has it."""

DEACTIVATING = ("action_deactivate_loop", "action_deactivate_form")
"""The actions that end the active form."""

DEFAULT_INTENTS: dict[str, str | None] = {
    "restart": RESTART,
    "back": BACK,
    "session_start": SESSION_START,
    FALLBACK_INTENT: None,
    "out_of_scope": None,
}
"""Rasa's own intents, each with the action that follows it whatever the bot has learned."""

DEFAULT_SLOTS = ("requested_slot", "session_started_metadata")


@functools.lru_cache(maxsize=64)
def known_actions(domain: Domain) -> frozenset[str]:
    """Return the actions that a bot can do: those of the domain, Rasa's own, and each response."""
    return frozenset((*domain.actions, *DEFAULT_ACTIONS, *(response.name for response in domain.responses)))


@functools.lru_cache(maxsize=64)
def known_intents(domain: Domain) -> frozenset[str]:
    """Return the intents that a bot understands: those of the domain, and Rasa's own."""
    return frozenset((*domain.intents, *DEFAULT_INTENTS))


def command_of(domain: Domain, intent: str | None) -> str | None:
    """Return the default action that follows an intent; None if the bot decides, as for a domain's own."""
    return None if intent in domain.intents else DEFAULT_INTENTS.get(intent or "")


def with_used(domain: Domain, actions: Iterable[str], intents: Iterable[str]) -> Domain:
    """Return a copy that lists those of the used names that are known without being listed.

    Raises:
        DomainError: these are too many names.
    """
    for name in dict.fromkeys(actions):
        if name not in domain.actions and name in known_actions(domain):
            domain = domain.with_action(name)
    for name in dict.fromkeys(intents):
        if name not in domain.intents and name in known_intents(domain):
            domain = domain.with_intent(name)
    return domain


def without_used_defaults(domain: Domain, extended: Domain) -> Domain:
    """Return an extended domain without those of Rasa's own actions that it has only because they were used.

    A domain file that lists one of them has its own code in the place of Rasa's.
    """
    known = {*domain.actions, *(response.name for response in extended.responses)}
    kept = tuple(one for one in extended.actions if one in known or one not in DEFAULT_ACTIONS)
    return extended if kept == extended.actions else dataclasses.replace(extended, actions=kept)
