"""From a YAML file to a `Domain`: slots and their mappings, as Rasa 0.8 to 3 read them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from dialogue_gym._files import Problem
from dialogue_gym._text import is_misspelling_of, nearest, quoted
from dialogue_gym._yaml import YamlNode
from dialogue_gym.domain.conditions import category
from dialogue_gym.domain.default_names import DEFAULT_INTENTS
from dialogue_gym.domain.model import MAX_NAMES
from dialogue_gym.domain.slot import (
    CUSTOM,
    FROM_ENTITY,
    FROM_INTENT,
    FROM_TEXT,
    FROM_TRIGGER_INTENT,
    MAPPING_TYPES,
    OTHER,
    SLOT_TYPES,
    LoopCondition,
    Slot,
    SlotMapping,
)

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
MAPPING_KEYS = ("type", "entity", "role", "group", "intent", "not_intent", "value", "conditions", "action")
CONDITION_KEYS = ("active_loop", "requested_slot")
_NEEDED = {
    FROM_ENTITY: ("entity",),
    FROM_INTENT: ("value",),
    FROM_TRIGGER_INTENT: ("value",),
    FROM_TEXT: (),
    CUSTOM: (),
}
_MAX_NUMBER = 1e100


@dataclass(frozen=True)
class SlotReader:
    """Reader of the slots of one domain.

    Attributes:
        intents: the domain's intents.
        entities: the domain's entities.
        fills_unlisted: whether an entity that is not listed fills the slot of its name, as in Rasa 0 to 2.
        fills_own: whether an entity fills the slot of its name at all, where a slot has no mappings.
        warnings: collects the parts that Rasa ignores or skips.
    """

    intents: Collection[str]
    entities: Collection[str]
    fills_unlisted: bool
    fills_own: bool
    warnings: list[Problem] = field(compare=False)

    def slots(self, entry: YamlNode | None, of_forms: Mapping[str, tuple[SlotMapping, ...]]) -> list[Slot]:
        """Read all slots; `of_forms` has, by slot, the mappings that hold while a form is active."""
        if entry is None:
            return []
        slots = entry.named()
        if len(slots) > MAX_NAMES:
            raise entry.error(f"{len(slots)} slots are more than the {MAX_NAMES} that are supported")
        return [_with_forms(self._slot(name, value), of_forms.get(name, ())) for name, value in slots.items()]

    def _slot(self, name: str, entry: YamlNode) -> Slot:
        keys = entry.mapping()
        if "type" not in keys:
            raise entry.error(f"the slot {quoted(name)} has no 'type'")
        kind = keys["type"].text("slot type")
        if "." in kind:
            # A Python class of the user's own: its rule is not known here, nor are its options.
            kind = "any"
            ours = ("initial_value", "influence_conversation", "auto_fill", "mappings")
            keys = {key: keys[key] for key in ours if key in keys}
        else:
            keys["type"].choice(SLOT_TYPES, "slot type")
            entry.mapping((*SLOT_KEYS, *IGNORED_SLOT_KEYS))
        for key, owner in (("values", "categorical"), ("min_value", "float"), ("max_value", "float")):
            if key in keys and kind != owner:
                raise keys[key].error(f"only a slot of type {owner} has {key!r}, this one is {kind}")
        mappings = self.mappings(keys["mappings"]) if "mappings" in keys else ()
        slot = Slot(
            name,
            kind,
            values=self._values(entry, keys) if kind == "categorical" else (),
            min_value=_bound(keys, "min_value", 0.0),
            max_value=_bound(keys, "max_value", 1.0),
            influences="influence_conversation" not in keys or keys["influence_conversation"].flag(),
            entity=self._entity(name, keys, mappings),
            mappings=mappings,
        )
        if slot.min_value >= slot.max_value:
            raise entry.error(f"'min_value' {slot.min_value:g} is not below 'max_value' {slot.max_value:g}")
        if len(set(slot.labels)) < len(slot.labels):
            raise entry.error("two of the slot's values would look the same in an observation")
        if "initial_value" in keys:
            slot = dataclasses.replace(slot, initial_value=self._initial_value(keys["initial_value"], slot))
        return slot

    def _entity(
        self, name: str, keys: Mapping[str, YamlNode], mappings: tuple[SlotMapping, ...]
    ) -> str | None:
        """Return the entity in which users tell the slot."""
        if "auto_fill" in keys and not keys["auto_fill"].flag():
            return None
        if "mappings" in keys:
            return next((one.entity for one in mappings if one.type == FROM_ENTITY), None)
        return name if self.fills_own and (self.fills_unlisted or name in self.entities) else None

    def _values(self, entry: YamlNode, keys: Mapping[str, YamlNode]) -> tuple[str, ...]:
        """Read the values of a categorical slot; like Rasa, take the text of each YAML value."""
        values: dict[str, str] = {}
        for item in keys["values"].items() if "values" in keys else ():
            if item.is_null:
                self.warnings.append(item.warning("null is ignored: it stands for an empty slot"))
                continue
            text = category(item, "name")
            item.check_name(text)
            if text in values:
                raise item.error(f"duplicate value {quoted(text)}")
            if text.lower() in values.values():
                raise keys["values"].error("values that differ only in case are the same to Rasa")
            values[text] = text.lower()
            if len(values) > MAX_NAMES:
                raise item.error(f"more than the {MAX_NAMES} names that are supported")
        if not values:
            raise entry.error("a categorical slot needs 'values'")
        return tuple(values)

    def _initial_value(self, entry: YamlNode, slot: Slot) -> Any:
        """Read a value as it is; a float slot needs a number."""
        value = entry.value()
        if value is None:
            return None
        if slot.type == "float":
            value = value if type(value) in (int, float) else entry.number()
            if not slot.min_value <= value <= slot.max_value:
                bounds = f"{slot.min_value:g} to {slot.max_value:g}"
                self.warnings.append(entry.warning(f"{value:g} is out of the slot's bounds, {bounds}"))
        elif slot.type == "bool" and not isinstance(value, bool):
            seen = slot.labels[slot.label(value)]
            self.warnings.append(
                entry.warning(f"{quoted(str(value))} is neither true nor false: the slot counts as {seen}")
            )
        elif slot.type == "categorical" and slot.labels[slot.label(value)] == OTHER:
            text = slot.text_of(value) or ""
            self.warnings.append(
                entry.warning(f"the slot does not list {quoted(text)}; {nearest(text, slot.values)}")
            )
        return value

    # Mappings.

    def mappings(self, entry: YamlNode) -> tuple[SlotMapping, ...]:
        """Read mappings; those that Rasa skips give a warning."""
        found = (self._mapping(item) for item in entry.items())
        return tuple(mapping for mapping in found if mapping)

    def _mapping(self, entry: YamlNode) -> SlotMapping | None:
        keys = {
            key: part for key, part in entry.known(MAPPING_KEYS, self.warnings).items() if not part.is_null
        }
        if "type" not in keys:
            raise entry.error("a mapping needs 'type'")
        kind = keys["type"].text("mapping type")
        if kind not in MAPPING_TYPES:
            message = f"unknown mapping type {quoted(kind)}; {nearest(kind, MAPPING_TYPES)}"
            if any(is_misspelling_of(kind, known) for known in MAPPING_TYPES):
                raise keys["type"].error(message)
            self.warnings.append(keys["type"].warning(f"{message} (it fills nothing)"))
            return None
        for key in _NEEDED[kind]:
            if key not in keys:
                raise entry.error(f"a mapping of type {kind} needs {key!r}")
        texts = {key: keys[key].text(key) for key in ("entity", "role", "group", "action") if key in keys}
        mapping = SlotMapping(
            kind,
            **texts,
            intents=_names(keys.get("intent")),
            not_intents=_names(keys.get("not_intent")),
            value=keys["value"].value() if "value" in keys else None,
            conditions=self._conditions(keys["conditions"]) if "conditions" in keys else (),
        )
        return mapping if self._is_usable(keys, mapping) else None

    def _conditions(self, entry: YamlNode) -> tuple[LoopCondition, ...]:
        conditions = []
        for item in entry.items():
            keys = item.known(CONDITION_KEYS, self.warnings)
            texts = {key: None if part.is_null else part.text(key) for key, part in keys.items()}
            conditions.append(LoopCondition(texts.get("active_loop"), texts.get("requested_slot")))
        return tuple(conditions)

    def _is_usable(self, keys: Mapping[str, YamlNode], mapping: SlotMapping) -> bool:
        """Return whether Rasa uses a mapping; one with an unknown entity or intent is skipped."""
        if mapping.type == FROM_ENTITY and mapping.entity not in self.entities and not self.fills_unlisted:
            entity = str(mapping.entity)
            message = f"unknown entity {quoted(entity)}; {nearest(entity, self.entities)}"
            self.warnings.append(keys["entity"].warning(f"{message} (this mapping fills nothing)"))
            return False
        known = {*DEFAULT_INTENTS, *(name.partition("/")[0] for name in self.intents)}
        for key, names in (("intent", mapping.intents), ("not_intent", mapping.not_intents)):
            for name in names:
                if name.partition("/")[0] not in known:
                    message = f"unknown intent {quoted(name)}; {nearest(name, self.intents)}"
                    if is_skipped := key == "intent" and mapping.type == FROM_INTENT:
                        message += " (this mapping fills nothing)"
                    self.warnings.append(keys[key].warning(message))
                    if is_skipped:
                        return False
        return True


def _with_forms(slot: Slot, mappings: tuple[SlotMapping, ...]) -> Slot:
    """Return a slot with the mappings of forms behind its own, or behind the entity that fills it anyway."""
    if not mappings:
        return slot
    own = slot.mappings or ((SlotMapping(FROM_ENTITY, slot.entity),) if slot.entity else ())
    entity = slot.entity or next((one.entity for one in mappings if one.entity), None)
    return dataclasses.replace(slot, entity=entity, mappings=(*own, *mappings))


def _bound(keys: Mapping[str, YamlNode], key: str, default: float) -> float:
    return keys[key].number(-_MAX_NUMBER, _MAX_NUMBER) if key in keys else default


def _names(entry: YamlNode | None) -> tuple[str, ...]:
    return tuple(item.text("intent") for item in entry.one_or_many()) if entry else ()
