"""From a YAML file to a `Domain`: Rasa's keys.

The keys are those of Rasa's documentation (https://rasa.com/docs/rasa/domain), in the forms of Rasa Core 0.8
up to Rasa 3. Keys that concern neither policy nor simulation are accepted and ignored.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from dialogue_gym._files import FileError, Problem, read_text
from dialogue_gym._markdown import is_markdown
from dialogue_gym._text import counted, quoted
from dialogue_gym._yaml import ONE_LINE, YamlNode, parse_yaml, read_yaml
from dialogue_gym._yaml_errors import errors_of
from dialogue_gym.domain.conditions import Names, parse_expert
from dialogue_gym.domain.database import parse_database, with_venues
from dialogue_gym.domain.doubts import (
    doubts_about_forms,
    doubts_about_user,
    lost_conditions,
    silent_actions,
    unasked_slots,
    unknown_places,
    unknown_response_keys,
    unknown_version,
    unused_parts,
)
from dialogue_gym.domain.fake_user import parse_description, parse_fake_user, parse_reward
from dialogue_gym.domain.forms import parse_forms
from dialogue_gym.domain.markdown_responses import read_responses
from dialogue_gym.domain.merge import merge
from dialogue_gym.domain.model import (
    DOMAIN_FILE,
    LISTEN,
    MAX_NAMES,
    RESTART,
    REWARD_TERMS,
    Domain,
    Response,
    Variation,
)
from dialogue_gym.domain.plain import domain_from_plain
from dialogue_gym.domain.search_user import constraint_names
from dialogue_gym.domain.slots import SlotReader
from dialogue_gym.domain.sources import Source, builtin_names, files_of

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
OWN_KEYS = ("description", "fake_user", "database", "reward", "expert", "domains")
INTENT_KEYS = ("use_entities", "ignore_entities", "triggers", "is_retrieval_intent")
ENTITY_KEYS = ("roles", "groups", "influence_conversation")
ACTION_OPTIONS = ("send_domain", "safe")
OLD_VERSIONS = ("0", "1", "2")
"""The beginnings of versions in which slots have no mappings."""
LISTS_OF_OBJECTS = ("buttons", "quick_replies", "elements")
"""The keys of a response that hold lists of objects."""


def load_domain(source: Domain | Source | Mapping[str, Any]) -> Domain:
    """Return the domain of a file, folder or list of files, or a built-in one by its name.

    All files of a folder that have a domain's keys are merged, as Rasa does. Parts that Rasa ignores or skips
    are left out; `dialogue-gym check` lists them. A `Domain` is returned unchanged; a mapping is one as
    `dataclasses.asdict` writes it.

    Raises:
        DomainError: the domain cannot be used; one sentence with file, line and key.
    """
    if isinstance(source, Mapping):
        return domain_from_plain(source)
    if isinstance(source, Domain):
        return source
    return (
        _builtin(source) if isinstance(source, str) and source in builtin_names() else read_domain(source, [])
    )


@functools.cache
def _builtin(name: str) -> Domain:
    """Return a built-in domain: its files do not change, and it is frozen, so one serves all."""
    return read_domain(name, [])


def read_domain(source: Source, warnings: list[Problem]) -> Domain:
    """Return the domain of a source; `warnings` collects the parts that Rasa ignores or skips.

    Raises:
        DomainError: see `load_domain`.
    """
    name, paths = files_of(source, warnings)
    return parse_domain(merge([read_file(path) for path in paths], warnings), name, warnings)


def errors_of_domain(source: Source) -> list[FileError]:
    """Return all errors of a domain that can be told apart; `load_domain` raises the first."""
    try:
        name, paths = files_of(source, [])
        root = merge([read_file(path) for path in paths], [])
    except FileError as error:
        return [error]
    return errors_of(root, lambda root: parse_domain(root, name))


def intent_places(source: Source) -> dict[str, tuple[str, int]]:
    """Return the file and the line of each intent of a domain.

    Raises:
        DomainError: see `load_domain`.
    """
    _, paths = files_of(source, [])
    intents = merge([read_file(path) for path in paths], []).mapping().get("intents")
    items = intents.items() if intents else ()
    return {
        next(iter(item.mapping())) if item.is_mapping else item.text(): (item.file, item.line)
        for item in items
    }


def read_file(path: Path) -> YamlNode:
    """Return the content of one of a domain's files: YAML, or Rasa 1's responses in Markdown.

    Raises:
        DomainError: the file cannot be read.
    """
    if is_markdown(path):
        return read_responses(read_text(path, DOMAIN_FILE), str(path))
    return read_yaml(path, DOMAIN_FILE)


def domain_text(source: Source) -> str:
    """Return the text of a domain's file; several files become one text with the same content.

    Venues from another file are written into it, so that the text is the whole domain.

    Raises:
        DomainError: see `load_domain`.
    """
    _, paths = files_of(source, [])
    if len(paths) == 1 and not is_markdown(paths[0]):
        text = read_text(paths[0], DOMAIN_FILE)
        return with_venues(text, parse_yaml(text, str(paths[0]), DOMAIN_FILE))
    root = merge([read_file(path) for path in paths], [])
    text = str(yaml.serialize(root.node, allow_unicode=True, width=ONE_LINE))
    written = parse_yaml(text, str(paths[0]), DOMAIN_FILE)
    return with_venues(text, written, root.mapping().get("database"))


def parse_domain(
    root: YamlNode,
    name: str,
    warnings: list[Problem] | None = None,
    *,
    may_read_files: bool = True,
) -> Domain:
    """Return the domain that a file's content describes.

    Args:
        root: the content.
        name: the domain's name.
        warnings: collects the parts that Rasa ignores.
        may_read_files: whether the venues may be in another file, as they are not in a text from strangers.

    Raises:
        DomainError: see `load_domain`.
    """
    warnings = [] if warnings is None else warnings
    keys = root.known((*RASA_KEYS, *IGNORED_KEYS, *OWN_KEYS), warnings)
    if "domains" in keys:
        raise keys["domains"].error("several domains in one dialogue are not supported yet")
    if "responses" in keys and "templates" in keys:
        raise keys["templates"].error("'templates' is the older name of 'responses': give one of the two")
    intents = _names(keys.get("intents"), "intent", INTENT_KEYS, warnings)
    entities = _names(keys.get("entities"), "entity", ENTITY_KEYS, warnings)
    said = keys.get("responses") or keys.get("templates")
    responses = _responses(said)
    reader = SlotReader(intents, entities, _is_old(keys), fills_slots(keys.get("config")), warnings)
    forms = parse_forms(keys.get("forms"), reader.mappings)
    slots = reader.slots(keys.get("slots"), forms.mappings)
    constraints = constraint_names(keys.get("fake_user"))
    slots = [
        dataclasses.replace(slot, is_constraint=True) if slot.name in constraints else slot for slot in slots
    ]
    database = None
    if "database" in keys:
        folder = Path(keys["database"].file).parent
        database = parse_database(keys["database"], tuple(slots), folder, may_read_files=may_read_files)
    known = [*(slot.name for slot in slots), *(database.columns if database else ())]
    warnings += unknown_version(keys.get("version"))
    warnings += unknown_places(said, known)
    warnings += unknown_response_keys(said)
    declared = _names(keys.get("actions"), "action", ACTION_OPTIONS, warnings)
    if "forms" in keys:
        listed = keys["forms"]
        declared += [*listed.named()] if listed.is_mapping else _names(listed, "form", None, warnings)
    # The responses utter_faq/ask_name and so on are those of one action, utter_faq.
    saying = [response.name.partition("/")[0] or response.name for response in responses]
    actions = list(dict.fromkeys([LISTEN, RESTART, *declared, *saying]))
    warnings += doubts_about_forms(keys.get("forms"), forms.forms, [slot.name for slot in slots], actions)
    warnings += lost_conditions(keys.get("slots"), slots, forms.forms)
    if len(actions) > MAX_NAMES:
        raise root.error(f"{len(actions)} actions are more than the {MAX_NAMES} that are supported")
    for action in actions:
        if action in REWARD_TERMS and "fake_user" in keys:
            raise root.error(
                f"the action {action!r} is called like a term of the reward; give it another name"
            )

    names = Names(tuple(intents), tuple(slots), tuple(actions), is_search=bool(constraints))
    fake_user = parse_fake_user(keys["fake_user"], names, database) if "fake_user" in keys else None
    if constraints and database and (taken := keys["slots"].mapping().get(database.name)):
        raise taken.error(
            "the column with the names of venues is called so, too, and the venue on offer is known by it;"
            " give the slot another name"
        )
    domain = Domain(
        name=name,
        intents=names.intents,
        entities=tuple(entities),
        slots=names.slots,
        responses=tuple(responses),
        actions=names.actions,
        fake_user=fake_user,
        reward=parse_reward(keys.get("reward"), names),
        expert=parse_expert(keys["expert"], names) if "expert" in keys else (),
        forms=forms.forms,
        unsafe=tuple(_unsafe(keys.get("actions"))),
        database=database,
        description=parse_description(keys.get("description")),
    )
    warnings += silent_actions(keys.get("actions"), said, domain)
    if fake_user:
        warnings += doubts_about_user(keys["fake_user"].mapping(), domain, known)
        warnings += unused_parts(said, domain)
        warnings += unasked_slots(keys, domain)
    return domain


def _unsafe(entry: YamlNode | None) -> Iterator[str]:
    """Yield the actions of a list that are marked `safe: false`."""
    for item in entry.items() if entry else ():
        for name, options in item.named().items() if item.is_mapping else ():
            if "safe" in (given := options.mapping()) and not given["safe"].flag():
                yield name


def _is_old(keys: dict[str, YamlNode]) -> bool:
    """Return whether a file is of Rasa 0 to 2, where slots have no mappings."""
    version = keys.get("version")
    if version and not version.is_null and not str(version.node.value).startswith(OLD_VERSIONS):
        return False
    slots = keys["slots"].mapping().values() if "slots" in keys else ()
    return not any("mappings" in slot.mapping() for slot in slots)


def fills_slots(config: YamlNode | None) -> bool:
    """Return Rasa's switch for filling every slot from the entity of its name."""
    switch = config.mapping().get("store_entities_as_slots") if config else None
    return switch is None or switch.flag()


