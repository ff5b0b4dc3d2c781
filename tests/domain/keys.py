"""The keys of a domain file that the code knows."""

from __future__ import annotations

from dialogue_gym.domain import conditions, forms, slots
from dialogue_gym.domain import fake_user as simulation
from dialogue_gym.domain import loader as parse

# By level, the keys that the code knows.
KNOWN = {
    "file": parse.RASA_KEYS + parse.OWN_KEYS,
    "slot": slots.SLOT_KEYS,
    "mapping": slots.MAPPING_KEYS,
    "loop": slots.CONDITION_KEYS,
    "form": forms.FORM_KEYS,
    "fake_user": simulation.FAKE_USER_KEYS,
    "role": simulation.ROLES,
    "action": simulation.ACTION_KEYS,
    "agenda": simulation.AGENDA_KEYS,
    "answer": simulation.ANSWER_KEYS,
    "condition": conditions.CONDITION_KEYS,
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
