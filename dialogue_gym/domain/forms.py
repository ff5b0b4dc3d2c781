"""From a YAML file to a `Domain`: forms, as Rasa 1 to 3 write them.

Rasa 3 lists a form's slots under `required_slots`, and slots have mappings. In Rasa 2 the slots of a form,
with or without that key, have the mappings that hold while it is active. In Rasa 1 a form is only a name.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable

from dialogue_gym._yaml import YamlNode
from dialogue_gym.domain.slot import (
    FROM_ENTITY,
    FROM_TRIGGER_INTENT,
    Form,
    LoopCondition,
    SlotMapping,
)

FORM_KEYS = ("required_slots", "ignored_intents")


@dataclasses.dataclass(frozen=True)
class Forms:
    """The forms of a file, and by slot the mappings that hold while a form is active."""

    forms: tuple[Form, ...] = ()
    mappings: dict[str, tuple[SlotMapping, ...]] = dataclasses.field(default_factory=dict)


def parse_forms(
    entry: YamlNode | None, read_mappings: Callable[[YamlNode], tuple[SlotMapping, ...]]
) -> Forms:
    """Read forms; `read_mappings` reads a list of mappings."""
    forms: list[Form] = []
    found: defaultdict[str, tuple[SlotMapping, ...]] = defaultdict(tuple)
    named = entry.named() if entry and entry.is_mapping else {}
    for name, content in named.items():
        keys = content.mapping()
        required = keys.get("required_slots")
        slots = [key for key in keys if key not in FORM_KEYS]  # of Rasa 2.0
        by_slot = required.named() if required and required.is_mapping else {key: keys[key] for key in slots}
        if required and required.is_list:
            slots = [item.name() for item in required.items()]
        elif by_slot:
            slots = list(by_slot)
        for slot, mappings in by_slot.items():
            if mappings.is_list:
                found[slot] += tuple(_within(name, slot, one) for one in read_mappings(mappings))
        ignored = keys["ignored_intents"].one_or_many() if "ignored_intents" in keys else []
        intents = tuple(item.text("intent") for item in ignored if not item.is_null)
        forms.append(Form(name, tuple(slots), intents))
    return Forms(tuple(forms), dict(found))


def _within(form: str, slot: str, mapping: SlotMapping) -> SlotMapping:
    """Return a mapping of Rasa 2's forms as Rasa 3 has it.

    Entities and trigger intents fill a slot at any time while the form is active, others when it has asked.
    """
    asked = None if mapping.type in (FROM_ENTITY, FROM_TRIGGER_INTENT) else slot
    return dataclasses.replace(mapping, conditions=(LoopCondition(form, asked),))