def _unique(entries: Iterable[tuple[YamlNode, str]], what: str) -> list[str]:
    seen: dict[str, None] = {}
    for entry, name in entries:
        if name in seen:
            raise entry.error(f"duplicate {what} {quoted(name)}")
        seen[name] = None
        if len(seen) > MAX_NAMES:
            raise entry.error(f"more than the {MAX_NAMES} names that are supported")
    return list(seen)


def _names(
    entry: YamlNode | None, what: str, options: Iterable[str] | None, warnings: list[Problem]
) -> list[str]:
    """Read a list of names; the longer form of an item is one name with options below it (None: any)."""
    if entry is None:
        return []

    def name_of(item: YamlNode) -> tuple[YamlNode, str]:
        if not item.is_mapping:
            return item, item.name()
        keys = item.mapping()
        if len(keys) != 1:
            raise item.error(f"expected one {what}, not {counted(len(keys), 'key')}")
        ((name, value),) = item.named().items()
        if options is None:
            value.mapping()
        else:
            value.known(options, warnings)
        return item, name

    return _unique((name_of(item) for item in entry.items()), what)


def _responses(entry: YamlNode | None) -> list[Response]:
    if entry is None:
        return []
    return [
        Response.of(name, [_variation(item) for item in ([] if value.is_null else value.one_or_many())])
        for name, value in entry.named().items()
    ]


