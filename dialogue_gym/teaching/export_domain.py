"""A domain file as Rasa 3 has it: without the simulation, and with mappings for every slot."""

from __future__ import annotations

from collections.abc import Callable

from dialogue_gym._yaml import dump_yaml, parse_yaml
from dialogue_gym.conversation.events import Json, Value
from dialogue_gym.domain import Domain
from dialogue_gym.domain.loader import OWN_KEYS, parse_domain
from dialogue_gym.domain.model import DOMAIN_FILE
from dialogue_gym.domain.slot import CUSTOM, FROM_ENTITY, SlotMapping
from dialogue_gym.domain.writer import extended_text
from dialogue_gym.teaching.export_search import SearchExport

VERSION = "3.1"
_ORDER = ("version", "intents", "entities", "slots", "forms", "responses", "actions", "e2e_actions")
_GONE = ("config", "templates", "policy", "action_factory", "topics", "nlu", "stories", "rules")
"""Keys that Rasa 3 does not have in a domain, or has elsewhere."""
_GONE_FROM_SLOTS = ("auto_fill",)
_GONE_FROM_ACTIONS = ("safe",)


def rasa_domain(
    text: str, file: str, name: str, grow: Callable[[Domain], Domain], search: SearchExport | None = None
) -> tuple[str, list[str]]:
    """Return the text of a domain file for Rasa 3, and the actions that speak but have no text.

    Args:
        text: of a domain file of any version, possibly with a simulation.
        file: stands for it in errors.
        name: of the domain.
        grow: gives the domain with its additions for the one that is read from the text.
        search: the search of the domain, if its users search.

    Raises:
        DomainError: the text does not describe a domain, or nothing can be added to it.
    """
    root = parse_yaml(text, file, DOMAIN_FILE)
    domain = parse_domain(root, name)
    converted = dump_yaml(_converted(root.value(), domain))
    grown = extended_text(converted, file, name, grow)
    content = parse_yaml(grown, file, DOMAIN_FILE).value()
    actions = parse_domain(parse_yaml(grown, file, DOMAIN_FILE), name).actions
    # An answer says its parts, and a search names it anew.
    answers = (
        {one for one in search.actions if domain.action_model(one).reaction == "answer"} if search else ()
    )
    silent = [
        one
        for one in actions
        if one.startswith("utter_") and one not in answers and not _has_response(content, one)
    ]
    responses = content.setdefault("responses", {}) if silent else {}
    # Rasa's validator wants a response for each of them.
    responses |= {one: [{"text": text} for text in domain.texts(one)] or [{"text": one}] for one in silent}
    if search:
        search.add_to(content)
    return dump_yaml(_in_order(content)), [one for one in silent if not domain.texts(one)]


def _has_response(content: Json, action: str) -> bool:
    """Return whether an action has a response, or several to the intents of a retrieval intent."""
    return any(name.partition("/")[0] == action for name in content.get("responses") or ())


def _in_order(content: Json) -> Json:
    known = {key: content[key] for key in _ORDER if content.get(key) not in (None, [], {})}
    return known | {key: value for key, value in content.items() if key not in _ORDER and value is not None}


def _converted(content: Json, domain: Domain) -> Json:
    """Return the content of a domain file without the simulation, in the form of Rasa 3."""
    forms = _forms(content.get("forms"))
    responses = _responses(content.get("responses") or content.get("templates") or {})
    slots = _slots(content.get("slots") or {}, domain)
    entities = [*(content.get("entities") or [])]
    named = [_name_of(entity) for entity in entities]
    used = [one.get("entity") for slot in slots.values() for one in slot["mappings"]]
    entities += dict.fromkeys(one for one in used if isinstance(one, str) and one not in named)
    found = {
        "version": VERSION,
        "intents": content.get("intents"),
        "entities": entities,
        "slots": slots,
        "forms": forms,
        "responses": responses,
        # Rasa lists a form as an action by itself.
        "actions": [_action(one) for one in content.get("actions") or [] if _name_of(one) not in forms],
    }
    rest = {key: value for key, value in content.items() if key not in (*found, *_GONE, *OWN_KEYS)}
    return _in_order(found | rest)


def _name_of(item: Value) -> str:
    return str(next(iter(item), "")) if isinstance(item, dict) else str(item)


def _action(action: Value) -> Value:
    """Return an item of `actions` with the options that Rasa knows."""
    if not isinstance(action, dict):
        return action
    name, options = next(iter(action.items()))
    kept = {key: value for key, value in (options or {}).items() if key not in _GONE_FROM_ACTIONS}
    return {name: kept} if kept else name


def _responses(responses: dict[str, Value]) -> dict[str, list[Json]]:
    """Return responses as lists of variations."""
    return {
        name: [one if isinstance(one, dict) else {"text": str(one)} for one in _listed(value)]
        for name, value in responses.items()
    }


def _listed(value: Value) -> list[Value]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _slots(slots: dict[str, Json], domain: Domain) -> dict[str, Json]:
    """Return slots with their mappings: as they are written, or as the domain has them with its forms."""
    found = {}
    for slot in domain.slots:
        keys = {key: value for key, value in slots[slot.name].items() if key not in _GONE_FROM_SLOTS}
        if keys["type"] == "unfeaturized":
            keys = {key: value for key, value in keys.items() if key != "influence_conversation"}
            keys["type"] = "any"
        elif keys["type"] == "any":
            keys.pop("influence_conversation", None)  # Rasa refuses true
        own = slot.mappings or (
            SlotMapping(FROM_ENTITY, slot.entity) if slot.entity else SlotMapping(CUSTOM),
        )
        keys["mappings"] = keys.get("mappings") or [mapping.content() for mapping in own]
        found[slot.name] = keys
    return found


def _forms(forms: Value) -> dict[str, Json]:
    """Return forms in the form of Rasa 3, without the mappings that Rasa 2 has in them."""
    if isinstance(forms, list):
        named: dict[str, Value] = {}
        for form in forms:
            named |= form if isinstance(form, dict) else {str(form): None}
    else:
        named = forms or {}
    found: dict[str, Json] = {}
    for name, value in named.items():
        keys = dict(value or {})
        # Rasa 2.0 to 2.5 have the slots themselves there.
        if "required_slots" not in keys:
            keys = {
                "required_slots": {key: one for key, one in keys.items() if key != "ignored_intents"},
                **{key: one for key, one in keys.items() if key == "ignored_intents"},
            }
        found[name] = keys | {"required_slots": [*(keys["required_slots"] or [])]}
    return found
