"""Dialogues in text as tokens: the user's words, and after each message the action of the bot."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_WORDS = re.compile(r"\w+|[^\w\s]")


class Vocabulary:
    """Numbers of words and of actions.

    Token 0 stands for words that are not known; the actions come next, in their order.
    """

    def __init__(self, actions: Sequence[str], messages: Iterable[str]) -> None:
        """Number all words of some messages."""
        self.actions = len(actions)
        words = sorted({word for message in messages for word in _words(message)})
        self._numbers = {word: number for number, word in enumerate(words, 1 + self.actions)}

    def __len__(self) -> int:
        """Return the number of tokens."""
        return 1 + self.actions + len(self._numbers)

    def message(self, text: str) -> list[int]:
        """Return the tokens of a message."""
        return [self._numbers.get(word, 0) for word in _words(text)]

    def action(self, number: int) -> int:
        """Return the token of an action."""
        return 1 + number


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.lower())
