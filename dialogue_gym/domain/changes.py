"""Writes changed responses and slots into the text of a domain file, in the place of the old ones."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Sequence
from typing import Any

import yaml

from dialogue_gym.domain.model import Domain, Response, Variation
from dialogue_gym.domain.slot import Slot
from dialogue_gym.domain.yaml_change import Path, appended, node_at, put, removed, replaced
from dialogue_gym.domain.yaml_edit import InsertionError


def changed_names(domain: Domain, extended: Domain) -> list[str]:
    """Return the responses and slots of a domain that an extended copy has in another form."""
    return [one.name for pair in (_responses, _slots) for _, one in pair(domain, extended)]


def with_changes(text: str, responses: str, domain: Domain, extended: Domain) -> str:
    """Return the text of a domain file with the responses and slots that an extended copy has changed.

    Args:
        text: of the file.
        responses: the file's key for responses.
        domain: the domain of the file.
        extended: the extended copy.

    Raises:
        InsertionError: something cannot be changed in place.
    """
    for old, new in _responses(domain, extended):
        text = _with_variations(text, (responses, new.name), _variations(old), _variations(new))
    for before, after in _slots(domain, extended):
        text = _with_slot(text, ("slots", after.name), before, after)
    return text


def _responses(domain: Domain, extended: Domain) -> list[tuple[Response, Response]]:
    pairs = zip(domain.responses, extended.responses, strict=False)
    return [(old, new) for old, new in pairs if old != new]


def _slots(domain: Domain, extended: Domain) -> list[tuple[Slot, Slot]]:
    return [(old, new) for old, new in zip(domain.slots, extended.slots, strict=False) if old != new]


def _variations(response: Response) -> tuple[Variation, ...]:
    return response.variations or tuple(map(Variation, response.texts))


def _with_variations(text: str, path: Path, old: Sequence[Variation], new: Sequence[Variation]) -> str:
    node = node_at(text, path)
    if not isinstance(node, yaml.SequenceNode):  # one variation that is not in a list
        if len(new) == 1 and len(old) == 1:
            return _with_text(text, path, new[0])
        if isinstance(node, yaml.ScalarNode) and all(one.is_plain for one in new):
            return replaced(text, path, [{"text": one.text} for one in new])
        raise InsertionError(f"{path[-1]} is not a list")

    def change(now: str, item: Path, one: Variation) -> str:
        return _with_text(now, item, one)

    def kind_of(one: Variation) -> object:
        return dataclasses.replace(one, text=None)

    return _with_items(text, path, old, new, change, lambda one: {"text": one.text}, kind_of)


def _with_text(text: str, path: Path, one: Variation) -> str:
    place = (*path, "text") if isinstance(node_at(text, path), yaml.MappingNode) else path
    return replaced(text, place, one.text)


def _with_items(
    text: str,
    path: Path,
    old: Sequence[Any],
    new: Sequence[Any],
    change: Callable[[str, Path, Any], str],
    item_of: Callable[[Any], Any],
    kind_of: Callable[[Any], object] = lambda item: None,
) -> str:
    """Return the text with a list that holds other items; from its end, so that indexes hold.

    Items of another kind are not changed into each other: buttons stay with their text.
    """
    steps = difflib.SequenceMatcher(None, old, new, False).get_opcodes()
    for _, begin, end, start, stop in (step for step in reversed(steps) if step[0] != "equal"):
        kinds = [*map(kind_of, old[begin:end])], [*map(kind_of, new[start:stop])]
        blocks = difflib.SequenceMatcher(None, *kinds, False).get_matching_blocks()
        changed = {begin + one.a + i: start + one.b + i for one in blocks for i in range(one.size)}
        added = [place for place in range(start, stop) if place not in changed.values()]
        if added and (end < len(old) or max(changed.values(), default=-1) > added[0]):
            raise InsertionError(f"a list under {path[-1]} has another order")
        for place in added:
            text = appended(text, path, item_of(new[place]))
        for index, place in changed.items():
            text = change(text, (*path, index), new[place])
        for index in reversed(range(begin, end)):
            text = text if index in changed else removed(text, (*path, index))
    return text


def _with_slot(text: str, path: Path, old: Slot, new: Slot) -> str:
    if old.type != new.type:
        text = replaced(text, (*path, "type"), new.type)
        for key in ("values", "min_value", "max_value"):
            text = removed(text, (*path, key)) if node_at(text, (*path, key)) else text
    if new.type == "categorical":
        if node_at(text, (*path, "values")) is None:
            text = put(text, path, "values", list(new.values))
        else:
            text = _with_items(text, (*path, "values"), old.values, new.values, replaced, str)
    if (old.entity, old.mappings) != (new.entity, new.mappings):
        for key in ("mappings", "auto_fill"):
            text = removed(text, (*path, key)) if node_at(text, (*path, key)) else text
        if new.mappings:
            text = put(text, path, "mappings", [mapping.content() for mapping in new.mappings])
        elif new.entity is None:
            text = put(text, path, "auto_fill", False)
    return text
