"""More sentences for users, from a language model: each is kept only if an interpreter understands it."""

from __future__ import annotations

import operator
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from dialogue_gym._text import first_free, places_of
from dialogue_gym.conversation.events import Entity
from dialogue_gym.nlu.evaluation import entity_key
from dialogue_gym.nlu.examples import Example, NluData
from dialogue_gym.nlu.interpreter import Interpreter

MAX_SENTENCE = 200
"""The most characters of a sentence."""
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,3}[.):])\s+")
_QUOTES = "\"'“”‘’«»`"
KNOWN = "known already"
LONG = f"longer than {MAX_SENTENCE} characters"
VALUE = "without a value of the act"
MARKS = "with marks of training data"
INTENT = "understood as another intent"
VALUES = "understood with other values"
REASONS = (KNOWN, LONG, VALUE, MARKS, INTENT, VALUES)
"""The reasons to refuse a sentence."""


@dataclass
class Paraphrases:
    """New sentences, and the numbers of refused ones by reason."""

    kept: list[Example] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    def added_to(self, data: NluData) -> NluData:
        """Return training data with the new sentences after those of their intents."""
        order = {example.intent: number for number, example in reversed(list(enumerate(data.examples)))}
        examples = sorted([*data.examples, *self.kept], key=lambda example: order[example.intent])
        return replace(data, examples=tuple(examples))


def sources(examples: Iterable[Example], each: int, seed: int) -> list[Example]:
    """Return examples to be said differently: a few of every intent with every set of entities.

    Args:
        examples: the examples known.
        each: the most examples of a kind.
        seed: seed of the choice.
    """
    kinds: dict[tuple[str, tuple[str, ...]], list[Example]] = {}
    for example in examples:
        if all(entity.start is not None for entity in example.entities):
            names = tuple(sorted({entity.name for entity in example.entities}))
            kinds.setdefault((example.intent, names), []).append(example)
    chance = random.Random(operator.index(seed))
    return [one for kind in kinds.values() for one in chance.sample(kind, min(each, len(kind)))]


def messages(example: Example, number: int, about: str) -> list[dict[str, str]]:
    """Return a request to a chat model.

    Args:
        example: the sentence to be said differently.
        number: the number of sentences that are asked for.
        about: the name or description of the service that users talk to.
    """
    words = [example.text[entity.start : entity.end] for entity in example.entities]
    keep = f" Keep these words as they are: {'; '.join(dict.fromkeys(words))}." if words else ""
    return [
        {
            "role": "system",
            "content": f"You write sentences of people who talk to a bot. {about} Write one sentence on each"
            " line, and nothing else.",
        },
        {
            "role": "user",
            "content": f"A person says: {example.text}\nWrite {number} other ways to say exactly this, as"
            f" different from each other as you can, casual ones too.{keep}",
        },
    ]


def paraphrase(
    data: NluData, interpreter: Interpreter, ask: Callable[[Example], str], chosen: Sequence[Example]
) -> Iterator[Paraphrases]:
    """Ask for other ways to say some examples; yield all results so far after each answer.

    Args:
        data: the examples known; their sentences are not taken again.
        interpreter: understands the act of a sentence that is kept.
        ask: returns the answer of a language model, a sentence on each line.
        chosen: the examples to be said differently.
    """
    found = Paraphrases()
    seen = {_plain(example.text) for example in data.examples}
    for example in chosen:
        for line in ask(example).splitlines():
            if not (text := _cleaned(line)):
                continue
            result = KNOWN if _plain(text) in seen else sift(text, example, interpreter, data)
            seen.add(_plain(text))
            if isinstance(result, Example):
                found.kept.append(result)
            else:
                found.refused[result] += 1
        yield found


def sift(text: str, example: Example, interpreter: Interpreter, data: NluData) -> Example | str:
    """Return a sentence as an example of the same act as another one, or the reason to refuse it."""
    if len(text) > MAX_SENTENCE:
        return LONG
    if set(text) & set("[]{}"):
        return MARKS
    entities: list[Entity] = []
    placed: dict[tuple[int | None, int | None], tuple[int, int]] = {}
    for entity in example.entities:
        said = (entity.start, entity.end)  # several entities may be of the same words
        place = placed.get(said) or first_free(
            places_of(text, example.text[entity.start : entity.end]), [*placed.values()]
        )
        if place is None:
            return VALUE
        placed[said] = place
        entities.append(replace(entity, start=place[0], end=place[1]))
    entities.sort(key=lambda entity: (entity.start or 0, entity.end or 0))
    meaning = interpreter.parse(text)
    if meaning.intent != example.intent:
        return INTENT
    understood = {entity_key(data, entity) for entity in meaning.entities}
    if understood != {entity_key(data, entity) for entity in entities}:
        return VALUES
    return Example(text, example.intent, tuple(entities))


def _cleaned(line: str) -> str:
    return " ".join(_BULLET.sub("", line).split()).strip(_QUOTES).strip()


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
