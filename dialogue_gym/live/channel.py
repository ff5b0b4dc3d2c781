"""The way to a single person and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Answer = Callable[[list[str]], str | None]
"""A person in the shape of a function: given the lines that they were told, it returns what they type."""


class Channel(Protocol):
    """The way to a person and back."""

    def say(self, line: str) -> None:
        """Show a line that the bot says."""

    def tell(self, note: str) -> None:
        """Show what is no word of the bot: that a text was not understood, say."""

    def hear(self) -> str | None:
        """Wait for what the person types; None if they have left."""


class TerminalChannel:
    """Someone at the terminal, or a file of lines."""

    def say(self, line: str) -> None:
        """Print what the bot says."""
        print(f"bot   {line}", flush=True)

    def tell(self, note: str) -> None:
        """Print it in brackets."""
        print(f"({note})", flush=True)

    def hear(self) -> str | None:
        """Read a line; the end of the input is that they have left."""
        try:
            return input("you > ")
        except EOFError:
            return None


class FunctionChannel:
    """A function that answers."""

    def __init__(self, answer: Answer) -> None:
        """Take the function."""
        self._answer = answer
        self._told: list[str] = []

    def say(self, line: str) -> None:
        """Keep a line for the next call."""
        self._told.append(line)

    def tell(self, note: str) -> None:
        """Keep a note for the next call."""
        self._told.append(f"({note})")

    def hear(self) -> str | None:
        """Return what the function answers."""
        told, self._told = self._told, []
        return self._answer(told)
