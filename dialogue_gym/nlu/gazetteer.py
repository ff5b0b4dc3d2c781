"""Finding known values in a text: whatever its case and accents, and with typos in longer words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from dialogue_gym.nlu.regex import compile_pattern

Label = tuple[str, str | None, str | None]
"""The name, role and group of an entity."""

MAX_WIDTH = 64
"""Characters of a text that a pattern is matched on."""
MAX_FUZZY = 5_000
"""Of more phrases than these, typos are not recognised: they would cost too much time and be ambiguous."""
MIN_FUZZY = 4
"""Fewer letters than these must be right."""
# Digits with two letters are something of their own: a rank, a time, a weight.
_TOKEN = re.compile(r"\d+[^\W\d_]{2}\b|\d+(?:[:.,]\d+)*|[^\W\d_]+|[$€£¥]+")


@dataclass(frozen=True, slots=True)
class Token:
    """A word or number, without case and accents, and its place in the text."""

    word: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class EntityMatch:
    """Known values at tokens `first` to before `last`: for each label that has one, which it is."""

    first: int
    last: int
    values: tuple[tuple[Label, str], ...]
    confidence: float = 1.0


def plain(text: str) -> str:
    """Return text without case and accents.

    >>> plain("Café")
    'cafe'
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def tokenize(text: str) -> list[Token]:
    """Return the words and numbers of a text."""
    text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    tokens = (Token(plain(found[0]), found.start(), found.end()) for found in _TOKEN.finditer(text))
    return [token for token in tokens if token.word]  # nothing is left of a mark that stands alone


class Gazetteer:
    """Phrases and patterns, and the values that they stand for."""

    def __init__(
        self,
        phrases: Iterable[tuple[str, Label, str]],
        patterns: Iterable[tuple[str, Label]],
        common: Collection[str],
    ) -> None:
        """Take phrases with labels and values, patterns with labels, and words that are no typos."""
        self._common = common
        self._phrases: dict[tuple[str, ...], dict[Label, str]] = {}
        for phrase, label, value in phrases:
            if words := tuple(token.word for token in tokenize(phrase)):
                self._phrases.setdefault(words, {}).setdefault(label, value)
        self._patterns = [(compile_pattern(pattern), label) for pattern, label in patterns]
        self._longest = max(map(len, self._phrases), default=0)
        self._starts = {words[:n] for words in self._phrases for n in range(1, len(words) + 1)}
        self._by_shape: dict[tuple[str, int], list[tuple[str, tuple[str, ...]]]] = {}
        if len(self._phrases) <= MAX_FUZZY:
            for words in self._phrases:
                joined = "".join(words)
                if allowed(joined):
                    self._by_shape.setdefault((joined[0], len(joined)), []).append((joined, words))

    def find(self, text: str, tokens: Sequence[Token], resolve: dict[str, str]) -> list[EntityMatch]:
        """Return what is known in a text, from left to right, without overlaps: the longest comes first.

        `resolve` has the values that texts found by a pattern stand for, if they stand for others.
        """
        text = text.encode("utf-8", "replace").decode()  # half a character, which RE2 refuses, becomes "?"
        ends = {token.end: index + 1 for index, token in enumerate(tokens)}
        exact = [self._exact(text, tokens, first, ends, resolve) for first in range(len(tokens))]
        taken: list[EntityMatch | None] = [None] * len(tokens)
        for match in sorted(filter(None, exact), key=lambda match: (match.first - match.last, match.first)):
            if not any(taken[match.first : match.last]):
                taken[match.first : match.last] = [match] * (match.last - match.first)
        matches: list[EntityMatch] = []
        first = 0
        while first < len(tokens):
            found = taken[first] or self._typo(tokens, first, taken)
            if found:
                matches.append(found)
            first = found.last if found else first + 1
        return matches

    def _exact(
        self, text: str, tokens: Sequence[Token], first: int, ends: dict[int, int], resolve: dict[str, str]
    ) -> EntityMatch | None:
        last, values = first, dict[Label, str]()
        words: tuple[str, ...] = ()
        for index in range(first, min(len(tokens), first + self._longest)):
            words = (*words, tokens[index].word)
            if words not in self._starts:
                break
            if words in self._phrases:
                last, values = index + 1, dict(self._phrases[words])
        start = tokens[first].start
        before = min(start, 1)  # a character that `\b` looks back at
        window = text[start - before : start + MAX_WIDTH]
        for pattern, label in self._patterns:
            found = pattern.match(window, before)
            end = ends.get(start - before + found.end(), 0) if found and found[0] else 0
            if end >= max(last, first + 1):
                values = values if end == last else {}
                last = end
                values.setdefault(label, resolve.get(found[0].casefold(), found[0]))
        return EntityMatch(first, last, tuple(values.items())) if values else None

    def _typo(
        self, tokens: Sequence[Token], first: int, taken: Sequence[EntityMatch | None]
    ) -> EntityMatch | None:
        """Return the known phrase that free words are nearest to, if one is near and no other as near."""
        best: dict[tuple[str, ...], tuple[int, int]] = {}
        joined = ""
        for last in range(first + 1, min(len(tokens), first + self._longest + 1) + 1):
            word = tokens[last - 1].word
            joined += word
            if taken[last - 1] or word[0].isdigit():
                break
            if len(joined) < MIN_FUZZY or all(token.word in self._common for token in tokens[first:last]):
                continue
            for phrase, words in self._shaped(joined):
                most = allowed(phrase)
                if (far := OSA.distance(joined, phrase, score_cutoff=most)) <= most:
                    best[words] = min(best.get(words, (far, last)), (far, last))
        if not best:
            return None
        nearest = min(best.values())
        meant = [words for words, found in best.items() if found[0] == nearest[0]]
        values = [tuple(self._phrases[words].items()) for words in meant]
        if any(one != values[0] for one in values):
            return None
        confidence = 1 - nearest[0] / len("".join(meant[0]))
        return EntityMatch(first, best[meant[0]][1], values[0], round(confidence, 3))

    def _shaped(self, joined: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the phrases of about the length of some letters, that begin with one of the first two."""
        for letter in dict.fromkeys(joined[:2]):
            for length in range(len(joined) - 2, len(joined) + 3):
                for phrase, words in self._by_shape.get((letter, length), ()):
                    if letter == joined[0] or phrase[1:2] == joined[0]:
                        yield phrase, words


def allowed(letters: str) -> int:
    """Return how many letters of a phrase may be wrong: none in short ones and numbers."""
    if len(letters) < MIN_FUZZY + 1 or any(char.isdigit() for char in letters):
        return 0
    return 1 if len(letters) < 8 else 2
