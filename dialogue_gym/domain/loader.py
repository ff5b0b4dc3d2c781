"""From a YAML file to a `Domain`: Rasa's keys.

The keys are those of Rasa's documentation (https://rasa.com/docs/rasa/domain), in the forms of Rasa Core 0.8
up to Rasa 3. Keys that concern neither policy nor simulation are accepted and ignored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from dialogue_gym._text import nearest, printable, shorten
from dialogue_gym._yaml import YamlNode, read_yaml
from dialogue_gym.domain.conditions import Names, parse_expert, parse_value
from dialogue_gym.domain.fake_user import parse_fake_user, parse_reward
from dialogue_gym.domain.model import (
    DOMAIN_FILE,
    LISTEN,
    MAX_NAMES,
    RESTART,
    REWARD_TERMS,
    SLOT_TYPES,
    Domain,
    DomainError,
    Response,
    Slot,
)

RASA_KEYS = ("intents", "entities", "slots", "responses", "templates", "actions", "forms", "config")
IGNORED_KEYS = (
    "version",
    "session_config",
    "e2e_actions",
    "policy",
    "action_factory",
    "topics",
    "nlu",
    "stories",
    "rules",
)
OWN_KEYS = ("fake_user", "reward", "expert")
SLOT_KEYS = (
    "type",
    "initial_value",
    "values",
    "min_value",
    "max_value",
    "influence_conversation",
    "auto_fill",
    "mappings",
)
IGNORED_SLOT_KEYS = ("value_reset_delay",)
INTENT_KEYS = ("use_entities", "ignore_entities", "triggers", "is_retrieval_intent")
ENTITY_KEYS = ("roles", "groups", "influence_conversation")
ACTION_OPTIONS = ("send_domain",)
MAX_NUMBER = 1e100


def builtin_names() -> list[str]:
    """Return the names of the domains that come with the library."""
    folder = resources.files("dialogue_gym") / "domains"
    return sorted(entry.name for entry in folder.iterdir() if (entry / "domain.yml").is_file())


def load_domain(source: Domain | str | Path) -> Domain:
    """Return the domain of a file, or a built-in one by its name (`restaurant`, `concert`).

    A `Domain` is returned unchanged.

    Raises:
        DomainError: the domain cannot be used; one sentence with file, line and key.
    """
    if isinstance(source, Domain):
        return source
    if not isinstance(source, (str, Path)):
        raise DomainError(f"domain={shorten(repr(source))}: expected a path, a name or a Domain")
    if source in builtin_names():
        with resources.as_file(resources.files("dialogue_gym") / "domains" / str(source)) as folder:
            return parse_domain(read_yaml(folder / "domain.yml", DOMAIN_FILE), str(source))
    path = Path(source)
    if isinstance(source, str) and (
        not source or (not path.suffix and "/" not in source and not _exists(path))
    ):
        valid = nearest(source, builtin_names())
        raise DomainError(f"{shorten(source)} is neither a file nor a built-in domain; {valid}")
    return parse_domain(read_yaml(path, DOMAIN_FILE), printable(path.stem))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def parse_domain(root: YamlNode, name: str) -> Domain:
    """Return the domain that a file's content describes."""
    keys = root.mapping((*RASA_KEYS, *IGNORED_KEYS, *OWN_KEYS))
    if "responses" in keys and "templates" in keys:
        raise keys["templates"].error("'templates' is the older name of 'responses': give one of the two")
    intents = _names(keys.get("intents"), "intent", INTENT_KEYS)
    entities = _names(keys.get("entities"), "entity", ENTITY_KEYS)
    responses = _responses(keys.get("responses") or keys.get("templates"))
    slots = _slots(keys.get("slots"), entities if _fills_slots(keys.get("config")) else [], entities)
    declared = _names(keys.get("actions"), "action", ACTION_OPTIONS)
    if "forms" in keys:
        forms = keys["forms"]
        declared += [*forms.named()] if forms.is_mapping else _names(forms, "form", None)
    # The responses utter_faq/ask_name and so on are those of one action, utter_faq.
    saying = [response.name.partition("/")[0] or response.name for response in responses]
    actions = list(dict.fromkeys([LISTEN, RESTART, *declared, *saying]))
    if len(actions) > MAX_NAMES:
        raise root.error(f"{len(actions)} actions are more than the {MAX_NAMES} that are supported")
    for action in actions:
        if action in REWARD_TERMS and "fake_user" in keys:
            raise root.error(
                f"the action {action!r} is called like a term of the reward; give it another name"
            )

    names = Names(tuple(intents), tuple(slots), tuple(actions))
    fake_user = parse_fake_user(keys["fake_user"], names) if "fake_user" in keys else None
    return Domain(
        name=name,
        intents=names.intents,
        entities=tuple(entities),
        slots=names.slots,
        responses=tuple(responses),
        actions=names.actions,
        fake_user=fake_user,
        reward=parse_reward(keys.get("reward"), names),
        expert=parse_expert(keys["expert"], names) if "expert" in keys else (),
    )


