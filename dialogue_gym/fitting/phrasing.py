"""The phrases of a fake user, as people put them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dialogue_gym._text import whole_characters
from dialogue_gym.domain import Domain

MOST = 20
"""The most phrases for one intent or slot."""
LEAST = 2
"""The least number of people with a phrase: what one person alone says may be personal, however often."""


@dataclass(frozen=True)
class LoggedMessage:
    """A message in words: its person, its text, its intent, and the values that it fills slots with."""

    person: str
    text: str
    intent: str
    told: tuple[tuple[str, str], ...]


def phrases_of(domain: Domain, messages: Iterable[LoggedMessage]) -> dict[str, list[str]]:
    """Return the phrases of intents and slots that several people have used, the most frequent ones first.

    A text that tells nothing is a phrase of its intent; one that tells one slot is a phrase of the slot,
    with its value in braces. Messages that tell several slots, whose parts nobody knows, are left out, as are
    explicit acts such as `/affirm`.
    """
    user = domain.fake_user
    assert user is not None
    if user.kind == "goal":
        intents = {name for role, name in user.intents if role not in ("inform", "open")}
    else:
        intents = {item.intent for agenda in user.agendas for item in agenda.items if not item.tells}
        intents |= {name for role, name in user.intents if role == "deny"}
    slots = dict(user.goal)
    users: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for message in messages:
        text = " ".join(whole_characters(message.text).split())
        if not text or text.startswith("/") or "{" in text or "}" in text:
            continue
        if not message.told:
            users[text][message.intent].add(message.person)
        elif len(message.told) == 1 and (phrase := _with_braces(text, *message.told[0])):
            users[phrase][message.told[0][0]].add(message.person)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for phrase, of in users.items():
        # A text that was misheard now and then belongs to what it was mostly understood as.
        name = max(of, key=lambda name: len(of[name]))
        if len(of[name]) >= LEAST and name in (slots if "{" in phrase else intents):
            found[name][phrase] = len(of[name])
    return {
        name: [phrase for phrase, _ in counts.most_common(MOST)] for name, counts in sorted(found.items())
    }


def _with_braces(text: str, slot: str, value: str) -> str | None:
    """Return a text with a slot's name in the place of its value; None if that is not there once."""
    place = text.casefold().find(value.casefold()) if value else -1
    if place < 0 or text.casefold().count(value.casefold()) != 1 or len(text) != len(text.casefold()):
        return None
    return f"{text[:place]}{{{slot}}}{text[place + len(value) :]}"


def fitted_phrases(domain: Domain, found: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the phrases of a domain with those found in their place.

    A slot's phrase is a whole message then, so intents that tell slots add nothing to it.
    """
    user = domain.fake_user
    assert user is not None
    phrases = {name: list(texts) for name, texts in user.phrases} | dict(found)
    if any(slot in found for slot, _ in user.goal):
        told = {name for role, name in user.intents if role in ("inform", "open")}
        told |= {item.intent for agenda in user.agendas for item in agenda.items if item.tells}
        for intent in sorted(told):
            without = [text for text in phrases.get(intent, ()) if "{entities}" not in text]
            phrases[intent] = ["{entities}", *without]
    return phrases
