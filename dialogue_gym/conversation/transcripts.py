"""A conversation as people read it: a transcript in lines, and the bubbles of a chat."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dialogue_gym._text import MAX_SHOWN, counted, cut, printable_lines, visible
from dialogue_gym.conversation.bot_state import BotState
from dialogue_gym.conversation.conversation import Conversation, is_rejected
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActionExecutionRejected,
    BotUttered,
    Event,
    Json,
    SlotSet,
    UserUttered,
    Value,
)
from dialogue_gym.conversation.wording import is_showable, line, silence
from dialogue_gym.domain.model import LISTEN, Domain
from dialogue_gym.domain.observation import confidence_bin, confidence_labels
from dialogue_gym.domain.slot import EMPTY

USER_SIDE, BOT_SIDE = "user", "bot"
VALUE_WIDTH = 60
"""Longer values and sample texts are cut where they stand beside a name."""
OUTCOMES = {"success": "the user has what they wanted", "failure": "the user has given up"}
"""The outcomes of a conversation that has ended, in words."""
_ENDINGS = {"success": "success", "failure": "the user hangs up", "truncated": "cut off"}


def transcript(conversation: Conversation) -> list[str]:
    """Return a conversation as lines in columns: the side, its message, and the act or action."""
    return [text for text, _ in placed_transcript(conversation)]


def placed_transcript(conversation: Conversation) -> Iterator[tuple[str, int | None]]:
    """Yield the lines of a transcript, each with the index of the event that it begins with.

    The index is None for a further line of a message, and for the ending.
    """
    state = BotState(conversation.domain)
    events = conversation.events
    steps = 0
    has_acted = False
    for index, event in enumerate(events):
        if isinstance(event, UserUttered):
            has_acted = False
            yield line("user", event.text or f"/{event.act}", _meaning(event, conversation.domain)), index
        elif isinstance(event, ActionExecuted):
            steps += 1
            has_acted = True
            meaning = event.name
            if is_rejected(events, index):
                meaning += " (declined)"
            elif not state.is_possible(event.name):
                meaning += " (not possible here)"
            texts = _messages_of_action(events[index + 1 :])
            yield line("bot", texts[0] if texts else silence(event.name), meaning), index
            yield from ((line("", text, ""), None) for text in texts[1:])
        elif isinstance(event, BotUttered) and event.writer:
            yield line("bot", event.text or "", f"written by {event.writer}"), index
        elif isinstance(event, BotUttered) and not has_acted and event.text:
            yield line("bot", event.text, "?"), index
        state.apply(event)
    if conversation.outcome:
        yield f"--- {_ENDINGS[conversation.outcome]} after {counted(steps, 'step')} ---", None


def _messages_of_action(following: tuple[Event, ...]) -> list[str]:
    """Return the texts that the bot sent with an action, from the events that follow it."""
    texts = []
    for event in following:
        if isinstance(event, (ActionExecuted, UserUttered)):
            break
        if isinstance(event, BotUttered) and event.text is not None and not event.writer:
            texts.append(event.text)
    return texts


def _meaning(message: UserUttered, domain: Domain) -> str:
    """Return the act that a message was taken for; with noise also the act meant, and the confidence."""
    if message.meant is None:
        return message.act
    heard = f" heard as {message.act}" if message.act != message.meant else ""
    return f"{message.meant}{heard} ({confidence_label(message, domain)} confidence)"


def confidence_label(message: UserUttered, domain: Domain) -> str:
    """Return the confidence of the bot in a message as observations have it, such as `"low"`."""
    return confidence_labels(domain)[confidence_bin(message.confidence, domain)]


@dataclass
class Bubble:
    """One message of a chat, with its meaning and the slots that it stored.

    Attributes:
        side: `"user"` or `"bot"`.
        place: index of the conversation's event that it begins with.
        texts: lines of the message; empty for a silent action.
        meaning: the act that the user's message was understood as, None if none was; the bot's action.
        confidence: of the meaning, from 0 to 1.
        slots: pairs of name and value that were stored.
    """

    side: str
    place: int
    texts: list[str]
    meaning: str | None = None
    confidence: float | None = None
    slots: list[tuple[str, str]] = field(default_factory=list)


def bubbles(events: Iterable[Event]) -> list[Bubble]:
    """Return a chat. Lines are bounded, with unprintable characters escaped."""
    found: list[Bubble] = []
    for place, event in enumerate(events):
        if isinstance(event, UserUttered):
            texts = printable_lines(cut(event.text or "/" + event.act, MAX_SHOWN))
            meaning = visible(event.act) if event.intent else None
            found.append(Bubble(USER_SIDE, place, texts, meaning, event.confidence))
        elif isinstance(event, ActionExecuted):
            found.append(Bubble(BOT_SIDE, place, [], visible(event.name), event.confidence))
        elif isinstance(event, ActionExecutionRejected):
            # A tracker of Rasa's does not have the action that declined.
            if found and (found[-1].side, found[-1].meaning) == (BOT_SIDE, visible(event.name)):
                found.pop()
        elif isinstance(event, (BotUttered, SlotSet)):
            if not found or (isinstance(event, BotUttered) and (event.writer or found[-1].side == USER_SIDE)):
                found.append(Bubble(BOT_SIDE, place, []))
            if isinstance(event, BotUttered):
                found[-1].texts += [cut(text, MAX_SHOWN) for text in message_lines(event)]
            else:
                found[-1].slots.append((visible(event.name), shown_value(event.value)))
    return found


def message_lines(message: BotUttered) -> list[str]:
    """Return the lines of a bot's message: text, attachments, buttons. Unprintable characters are escaped."""
    return [line for text in _parts(message) for line in printable_lines(text)]


