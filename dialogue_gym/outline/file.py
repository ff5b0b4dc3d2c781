"""The text of the domain file of an outline."""

from __future__ import annotations

import re
from typing import Any

from dialogue_gym._yaml import dump_yaml
from dialogue_gym.conversation.events import Entity
from dialogue_gym.domain.slot import FROM_ENTITY, FROM_INTENT, FROM_TEXT
from dialogue_gym.nlu.example_writer import dump_examples
from dialogue_gym.nlu.examples import Example, NluData
from dialogue_gym.outline.model import AFFIRM, CHOICE, DENY, INFORM, MESSAGE, WORDS, YES_NO, Fact, Outline

_VERSION = "3.1"
# Thai, Lao, Burmese, Khmer, kana and Han: written without spaces between the words.
_WITHOUT_SPACES = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)
_TYPES = {CHOICE: "categorical", WORDS: "text", YES_NO: "bool", MESSAGE: "text"}


def domain_file(outline: Outline) -> str:
    """Return the text of a domain file, whose key `nlu` has the examples."""
    entities = [fact.name for fact in outline.facts if fact.kind in (CHOICE, WORDS)]
    forms = {fact.form: {"required_slots": [fact.name]} for fact in outline.facts if fact.form}
    sections: list[tuple[str, dict[str, Any]]] = [
        (outline.purpose, {"version": _VERSION}),
        ("What users want", {"intents": list(outline.intents)}),
        ("Words to find in their messages", {"entities": entities}),
        (
            "What the bot needs to know",
            {"slots": {fact.name: _slot(fact, outline.wished) for fact in outline.facts}},
        ),
        ("Questions that decide what their answers mean", {"forms": forms}),
        ("What the bot says", {"responses": {name: [{"text": t}] for name, t in outline.responses.items()}}),
        ("What the bot does", {"actions": [name for name in outline.actions if name not in forms]}),
    ]
    texts = [_section(note, content) for note, content in sections if all(content.values())]
    # The version is that of the file.
    _, _, examples = dump_examples(NluData(tuple(_examples(outline)))).partition("nlu:")
    return "\n".join([*texts, f"# How users say it\nnlu:{examples}"])


def _section(note: str, content: dict[str, Any]) -> str:
    return f"# {note}\n{dump_yaml(content)}" if note else dump_yaml(content)


def _slot(fact: Fact, wished: tuple[str, ...]) -> dict[str, Any]:
    options: dict[str, Any] = {"type": _TYPES[fact.kind]}
    if fact.kind == CHOICE:
        options["values"] = list(fact.examples)
    if fact.kind == YES_NO:
        told = zip(fact.intents, (True, False), strict=True)
        mappings: list[dict[str, Any]] = [
            {"type": FROM_INTENT, "intent": intent, "value": value}
            | (_after_question(fact) if intent in (AFFIRM, DENY) else {})
            for intent, value in told
        ]
    elif fact.kind == MESSAGE:
        mappings = [{"type": FROM_TEXT, "intent": intent} for intent in fact.intents]
        if fact.form:
            digressions = {"not_intent": list(wished)} if wished else {}
            mappings.append({"type": FROM_TEXT} | digressions | _after_question(fact))
    else:
        mappings = [{"type": FROM_ENTITY, "entity": fact.name}]
    return options | {"mappings": mappings}


def _after_question(fact: Fact) -> dict[str, Any]:
    """Return the conditions under which the last message answers the question for a fact."""
    return {"conditions": [{"active_loop": fact.form, "requested_slot": fact.name}]}


def _examples(outline: Outline) -> list[Example]:
    """Return the examples, with the values of slots marked in them."""
    values = {
        value: fact for fact in outline.facts if fact.kind in (CHOICE, WORDS) for value in fact.examples
    }
    messages = {intent for fact in outline.facts if fact.kind == MESSAGE for intent in fact.intents}
    pattern = _pattern(values) if values else None
    folded = {value.casefold(): (value, fact) for value, fact in values.items()}
    examples = []
    for intent, sentences in outline.intents.items():
        for sentence in sentences:
            if intent == INFORM:
                marked = [Entity(values[sentence].name, sentence, 0, len(sentence))]
            else:
                found = pattern.finditer(sentence) if pattern and intent not in messages else ()
                marked = []
                for match in found:
                    # Some letters match others that do not fold to the same one.
                    if known := folded.get(match[0].casefold()):
                        value = known[0] if known[1].kind == CHOICE else match[0]
                        marked.append(Entity(known[1].name, value, *match.span()))
            examples.append(Example(sentence, intent, tuple(marked)))
    return examples


def _pattern(values: dict[str, Fact]) -> re.Pattern[str]:
    """Return a pattern that finds values as whole words, the longest first."""
    longest_first = sorted(values, key=len, reverse=True)
    parts = []
    for value in longest_first:
        before = "" if _WITHOUT_SPACES.match(value[0]) or not value[0].isalnum() else r"(?<!\w)"
        after = "" if _WITHOUT_SPACES.match(value[-1]) or not value[-1].isalnum() else r"(?!\w)"
        parts.append(f"{before}{re.escape(value)}{after}")
    return re.compile("|".join(parts), re.IGNORECASE)
