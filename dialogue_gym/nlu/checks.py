"""What is wrong with NLU training data, alone and beside its domain."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator

from dialogue_gym._files import Problem
from dialogue_gym._text import nearest, shorten
from dialogue_gym.domain.model import Domain
from dialogue_gym.nlu.examples import Example, NluData
from dialogue_gym.stories.model import OWN_INTENTS


def check_examples(domain: Domain | None, data: NluData) -> list[Problem]:
    """Return what is wrong with training data, or may not be meant; without a domain, in itself alone."""
    problems = [*_contradictions(data)]
    if domain is not None:
        problems += [*_misfits(domain, data), *_missing(domain, data)]
    return sorted(problems)


def _contradictions(data: NluData) -> Iterator[Problem]:
    """Yield texts that are examples of two intents."""
    first: dict[str, Example] = {}
    for example in data.examples:
        other = first.setdefault(" ".join(example.text.casefold().split()), example)
        if other.intent != example.intent:
            place = f"{other.file}:{other.line}"
            message = f"{shorten(example.text)} is {example.intent!r} here and {other.intent!r} in {place}"
            yield _warning(example, message)


def _misfits(domain: Domain, data: NluData) -> Iterator[Problem]:
    """Yield where examples do not fit the domain."""
    hint = functools.cache(nearest)
    for example in data.examples:
        if domain.intent_of(example.intent) is None:
            message = f"{shorten(example.intent)} is no intent; {hint(example.intent, domain.intents)}"
            yield Problem(example.file, example.line, message)
        for entity in example.entities:
            if entity.name not in domain.entities:
                message = f"{shorten(entity.name)} is no entity; {hint(entity.name, domain.entities)}"
                yield Problem(example.file, example.line, message)
            value = data.canonical(entity.value)
            for slot in domain.slots:
                if slot.entity == entity.name and not slot.lists(value):
                    message = f"{shorten(value)} is no value of the slot {slot.name!r}"
                    yield _warning(example, f"{message}; {hint(value, slot.values)}")


def _missing(domain: Domain, data: NluData) -> Iterator[Problem]:
    """Yield intents that have hardly any examples; Rasa's own need none."""
    counted = Counter(domain.intent_of(example.intent) for example in data.examples)
    file = data.examples[0].file if data.examples else "NLU data"
    for intent in domain.intents:
        if (count := counted[intent]) < 2 and intent not in OWN_INTENTS:
            message = f"the intent {intent!r} has {count or 'no'} example{'' if count == 1 else 's'}"
            yield Problem(file, 1, message, is_error=False)


def _warning(example: Example, message: str) -> Problem:
    return Problem(example.file, example.line, message, is_error=False)
