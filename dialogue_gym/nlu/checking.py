"""What is wrong with NLU training data, alone and beside its domain."""

from __future__ import annotations

from collections.abc import Iterator

from dialogue_gym.domain.model import Domain
from dialogue_gym.domain.reader import nearest, shorten
from dialogue_gym.nlu.examples import Example, NluData
from dialogue_gym.problems import Problem


def check_examples(domain: Domain | None, data: NluData) -> list[Problem]:
    """Return what is wrong with training data, or may not be meant; without a domain, in itself alone."""
    problems: list[Problem] = []
    first: dict[str, Example] = {}
    for example in data.examples:
        other = first.setdefault(" ".join(example.text.casefold().split()), example)
        if other.intent != example.intent:
            place = f"{other.file}:{other.line}"
            message = f"{shorten(example.text)} is {example.intent!r} here and {other.intent!r} in {place}"
            problems.append(Problem(example.file, example.line, message, is_error=False))
        if domain is not None:
            problems += _misfits(domain, data, example)
    counts = {intent: 0 for intent in domain.intents} if domain is not None else {}
    for example in data.examples:
        if (name := known_intent(domain, example.intent)) in counts:
            counts[name] += 1
    file = data.examples[0].file if data.examples else "NLU data"
    for intent, count in counts.items():
        if count < 2:
            message = f"the intent {intent!r} has {count or 'no'} example{'' if count == 1 else 's'}"
            problems.append(Problem(file, 1, message, is_error=False))
    return sorted(problems)


def known_intent(domain: Domain | None, intent: str) -> str:
    """Return the intent of the domain that an example is of: that of `faq/opening` can be `faq`."""
    return intent if domain is None or intent in domain.intents else intent.partition("/")[0]


def _misfits(domain: Domain, data: NluData, example: Example) -> Iterator[Problem]:
    """Yield where an example does not fit the domain."""
    if known_intent(domain, example.intent) not in domain.intents:
        message = f"{shorten(example.intent)} is no intent; {nearest(example.intent, domain.intents)}"
        yield Problem(example.file, example.line, message)
    for entity in example.entities:
        if entity.name not in domain.entities:
            message = f"{shorten(entity.name)} is no entity; {nearest(entity.name, domain.entities)}"
            yield Problem(example.file, example.line, message)
        value = data.canonical(entity.value)
        for slot in domain.slots:
            is_listed = slot.type != "categorical" or value.lower() in [v.lower() for v in slot.values]
            if slot.entity == entity.name and not is_listed:
                message = (
                    f"{shorten(value)} is no value of the slot {slot.name!r}; {nearest(value, slot.values)}"
                )
                yield Problem(example.file, example.line, message, is_error=False)