def _fills_slots(config: YamlNode | None) -> bool:
    """Return Rasa's switch for filling every slot from the entity of its name."""
    switch = config.mapping().get("store_entities_as_slots") if config else None
    return switch is None or switch.flag()


def _unique(entries: Iterable[tuple[YamlNode, str]], what: str) -> list[str]:
    seen: dict[str, None] = {}
    for entry, name in entries:
        if name in seen:
            raise entry.error(f"duplicate {what} {shorten(name)}")
        seen[name] = None
        if len(seen) > MAX_NAMES:
            raise entry.error(f"more than the {MAX_NAMES} names that are supported")
    return list(seen)


def _names(entry: YamlNode | None, what: str, known: Iterable[str] | None) -> list[str]:
    """Read a list of names; the longer form of an item is one name with options below it."""
    if entry is None:
        return []

    def name_of(item: YamlNode) -> tuple[YamlNode, str]:
        if not item.is_mapping:
            return item, item.name()
        options = item.mapping()
        if len(options) != 1:
            raise item.error(f"expected one {what}, not {len(options)} keys")
        ((name, value),) = item.named().items()
        value.mapping(known)
        return item, name

    return _unique((name_of(item) for item in entry.items()), what)


def _responses(entry: YamlNode | None) -> list[Response]:
    if entry is None:
        return []
    responses = []
    for name, value in entry.named().items():
        texts = []
        for item in () if value.is_null else value.one_or_many():
            if not item.is_mapping:
                texts.append(item.text())
            elif "text" in (parts := item.mapping()) and not parts["text"].is_null:
                texts.append(parts["text"].text())
        responses.append(Response(name, tuple(texts)))
    return responses


def _slots(entry: YamlNode | None, filling: list[str], entities: list[str]) -> list[Slot]:
    """Read the slots; `filling` are the entities that fill the slot of their name."""
    if entry is None:
        return []
    slots = entry.named()
    if len(slots) > MAX_NAMES:
        raise entry.error(f"{len(slots)} slots are more than the {MAX_NAMES} that are supported")
    return [_slot(name, value, filling, entities) for name, value in slots.items()]


def _slot(name: str, entry: YamlNode, filling: list[str], entities: list[str]) -> Slot:
    keys = entry.mapping()
    if "type" not in keys:
        raise entry.error(f"the slot {shorten(name)} has no 'type'")
    kind = keys["type"].text("slot type")
    if "." in kind:
        # A Python class of the user's own: its rule is not known here, nor are its options.
        kind = "any"
        keys = {key: keys[key] for key in ("influence_conversation", "auto_fill", "mappings") if key in keys}
    else:
        keys["type"].choice(SLOT_TYPES, "slot type")
        entry.mapping((*SLOT_KEYS, *IGNORED_SLOT_KEYS))
    for key, owner in (("values", "categorical"), ("min_value", "float"), ("max_value", "float")):
        if key in keys and kind != owner:
            raise keys[key].error(f"only a slot of type {owner} has {key!r}, this one is {kind}")
    influences = keys["influence_conversation"].flag() if "influence_conversation" in keys else True
    slot = Slot(
        name,
        kind,
        values=_values(entry, keys) if kind == "categorical" else (),
        min_value=keys["min_value"].number(-MAX_NUMBER, MAX_NUMBER) if "min_value" in keys else 0.0,
        max_value=keys["max_value"].number(-MAX_NUMBER, MAX_NUMBER) if "max_value" in keys else 1.0,
        influences=influences,
        entity=_filled_by(name, keys, filling, entities),
    )
    if slot.min_value >= slot.max_value:
        raise entry.error(f"'min_value' {slot.min_value:g} is not below 'max_value' {slot.max_value:g}")
    if len(set(slot.labels)) < len(slot.labels):
        raise entry.error("two of the slot's values would look the same in an observation")
    if "initial_value" in keys and not keys["initial_value"].is_null:
        slot = dataclasses.replace(slot, initial_value=parse_value(keys["initial_value"], slot))
    return slot


def _values(entry: YamlNode, keys: dict[str, YamlNode]) -> tuple[str, ...]:
    """Read the values of a categorical slot."""
    if "values" not in keys or not (items := keys["values"].items()):
        raise entry.error("a categorical slot needs 'values'")
    values = tuple(_unique(((item, item.name()) for item in items), "value"))
    if len({value.lower() for value in values}) < len(values):
        raise keys["values"].error("values that differ only in case are the same to Rasa")
    return values


def _filled_by(name: str, keys: dict[str, YamlNode], filling: list[str], entities: list[str]) -> str | None:
    """Return the entity that fills a slot: of the same name, or the one that Rasa 3's mappings name."""
    if "auto_fill" in keys and not keys["auto_fill"].flag():
        return None
    if "mappings" not in keys:
        return name if name in filling else None
    for mapping in keys["mappings"].items():
        parts = mapping.mapping()
        if "type" in parts and parts["type"].text() == "from_entity":
            if "entity" not in parts:
                raise mapping.error("a mapping of type from_entity needs 'entity'")
            return parts["entity"].choice(entities, "entity")
    return None
