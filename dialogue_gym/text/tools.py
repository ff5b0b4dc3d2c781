"""The actions of a domain as tools, the slot values that they say, and instructions on their use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dialogue_gym._text import PLACE, counted, nearest, quoted
from dialogue_gym.conversation.search_state import SERVICES
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import Condition
from dialogue_gym.domain.observation import SlotCodes, slot_codes
from dialogue_gym.domain.search_user import NEEDS, SECOND_HEARD

_JSON_TYPES = {"bool": "boolean", "float": "number"}
_TASK = """You are a bot that talks to a user of a service called "{name}".{description}
Find out what the user wants, and give it to them in as few turns as you can."""
_PATIENCE = "The user leaves in anger after {turns} that bring them no closer to what they want."
_WAYS = {
    "names": "Reply with the name of one action, and nothing else.",
    "free": "Reply with one sentence to the user, such as those below.",
    "tools": "In each turn, call one action as a tool. Its arguments say what you know of the user's wishes.",
}
_SEARCH_WORDS = {
    NEEDS["offer"][0]: "a wish of the user that you know",
    NEEDS["alternative"][0]: "an offer",
    NEEDS["answer"][0]: "a question of the user without an answer",
    NEEDS["more"][0]: "an offer that the user has not turned down",
    NEEDS["bye"][0]: "thanks of the user",
    NEEDS["bye"][1]: "an offer that the user has accepted",
}
"""The needs of a search's acts in words; their clauses name fields that a reader of texts does not see."""


@dataclass(frozen=True)
class Argument:
    """A slot value that an action says.

    Attributes:
        name: the slot.
        type: its type in JSON Schema: `"string"`, `"number"` or `"boolean"`.
        values: the values that it can have; empty for numbers and truth values.
        is_required: whether a call must have it.
    """

    name: str
    type: str
    values: tuple[str, ...]
    is_required: bool

    def read(self, action: str, given: Any) -> Any:
        """Return a given value as the slot holds it.

        Raises:
            ValueError: it cannot have this value; the message is one sentence.
        """
        if self.type == "boolean":
            if not isinstance(given, bool):
                raise ValueError(
                    f"{action}: {quoted(self.name)} must be true or false, not {quoted_value(given)}"
                )
            return given
        if self.type == "number":
            if isinstance(given, bool) or not isinstance(given, (int, float)):
                raise ValueError(f"{action}: {quoted(self.name)} must be a number, not {quoted_value(given)}")
            return given
        if isinstance(given, (bool, list, dict)) or given is None:
            raise ValueError(f"{action}: {quoted(self.name)} must be a text, not {quoted_value(given)}")
        for value in self.values:
            if value.casefold() == str(given).strip().casefold():
                return value
        valid = nearest(str(given), self.values)
        raise ValueError(f"{action}: {quoted(self.name)} cannot be {quoted_value(given)}; {valid}")

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {"type": self.type} | ({"enum": list(self.values)} if self.values else {})


@dataclass(frozen=True)
class Tool:
    """An action as a tool."""

    name: str
    description: str
    arguments: tuple[Argument, ...]

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of a call as values of slots: None empties a slot that the call leaves out.

        Raises:
            ValueError: one is unknown or missing, or has a value that it cannot have; one sentence.
        """
        known = {argument.name: argument for argument in self.arguments}
        for name in given:
            if name not in known:
                raise ValueError(
                    f"{self.name}: unknown argument {quoted_value(name)}; {nearest(str(name), known)}"
                )
        for argument in self.arguments:
            if argument.is_required and argument.name not in given:
                raise ValueError(f"{self.name}: the argument {quoted(argument.name)} is missing")
        left_out = dict.fromkeys(name for name in known if name not in given)
        return {name: known[name].read(self.name, value) for name, value in given.items()} | left_out

    def schema(self) -> dict[str, Any]:
        """Return the tool as the chat-completions protocol describes functions."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": {
                    "type": "object",
                    "properties": {argument.name: argument.schema() for argument in self.arguments},
                    "required": [argument.name for argument in self.arguments if argument.is_required],
                    "additionalProperties": False,
                },
            },
        }


