"""Sentences for acts, made from the examples of an interpreter."""

from __future__ import annotations

import operator
import random
from collections.abc import Iterable, Sequence

from dialogue_gym._text import nearest, quoted
from dialogue_gym.conversation.events import Entity
from dialogue_gym.nlu.examples import Example


class Phrasebook:
    """Generator of sentences for acts from NLU examples."""

    def __init__(self, examples: Iterable[Example], seed: int = 0) -> None:
        """Take examples; the same seed gives the same choices."""
        self._examples: dict[str, list[Example]] = {}
        self._forms: dict[tuple[str, str], list[str]] = {}
        for example in examples:
            self._examples.setdefault(example.intent, []).append(example)
            for entity in example.entities:
                form = example.text[entity.start : entity.end]
                self._forms.setdefault((entity.name, str(entity.value)), []).append(form)
        self._random = random.Random(operator.index(seed))

    def seed(self, seed: int) -> None:
        """Restart the random choices from a seed."""
        self._random = random.Random(operator.index(seed))

    def say(self, intent: str, entities: Sequence[Entity] = ()) -> str:
        """Return a sentence for an act: an example with the same entities, with the values substituted.

        A value may appear in any surface form seen in the examples. If no example has exactly these entities,
        the sentence is made of several examples.

        Raises:
            ValueError: no example has the intent, or one of the entities.
        """
        self.check(intent)
        values = {entity.name: str(entity.value) for entity in entities}
        if usable := self._examples_with(intent, set(values)):
            return self._substitute(self._random.choice(usable), values)
        if len(values) < 2:
            clause = f"of {quoted(intent)} has the entity {', '.join(values)}" if values else "has no entity"
            raise ValueError(f"no example {clause}")
        names = sorted(values)
        self._random.shuffle(names)
        largest = max(
            (size for size in range(1, len(names)) if self._examples_with(intent, set(names[:size]))),
            default=1,
        )
        first, rest = names[:largest], names[largest:]
        parts = [[entity for entity in entities if entity.name in part] for part in (first, rest)]
        return ", ".join(self.say(intent, part) for part in parts)

    def check(self, intent: str) -> None:
        """Raise ValueError if no example has the intent."""
        if intent not in self._examples:
            raise ValueError(f"no example has the intent {quoted(intent)}; {nearest(intent, self._examples)}")

    def _examples_with(self, intent: str, names: set[str]) -> list[Example]:
        return [
            example
            for example in self._examples[intent]
            if len(example.entities) == len(names)
            and {entity.name for entity in example.entities} == names
            and len({entity.start for entity in example.entities}) == len(names)
        ]

    def _substitute(self, example: Example, values: dict[str, str]) -> str:
        text = example.text
        # From the end, so that the offsets of the entities before it stay valid.
        for entity in sorted(example.entities, key=lambda entity: entity.start or 0, reverse=True):
            value = values[entity.name]
            if value != str(entity.value):
                form = self._random.choice(self._forms.get((entity.name, value), [value]))
                text = text[: entity.start] + form + text[entity.end :]
        return text
