"""The wording of a dialogue: a user's act and a bot's action as people read them."""

from __future__ import annotations

import copy
import json
import operator
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from dialogue_gym._text import PLACE, printable
from dialogue_gym.domain.loader import LISTS_OF_OBJECTS
from dialogue_gym.domain.model import LISTEN, RESTART, Domain, Variation
from dialogue_gym.domain.slot import DONT_CARE

ATTACHMENTS = ("buttons", "quick_replies", "elements", "image", "attachment", "custom")
"""The parts of a message beside its text, under Rasa's names."""
TERMINAL, PAGE, REST = "cmdline", "socketio", "rest"
"""The channels of messages, under the names of those of Rasa that are like them."""
_CHANNELS = {REST: (REST, "collector")}
"""The names of a channel in responses, where there are several: Rasa's REST channel collects its output."""
_WIDTH = 70


def act_text(intent: str, entities: Mapping[str, Any]) -> str:
    """Return an act in the fixed format.

    >>> act_text("inform", {"cuisine": "french"})
    'inform{"cuisine": "french"}'
    """
    return intent + (json.dumps(dict(entities), ensure_ascii=False) if entities else "")


def fill(template: str, values: Mapping[str, str | None]) -> str:
    """Put values into the `{name}` places of a template: `?` for None; unknown names stay as they are.

    Doubled braces stand for single ones, unless an unknown name suggests that nobody meant them to.

    >>> fill('/tell{{"city": "{city}"}}', {"city": "Rome"})
    '/tell{"city": "Rome"}'
    """
    is_escaped = all(place[1] is None or place[1] in values for place in PLACE.finditer(template))

    def value_of(place: re.Match[str]) -> str:
        if place[1] is None:
            return place[0][0] if is_escaped else place[0]
        if place[1] not in values:
            return place[0]
        value = values[place[1]]
        return "?" if value is None else value

    return PLACE.sub(value_of, template)


def fill_all(content: Any, values: Mapping[str, str | None]) -> Any:
    """Return JSON with values put into all of its texts; see `fill`."""
    if isinstance(content, str):
        return fill(content, values)
    if isinstance(content, list):
        return [fill_all(item, values) for item in content]
    if isinstance(content, dict):
        return {key: fill_all(item, values) for key, item in content.items()}
    return content


def fitting(
    variations: Sequence[Variation], slots: Mapping[str, Any], channel: str | None = None
) -> list[Variation]:
    """Return the variations among which chance decides, by Rasa's rules.

    A condition has to hold. Those of the channel precede the others, and among both those with a condition.
    See https://legacy-docs-oss.rasa.com/docs/rasa/responses#conditional-response-variations.
    """
    possible = [one for one in variations if one.condition is None or _holds(one.condition, slots)]
    names = _CHANNELS.get(channel or "", (channel,) if channel else ())
    here = [one for one in possible if one.channel in names]
    anywhere = [one for one in possible if one.channel is None]
    for group in (here, anywhere):
        held = [one for one in group if one.condition is not None]
        if found := held or group:
            return found
    return []


def _holds(condition: Sequence[tuple[str, str]], slots: Mapping[str, Any]) -> bool:
    pairs = [(slots.get(name), json.loads(wanted)) for name, wanted in condition]
    return all(
        value.casefold() == wanted.casefold()
        if isinstance(value, str) and isinstance(wanted, str)
        else value == wanted
        for value, wanted in pairs
    )


def is_showable(key: str, content: Any) -> bool:
    """Return whether the attachment of a key has its form: buttons and elements are lists of objects.

    Action servers, other bots and trackers send anything. The buttons of elements count as well.
    """
    if key not in LISTS_OF_OBJECTS:
        return True
    if not isinstance(content, list) or not all(isinstance(one, Mapping) for one in content):
        return False
    return key != "elements" or all(is_showable("buttons", one.get("buttons") or []) for one in content)


class Speaker:
    """Wording of the acts and actions of one domain, from a random stream of its own."""

    def __init__(self, domain: Domain, seed: int) -> None:
        """Speak the texts of a domain; the same seed gives the same choice of texts."""
        self._domain = domain
        self._phrases = dict(domain.fake_user.phrases) if domain.fake_user else {}
        self._seed = operator.index(seed)
        self._random = random.Random(self._seed)

    def copy(self) -> Speaker:
        """Return a speaker that makes the same choices from here on, independently of this one."""
        other = copy.copy(self)
        other._random = random.Random()
        other._random.setstate(self._random.getstate())
        return other

    def at(self, point: str) -> Speaker:
        """Return a speaker whose choices follow from the seed and a point alone."""
        other = copy.copy(self)
        other._random = random.Random(f"{self._seed} {point}")
        return other

    def user(self, intent: str, told: Mapping[str, str], act: object, asked: Sequence[str] = ()) -> str:
        """Return a user's message: the domain's phrases, or the act's fixed format.

        Args:
            intent: its intent.
            told: values by slot.
            act: the act, whose `str` is the fixed format.
            asked: the attributes that the user asks for.
        """
        if intent not in self._phrases:
            return f"/{act}"
        parts: list[str] = []
        sentences: list[str] = []
        for name, value in told.items():
            if value == DONT_CARE and DONT_CARE in self._phrases and self._domain.slot(name).is_constraint:
                phrase = fill(self._random.choice(self._phrases[DONT_CARE]), {"slot": name.replace("_", " ")})
                (sentences if phrase.endswith(".") else parts).append(phrase)
                continue
            phrase = (
                self._random.choice(self._phrases[name]) if name in self._phrases else f"{name}: {{{name}}}"
            )
            parts.append(fill(phrase, {name: value}))
        for name in asked:
            parts.append(self._random.choice(self._phrases.get(name, (f"the {name.replace('_', ' ')}",))))
        usable = [text for text in self._phrases[intent] if bool(parts) == ("{entities}" in text)]
        if not usable and not sentences:
            return f"/{act}"
        last = " and " if asked or self._domain.database else ", "
        listed = last.join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
        if usable:
            sentences.insert(0, fill(self._random.choice(usable), {"entities": listed}))
        return " ".join(text[:1].upper() + text[1:] for text in sentences)

    def respond(
        self,
        variations: Sequence[Variation],
        slots: Mapping[str, Any],
        values: Mapping[str, str | None],
        channel: str | None = None,
    ) -> tuple[str | None, dict[str, Any]] | None:
        """Return the text and the attachments of one variation that fits; None if none does.

        Args:
            variations: the ways to say it.
            slots: the values of slots, for conditions.
            values: the texts for the places.
            channel: where it is said.
        """
        if not (found := fitting(variations, slots, channel)):
            return None
        chosen = self._random.choice(found)
        text = None if chosen.text is None else fill(chosen.text, values)
        given = {key: chosen.content[key] for key in ATTACHMENTS if chosen.content.get(key)}
        # As in Rasa, the elements of a carousel are sent as they are.
        return text, {key: one if key == "elements" else fill_all(one, values) for key, one in given.items()}


def silence(action: str) -> str:
    """Return a note about a silent action."""
    return {LISTEN: "(listens)", RESTART: "(starts over)"}.get(action, f"({action})")


def line(who: str, text: str, meaning: str) -> str:
    """Return one line of a chat in columns: the side, its message, and the meaning."""
    return f"{who:<5} {printable(text):<{_WIDTH}}  {meaning}".rstrip()
