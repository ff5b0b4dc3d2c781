"""A chat with a learning bot in the terminal: from typed lines to lines to show."""

from __future__ import annotations

from collections.abc import Iterator

from dialogue_gym._text import printable, printable_lines
from dialogue_gym.chat import RESTART_COMMAND, explain, is_back, is_restart, taken_back, turn_lines
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import BotUttered, Event, UserUttered
from dialogue_gym.conversation.transcripts import message_lines
from dialogue_gym.conversation.wording import TERMINAL
from dialogue_gym.journal.entry import PERSON
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.trainer import Trainer
from dialogue_gym.live.transitions import TRUNCATED
from dialogue_gym.live.turn import Reply
from dialogue_gym.policies.agent import Agent
from dialogue_gym.wrappers.feedback import rating_of

HELP = (
    "Rate what the bot did last: + or -, or with a number, +0.5 or -0.5."
    f" {RESTART_COMMAND} begins anew, Ctrl-D ends."
)
END_QUESTION = "How was that? +, -, a number from -1 to 1, or Enter"


class TerminalChat:
    """One person in conversation with a learning bot, one conversation after another. No input or output.

    Attributes:
        ended: the conversation that has just ended, and waits for a rating (`judge`).
    """

    def __init__(self, bot: LiveBot, trainer: Trainer, person: str = PERSON) -> None:
        """Continue the conversation that was left open last, or be ready for a new one."""
        self._bot = bot
        self._trainer = trainer
        self._person = person
        self._current = bot.conversations.current(person)
        self.ended: str | None = None

    def resume(self) -> Iterator[str]:
        """Yield the lines of a conversation that was left open, and the rest of the bot's turn."""
        if self._current is None:
            return
        yield "(continuing your last conversation)"
        for event in self._conversation.events:
            yield from _said(event)
        yield from self._lines(self._bot.resume(self._current))

    @property
    def _conversation(self) -> Conversation:
        if self._current is None:
            return Conversation(self._bot.domain)
        return self._bot.conversations.trace(self._current).conversation

    def say(self, text: str) -> Iterator[str]:
        """Yield the lines to show in response to a typed text."""
        text = text.strip()
        rating = rating_of(text) if text.startswith(("+", "-")) else None  # a bare number is an answer
        for reply in self._bot.expire():
            if reply.ended is not None and reply.ended == self._current:
                self._current, self.ended = None, reply.ended if rating is not None else None
                yield "(you were silent for a long time, so that conversation has ended)"
        if rating is not None:
            yield self._rate(rating)
        elif is_restart(text, self._bot.domain) and not self._has_begun:
            yield "(this is a new conversation)"
        elif text:
            if self._current is None:
                self._current = self._bot.begin(self._person)
            note = taken_back(self._conversation) if is_back(text, self._bot.domain) else None
            reply = self._bot.reply(self._current, text, TERMINAL)
            yield from self._lines(reply)
            if note is not None:
                yield note

    def judge(self, text: str, is_leaving: bool = False) -> Iterator[str]:
        """Take a rating of the conversation that has ended; anything else begins a new conversation.

        Args:
            text: the text that the person typed.
            is_leaving: whether the person is leaving, so that no new conversation begins.
        """
        text = text.strip()
        if not text:
            self.ended = None
        elif (rating := rating_of(text)) is not None:
            yield self._rate(rating)
        elif is_leaving:
            yield f"({END_QUESTION} for nothing)"
        else:
            self.ended = None
            yield from self.say(text)

    @property
    def _has_begun(self) -> bool:
        """Whether the bot has acted in the open conversation."""
        return (
            self._current is not None
            and self._bot.conversations.trace(self._current).last_rateable is not None
        )

    def _lines(self, reply: Reply) -> Iterator[str]:
        for note in reply.notes:
            yield f"({printable(note)})"
        yield from turn_lines(reply.events)
        self._current = reply.conversation
        if reply.ended is not None:
            self.ended = reply.ended
            if reply.ended == reply.conversation:
                self._current = None
                yield "--- the user has what they wanted ---"
            else:
                is_kept = reply.outcome == TRUNCATED
                begins = "a new session" if is_kept else "all is forgotten, and a new conversation"
                yield f"({begins} begins)"

    def _rate(self, value: float) -> str:
        if not -1 <= value <= 1:
            return "(a rating is a number from -1 to 1)"
        name = self.ended or self._current
        if name is None or (self.ended is None and not self._has_begun):
            return "(nothing to rate yet)"
        self._bot.rate(name, value)
        what = "the conversation" if self.ended else "the last action"
        self.ended = None
        return f"({what} is rated {value:+g})"

    def explain(self) -> list[str]:
        """Return the lines about the last message, the slots, and the current values of the actions."""
        actor = self._trainer.explorer.actor
        return explain(self._conversation, Agent("live", actor.env, actor, rules=self._bot.rules))

    def leave(self) -> None:
        """End the open conversation, if there is one; if the bot has acted in it, it can be rated."""
        self.ended = None
        if self._current is not None:
            has_begun = self._has_begun
            reply = self._bot.leave(self._current)
            self._current = None
            self.ended = reply.ended if has_begun else None


def _said(event: Event) -> list[str]:
    if isinstance(event, UserUttered):
        return [f"you   {line}" for line in printable_lines(event.text or event.act)]
    return [f"bot   {line}" for line in message_lines(event)] if isinstance(event, BotUttered) else []
