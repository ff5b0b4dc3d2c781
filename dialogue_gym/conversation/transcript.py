"""A conversation as a chat, for people to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dialogue_gym._text import printable
from dialogue_gym.conversation.conversation import BotState, Conversation
from dialogue_gym.conversation.events import ActionExecuted, BotUttered, Event, SlotSet, UserUttered, Value
from dialogue_gym.conversation.wording import line, silence
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import CONFIDENCES, EMPTY, LISTEN
from dialogue_gym.domain.observation import confidence_bin

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


USER_SIDE, BOT_SIDE = "user", "bot"
SHOWN_CHARACTERS = 300
"""Longer texts are cut."""
VALUE_CHARACTERS = 60
TEXT_CHARACTERS = 60
ENDS = {"success": "the user has what they wanted", "failure": "the user has given up"}
"""How a conversation ended, in words."""


def visible(text: str, most: int = SHOWN_CHARACTERS) -> str:
    r"""Return text on one line, with what cannot be printed escaped, cut if it is long.

    >>> visible("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    shown = printable(text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"


@dataclass
class Bubble:
    """One thing in a chat.

    Attributes:
        side: `"user"` or `"bot"`.
        place: which event of the conversation it begins with.
        texts: what was said, line by line; empty where the bot is silent.
        meaning: the act that the user was understood to mean, None if none was; the bot's action.
        confidence: how sure that is.
        slots: what was stored, each a name and a value.
    """

    side: str
    place: int
    texts: list[str]
    meaning: str | None = None
    confidence: float | None = None
    slots: list[tuple[str, str]] = field(default_factory=list)


def bubbles(events: Iterable[Event]) -> list[Bubble]:
    """Return a chat. Texts are shown as they are, with what cannot be printed escaped."""
    found: list[Bubble] = []
    for place, event in enumerate(events):
        if isinstance(event, UserUttered):
            text = visible(event.text or "/" + event.act)
            meaning = visible(event.act) if event.intent else None
            found.append(Bubble(USER_SIDE, place, [text], meaning, event.confidence))
        elif isinstance(event, ActionExecuted):
            found.append(Bubble(BOT_SIDE, place, [], visible(event.name), event.confidence))
        elif isinstance(event, (BotUttered, SlotSet)):
            if not found:
                found.append(Bubble(BOT_SIDE, place, []))
            if isinstance(event, BotUttered):
                found[-1].texts += map(visible, _texts(event))
            else:
                found[-1].slots.append((visible(event.name), value_text(event.value)))
    return found


def _texts(event: BotUttered) -> Iterator[str]:
    yield from event.text.splitlines() if event.text else ()
    for button in event.data.get("buttons") or ():
        yield f"[{button.get('title')}]"
    for key in ("image", "attachment"):
        if event.data.get(key):
            yield str(event.data[key])


def value_text(value: Value) -> str:
    """Return what a slot holds."""
    return EMPTY if value is None else visible(str(value), VALUE_CHARACTERS)


def what_it_says(domain: Domain, action: str) -> str:
    """Return the first of the texts of an action."""
    if action == LISTEN:
        return "nothing, it is the user's turn"
    texts = domain.texts(action)
    return visible(texts[0], TEXT_CHARACTERS) if texts else ""


def either(actions: Iterable[str]) -> str:
    """Return actions of which each is right."""
    return " or ".join(map(visible, actions))
