"""Seeded draws for tables of things that do not exist: skewed values, names, gaps."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

UNKNOWN = 0.02
"""The chance that a cell which may be empty is empty."""

Affinities = dict[str, dict[str, float]]
"""By one value, how likely others are beside their own frequency; 0: never."""
Row = dict[str, str]
"""A row of a table by column; an empty text: not known."""


class Draws:
    """Draws from one seed."""

    def __init__(self, seed: int) -> None:
        """Begin with a seed."""
        self._random = random.Random(seed)

    def skewed(self, values: Sequence[str], affinity: Mapping[str, float] | None = None) -> str:
        """Return a value, the one at place i with weight 1 / (i + 1), times its affinity if it has one."""
        weights = [(affinity or {}).get(value, 1.0) / (i + 1) for i, value in enumerate(values)]
        return self._random.choices(values, weights)[0]

    def weighted(self, weights: Mapping[str, float]) -> str:
        """Return one of the keys."""
        return self._random.choices(list(weights), list(weights.values()))[0]

    def one_of(self, values: Sequence[str]) -> str:
        """Return a value, all equally likely."""
        return self._random.choice(values)

    def number(self, low: int, high: int, step: int = 1) -> int:
        """Return a number from `low` to `high`."""
        return self._random.randrange(low, high + 1, step)

    def happens(self, chance: float) -> bool:
        """Return whether something with this chance happens."""
        return self._random.random() < chance

    def known(self, value: str) -> str:
        """Return the value, or now and then nothing."""
        return "" if self.happens(UNKNOWN) else value

    def shuffled(self, values: Sequence[str]) -> Iterator[str]:
        """Yield each value once, in an order that is drawn now."""
        order = list(values)
        self._random.shuffle(order)
        return iter(order)

    def phones(self) -> Iterator[str]:
        """Yield telephone numbers of the range that is kept free for invented people."""
        return (f"01632 960 {number}" for number in self.shuffled([f"{i:03}" for i in range(1000)]))


def listed(text: str) -> tuple[str, ...]:
    """Return the names in a text that are separated by commas.

    >>> listed("Cork & Candle, Half Past Red")
    ('Cork & Candle', 'Half Past Red')
    """
    return tuple(name.strip() for name in text.split(","))


def described(*adjectives: str, noun: str) -> str:
    """Return adjectives and a noun with the indefinite article; those not known are left out.

    >>> described("cheap", "", "lively", noun="pub")
    'a cheap, lively pub'
    """
    said = " ".join([", ".join(filter(None, adjectives)), noun]).strip()
    return f"{'an' if said[0] in 'aeiou' else 'a'} {said}"


def slug(name: str) -> str:
    """Return the address of the website of a name, in a domain that nobody can register.

    >>> slug("Cork & Candle")
    'corkandcandle.example'
    """
    return "".join(filter(str.isalnum, name.lower().replace("&", "and"))) + ".example"
