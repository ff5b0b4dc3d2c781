"""The wish of the user in a taught conversation, in the words of the domain. No input or output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dialogue_gym._text import visible
from dialogue_gym.conversation.transcripts import VALUE_WIDTH
from dialogue_gym.conversation.wording import fill
from dialogue_gym.domain import Domain
from dialogue_gym.domain.slot import DONT_CARE
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.teaching.session import Session

MOST = 4
"""The most sentences that are suggested to a teacher who is the user."""
_LATER = ("affirm", "deny", "inform", "thank", "bye", "goodbye", "cancel", "stop", "tell_")
"""The beginnings of the names of intents that usually answer the bot, or end a conversation."""


@dataclass(frozen=True)
class WishPart:
    """A part of a wish, and whether the bot has heard it."""

    text: str
    is_told: bool = False


@dataclass(frozen=True)
class UserWish:
    """The wish of a user, part by part, under a title."""

    title: str
    parts: tuple[WishPart, ...]

    def __str__(self) -> str:
        """The wish in one line."""
        parts = [f"{part.text} (told)" if part.is_told else part.text for part in self.parts]
        return f"{self.title}: {', '.join(parts)}" if parts else f"{self.title}."


def wish_of(session: Session) -> UserWish:
    """Return the wish of the fake user, or sentences to try for a teacher who is the user."""
    if (user := session.simulated_user) is None:
        return _to_try(session)
    return user_wish(user.env)


def user_wish(env: DialogueEnv) -> UserWish:
    """Return the wish of the fake user of an environment's dialogue."""
    return _agenda(env) if env.agenda[0] else _goal(env)


def _goal(env: DialogueEnv) -> UserWish:
    """Return the values that a user wants, and the attributes that they ask for.

    A value is told if a slot has it, an attribute if the bot has told it.
    """
    slots, domain = env.conversation.slots, env.domain
    parts = []
    # What does not matter comes after what does.
    for name, value in sorted(env.goal.items(), key=lambda one: _is_open(domain, *one)):
        has = domain.slot(name).text_of(slots[name]) == value
        text = f"any {_spoken(name)}" if _is_open(domain, name, value) else _told(domain, name, value)
        parts.append(WishPart(visible(text, VALUE_WIDTH), has))
    for name, has in env.wishes.items():
        text = next(iter(_phrases(domain, name)), f"the {_spoken(name)}")
        parts.append(WishPart(visible(text, VALUE_WIDTH), has))
    return UserWish("The user wants", tuple(parts))


def _is_open(domain: Domain, slot: str, value: str) -> bool:
    """Return whether a value says that a constraint does not matter."""
    return value == DONT_CARE and domain.slot(slot).is_constraint


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _agenda(env: DialogueEnv) -> UserWish:
    """Return the messages that an agenda-driven user plans, in their order."""
    items, said = env.agenda
    goal = env.goal
    parts = []
    for place, item in enumerate(items):
        told = [_told(env.domain, name, goal[name]) for name in item.tells]
        parts.append(WishPart(visible(_said(env.domain, item.intent, told), VALUE_WIDTH), place < said))
    return UserWish("The user will say", tuple(parts))


def _to_try(session: Session) -> UserWish:
    """Return the first example of each of some intents; without examples, the intents themselves.

    Greetings and wishes come first: a yes, a thank-you or a single value begins no conversation.
    """
    found: dict[str, str] = {}
    for example in session.interpreter.all_examples:
        found.setdefault(example.intent, example.text)
    names = sorted(found or session.domain.intents, key=lambda name: name.startswith(_LATER))
    sentences = [found.get(name, f"/{name}") for name in names[:MOST]]
    parts = tuple(WishPart(f'"{visible(sentence, VALUE_WIDTH)}"') for sentence in sentences)
    return UserWish("You are the user. Say, for example" if parts else "You are the user", parts)


def _phrases(domain: Domain, name: str) -> tuple[str, ...]:
    return dict(domain.fake_user.phrases).get(name, ()) if domain.fake_user else ()


def _told(domain: Domain, slot: str, value: str) -> str:
    """Return a value of a slot in words: "a table for 2"."""
    (phrase, *_) = (*_phrases(domain, slot), f"{_spoken(slot)}: {{{slot}}}")
    return fill(phrase, {slot: value})


def _said(domain: Domain, intent: str, told: Sequence[str]) -> str:
    """Return a message of an agenda in words."""
    values = ", ".join(told)
    for phrase in _phrases(domain, intent):
        if bool(told) == ("{entities}" in phrase):
            return f'"{fill(phrase, {"entities": values})}"'
    return f"{intent.replace('_', ' ')} ({values})" if told else intent.replace("_", " ")
