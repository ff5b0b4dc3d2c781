"""A person talks to a bot that learns from them: what comes of what they type, as lines to show."""

from __future__ import annotations

from collections.abc import Iterator

from dialogue_gym.chatting import RESTART_COMMAND, turn_lines
from dialogue_gym.domain.reader import finite, printable
from dialogue_gym.entries import PERSON
from dialogue_gym.live.core import Heard, Live
from dialogue_gym.live.trainer import Trainer

RATINGS = {"+": 1.0, "-": -1.0}
HELP = f"Rate what the bot did: +, -, or a number from -1 to 1. {RESTART_COMMAND} begins anew, Ctrl-D ends."


def rating_of(text: str) -> float | None:
    """Return the rating that a text stands for: `+`, `-`, or a number from -1 to 1; None if it is none."""
    if text in RATINGS:
        return RATINGS[text]
    try:
        number = finite(text)
    except ValueError:
        return None
    return number if -1 <= number <= 1 else None


class Talk:
    """One person in conversation with a learning bot, one conversation after another. No input or output.

    Attributes:
        ended: the conversation that has just ended, and that the next rating is of; None while one goes on.
    """

    def __init__(self, live: Live, trainer: Trainer, person: str = PERSON) -> None:
        """Go on with the conversation that was left open, or be ready for a new one."""
        self._live = live
        self._trainer = trainer
        self._person = person
        self._current = next((name for name, whose in live.open.items() if whose == person), None)
        self.ended: str | None = None

    def go_on(self) -> Iterator[str]:
        """Yield the lines of a conversation that was left open, and what the bot had still to say."""
        if self._current is not None:
            yield "(you go on with the conversation of last time)"
            yield from self._lines(self._live.go_on(self._current))

    def say(self, text: str) -> Iterator[str]:
        """Take in what the person typed; yield what to show them."""
        for heard in self._live.expire():
            self._learn(heard)
            if heard.ended == self._current:
                self._current = None
                yield "(you were silent for long: this is a new conversation)"
        text = text.strip()
        if not text:
            return
        if (value := rating_of(text)) is not None:
            yield self._rate(value)
            return
        self.ended = None
        if self._current is None:
            self._current = self._live.begin(self._person)
        yield from self._lines(self._live.hear(self._current, text))

    def _lines(self, heard: Heard) -> Iterator[str]:
        self._learn(heard)
        for note in heard.notes:
            yield f"({printable(note)})"
        yield from turn_lines(heard.events)
        self._current = heard.conversation
        if heard.ended is not None:
            self.ended = heard.ended
            if heard.ended == heard.conversation:
                self._current = None
                yield "--- the user has what they wanted ---"
            else:
                yield "(all is forgotten, and a new conversation begins)"

    def _rate(self, value: float) -> str:
        name = self.ended or self._current
        if name is None or (self.ended is None and self._live.trace(name).last_decision is None):
            return "(there is nothing to rate yet)"
        self._trainer.put(self._live.rate(name, value), self._live.upto)
        what = "the conversation" if self.ended else "what the bot did last"
        self.ended = None
        return f"({what} is rated {value:+g})"

    def leave(self) -> None:
        """End the conversation that goes on, if one does; it can be rated then."""
        if self._current is not None:
            heard = self._live.leave(self._current)
            self._current, self.ended = None, heard.ended
            self._learn(heard)

    def _learn(self, heard: Heard) -> None:
        self._trainer.put(heard.transitions, self._live.upto, is_boundary=heard.ended is not None)