def _parts(message: BotUttered) -> Iterator[str]:
    data = message.data
    yield message.text or ""
    for key in ("image", "attachment", "custom"):
        if part := data.get(key):
            yield part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)
    for element in _objects(data, "elements"):
        yield f"{element.get('title', '')} : {element.get('subtitle', '')}"
        yield from map(_button, element.get("buttons") or ())
    yield from map(_button, buttons_of(message))


def _objects(data: Mapping[str, Any], key: str) -> list[Json]:
    """Return the buttons or elements of a message; none in another form, as trackers of others may have."""
    content = data.get(key) or []
    return list(content) if is_showable(key, content) else []


def buttons_of(message: BotUttered) -> list[Json]:
    """Return the buttons under a message, each with its title and the message that it sends."""
    given = _objects(message.data, "quick_replies") or _objects(message.data, "buttons")
    buttons = [{key: str(value) for key, value in button.items() if value is not None} for button in given]
    return [
        {"title": button.get("title") or sent, "payload": sent}
        for button in buttons
        if (sent := button.get("payload") or button.get("url") or button.get("title"))
    ]


def _button(button: Mapping[str, Any]) -> str:
    title, sent = button.get("title"), button.get("payload")
    return f"[{title}]" if sent in (None, title) else f"[{title}] {sent}"


def shown_value(value: Value, width: int = VALUE_WIDTH) -> str:
    """Return a slot's value as people see it.

    >>> shown_value([{"artist": "Foo Fighters", "reviews": 4.5}, {"artist": "Katy Perry"}])
    '2 found: Foo Fighters, Katy Perry'
    """
    return EMPTY if value is None else visible(_words(value, width), width)


def _words(value: Any, width: int = VALUE_WIDTH) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        name = _name(value)
        return (
            name if name is not None else ", ".join(f"{key}: {_words(item)}" for key, item in value.items())
        )
    if isinstance(value, list):
        is_result = any(isinstance(item, dict) for item in value)
        return (f"{len(value)} found: " if is_result else "") + (_listed(value, width - 12) or "none")
    return EMPTY if value is None else str(value)


def _listed(items: list[Any], width: int) -> str:
    """Return as many items as fit, at least one, and the number of the others."""
    shown = ""
    for place, item in enumerate(items):
        longer = f"{shown}, {_words(item)}" if shown else _words(item)
        others = len(items) - place
        if shown and len(longer) + (len(f" and {others} more") if others > 1 else 0) > width:
            return f"{shown} and {others} more"
        shown = longer
    return shown


def _name(record: dict[str, Any]) -> str | None:
    """Return the name in a record: the value under a usual key, or else its first text."""
    texts = {key: item for key, item in record.items() if isinstance(item, str) and item}
    usual = (texts[key] for key in ("name", "title", "label") if key in texts)
    return next(usual, next(iter(texts.values()), None))


def first_text(domain: Domain, action: str) -> str:
    """Return the first of the texts of an action; empty for a silent one."""
    if action == LISTEN:
        return "nothing, it is the user's turn"
    texts = domain.texts(action)
    return visible(texts[0], VALUE_WIDTH) if texts else ""


def either(actions: Iterable[str]) -> str:
    """Return a phrase for actions of which each is right."""
    return " or ".join(map(visible, actions))
