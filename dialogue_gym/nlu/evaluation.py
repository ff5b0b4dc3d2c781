"""Scores of an interpreter on examples, usually on held-out ones."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from dialogue_gym.conversation.events import Entity, Value
from dialogue_gym.domain.slot import number_text
from dialogue_gym.nlu.examples import NluData
from dialogue_gym.nlu.interpreter import Interpreter


@dataclass(frozen=True)
class Counts:
    """The counts of an intent or entity: expected, predicted, and both."""

    name: str
    expected: int
    predicted: int
    correct: int

    @property
    def precision(self) -> float:
        """The share of predictions that were right; 1 without any."""
        return self.correct / self.predicted if self.predicted else 1.0

    @property
    def recall(self) -> float:
        """The share of expected ones that were found; 1 without any."""
        return self.correct / self.expected if self.expected else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        total = self.expected + self.predicted
        return 2 * self.correct / total if total else 1.0


@dataclass(frozen=True)
class NluScores:
    """The scores of an interpreter.

    Attributes:
        messages: the number of examples.
        intent_accuracy: the share of messages whose intent was right, at any confidence.
        entities: the counts of all entities; one is right if its name and value are. Case and places do not
            matter, and a synonym counts as the value that it stands for.
        by_intent: the counts of each intent, sorted by name.
        by_entity: the counts of each entity, sorted by name.
        confusions: the expected intent, the predicted one (None: nothing) and the count, the most frequent
            first.
    """

    messages: int
    intent_accuracy: float
    entities: Counts
    by_intent: tuple[Counts, ...]
    by_entity: tuple[Counts, ...]
    confusions: tuple[tuple[str, str | None, int], ...]


def evaluate(interpreter: Interpreter, data: NluData) -> NluScores:
    """Return the scores of an interpreter on examples.

    Raises:
        ValueError: the data have no examples.
        InterpreterError: an example cannot be interpreted.
    """
    if not data.examples:
        raise ValueError("the data have no examples to evaluate on")
    intents: Counter[tuple[str, str | None]] = Counter()
    expected: Counter[str] = Counter()
    predicted: Counter[str] = Counter()
    correct: Counter[str] = Counter()
    for example in data.examples:
        found = interpreter.parse(example.text)
        intents[example.intent, found.intent] += 1
        wanted = Counter(entity_key(data, entity) for entity in example.entities)
        given = Counter(entity_key(data, entity) for entity in found.entities)
        for counter, keys in ((expected, wanted), (predicted, given), (correct, wanted & given)):
            for (name, _), count in keys.items():
                counter[name] += count
    names = sorted({*expected, *predicted})
    totals = Counts("", expected.total(), predicted.total(), correct.total())
    confused = [(right, wrong, count) for (right, wrong), count in intents.items() if right != wrong]
    right_intents = intents.total() - sum(count for *_, count in confused)
    return NluScores(
        len(data.examples),
        right_intents / len(data.examples),
        totals,
        _by_intent(intents),
        tuple(Counts(name, expected[name], predicted[name], correct[name]) for name in names),
        tuple(sorted(confused, key=lambda entry: (-entry[2], entry[0], entry[1] or ""))),
    )


def _by_intent(intents: Counter[tuple[str, str | None]]) -> tuple[Counts, ...]:
    names = sorted({name for pair in intents for name in pair if name is not None})
    return tuple(
        Counts(
            name,
            sum(count for (right, _), count in intents.items() if right == name),
            sum(count for (_, given), count in intents.items() if given == name),
            intents[name, name],
        )
        for name in names
    )


def entity_key(data: NluData, entity: Entity) -> tuple[str, str]:
    """Return the name and the value of an entity by which two are compared: without case and synonyms."""
    return entity.name, data.canonical(_text(entity.value)).casefold()


def _text(value: Value) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number_text(value)
    return value if isinstance(value, str) else json.dumps(value)
