"""A conversation as a chat, for people to read."""

from __future__ import annotations

from dialogue_gym.conversation import BotState, Conversation
from dialogue_gym.domain.model import CONFIDENCES
from dialogue_gym.events import ActionExecuted, BotUttered, UserUttered
from dialogue_gym.observation import confidence_bin
from dialogue_gym.words import line, silence

_ENDS = {"success": "success", "failure": "the user hangs up", "truncated": "cut off"}


def transcript(conversation: Conversation) -> list[str]:
    """Return a conversation as lines: who, what was said, and what it means or was done."""
    lines: list[str] = []
    state = BotState(conversation.domain)
    events = conversation.events
    steps = 0
    for index, event in enumerate(events):
        if isinstance(event, UserUttered):
            lines.append(line("user", event.text or f"/{event.act}", _meaning(event)))
        elif isinstance(event, ActionExecuted):
            steps += 1
            meaning = event.name
            if not state.is_possible(event.name):
                meaning += " (not possible here)"
            texts = _said_with(events[index + 1 :])
            lines.append(line("bot", texts[0] if texts else silence(event.name), meaning))
            lines.extend(line("", text, "") for text in texts[1:])
        state.apply(event)
    if conversation.outcome:
        count = f"{steps} {'step' if steps == 1 else 'steps'}"
        lines.append(f"--- {_ENDS[conversation.outcome]} after {count} ---")
    return lines


def _said_with(following: tuple[object, ...]) -> list[str]:
    """Return what the bot said with an action, given what came after it."""
    texts = []
    for event in following:
        if isinstance(event, (ActionExecuted, UserUttered)):
            break
        if isinstance(event, BotUttered) and event.text is not None:
            texts.append(event.text)
    return texts


def _meaning(message: UserUttered) -> str:
    """Return what a message was taken for, and how surely where that is not certain."""
    if message.meant is None:
        return message.act
    heard = f" heard as {message.act}" if message.act != message.meant else ""
    return f"{message.meant}{heard} ({CONFIDENCES[confidence_bin(message.confidence)]} confidence)"
