"""The project of an ontology: a domain file whose users search, with its venues in a CSV file."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dialogue_gym._files import create_folder
from dialogue_gym._text import counted, printable
from dialogue_gym._yaml import dump_yaml, flow_yaml
from dialogue_gym.domain import DomainError, load_domain
from dialogue_gym.domain.database import NAME_COLUMN
from dialogue_gym.domain.model import ATTRIBUTE
from dialogue_gym.domain.search_user import SEARCH_ROLES
from dialogue_gym.domain.slot import DONT_CARE
from dialogue_gym.ontologies.expert import expert_figures, expert_rules
from dialogue_gym.ontologies.model import Ontology, OntologyError, SearchAttribute, SearchSlot

DOMAIN_NAME, VENUES_NAME = "domain.yml", "venues.csv"
_WIDTH = 100
_CONSTRAINTS, _WISHES = (2, 4), (1, 3)
"""The numbers of constraints and wishes of a user, as far as there are slots and attributes."""
_UNMET = 0.2
_TELL = "utter_tell"
_ACTS = {
    "utter_offer": "offer",
    "utter_other": "alternative",
    _TELL: "answer",
    "utter_more": "more",
    "utter_bye": "bye",
    "utter_pardon": "repeat",
    "utter_greet": "greet",
}
_PHRASES = {
    "greet": ["Hello.", "Hi."],
    "inform": ["{entities}, please.", "I would say {entities}."],
    "affirm": ["Yes.", "That's right.", "Yes, and {entities}, please."],
    "deny": ["No.", "No, that's not what I want.", "No, {entities}."],
    "request": ["Could you tell me {entities}?", "And {entities}?"],
    "alternative": [
        "Is there another one?",
        "Do you have anything else?",
        "I have changed my mind: {entities}. Is there another one?",
    ],
    "find": ["So what can you offer?", "Well, what do you have?"],
    "thank": ["Thank you, that is all.", "Thanks, that is all I need."],
}


def write_project(ontology: Ontology, folder: str | Path) -> None:
    """Write the domain file and the venues of an ontology into a new folder, both or neither.

    Raises:
        OntologyError: they make no domain that loads, since the file would be too large.
        FileExistsError: there is such a folder, and it is not empty.
        OSError: the folder cannot be written.
    """
    texts = {VENUES_NAME: venues_file(ontology), DOMAIN_NAME: domain_file(ontology)}
    create_folder(Path(folder), texts, _check)


def _check(folder: Path) -> None:
    try:
        load_domain(folder / DOMAIN_NAME)
    except DomainError as error:
        reason = str(error).replace(f"{folder}{os.sep}", "")
        raise OntologyError(f"no domain can be made of this ontology: {reason}") from None


def venues_file(ontology: Ontology) -> str:
    """Return the text of the CSV file with the venues; values that are not known are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ontology.columns)
    writer.writerows(ontology.venues)
    return text.getvalue()


