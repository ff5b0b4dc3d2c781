"""Slots: their types, the labels of their values, and the mappings and forms that fill them.

Types are those of https://rasa.com/docs/rasa/domain#slots, mappings those of
https://rasa.com/docs/rasa/domain#slot-mappings, forms those of https://rasa.com/docs/rasa/forms.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

SLOT_TYPES = ("text", "bool", "categorical", "float", "list", "any", "unfeaturized")
FLOAT_BINS = 5
EMPTY, FILLED, OTHER, NONE = "empty", "filled", "other", "none"
DONT_CARE = "dontcare"
"""The value of a constraint that does not matter to a user, as in DSTC, PyDial and MultiWOZ."""
FROM_ENTITY, FROM_TEXT, FROM_INTENT = "from_entity", "from_text", "from_intent"
FROM_TRIGGER_INTENT, CUSTOM = "from_trigger_intent", "custom"
MAPPING_TYPES = (FROM_ENTITY, FROM_TEXT, FROM_INTENT, FROM_TRIGGER_INTENT, CUSTOM)
REQUESTED_SLOT = "requested_slot"
"""The slot that the active form has asked for; Rasa adds it to every domain with forms."""
_MAX_NUMBER = 1e300


def number_text(value: float) -> str:
    """Return a number as it is written in a value or a label.

    >>> number_text(5.0), number_text(1234567), number_text(0.2 * 3)
    ('5', '1234567', '0.6')
    """
    return f"{value:.15g}"


def labelled(names: Sequence[str], reserved: Sequence[str] = (NONE,)) -> tuple[str, ...]:
    """Return names as labels that differ from reserved ones.

    >>> labelled(["greet", "none"])
    ('greet', 'named none')
    """
    return tuple(f"named {name}" if name in reserved else name for name in names)


def concise_repr(value: Any, optional: Collection[str]) -> str:
    """Return the representation of a dataclass; `optional` fields are left out at their default.

    Fingerprints of domains are made of it: a field added later must not change them where it is not used.
    """
    shown = (
        f"{one.name}={getattr(value, one.name)!r}"
        for one in dataclasses.fields(value)
        if one.repr and (one.name not in optional or getattr(value, one.name) != one.default)
    )
    return f"{type(value).__qualname__}({', '.join(shown)})"


@dataclass(frozen=True)
class LoopCondition:
    """A condition on the active form: its name (None: no form) and the slot it has asked for (None: any)."""

    active_loop: str | None
    requested_slot: str | None = None


@dataclass(frozen=True)
class SlotMapping:
    """One way in which a user's message fills a slot.

    Attributes:
        type: one of `MAPPING_TYPES`.
        entity: of `from_entity`: the entity with the value.
        role: the role that a mention of the entity must have; None: no role.
        group: the group that a mention of the entity must have; None: no group.
        intents: the intents of messages that it applies to; empty: all.
        not_intents: the intents of messages that it does not apply to.
        value: of `from_intent` and `from_trigger_intent`: the value.
        conditions: conditions on the active form, of which one must hold; empty: always.
        action: of `custom`: the action that fills the slot.
    """

    type: str
    entity: str | None = None
    role: str | None = None
    group: str | None = None
    intents: tuple[str, ...] = ()
    not_intents: tuple[str, ...] = ()
    value: Any = field(default=None, hash=False)
    conditions: tuple[LoopCondition, ...] = ()
    action: str | None = None

    def content(self) -> dict[str, Any]:
        """Return the mapping as Rasa 3 writes it."""
        conditions = [
            {"active_loop": one.active_loop}
            | ({"requested_slot": one.requested_slot} if one.requested_slot else {})
            for one in self.conditions
        ]
        keys = {
            "entity": self.entity,
            "role": self.role,
            "group": self.group,
            "intent": list(self.intents) or None,
            "not_intent": list(self.not_intents) or None,
            "value": self.value,
            "conditions": conditions or None,
            "action": self.action,
        }
        return {"type": self.type} | {key: value for key, value in keys.items() if value is not None}


@dataclass(frozen=True)
class Form:
    """A form: the slots that it asks for, in order, and the intents that fill none of them."""

    name: str
    required_slots: tuple[str, ...] = ()
    ignored_intents: tuple[str, ...] = ()

    def questions(self, slot: str) -> tuple[str, ...]:
        """Return the names of the actions that can ask for a slot; the first that exists does."""
        infixes = (f"{self.name}_", "")
        return tuple(f"{kind}_ask_{infix}{slot}" for infix in infixes for kind in ("action", "utter"))


@dataclass(frozen=True)
class Slot:
    """A slot: something that the bot can know.

    Attributes:
        name: the slot's name.
        type: one of `SLOT_TYPES`.
        initial_value: the value at the start of a dialogue, anything that JSON can hold; None: empty.
        values: of a categorical slot: its values.
        min_value: of a float slot: the lower bound of its bins.
        max_value: of a float slot: the upper bound of its bins.
        influences: whether an observation shows the slot, unless its type is `any` or `unfeaturized`.
        entity: the entity in which users tell the slot; None: they cannot.
        mappings: the ways in which messages fill it, the first one that applies; empty: each mention of
            `entity`.
        is_constraint: whether search-driven users choose venues by it. An observation then shows only
            whether it has a value, or does not matter.
    """

    name: str
    type: str = "text"
    initial_value: Any = field(default=None, hash=False)
    values: tuple[str, ...] = ()
    min_value: float = 0.0
    max_value: float = 1.0
    influences: bool = True
    entity: str | None = None
    mappings: tuple[SlotMapping, ...] = ()
    is_constraint: bool = False

    def __repr__(self) -> str:
        """Return the fields; mappings only where there are any."""
        return concise_repr(self, ("mappings", "is_constraint"))

    @property
    def is_observed(self) -> bool:
        """Whether the slot is part of the observation."""
        return self.influences and self.type not in ("any", "unfeaturized")

    @functools.cached_property
    def labels(self) -> tuple[str, ...]:
        """The slot's labels in an observation, by Rasa's rule for its type; the first is `empty`."""
        if self.is_constraint:
            return (EMPTY, FILLED, DONT_CARE)
        if self.type == "bool":
            return (EMPTY, "false", "true")
        if self.type == "categorical":
            return (EMPTY, *labelled(self.values, (EMPTY, FILLED, OTHER)), OTHER)
        if self.type == "float":
            width = (self.max_value - self.min_value) / FLOAT_BINS
            edges = [number_text(self.min_value + width * i) for i in range(FLOAT_BINS + 1)]
            return (EMPTY, *(f"{low} to {high}" for low, high in itertools.pairwise(edges)))
        return (EMPTY, FILLED)

    def text_of(self, value: Any) -> str | None:
        """Return the text that stands for a value in the rules; None if the slot counts as empty."""
        if value is None:
            return None
        if self.type == "list" and not isinstance(value, str):
            return FILLED if value else None
        if self.type == "bool" and isinstance(value, (int, float)):
            return "true" if value == 1 else "false"
        if isinstance(value, bool):
            return "true" if value else "false"
        if self.type == "categorical" and isinstance(value, (int, float)):
            return str(value)
        if isinstance(value, (int, float)):
            return number_text(value) if abs(value) < _MAX_NUMBER else str(value)
        if isinstance(value, str):
            return value if value or self.type != "list" else None
        return json.dumps(value, ensure_ascii=False, sort_keys=True)

    def label(self, value: Any) -> int:
        """Return the index in `labels` under which a value is seen."""
        text = self.text_of(value)
        if text is None:
            return 0
        if self.type == "bool":
            return _bool_label(text)
        if self.is_constraint:
            return 2 if text.lower() == DONT_CARE else 1
        if self.type == "categorical":
            # Rasa compares categorical values without regard to case.
            lowered = [known.lower() for known in self.values]
            return 1 + (lowered.index(text.lower()) if text.lower() in lowered else len(lowered))
        if self.type == "float":
            try:
                number = float(text)
            except ValueError:
                return 0
            if math.isnan(number):
                return 0
            share = (min(self.max_value, max(self.min_value, number)) - self.min_value) / (
                self.max_value - self.min_value
            )
            return 1 + min(FLOAT_BINS - 1, int(share * FLOAT_BINS))
        return 1

    def lists(self, value: Any) -> bool:
        """Return whether a categorical slot lists a value; an empty one, or that of another slot, counts."""
        if self.is_constraint:
            return not value or str(value).lower() in (DONT_CARE, *(known.lower() for known in self.values))
        return self.type != "categorical" or not value or self.labels[self.label(value)] != OTHER


def _bool_label(text: str) -> int:
    """Return the label of a text in a bool slot. Like Rasa, take other words for an empty slot."""
    if text.isdecimal():
        return 2 if float(text) == 1 else 1
    return {"true": 2, "false": 1}.get(text.strip().lower(), 0)
