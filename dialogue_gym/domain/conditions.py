"""From a YAML file to a `Domain`: conditions on an observation, and the key `expert` that is made of them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from dialogue_gym._text import nearest, quoted
from dialogue_gym._yaml import YamlNode
from dialogue_gym.domain.model import (
    CONFIDENCES,
    HEARD,
    LISTEN,
    MAX_NAMES,
    SCORES,
    SPOKEN,
    Condition,
    ExpertChoice,
    ExpertRule,
)
from dialogue_gym.domain.observation import SEARCH_FIELDS, SECONDS
from dialogue_gym.domain.slot import EMPTY, FILLED, NONE, Slot, labelled, number_text

CONDITION_KEYS = (
    "slots",
    "confidence",
    "intent",
    "intent_confidence",
    "heard",
    "filled_last",
    "said",
    "spoken",
    "done",
    "second",
    *SEARCH_FIELDS,
)
EXPERT_KEYS = ("when", "then")


@dataclass(frozen=True)
class Names:
    """The names that a file has declared so far, for its other keys to refer to."""

    intents: tuple[str, ...]
    slots: tuple[Slot, ...]
    actions: tuple[str, ...]
    is_search: bool = False
    """Whether the users search a database."""

    def slot(self, entry: YamlNode, name: str) -> Slot:
        """Return the slot of that name; an unknown name is an error of `entry`."""
        if name not in self._slot_by_name:
            raise entry.error(f"unknown slot {quoted(name)}; {nearest(name, self._slot_by_name)}")
        return self._slot_by_name[name]

    @functools.cached_property
    def _slot_by_name(self) -> dict[str, Slot]:
        return {slot.name: slot for slot in self.slots}

    @functools.cached_property
    def labels(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """The plain keys of a condition: for each its noun in errors, and its labels."""
        observed = [slot.name for slot in self.slots if slot.is_observed]
        actions = ("action", (NONE, *labelled([name for name in self.actions if name != LISTEN])))
        labels = {
            "intent": ("intent", (NONE, *labelled(self.intents))),
            "intent_confidence": ("confidence", self.confidences),
            "said": actions,
            "spoken": ("answer", SPOKEN),
            "done": actions,
        }
        if self.is_search:
            return labels | {name: ("label", known) for name, known in SEARCH_FIELDS.items()}
        return labels | {"filled_last": ("slot", (NONE, *labelled(observed)))}

    @property
    def confidences(self) -> tuple[str, ...]:
        """The labels of the bins of confidence."""
        return SCORES if self.is_search else CONFIDENCES


def parse_value(entry: YamlNode, slot: Slot) -> str | None:
    """Read a value for a slot; a list is only `filled` or empty."""
    if slot.type == "list":
        return FILLED if entry.items() else None
    if slot.type in ("any", "unfeaturized") and (entry.is_list or entry.is_mapping):
        return FILLED
    if slot.type == "bool":
        return "true" if entry.flag() else "false"
    if slot.type == "float":
        return number_text(entry.number())
    if slot.type == "categorical":
        by_lower = {value.lower(): value for value in slot.values}
        text = category(entry)
        if text.lower() not in by_lower:
            raise entry.error(f"{quoted(text)} is not a value of {slot.name!r}; {nearest(text, slot.values)}")
        return by_lower[text.lower()]
    return entry.text()


def category(entry: YamlNode, what: str = "value") -> str:
    """Read a value of a categorical slot. Like Rasa, take the text of a number, so that `007` is 7."""
    value = entry.value()
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return str(value) if is_number else entry.text(what)


def parse_condition(entry: YamlNode, names: Names) -> Condition:
    """Read a condition: every key is a clause, all of them must hold."""
    clauses: list[tuple[str, tuple[str, ...]]] = []
    for key, value in entry.mapping(CONDITION_KEYS).items():
        if key in ("slots", "confidence", "heard", "second"):
            for name, part in value.mapping().items():
                slot = names.slot(part, name)
                if not slot.is_observed:
                    raise part.error("this slot does not influence the conversation")
                if key == "second" and not slot.is_constraint:
                    raise part.error("only a constraint of search-driven users has a second hypothesis")
                field = "slot" if key == "slots" else key
                clauses.append((f"{field}.{name}", _slot_labels(key, part, slot, names)))
            continue
        if key not in names.labels:
            raise value.error(f"only a domain {_OTHER_USER[names.is_search]} has {key!r}")
        what, labels = names.labels[key]
        clauses.append((key, value.choices(labels, what)))
    return Condition(tuple(clauses))


_OTHER_USER = {False: "of search-driven users", True: "without search-driven users"}


def _slot_labels(key: str, entry: YamlNode, slot: Slot, names: Names) -> tuple[str, ...]:
    if key == "heard" and names.is_search:
        raise entry.error(f"only a domain {_OTHER_USER[True]} has 'heard'")
    if key != "slots":
        labels = {"confidence": names.confidences, "heard": HEARD, "second": SECONDS}[key]
        return entry.choices(labels, "confidence" if key == "confidence" else "label")
    chosen = tuple(_state(one, slot) for one in entry.one_or_many())
    if not chosen:
        raise entry.error("expected at least one state")
    if FILLED in chosen and FILLED not in slot.labels:  # stands for every value
        chosen = tuple(label for label in slot.labels if label != EMPTY or EMPTY in chosen)
    return chosen


def _state(entry: YamlNode, slot: Slot) -> str:
    valid = (*slot.labels, FILLED)
    if (
        slot.type == "categorical"
        and not slot.is_constraint
        and entry.text("state") not in valid
        and category(entry) in valid
    ):
        return category(entry)
    return entry.choice(valid, "state")


def parse_expert(entry: YamlNode, names: Names) -> tuple[ExpertRule, ...]:
    """Read `expert`: an ordered list of `when` and `then`."""
    rules: list[ExpertRule] = []
    for item in entry.items():
        if len(rules) == MAX_NAMES:
            raise item.error(f"more than the {MAX_NAMES} rules that are supported")
        keys = item.mapping(EXPERT_KEYS)
        if "then" not in keys:
            raise item.error("a rule needs 'then'")
        when = parse_condition(keys["when"], names) if "when" in keys else Condition()
        choices = []
        for choice in keys["then"].one_or_many():
            if not choice.is_mapping:
                choices.append(ExpertChoice(parse_action(choice, names)))
                continue
            parts = choice.mapping(EXPERT_KEYS)
            if "then" not in parts:
                raise choice.error("a choice needs 'then'")
            own = parse_condition(parts["when"], names) if "when" in parts else Condition()
            choices.append(ExpertChoice(parse_action(parts["then"], names), own))
        if not choices:
            raise keys["then"].error("expected at least one action")
        rules.append(ExpertRule(when, tuple(choices)))
    if not rules or rules[-1].when.clauses or all(choice.when.clauses for choice in rules[-1].then):
        raise entry.error("the last rule must have no 'when', so that there is always an action")
    return tuple(rules)


def parse_action(entry: YamlNode, names: Names) -> str:
    """Read the name of an action that is not for listening."""
    name = entry.choice(names.actions, "action")
    if name == LISTEN:
        raise entry.error(f"{LISTEN!r} cannot be chosen: a turn is handed over after speaking")
    return name
