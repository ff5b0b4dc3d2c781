"""Checks of NLU training data, alone and against a domain."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

from dialogue_gym._files import Problem
from dialogue_gym._text import nearest, quoted
from dialogue_gym.conversation.events import Entity, UserUttered
from dialogue_gym.conversation.slot_filling import slots_filled
from dialogue_gym.domain.default_names import DEFAULT_INTENTS, known_intents
from dialogue_gym.domain.model import Domain
from dialogue_gym.nlu.examples import Example, NluData


def check_examples(
    domain: Domain | None, data: NluData, places: Mapping[str, tuple[str, int]] | None = None
) -> list[Problem]:
    """Return the problems of training data; without a domain, only those of the data alone.

    Args:
        domain: the domain that the data is for.
        data: the training data.
        places: by intent, the file and the line that declare it; without, those of the data stand for them.
    """
    problems = [*data.warnings, *_contradictions(data)]
    if domain is not None:
        problems += [*_misfits(domain, data), *_missing(domain, data, places or {})]
    return sorted(problems)


def with_retrieval_actions(domain: Domain, data: NluData) -> Domain:
    """Return a copy of a domain with the actions that answer its retrieval intents, which examples reveal.

    Examples of `faq/hours` make `faq` one, and `utter_faq` answers it.
    """
    groups = {example.intent.partition("/")[0] for example in data.examples if "/" in example.intent}
    for group in sorted(groups & set(domain.intents)):
        if (action := f"utter_{group}") not in domain.actions:
            domain = domain.with_action(action)
    return domain


def _contradictions(data: NluData) -> Iterator[Problem]:
    """Yield texts that are examples of two intents."""
    first: dict[str, Example] = {}
    for example in data.examples:
        other = first.setdefault(" ".join(example.text.casefold().split()), example)
        if other.intent != example.intent:
            place = f"{other.file}:{other.line}"
            message = f"{quoted(example.text)} is {example.intent!r} here and {other.intent!r} in {place}"
            yield _warning(example, message)


def _misfits(domain: Domain, data: NluData) -> Iterator[Problem]:
    """Yield intents, entities and values of examples that the domain does not have."""
    hint = functools.cache(nearest)
    for example in data.examples:
        if domain.intent_of(example.intent) is None and example.intent not in known_intents(domain):
            message = f"unknown intent {quoted(example.intent)}; {hint(example.intent, domain.intents)}"
            yield Problem(example.file, example.line, message)
        for entity in example.entities:
            if entity.name not in domain.known_entities:
                message = f"unknown entity {quoted(entity.name)}; {hint(entity.name, domain.known_entities)}"
                yield Problem(example.file, example.line, message)
            value = data.canonical(entity.value)
            mention = Entity(entity.name, value, role=entity.role, group=entity.group)
            filled = slots_filled(domain, UserUttered(example.text, example.intent, (mention,)))
            for slot in map(domain.slot, filled):
                if slot.entity == entity.name and not slot.lists(value):
                    message = f"the slot {slot.name!r} does not list the value {quoted(value)}"
                    yield _warning(example, f"{message}; {hint(value, slot.values)}")


def _missing(domain: Domain, data: NluData, places: Mapping[str, tuple[str, int]]) -> Iterator[Problem]:
    """Yield intents with fewer than two examples, except for Rasa's built-in ones."""
    data_file = (data.examples[0].file if data.examples else "NLU data", 1)
    found: dict[str | None, list[Example]] = {}
    for example in data.examples:
        found.setdefault(domain.intent_of(example.intent), []).append(example)
    for intent in domain.intents:
        if len(of_it := found.get(intent, [])) < 2 and intent not in DEFAULT_INTENTS:
            message = f"the intent {intent!r} has {'1 example' if of_it else 'no examples'}"
            place = (of_it[0].file, of_it[0].line) if of_it else places.get(intent, data_file)
            yield Problem(*place, message, is_error=False)


def _warning(example: Example, message: str) -> Problem:
    return Problem(example.file, example.line, message, is_error=False)
