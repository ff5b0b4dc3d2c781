"""Writes additions to a domain, and edits of it, into its file: at the end of lists, and in place."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from dialogue_gym._text import quoted
from dialogue_gym._yaml import YamlNode, dump_yaml, parse_yaml
from dialogue_gym.domain.changes import changed_names, with_changes
from dialogue_gym.domain.default_names import without_used_defaults
from dialogue_gym.domain.edits import has_plain_mapping
from dialogue_gym.domain.loader import OLD_VERSIONS, fills_slots, parse_domain
from dialogue_gym.domain.merge import merge
from dialogue_gym.domain.model import DOMAIN_FILE, Domain, DomainError
from dialogue_gym.domain.slot import CUSTOM, FROM_ENTITY, Slot, SlotMapping
from dialogue_gym.domain.yaml_edit import InsertionError, insert

_RESPONSES = ("responses", "templates")
_NAMED = ("responses", "slots")
"""The key for responses, and its older name; the kinds of names that are changed in place."""


def extended_text(text: str, file: str, name: str, extend: Callable[[Domain], Domain]) -> str:
    """Return the text of a domain file with additions to the domain written into it.

    Reading it gives the extended domain, but for Rasa's own actions that were only used; with forms, the
    order of its actions may differ.

    Args:
        text: of the file.
        file: stands for it in errors.
        name: of the domain.
        extend: gives the extended domain for the one that is read from the text.

    Raises:
        DomainError: the text does not describe a domain, or nothing can be added to it in place.
    """
    root = parse_yaml(text, file, DOMAIN_FILE)
    domain = parse_domain(root, name)
    extended = without_used_defaults(domain, extend(domain))
    if extended == domain:
        return text
    try:
        changed = with_changes(
            text, "templates" if "templates" in root.mapping() else "responses", domain, extended
        )
        result = insert(changed, _additions(root, domain, extended))
        again = _read(result, file, name)
    except InsertionError as error:
        raise DomainError(f"{file}: {_listed(domain, extended)} cannot be added here: {error}") from None
    if _comparable(again) != _comparable(extended):
        reason = _reason(again, extended)
        raise DomainError(f"{file}: {_listed(domain, extended)} cannot be added here: {reason}")
    return result


def _reason(again: Domain, extended: Domain) -> str:
    """Return why a domain is read as another one after additions."""
    lost = [slot for slot in extended.slots if slot.entity and slot not in again.slots]
    if any(slot.entity != slot.name and not slot.mappings for slot in lost):
        return "without mappings a slot is filled by the entity of its name"
    if lost:
        return "with 'store_entities_as_slots: false' no entity fills a slot in Rasa 2"
    return "it would be read as something else"


def extended_texts(texts: Mapping[str, str], name: str, extend: Callable[[Domain], Domain]) -> dict[str, str]:
    """Return the texts of a domain's files with additions to the domain: of those files that have changed.

    Edits are written where their name stands, and new names into the first file that has their section, else
    into the first one that lists intents.

    Args:
        texts: of the files, by their paths in order.
        name: of the domain.
        extend: gives the extended domain for the one of all files.

    Raises:
        DomainError: see `extended_text`.
    """
    if len(texts) == 1:
        ((file, text),) = texts.items()
        result = extended_text(text, file, name, extend)
        return {} if result == text else {file: result}
    roots = {file: parse_yaml(text, file, DOMAIN_FILE) for file, text in texts.items()}
    whole = merge([*roots.values()], [])
    domain = parse_domain(whole, name)
    extended = without_used_defaults(domain, extend(domain))
    if extended == domain:
        return {}
    keys = {file: root.mapping() for file, root in roots.items()}
    first = next((file for file in keys if "intents" in keys[file]), next(iter(keys)))
    blocks: dict[str, dict[str, str]] = {file: {} for file in texts}
    for key, block in _additions(whole, domain, extended).items():
        place = next((file for file in keys if key in keys[file]), first)
        blocks[place][key] = block
    changed: dict[str, str] = {}
    before: set[tuple[str, str]] = set()
    for file, text in texts.items():
        here = {(kind, one) for kind in _NAMED for one in _named_in(keys[file], kind)} - before
        before |= here
        part, grown = (_part_of(one, here) for one in (domain, extended))
        section = "templates" if "templates" in keys[file] else "responses"
        try:
            result = insert(with_changes(text, section, part, grown), blocks[file])
        except InsertionError as error:
            raise DomainError(f"{file}: {_listed(domain, extended)} cannot be added here: {error}") from None
        if result != text:
            changed[file] = result
    if _unordered(_merged({**texts, **changed}, name)) != _unordered(extended):
        reason = _reason(_merged({**texts, **changed}, name), extended)
        raise DomainError(f"{first}: {_listed(domain, extended)} cannot be added here: {reason}")
    return changed


def _merged(texts: Mapping[str, str], name: str) -> Domain:
    roots = [parse_yaml(text, file, DOMAIN_FILE) for file, text in texts.items()]
    return parse_domain(merge(roots, []), name)


def _named_in(keys: Mapping[str, YamlNode], kind: str) -> Iterator[str]:
    """Yield the responses or slots that a file defines; of several files, the first one counts."""
    for section in _RESPONSES if kind == "responses" else (kind,):
        if section in keys:
            yield from keys[section].named()


def _part_of(domain: Domain, names: Collection[tuple[str, str]]) -> Domain:
    """Return a domain with those of its responses and slots that are among some names."""
    return dataclasses.replace(
        domain,
        responses=tuple(one for one in domain.responses if ("responses", one.name) in names),
        slots=tuple(one for one in domain.slots if ("slots", one.name) in names),
    )


def _unordered(domain: Domain) -> tuple[Domain, frozenset[str]]:
    """Return a domain to compare apart from the order of its names."""
    found, actions = _comparable(domain)
    return (
        dataclasses.replace(
            found,
            intents=tuple(sorted(found.intents)),
            entities=tuple(sorted(found.entities)),
            slots=tuple(sorted(found.slots, key=lambda slot: slot.name)),
            responses=tuple(sorted(found.responses, key=lambda response: response.name)),
        ),
        actions,
    )


def _read(text: str, file: str, name: str) -> Domain:
    try:
        return parse_domain(parse_yaml(text, file, DOMAIN_FILE), name)
    except DomainError:
        raise InsertionError("it is written in an unusual way, with anchors perhaps") from None


def _comparable(domain: Domain) -> tuple[Domain, frozenset[str]]:
    """Return a domain apart from the order of its actions, and from the ways to say how a slot is filled."""
    slots = tuple(
        dataclasses.replace(slot, mappings=()) if has_plain_mapping(slot) else slot for slot in domain.slots
    )
    return dataclasses.replace(domain, actions=(), slots=slots), frozenset(domain.actions)


def _listed(domain: Domain, extended: Domain) -> str:
    new = [*extended.actions[len(domain.actions) :], *extended.intents[len(domain.intents) :]]
    new += [slot.name for slot in extended.slots[len(domain.slots) :]]
    new += changed_names(domain, extended)
    return ", ".join(map(quoted, new))


def _additions(root: YamlNode, domain: Domain, extended: Domain) -> dict[str, str]:
    """Return the new entries of each section, as YAML."""
    keys = root.mapping()
    has_mappings = _has_mappings(keys)
    responses = {
        response.name: [{"text": text} for text in response.texts]
        for response in extended.responses[len(domain.responses) :]
    }
    new: dict[str, Any] = {
        "intents": list(extended.intents[len(domain.intents) :]),
        "entities": list(extended.entities[len(domain.entities) :]),
        "slots": {slot.name: _slot(slot, has_mappings) for slot in extended.slots[len(domain.slots) :]},
        "templates" if "templates" in keys else "responses": responses,
        "actions": _actions(keys, domain, extended),
    }
    return {key: dump_yaml(value) for key, value in new.items() if value}


def _slot(slot: Slot, has_mappings: bool) -> dict[str, Any]:
    options: dict[str, Any] = {"type": slot.type}
    if slot.values:
        options["values"] = list(slot.values)
    if has_mappings:
        filled = SlotMapping(FROM_ENTITY, slot.entity) if slot.entity else SlotMapping(CUSTOM)
        options["mappings"] = [filled.content()]
    elif slot.entity is None:
        options["auto_fill"] = False
    return options


def _has_mappings(keys: dict[str, YamlNode]) -> bool:
    """Return whether slots have mappings: Rasa 3 requires them, and Rasa 2 does not allow them.

    In a file without a version they have some if an entity could not fill a slot otherwise.
    """
    version = keys.get("version")
    if version and not version.is_null:
        return not str(version.node.value).startswith(OLD_VERSIONS)
    slots = keys["slots"].mapping().values() if "slots" in keys else ()
    return not fills_slots(keys.get("config")) or any("mappings" in slot.mapping() for slot in slots)


def _actions(keys: dict[str, YamlNode], domain: Domain, extended: Domain) -> list[str]:
    """Return the names to add to the list of actions, which put all in the order of the extended domain.

    An action with a response may be left out of the list, and then follows the listed ones. So it is added
    only if the file lists all actions of that kind, or if an action after it has to be added.
    """
    listed = _names(keys.get("actions"))
    of_forms = _names(keys.get("forms"))
    unlisted = [name for name in extended.actions[2:] if name not in listed | of_forms]
    if {response.name.partition("/")[0] for response in domain.responses} <= listed:
        return unlisted
    said = {response.name for response in extended.responses}
    silent = [
        place for place, name in enumerate(unlisted, 1) if name not in said and name not in domain.actions
    ]
    return unlisted[: silent[-1]] if silent else []


def _names(entry: YamlNode | None) -> set[str]:
    """Return the names in a list, or those of the keys; an item of a list can be a name with options."""
    if entry is None or entry.is_mapping:
        return set(entry.mapping()) if entry else set()
    return {next(iter(item.mapping())) if item.is_mapping else item.text() for item in entry.items()}
