"""An interpreter trained on examples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from dialogue_gym.conversation.events import Entity
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.nlu.classifier import Bags, Classifier
from dialogue_gym.nlu.entities import EntityExtractor
from dialogue_gym.nlu.examples import Example, NluData, NluError
from dialogue_gym.nlu.gazetteer import Label, Token, tokenize
from dialogue_gym.nlu.indifference import CONFIDENCE, Indifference, entity_of
from dialogue_gym.nlu.interpreter import FALLBACK, Interpretation, Interpreter

MAX_TEXT = 1000
"""The characters of a message that are interpreted."""
_STRENGTH = 30.0
_WIDTHS = (2, 3, 4)
_FIRST_PLACEHOLDER = 0xE000  # a private-use character stands for an entity, as one short word


class TrainedInterpreter(Interpreter):
    """Interpreter of messages similar to the examples of a domain, after a training of less than a second.

    Entities: values of the domain, the examples, the lookup tables and the synonyms are found as whole words,
    with up to two typos in the longer ones, which lowers the confidence, and so are matches of an entity's
    regular expressions (RE2). A logistic regression on the surrounding words decides between several
    entities, or that a mention is not an entity, as `london` in "not london" if the examples have such a
    case.

    Intent: a logistic regression on words, pairs of words and character n-grams (tf-idf), with placeholders
    for entities, so that unseen values make no difference. The confidence is the probability, lowered by the
    share of words that no example has, so that it is usually low for messages outside the domain. The intents
    of a retrieval intent, such as `faq/hours` and `faq/menu`, are distinguished, and keep their full names.

    An answer such as "I don't mind", whose words are those of examples of `dontcare` of several constraints,
    has an entity `dontcare`, to which the bot's question gives a slot (`with_question`).

    Only the first thousand characters of a message are used. Without any word, as in an empty message, the
    intent is None.
    """

    def __init__(self, domain: Domain | str | Path, data: NluData, seed: int = 0) -> None:
        """Train on the examples; the same data and seed give the same interpreter.

        Raises:
            DomainError: the domain cannot be used.
            NluError: the data have no examples.
        """
        self.domain = load_domain(domain)
        if not data.examples:
            raise NluError(f"{self.domain.name}: the data have no examples to train on")
        self._extractor = EntityExtractor(self.domain, data, seed)
        self._intents = _Intents(data, self._extractor.labels, seed)
        self._indifference = Indifference(self.domain, data.examples, tokenize)

    def parse(self, text: str) -> Interpretation:
        """Return the most probable meaning of a text."""
        seen = text[:MAX_TEXT]
        tokens = tokenize(seen)
        if not tokens:
            return Interpretation(text)
        found = self._extractor.find(seen, tokens)
        firsts = {match.first: (match.first, match.last, label) for match, label, _ in reversed(found)}
        ranking = self._intents.rank(tokens, [firsts[first] for first in sorted(firsts)])
        entities = tuple(
            Entity(
                label[0],
                value,
                tokens[match.first].start,
                tokens[match.last - 1].end,
                match.confidence,
                label[1],
                label[2],
            )
            for match, label, value in found
        )
        intent, confidence = ranking[0]
        if self._indifference.is_meant(tokens, intent, confidence >= FALLBACK):
            intent, confidence = self._indifference.intent or intent, max(confidence, CONFIDENCE)
            entities = (entity_of(tokens),)
        return Interpretation(text, intent, confidence, entities, ranking)


class _Intents:
    """Ranking of intents by the words of a message."""

    def __init__(self, data: NluData, labels: Sequence[Label], seed: int) -> None:
        names = sorted({label[0] for label in labels})
        self._placeholders = {name: chr(_FIRST_PLACEHOLDER + index) for index, name in enumerate(names)}
        bags = [self._bags(*self._annotated(example)) for example in data.examples]
        targets = [example.intent for example in data.examples]
        self._classifier = Classifier(bags, targets, (1.0, 1.0), _STRENGTH, seed)
        self._known = {word for words, _ in bags for word in words}

    @staticmethod
    def _annotated(example: Example) -> tuple[list[Token], list[tuple[int, int, Label]]]:
        tokens = tokenize(example.text)
        spans: list[tuple[int, int, Label]] = []
        for entity in example.entities:
            inside = [i for i, t in enumerate(tokens) if (entity.start or 0) <= t.start < (entity.end or 0)]
            is_new = not spans or not inside or inside[0] >= spans[-1][1]  # another entity of the same text
            if inside and is_new:
                spans.append((inside[0], inside[-1] + 1, (entity.name, entity.role, entity.group)))
        return tokens, spans

    def _bags(self, tokens: Sequence[Token], spans: Sequence[tuple[int, int, Label]]) -> Bags:
        """Return the features of a message: words and pairs of words, and character n-grams."""
        words: list[str] = []
        end = 0
        for first, last, label in spans:
            words += [token.word for token in tokens[end:first]]
            words.append(self._placeholders[label[0]])
            end = last
        words += [token.word for token in tokens[end:]]
        accented = [token.exact for token in tokens if token.exact != token.word]
        pairs = [f"{one} {other}" for one, other in zip(["<s>", *words], [*words, "</s>"], strict=True)]
        return words + accented + pairs, [gram for word in words for gram in _character_ngrams(f" {word} ")]

    def rank(
        self, tokens: Sequence[Token], spans: Sequence[tuple[int, int, Label]]
    ) -> tuple[tuple[str, float], ...]:
        """Return the intents with their confidences, the best first."""
        bags = self._bags(tokens, spans)
        words = [word for word in bags[0] if " " not in word]
        known = sum(word in self._known for word in words)
        # A classifier knows only its classes: unknown words are the sign of a message outside the domain.
        familiar = math.sqrt((known + 0.5) / (len(words) + 0.5))
        ranked = sorted(
            zip(self._classifier.classes, self._classifier.chances([bags])[0], strict=True),
            key=lambda pair: (-pair[1], pair[0]),
        )
        return tuple((intent, chance * familiar) for intent, chance in ranked)


def _character_ngrams(word: str) -> Iterator[str]:
    for width in _WIDTHS:
        for start in range(len(word) - width + 1):
            yield word[start : start + width]