def tools_of(domain: Domain) -> tuple[Tool, ...]:
    """Return the actions of a domain with automatic turn taking, in order."""
    return tuple(
        Tool(name, _description(domain, name), _arguments(domain, name)) for name in domain.actions[1:]
    )


def _arguments(domain: Domain, action: str) -> tuple[Argument, ...]:
    """Return the slots that an action says; those that an offer searches by may be left out."""
    goal = dict(domain.fake_user.goal) if domain.fake_user else {}
    said = {place[1] for text in domain.texts(action) for place in PLACE.finditer(text) if place[1]}
    is_search = domain.action_model(action).reaction in SERVICES[:2]
    arguments = []
    for code in slot_codes(domain):
        slot = code.slot
        if is_search and slot.is_constraint:
            arguments.append(_argument(code, is_required=False))
        elif slot.name in said and (slot.name in goal or slot.is_constraint):
            arguments.append(_argument(code, is_required=True))
    return tuple(arguments)


def _argument(code: SlotCodes, is_required: bool) -> Argument:
    kind = _JSON_TYPES.get(code.slot.type, "string")
    return Argument(code.slot.name, kind, code.values if kind == "string" else (), is_required)


def _description(domain: Domain, action: str) -> str:
    """Return a sentence or two on an action: what it says, and what it needs."""
    model = domain.action_model(action)
    texts = domain.texts(action)
    if model.description:
        parts = [model.description]
    elif action == domain.actions[1]:
        parts = ["Forgets everything, and lets the user begin anew."]
    elif texts:
        parts = [f'Says "{texts[0]}"']
    elif model.reaction == "answer":
        parts = ["Tells the user what they have asked for."]
    elif model.speaks:
        parts = ["Speaks to the user."]
    else:
        parts = ["Silent: the user waits."]
    if needs := needs_text(model.needs):
        parts.append(f"Needs: {needs}.")
    return " ".join(parts)


def needs_text(needs: Condition) -> str:
    """Return a precondition in words.

    >>> needs_text(Condition((("slot.people", ("filled",)), ("offer", ("made", "accepted")))))
    'people filled, an offer that the user has not turned down'
    """
    return ", ".join(_clause_text(field, labels) for field, labels in needs.clauses)


def _clause_text(field: str, labels: Sequence[str]) -> str:
    if (words := _SEARCH_WORDS.get((field, tuple(labels)))) is not None:
        return words
    kind, _, slot = field.partition(".")
    if kind == "second" and tuple(labels) == SECOND_HEARD:
        return f"two values heard for {slot}"
    return f"{field.removeprefix('slot.')} {_either(labels)}"


def _either(labels: Sequence[str]) -> str:
    return labels[0] if len(labels) == 1 else ", ".join(labels[:-1]) + " or " + labels[-1]


def quoted_value(value: object) -> str:
    """Return a value of others as a quoted literal of bounded length, the same in each version of Python."""
    return quoted(str(value))


def instructions(domain: Domain, mode: str, tools: Sequence[Tool], patience: int | None = None) -> str:
    """Return the instructions for a domain and a mode; the same for the same domain, byte for byte.

    `patience` is the number of useless turns until the user leaves; None if it is not known.
    """
    description = domain.description and f" {domain.description}"
    task = _TASK.format_map({"name": domain.name, "description": description}).replace("\n", " ")
    if patience is not None:
        task += " " + _PATIENCE.format(turns=counted(patience, "turn"))
    lines = [task, _WAYS[mode], "", "The actions:"]
    for tool in tools:
        given = ", ".join(argument.name for argument in tool.arguments) if mode == "tools" else ""
        lines.append(f"- {tool.name}{f'({given})' if given else ''}: {tool.description}")
    return "\n".join(lines)
