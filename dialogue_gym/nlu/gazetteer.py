"""Lookup of known values in a text: in any case, with missing accents, and with typos in longer words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from dialogue_gym._text import whole_characters
from dialogue_gym.nlu.regex import compile_pattern

Label = tuple[str, str | None, str | None]
"""The name, role and group of an entity."""

MAX_WIDTH = 64
"""The characters of a text that a pattern is matched against."""
MAX_FUZZY = 5_000
"""The number of phrases above which typos are not recognized: they would be slow and ambiguous."""
MIN_FUZZY = 4
"""The number of letters below which a word must be spelled correctly."""
# Thai, Lao, Burmese, Khmer, kana and Han are written without spaces: each letter is a token.
_UNSPACED = (
    r"\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ec0-\u0edf\u1000-\u102a\u1780-\u17b3"
    r"\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    r"\U00020000-\U0003ffff"
)
# Python's `\w` lacks vowel signs and accents that are characters of their own.
_MARKS = "".join(
    chr(code) for code in range(0x300, 0xFE30) if unicodedata.category(chr(code)) in ("Mn", "Mc")
)
# Digits with two letters are one token: a rank, a time, a weight.
_TOKEN = re.compile(
    rf"\d+[^\W\d_{_UNSPACED}]{{2}}\b|\d+(?:[:.,]\d+)*|[{_UNSPACED}][{_MARKS}]*"
    rf"|[^\W\d_{_UNSPACED}](?:[^\W\d_{_UNSPACED}]|[{_MARKS}])*|[$€£¥]+"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word or number, case-folded and without accents, with its place in the text.

    `exact` is the same word with its accents.
    """

    word: str
    start: int
    end: int
    exact: str


@dataclass(frozen=True, slots=True)
class EntityMatch:
    """A match of tokens `first` to `last - 1`, with the known value for each label that has one."""

    first: int
    last: int
    values: tuple[tuple[Label, str], ...]
    confidence: float = 1.0


def plain(text: str) -> str:
    """Return the text case-folded and without accents.

    >>> plain("Café")
    'cafe'
    """
    if text.isascii():
        return text.casefold()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def tokenize(text: str) -> list[Token]:
    """Return the words and numbers of a text."""
    text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    tokens = (
        Token(
            plain(found[0]),
            found.start(),
            found.end(),
            unicodedata.normalize("NFKC", found[0].casefold()),
        )
        for found in _TOKEN.finditer(text)
    )
    return [token for token in tokens if token.word]  # a lone accent leaves an empty word


class Gazetteer:
    """Phrases and patterns, and the values that they stand for."""

    def __init__(
        self,
        phrases: Iterable[tuple[str, Label, str]],
        patterns: Iterable[tuple[str, Label]],
        common: Collection[str],
    ) -> None:
        """Take phrases with labels and values, patterns with labels, and words that are not typos."""
        self._common = common
        self._phrases: dict[tuple[str, ...], dict[Label, str]] = {}
        self._accented: dict[tuple[str, ...], dict[Label, str]] = {}
        for phrase, label, value in phrases:
            tokens = tokenize(phrase)
            if words := tuple(token.word for token in tokens):
                self._phrases.setdefault(words, {}).setdefault(label, value)
                exact = tuple(token.exact for token in tokens)
                self._accented.setdefault(exact, {}).setdefault(label, value)
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
        """Return the matches in a text, from left to right, without overlaps; longer ones win.

        `resolve` maps texts that a pattern matched to the values that they stand for.
        """
        text = whole_characters(text)  # RE2 refuses half a character
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
                exact = tuple(token.exact for token in tokens[first : index + 1])
                # Accents tell words apart; where no phrase has these, one with others is meant.
                last, values = index + 1, dict(self._accented.get(exact) or self._phrases[words])
        start = tokens[first].start
        before = min(start, 1)  # `\b` looks at the character before
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
        """Return the known phrase nearest to the unmatched words, if it is near and no other is as near."""
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
        if any(one != values[0] for one in values):  # ambiguous: no guess is better than a wrong one
            return None
        confidence = 1 - nearest[0] / len("".join(meant[0]))
        return EntityMatch(first, best[meant[0]][1], values[0], round(confidence, 3))

    def _shaped(self, joined: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the phrases of a similar length whose first letter fits, be it swapped with the second."""
        for letter in dict.fromkeys(joined[:2]):
            for length in range(len(joined) - 2, len(joined) + 3):
                for phrase, words in self._by_shape.get((letter, length), ()):
                    if letter == joined[0] or phrase[1:2] == joined[0]:
                        yield phrase, words


def allowed(letters: str) -> int:
    """Return the number of typos allowed in a phrase: none in short ones and in numbers."""
    if len(letters) < MIN_FUZZY + 1 or any(char.isdigit() for char in letters):
        return 0
    return 1 if len(letters) < 8 else 2
