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

from dialogue_gym._text import counted
from dialogue_gym.domain.model import (
    CONFIDENCE_BOUNDS,
    CONFIDENCES,
    HEARD,
    SCORE_BOUNDS,
    SCORES,
    SPOKEN,
    Condition,
    Domain,
)
from dialogue_gym.domain.slot import DONT_CARE, FLOAT_BINS, NONE, Slot, labelled, number_text

ACTIVE_LOOP = "active_loop"
"""The field with the active form, in domains with forms; that of an answer that it misses follows."""
SECONDS = (NONE, "weak", "close")
"""Labels of a constraint's second hypothesis: none, one with a score below 0.2, or above."""
SEARCH_FIELDS = {
    "known": (NONE, "one", "two", "three", "more"),
    "matches": (NONE, "one", "two", "few", "many"),
    "left": ("no", "yes"),
    "offer": (NONE, "made", "accepted", "other wanted", "no match", "no other"),
    "pending": (NONE, "one", "several"),
    "over": ("no", "yes"),
}
"""The fields of domains with a database: constraints that are known, venues found, whether one of them is not
turned down, the offer, requests that are not answered, and whether the user has said thanks."""

ONE_HOT, LEFT_OUT = -1, -2
"""Stand in for the slot of a field, in an observation with scores: the field is one-hot there, or left out,
since the scores of a slot make it superfluous."""


@dataclass(frozen=True)
class ObservationField:
    """One component of an observation: its name, and the meaning of each of its values."""

    name: str
    labels: tuple[str, ...]


@functools.lru_cache(maxsize=64)
def observation_fields(domain: Domain) -> tuple[ObservationField, ...]:
    """Return the fields of one observation (without history), in order."""
    observed = [slot for slot in domain.slots if slot.is_observed]
    plain = [slot for slot in observed if not slot.is_constraint]
    # Listening never counts as the last act, so its index stands for "none".
    actions = (NONE, *labelled(domain.actions[1:]))
    confidences = confidence_labels(domain)
    fields = []
    for slot in observed:
        fields.append(ObservationField(f"slot.{slot.name}", slot.labels))
        fields.append(ObservationField(f"confidence.{slot.name}", confidences))
        if slot.is_constraint:
            fields.append(ObservationField(f"second.{slot.name}", SECONDS))
    fields.append(ObservationField("intent", (NONE, *labelled(domain.intents))))
    fields.append(ObservationField("intent_confidence", confidences))
    if not is_search(domain):
        fields.extend(ObservationField(f"heard.{slot.name}", HEARD) for slot in plain)
        names = (NONE, *labelled([slot.name for slot in plain]))
        fields.append(ObservationField("filled_last", names))
    fields.append(ObservationField("said", actions))
    fields.append(ObservationField("spoken", SPOKEN))
    fields.append(ObservationField("done", actions))
    if is_search(domain):
        fields.extend(ObservationField(name, labels) for name, labels in SEARCH_FIELDS.items())
    if domain.forms:
        forms = [form.name for form in domain.forms]
        fields.append(ObservationField(ACTIVE_LOOP, (NONE, *labelled(forms))))
        fields.append(ObservationField("loop_unanswered", SPOKEN))
    return tuple(fields)


def observation_dtype(fields: Sequence[ObservationField]) -> np.dtype[Any]:
    """Return the type of an observation's components: int8, or int16 where a field has too many labels."""
    return np.dtype(np.int8 if max(len(field.labels) for field in fields) <= 127 else np.int16)


def is_search(domain: Domain) -> bool:
    """Return whether the users of a domain search its database."""
    return domain.fake_user is not None and domain.fake_user.search is not None


def confidence_labels(domain: Domain) -> tuple[str, ...]:
    """Return the labels of the bins of confidence in a domain."""
    return SCORES if is_search(domain) else CONFIDENCES


def confidence_bin(confidence: float, domain: Domain) -> int:
    """Return the bin (an index into `confidence_labels`) of a confidence from 0 to 1."""
    bounds = SCORE_BOUNDS if is_search(domain) else CONFIDENCE_BOUNDS
    return 1 + sum(confidence >= bound for bound in bounds)


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
        raise ValueError(f"an observation here has {counted(len(fields), 'component')}, not {len(values)}")
    for field, value in zip(fields, values, strict=True):
        if not 0 <= value < len(field.labels):
            raise ValueError(f"{field.name} cannot be {value}: it has {counted(len(field.labels), 'value')}")
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
        if slot.is_constraint:
            listed = (*listed, DONT_CARE)
        self.slot = slot
        self.values = (*goal_values, *(value for value in listed if value not in goal_values))
        others = 0 if slot.type == "bool" else FLOAT_BINS if slot.type == "float" else 1
        last = len(slot.labels) - 1
        self.seen = (
            0,
            *(slot.label(value) for value in self.values),
            *(
                range(1, FLOAT_BINS + 1)
                if slot.type == "float"
                else [1 if slot.is_constraint else last] * others
            ),
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