def _variation(entry: YamlNode) -> Variation:
    if not entry.is_mapping:
        return Variation(entry.text())
    parts = {key: value for key, value in entry.mapping().items() if not value.is_null}
    text, condition, channel = (parts.pop(key, None) for key in ("text", "condition", "channel"))
    for key in LISTS_OF_OBJECTS:
        for item in _objects(parts[key]) if key in parts else ():
            inner = item.mapping().get("buttons") if key == "elements" else None
            if inner is not None:
                _objects(inner)
    return Variation(
        None if text is None else text.text(),
        tuple(map(_constraint, condition.items())) or None if condition else None,
        None if channel is None else channel.text("channel"),
        json.dumps({key: value.value() for key, value in parts.items()}, ensure_ascii=False),
    )


def _objects(entry: YamlNode) -> list[YamlNode]:
    """Return the items of a list of buttons or elements."""
    for item in entry.items():
        if not item.is_mapping:
            raise item.error("expected keys such as 'title' and 'payload'")
    return entry.items()


def _constraint(entry: YamlNode) -> tuple[str, str]:
    """Read the slot and the value of a response's condition, the value as JSON."""
    keys = entry.mapping(("type", "name", "value"))
    if "name" not in keys or "value" not in keys:
        raise entry.error("a condition needs 'type: slot', and the slot's 'name' and 'value'")
    return keys["name"].name(), json.dumps(keys["value"].value(), ensure_ascii=False)