def domain_file(ontology: Ontology) -> str:
    """Return the text of the domain file."""
    slots = [slot.name for slot in ontology.slots]
    expert = expert_rules([slot.name for slot in ontology.telling], expert_figures(len(slots)))
    entities = ["# `attribute` is the one that is asked for.", _listed("entities", [*slots, ATTRIBUTE])]
    parts = [
        [
            f"# {printable(ontology.name)}: {counted(len(ontology.venues), 'venue')},"
            f" {counted(len(slots), 'slot')}, {counted(len(ontology.attributes), 'attribute')}."
        ],
        [_listed("intents", SEARCH_ROLES), *entities],
        ["slots:", *(_slot(slot) for slot in ontology.slots)],
        [f"database: {VENUES_NAME}"],
        [dump_yaml({"responses": _responses(ontology)}).rstrip()],
        [_listed("actions", actions_of(ontology))],
        ["fake_user:", *_fake_user(ontology)],
        ["expert:", *(f"  - {flow_yaml(rule, _WIDTH, 4)}" for rule in expert)],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def actions_of(ontology: Ontology) -> dict[str, Any]:
    """Return by action the act that users answer, in the form of the domain file."""
    about = {
        f"utter_{name}_{slot.name}": {act: slot.name}
        for name, act in (("ask", "request"), ("confirm", "confirm"), ("select", "select"))
        for slot in ontology.slots
    }
    return {**about, **_ACTS}


def _listed(key: str, names: Iterable[str]) -> str:
    return f"{key}: {flow_yaml(list(names), _WIDTH, 2)}"


def _slot(slot: SearchSlot) -> str:
    values = flow_yaml(list(slot.values), _WIDTH, 6)
    return f"  {slot.name}:\n    type: categorical\n    values: {values}"


def _fake_user(ontology: Ontology) -> list[str]:
    constraints = {
        "slots": [slot.name for slot in ontology.slots],
        "count": _count(_CONSTRAINTS, len(ontology.slots)),
        "unmet": _UNMET,
    }
    lines = [f"  constraints: {flow_yaml(constraints, _WIDTH, 4)}"]
    if wishes := [attribute.name for attribute in ontology.attributes]:
        requests = {"attributes": wishes, "count": _count(_WISHES, len(wishes))}
        lines.append(f"  requests: {flow_yaml(requests, _WIDTH, 4)}")
    lines.append("  actions:")
    for action, act in actions_of(ontology).items():
        lines.append(f"    {action}: {flow_yaml({'user': act}, _WIDTH, 6)}")
    phrases = {
        **_PHRASES,
        **{slot.name: [_phrase(slot)] for slot in ontology.slots},
        DONT_CARE: ["any {slot}"],
        **{one.name: [f"the {one.words}"] for one in ontology.attributes},
    }
    lines.append("  phrases:")
    for name, texts in phrases.items():
        lines.append(f"    {name}: {flow_yaml(texts, _WIDTH, 6)}")
    return lines


def _count(wanted: tuple[int, int], most: int) -> int | list[int]:
    """Return a range of numbers, of at most so many, as the domain file has it."""
    low, high = (min(number, most) for number in wanted)
    return low if low == high else [low, high]


def _phrase(slot: SearchSlot) -> str:
    if slot.is_flag:
        return f"{slot.words}: {{{slot.name}}}"
    return (
        f"{{{slot.name}}} {slot.words}" if slot.words in _BESIDE else f"{{{slot.name}}} for the {slot.words}"
    )


_BESIDE = ("food", "platform", "processor class", "type")
"""Words that stand behind a value, as in "Greek food"."""


def _responses(ontology: Ontology) -> dict[str, list[Mapping[str, Any]]]:
    responses: dict[str, list[Mapping[str, Any]]] = {}
    for slot in ontology.slots:
        question = (
            f"{slot.words.capitalize()}: yes or no?"
            if slot.is_flag
            else f"Which {slot.words} would you like?"
        )
        responses[f"utter_ask_{slot.name}"] = [{"text": question}]
    for slot in ontology.slots:
        said = _phrase(slot)
        responses[f"utter_confirm_{slot.name}"] = [
            {"text": f"You said {said}, is that right?"},
            _instead(f"So any {slot.words} will do?", slot.name, DONT_CARE),
        ]
    for slot in ontology.slots:
        text = f"I heard two values for the {slot.words}. Which one did you say?"
        responses[f"utter_select_{slot.name}"] = [{"text": text}]
    named = f"{{{NAME_COLUMN}}}"
    for action, text in (("utter_offer", f"How about {named}?"), ("utter_other", f"Then how about {named}?")):
        responses[action] = [{"text": text}]
        responses[f"{action}/no_match"] = [{"text": "I know of nothing like that."}]
        responses[f"{action}/no_other"] = [{"text": "I know of nothing else like that."}]
    for attribute in ontology.attributes:
        responses[f"{_TELL}/{attribute.name}"] = [
            {"text": f"The {attribute.words} {_is(attribute)} {{{attribute.name}}}."},
            _instead(f"I don't know the {attribute.words} of {named}.", attribute.name, None),
        ]
    responses["utter_more"] = [{"text": "Is there anything else you would like to know?"}]
    responses["utter_bye"] = [{"text": "You're welcome. Goodbye!"}]
    responses["utter_pardon"] = [{"text": "Sorry, could you say that again?"}]
    responses["utter_greet"] = [{"text": "Hello! What are you looking for?"}]
    return responses


def _instead(text: str, name: str, value: str | None) -> dict[str, Any]:
    """Return the text that is said instead of another while a slot or column has a value."""
    return {"text": text, "condition": [{"type": "slot", "name": name, "value": value}]}


def _is(attribute: SearchAttribute) -> str:
    return "are" if attribute.words.endswith("s") and not attribute.words.endswith("ss") else "is"
