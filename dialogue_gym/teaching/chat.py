"""What every face of teaching shows: a conversation as a chat, what actions say, figures.

No input or output.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import EMPTY, LISTEN
from dialogue_gym.domain.reader import printable
from dialogue_gym.entries import LABEL, MEND, STORY
from dialogue_gym.events import ActionExecuted, BotUttered, Event, SlotSet, UserUttered, Value
from dialogue_gym.teaching.corrections import is_answer, is_correction
from dialogue_gym.teaching.session import Session

USER_SIDE, BOT_SIDE = "user", "bot"
SHOWN_CHARACTERS = 300
"""Longer texts are cut."""
VALUE_CHARACTERS = 60
TEXT_CHARACTERS = 60

THRESHOLD = 0.9
"""How sure the bot is to be, without other wishes, to go on by itself."""
MOST_STEPS = 200
"""How many steps the bot goes on by itself at most before it asks again."""
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


def figures(session: Session) -> dict[str, int]:
    """Return what was taught so far, of which what is undone is no part."""
    history = session.history
    in_effect = {entry.id: entry for name in history.conversations for entry in history.path(name)}
    decisions = [entry for entry in in_effect.values() if entry.kind == LABEL]
    answers = sum(map(is_answer, decisions))
    told = sum(entry.content["by"] == STORY for entry in decisions)
    ended = [history.outcome(name) for name in history.conversations if not name.startswith("story ")]
    return {
        "conversations": len(ended),
        "of these ended in success": ended.count("success"),
        "answers": answers,
        "corrections": sum(map(is_correction, decisions)),
        "decisions told by stories": told,
        "decisions that the bot made by itself": len(decisions) - answers - told,
        "mended messages": sum(entry.kind == MEND for entry in in_effect.values()),
        "different situations with an answer": session.distinct_observations,
    }
