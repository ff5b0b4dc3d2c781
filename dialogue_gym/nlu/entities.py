"""Extraction of entities from a text."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence

from dialogue_gym.domain import Domain
from dialogue_gym.nlu.classifier import COMMON_WORDS, Bags, Classifier
from dialogue_gym.nlu.examples import NluData
from dialogue_gym.nlu.gazetteer import EntityMatch, Gazetteer, Label, Token, tokenize

NOTHING: Label = ("", None, None)
"""The label of a mention that is not an entity."""
_STRENGTH = 10.0
_WEIGHTS = (
    1.0,
    1.0,
    0.5,
)  # the mention itself counts less: a value may occur in other roles than in the examples


class EntityExtractor:
    """Finder of entities: the gazetteer proposes mentions, a classifier labels them by the words nearby."""

    def __init__(self, domain: Domain, data: NluData, seed: int) -> None:
        self._resolve: dict[str, str] = {text.casefold(): value for text, value in data.all_synonyms}
        values = _known_values(domain, data)
        labels = _labels(values, data)
        self.labels = sorted({label for many in labels.values() for label in many}, key=str)
        texts = defaultdict(list)
        for text, value in data.all_synonyms:
            texts[value.casefold()].append(text)
        phrases = [
            (phrase, label, value)
            for name, known in values.items()
            for lowered, value in known.items()
            for phrase in (value, *texts[lowered])
            for label in labels[name]
        ]
        phrases += [
            (example.text[entity.start : entity.end], (entity.name, entity.role, entity.group), value)
            for example in data.examples
            for entity in example.entities
            for value in [values[entity.name][data.canonical(entity.value).casefold()]]
        ]
        patterns = [
            (pattern, label)
            for name, pattern in data.regexes
            for label in (labels[name] if name in values or name in domain.entities else ())
        ]
        self._gazetteer = Gazetteer(phrases, patterns, _common_words(data))
        self._context = self._learn(data, seed)
        self._together = _together(data)

    def _learn(self, data: NluData, seed: int) -> Classifier | None:
        bags, targets = [], []
        for example in data.examples:
            tokens = tokenize(example.text)
            matches = self._gazetteer.find(example.text, tokens, self._resolve)
            annotated = {entity.start: entity for entity in reversed(example.entities)}
            for match, bag in zip(matches, _around(tokens, matches), strict=True):
                entity = annotated.get(tokens[match.first].start)
                # Longer or shorter than the annotation, a match says nothing about either.
                if entity and entity.end != tokens[match.last - 1].end:
                    continue
                bags.append(bag)
                targets.append((entity.name, entity.role, entity.group) if entity else NOTHING)
        return Classifier(bags, targets, _WEIGHTS, _STRENGTH, seed) if len(set(targets)) > 1 else None

    def find(self, text: str, tokens: Sequence[Token]) -> list[tuple[EntityMatch, Label, str]]:
        """Return the mentions of entities in a text, each with its label and value."""
        matches = self._gazetteer.find(text, tokens, self._resolve)
        found = []
        for match, chances in zip(matches, self._chances(tokens, matches), strict=True):
            label, value = max(match.values, key=lambda pair: chances.get(pair[0], 0.0))
            if chances.get(NOTHING, 0.0) <= sum(chances.get(other, 0.0) for other, _ in match.values):
                found.append((match, label, value))
                others = self._together.get(label, ())
                found += [(match, other, meant) for other, meant in match.values if other in others]
        return found

    def _chances(self, tokens: Sequence[Token], matches: Sequence[EntityMatch]) -> list[dict[Label, float]]:
        """Return the probability of each label for each mention, from the words around it."""
        if self._context is None:
            return [{}] * len(matches)
        chances = self._context.chances(_around(tokens, matches))
        return [dict(zip(self._context.classes, row, strict=True)) for row in chances]


def _together(data: NluData) -> dict[Label, tuple[Label, ...]]:
    """Return the labels that a text has beside its first one, where examples annotate several of one text."""
    found: dict[Label, tuple[Label, ...]] = {}
    for example in data.examples:
        for _, group in itertools.groupby(example.entities, lambda one: (one.start, one.end)):
            first, *others = ((entity.name, entity.role, entity.group) for entity in group)
            found[first] = tuple(dict.fromkeys((*found.get(first, ()), *others)))
    return found


def _around(tokens: Sequence[Token], matches: Sequence[EntityMatch]) -> list[Bags]:
    """Return the words before and after each mention, and the mention; other mentions count as one word."""
    words: list[str] = ["<s>"]
    places: list[int] = []
    end = 0
    for match in matches:
        words += [token.word for token in tokens[end : match.first]]
        places.append(len(words))
        words.append(f"<{match.values[0][0][0]}>")
        end = match.last
    words += [*(token.word for token in tokens[end:]), "</s>"]
    bags: list[Bags] = []
    for match, place in zip(matches, places, strict=True):
        mention = [" ".join(token.word for token in tokens[match.first : match.last])]
        mention += [f"<{label[0]}>" for label, _ in match.values]
        before, after = words[max(0, place - 3) : place], words[place + 1 : place + 4]
        bags.append((_near(before[::-1]), _near(after), mention))
    return bags


def _near(words: Sequence[str]) -> list[str]:
    """Return features of the words on one side of a mention, the nearest word first."""
    return [f"{place} {word}" for place, word in enumerate(words)] + [" ".join(words[:2])]


def _known_values(domain: Domain, data: NluData) -> dict[str, dict[str, str]]:
    """Return the values of each entity, by their case-folded forms."""
    values: dict[str, dict[str, str]] = defaultdict(dict)

    def add(name: str | None, value: str) -> None:
        if name is not None:
            values[name].setdefault(value.casefold(), value)

    used = {entity.name for example in data.examples for entity in example.entities}
    entity_of = {slot.name: slot.entity for slot in domain.slots}
    for slot in domain.slots:
        for value in slot.values if slot.entity in used or slot.entity in domain.entities else ():
            add(slot.entity, value)
    for name, wanted in domain.fake_user.goal if domain.fake_user else ():
        for value in wanted:
            add(entity_of.get(name), value)
    for name, items in data.lookups:
        if name in used or name in domain.entities:  # as in Rasa, other names are not entities
            for value in items:
                add(name, data.canonical(value))
    for example in data.examples:
        for entity in example.entities:
            add(entity.name, data.canonical(entity.value))
    return values


def _labels(values: dict[str, dict[str, str]], data: NluData) -> dict[str, list[Label]]:
    """Return the labels of each entity, with the roles and groups that the examples give it."""
    labels: dict[str, list[Label]] = {name: [] for name in [*values, *(name for name, _ in data.regexes)]}
    for example in data.examples:
        for entity in example.entities:
            label = (entity.name, entity.role, entity.group)
            if label not in labels[entity.name]:
                labels[entity.name].append(label)
    return {name: found or [(name, None, None)] for name, found in labels.items()}


def _common_words(data: NluData) -> frozenset[str]:
    """Return words that are not typos: those around the entities of examples, and common English words."""
    words = set(COMMON_WORDS)
    for example in data.examples:
        inside = [(entity.start or 0, entity.end or 0) for entity in example.entities]
        words.update(
            token.word
            for token in tokenize(example.text)
            if not any(start <= token.start < end for start, end in inside)
        )
    return frozenset(words)
