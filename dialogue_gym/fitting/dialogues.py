"""Logged dialogues for the likelihood of a fake user: the bot's steps, and the messages that it heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActionExecutionRejected,
    BotUttered,
    Event,
    UserUttered,
)
from dialogue_gym.conversation.slot_filling import slots_filled
from dialogue_gym.domain import Domain
from dialogue_gym.domain.observation import confidence_bin, slot_codes
from dialogue_gym.rules import build_tables
from dialogue_gym.rules.tables import LISTENING, Settings

Act = tuple[int, tuple[int, ...]]
"""An intent's code, and the code of each slot's value that is told (0: none)."""
Heard = tuple[int, tuple[int, ...], int]
"""The same as the bot understood it, with the bin of its confidence."""


@dataclass(frozen=True)
class LoggedStep:
    """An action, and the message of the person after it.

    Attributes:
        action: the index of the action in the domain.
        bot_half: the bot's half of a row before the action.
        heard: the message as it was understood; None if there was none.
        meant: the act that was meant, where a teacher has said so.
    """

    action: int
    bot_half: tuple[int, ...]
    heard: Heard | None = None
    meant: Act | None = None


@dataclass(frozen=True)
class LoggedDialogue:
    """One dialogue of a person with a bot, up to the first event that no fake user has a part in.

    Attributes:
        opening: the first message as it was understood.
        opening_meant: the act that was meant by it, where a teacher has said so.
        steps: the bot's actions with the person's answers.
        outcome: the outcome: `"success"`, `"failure"` if the person left before that, or None if that is
            unknown, because they fell silent, or the dialogue goes on in a way that no fake user knows.
    """

    opening: Heard
    opening_meant: Act | None
    steps: tuple[LoggedStep, ...]
    outcome: str | None


class DialogueReader:
    """Turns conversations into logged dialogues of one domain."""

    def __init__(self, domain: Domain) -> None:
        """Prepare the codes of intents, slots and actions."""
        self._domain = domain
        self._codes = slot_codes(domain)
        self._intents = {name: code for code, name in enumerate(domain.intents, 1)}
        self._actions = {name: index for index, name in enumerate(domain.actions)}
        self._tables = build_tables(domain, Settings())

    def read(
        self,
        events: Sequence[Event],
        outcome: str | None,
        originals: Mapping[int, UserUttered] | None = None,
        *,
        is_read: bool = False,
    ) -> LoggedDialogue | None:
        """Return a dialogue; None if it does not begin with a message of the person.

        Args:
            events: the events of the conversation, with messages as a teacher has corrected them.
            outcome: `"success"`, `"failure"`, `"truncated"` or None.
            originals: corrected messages as the bot had understood them, by their number from 0.
            is_read: whether a teacher has read all messages, so that those without a correction are right.
        """
        conversation = Conversation(self._domain)
        opening: tuple[Heard, Act | None] | None = None
        steps: list[LoggedStep] = []
        done: tuple[int, tuple[int, ...]] | None = None
        number = 0
        for event in events:
            if isinstance(event, UserUttered):
                conversation.append(event)
                act = self._act(event)
                heard = (*act, conversation.bot_half[self._tables.intent_confidence])
                if original := (originals or {}).get(number):
                    heard = (*self._act(original), confidence_bin(original.confidence, self._domain))
                meant = act if original or is_read else None
                number += 1
                if opening is None:
                    opening = heard, meant
                elif done is None:
                    return self._cut(opening, steps)
                else:
                    steps.append(LoggedStep(*done, heard, meant))
                    done = None
                continue
            if isinstance(event, ActionExecuted):
                if done is not None:
                    steps.append(LoggedStep(*done))
                if event.name not in self._actions or opening is None:
                    return self._cut(opening, steps)
                done = self._actions[event.name], tuple(conversation.bot_half)
            elif isinstance(event, ActionExecutionRejected) or (
                isinstance(event, BotUttered) and event.writer
            ):
                return self._cut(opening, steps)
            conversation.append(event)
        if opening is None:
            return None
        if done is not None:
            steps.append(LoggedStep(*done))
        return LoggedDialogue(*opening, tuple(steps), outcome if outcome != "truncated" else None)

    def _act(self, message: UserUttered) -> Act:
        filled = slots_filled(self._domain, message)
        intent = self._intents.get(self._domain.intent_of(message.intent) or "", 0)
        return intent, tuple(code.encode(filled.get(code.slot.name)) for code in self._codes)

    @staticmethod
    def _cut(opening: tuple[Heard, Act | None] | None, steps: list[LoggedStep]) -> LoggedDialogue | None:
        return None if opening is None else LoggedDialogue(*opening, tuple(steps), None)


def turn_taking_of(dialogue: LoggedDialogue) -> str:
    """Return the turn taking of a dialogue: explicit if the bot listens by an action of its own."""
    return "explicit" if any(step.action == LISTENING for step in dialogue.steps) else "auto"
