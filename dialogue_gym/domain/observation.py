"""A bot's view of a dialogue: the fields of an observation, their labels, and conditions on them.

Every field is a small integer, an index into the labels of that field. The fields are the same whatever the
turn taking and the noise, and follow from the domain alone.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.domain.model import CONFIDENCE_BOUNDS, CONFIDENCES, HEARD, SPOKEN, Condition, Domain
from dialogue_gym.domain.slot import FLOAT_BINS, NONE, Slot, labelled, number_text

ACTIVE_LOOP = "active_loop"
"""The field with the active form, in domains with forms; that of an answer that it misses follows."""


@dataclass(frozen=True)
class ObservationField:
    """One component of an observation: its name, and the meaning of each of its values."""

    name: str
    labels: tuple[str, ...]


@functools.lru_cache(maxsize=64)
def observation_fields(domain: Domain) -> tuple[ObservationField, ...]:
    """Return the fields of one observation (without history), in order."""
    observed = [slot for slot in domain.slots if slot.is_observed]
    names = (NONE, *labelled([slot.name for slot in observed]))
    # Listening never counts as the last act, so its index stands for "none".
    actions = (NONE, *labelled(domain.actions[1:]))
    fields = []
    for slot in observed:
        fields.append(ObservationField(f"slot.{slot.name}", slot.labels))
        fields.append(ObservationField(f"confidence.{slot.name}", CONFIDENCES))
    fields.append(ObservationField("intent", (NONE, *labelled(domain.intents))))
    fields.append(ObservationField("intent_confidence", CONFIDENCES))
    fields.extend(ObservationField(f"heard.{slot.name}", HEARD) for slot in observed)
    fields.append(ObservationField("filled_last", names))
    fields.append(ObservationField("said", actions))
    fields.append(ObservationField("spoken", SPOKEN))
    fields.append(ObservationField("done", actions))
    if domain.forms:
        forms = [form.name for form in domain.forms]
        fields.append(ObservationField(ACTIVE_LOOP, (NONE, *labelled(forms))))
        fields.append(ObservationField("loop_unanswered", SPOKEN))
    return tuple(fields)


def observation_dtype(fields: Sequence[ObservationField]) -> np.dtype[Any]:
    """Return the type of an observation's components: int8, or int16 where a field has too many labels."""
    return np.dtype(np.int8 if max(len(field.labels) for field in fields) <= 127 else np.int16)


def confidence_bin(confidence: float) -> int:
    """Return the bin (an index into `CONFIDENCES`) of a confidence from 0 to 1."""
    return 1 + sum(confidence >= bound for bound in CONFIDENCE_BOUNDS)


def confidence_value(index: int) -> float:
    """Return a confidence that lies in a bin: its middle, or 1 for certainty."""
    bounds = (0.0, 0.0, *CONFIDENCE_BOUNDS, 1.0)
    return 1.0 if index == len(CONFIDENCES) - 1 else (bounds[index] + bounds[index + 1]) / 2


def describe(fields: Sequence[ObservationField], observation: npt.ArrayLike) -> dict[str, str]:
    """Return an observation in words: the label of each field, by the field's name.

    Raises:
        ValueError: the observation has another length, or a value that a field cannot have.
    """
    values = np.asarray(observation).reshape(-1)
    if len(values) != len(fields):
        raise ValueError(f"an observation here has {len(fields)} components, not {len(values)}")
    for field, value in zip(fields, values, strict=True):
        if not 0 <= value < len(field.labels):
            raise ValueError(f"{field.name} cannot be {value}: it has {len(field.labels)} values")
    return {field.name: field.labels[int(value)] for field, value in zip(fields, values, strict=True)}


Clause = tuple[int, tuple[bool, ...]]
"""The index of an observation's component, and for each of its values whether it is allowed."""


def compile_condition(domain: Domain, condition: Condition) -> tuple[Clause, ...]:
    """Return a condition as clauses over the components of an observation."""
    fields = observation_fields(domain)
    index = {field.name: i for i, field in enumerate(fields)}
    clauses = []
    for name, allowed in condition.clauses:
        labels = fields[index[name]].labels
        clauses.append((index[name], tuple(label in allowed for label in labels)))
    return tuple(clauses)


def holds(clauses: Sequence[Clause], observation: Sequence[int]) -> bool:
    """Return whether every clause holds of an observation (or of a row, which begins with one)."""
    return all(allowed[observation[index]] for index, allowed in clauses)


class SlotCodes:
    """The integers that stand for a slot's values in a row: 0 is empty, the last ones are "other".

    The values of the goal come first, so that a draw among them is a draw among the first codes. All other
    values of a float in the same bin share a code, since an observation shows only the bin.
    """

    def __init__(self, slot: Slot, goal_values: Sequence[str]) -> None:
        """Number the goal's values, then the slot's further values, then "other"."""
        listed = ("false", "true") if slot.type == "bool" else slot.values
        self.slot = slot
        self.values = (*goal_values, *(value for value in listed if value not in goal_values))
        others = 0 if slot.type == "bool" else FLOAT_BINS if slot.type == "float" else 1
        last = len(slot.labels) - 1
        self.seen = (
            0,
            *(slot.label(value) for value in self.values),
            *(range(1, FLOAT_BINS + 1) if slot.type == "float" else [last] * others),
        )
        """For each code, the label's index under which an observation shows it."""

    def encode(self, value: Any) -> int:
        """Return the code of a value."""
        text = self.slot.text_of(value)
        if text is None:
            return 0
        if self.slot.type == "categorical":
            lowered = [known.lower() for known in self.values]
            return 1 + (lowered.index(text.lower()) if text.lower() in lowered else len(lowered))
        label = self.slot.label(text)
        if self.slot.type == "float" and label:
            text = number_text(float(text))  # 5.0 is 5
        if text in self.values:
            return 1 + self.values.index(text)
        if self.slot.type == "bool":
            return 1 + self.values.index(self.slot.labels[label]) if label else 0
        if self.slot.type == "float":
            return len(self.values) + label if label else 0
        return 1 + len(self.values)

    def decode(self, code: int) -> str | None:
        """Return the value of a code: None if empty, "other" if the domain does not list it."""
        if code == 0:
            return None
        return self.values[code - 1] if code <= len(self.values) else "other"


def slot_codes(domain: Domain) -> tuple[SlotCodes, ...]:
    """Return the codes of every slot of a domain, in order."""
    goal = dict(domain.fake_user.goal) if domain.fake_user else {}
    return tuple(SlotCodes(slot, goal.get(slot.name, ())) for slot in domain.slots)
