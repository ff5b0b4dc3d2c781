"""The wording of a dialogue: a user's act and a bot's action as people read them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from dialogue_gym._text import printable
from dialogue_gym.domain.model import LISTEN, RESTART, Domain

_WIDTH = 70


def act_text(intent: str, entities: Mapping[str, Any]) -> str:
    """Return an act in the fixed format.

    >>> act_text("inform", {"cuisine": "french"})
    'inform{"cuisine": "french"}'
    """
    return intent + (json.dumps(dict(entities), ensure_ascii=False) if entities else "")


def fill(template: str, values: Mapping[str, str | None]) -> str:
    """Put values into the `{name}` places of a template: `?` for None; unknown names stay as they are."""

    def value_of(place: re.Match[str]) -> str:
        if place[1] not in values:
            return place[0]
        value = values[place[1]]
        return "?" if value is None else value

    return re.sub(r"\{([^{}]*)\}", value_of, template)


class Speaker:
    """Puts acts and actions of one domain into words, from a random stream of its own."""

    def __init__(self, domain: Domain, seed: int) -> None:
        """Speak the texts of a domain; the same seed gives the same choice of texts."""
        self._domain = domain
        self._phrases = dict(domain.fake_user.phrases) if domain.fake_user else {}
        self._random = random.Random(seed)

    def user(self, intent: str, told: Mapping[str, str], act: str) -> str:
        """Return a user's message with values of slots: the domain's phrases, or the act's fixed format."""
        if intent not in self._phrases:
            return "/" + act
        parts = []
        for name, value in told.items():
            phrase = (
                self._random.choice(self._phrases[name]) if name in self._phrases else f"{name}: {{{name}}}"
            )
            parts.append(fill(phrase, {name: value}))
        usable = [text for text in self._phrases[intent] if bool(parts) == ("{entities}" in text)]
        if not usable:
            return "/" + act
        text = fill(self._random.choice(usable), {"entities": ", ".join(parts)})
        return text[:1].upper() + text[1:]

    def one_of(self, texts: Sequence[str], slots: Mapping[str, str | None]) -> str:
        """Return one of several texts, with the values of slots in their places."""
        return fill(self._random.choice(texts), slots)


def silence(action: str) -> str:
    """Return a note about a silent action."""
    return {LISTEN: "(listens)", RESTART: "(starts over)"}.get(action, f"({action})")


def line(who: str, text: str, meaning: str) -> str:
    """Return one line of a chat in columns: the side, its message, and the meaning."""
    return f"{who:<5} {printable(text):<{_WIDTH}}  {meaning}".rstrip()
