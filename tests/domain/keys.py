"""The keys of a domain file that the code knows."""

from __future__ import annotations

from dialogue_gym.domain import conditions, database, forms, search_user, slots
from dialogue_gym.domain import fake_user as simulation
from dialogue_gym.domain import loader as parse
from dialogue_gym.domain.observation import SEARCH_FIELDS

SEARCH_CONDITIONS = ("second", *SEARCH_FIELDS)
# Those of search-driven users.
KNOWN_IN_SEARCH = {
    "file": ("database", "domains"),
    "database": database.DATABASE_KEYS,
    "fake_user": search_user.SEARCH_KEYS,
    "constraints": search_user.CONSTRAINT_KEYS,
    "requests": search_user.REQUEST_KEYS,
    "behaviour": search_user.FIGURES,
    "personas": ("chance", *search_user.FIGURES),
    "role": search_user.SEARCH_ROLES,
    "condition": SEARCH_CONDITIONS,
}
# By level, the keys that the code knows in other domains.
KNOWN = {
    "file": tuple(key for key in parse.RASA_KEYS + parse.OWN_KEYS if key not in ("database", "domains")),
    "slot": slots.SLOT_KEYS,
    "mapping": slots.MAPPING_KEYS,
    "loop": slots.CONDITION_KEYS,
    "form": forms.FORM_KEYS,
    "fake_user": tuple(key for key in simulation.FAKE_USER_KEYS if key not in search_user.SEARCH_KEYS),
    "role": simulation.ROLES,
    "action": simulation.ACTION_KEYS,
    "agenda": simulation.AGENDA_KEYS,
    "answer": simulation.ANSWER_KEYS,
    "noise": simulation.NOISE_KEYS,
    "faults": simulation.FAULT_KEYS,
    "condition": tuple(key for key in conditions.CONDITION_KEYS if key not in SEARCH_CONDITIONS),
    "expert": conditions.EXPERT_KEYS,
}
# Keys that are accepted and change nothing, in a file.
IGNORED = {
    **{key: f"{key}: [anything, {{at: all}}]" for key in parse.IGNORED_KEYS},
    **{key: f"slots: {{a: {{type: text, {key}: 3}}}}" for key in slots.IGNORED_SLOT_KEYS},
    **{key: f"intents: [{{a: {{{key}: None}}}}]" for key in parse.INTENT_KEYS},
    **{key: f"entities: [{{a: {{{key}: [b]}}}}]" for key in parse.ENTITY_KEYS},
    **{key: f"actions: [{{a: {{{key}: true}}}}]" for key in parse.ACTION_OPTIONS},
}
