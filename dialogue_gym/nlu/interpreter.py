"""The interface of interpreters, which find the meaning of a text, and the fixed format."""

from __future__ import annotations

import abc
import dataclasses
import json
import re
from dataclasses import dataclass
from typing import Any

from dialogue_gym._text import finite_number, fraction, name_fault, nearest, printable, quoted
from dialogue_gym.conversation.events import Entity, UserUttered, entities_from
from dialogue_gym.domain.default_names import command_of, known_intents
from dialogue_gym.domain.model import Domain

FALLBACK = 0.4
"""The confidence under which a sentence is not understood, unless a person wishes otherwise."""
_ACT = re.compile(r"/?(?P<intent>[^@{]*)(?:@(?P<confidence>[^{]*))?(?P<entities>\{.*)?", re.DOTALL)


class InterpreterError(ValueError):
    """Raised if a message cannot be interpreted. The text is one line."""

    def __init__(self, message: str) -> None:
        """Keep the message, with unprintable characters escaped."""
        super().__init__(printable(message))


@dataclass(frozen=True, slots=True)
class Interpretation:
    """The meaning that an interpreter found in a text.

    `intent` is None if nothing was understood; a retrieval intent has its full name, `faq/hours`. `ranking`
    pairs intents with confidences, the best first.
    """

    text: str
    intent: str | None = None
    confidence: float = 0.0
    entities: tuple[Entity, ...] = ()
    ranking: tuple[tuple[str, float], ...] = ()

    @property
    def message(self) -> UserUttered:
        """The user's message as an event."""
        return UserUttered(self.text, self.intent, self.entities, self.confidence)


class Interpreter(abc.ABC):
    """Finder of the meaning of a text. A subclass can use any other service:

    >>> class Shouting(Interpreter):
    ...     def __init__(self, other: Interpreter) -> None:
    ...         self.other = other
    ...
    ...     def parse(self, text: str) -> Interpretation:
    ...         if text.isupper():
    ...             return Interpretation(text, "complain", confidence=0.9)
    ...         return self.other.parse(text)
    >>> Shouting(FixedFormatInterpreter()).parse("WHERE IS MY FOOD").intent
    'complain'
    """  # noqa: D415

    @abc.abstractmethod
    def parse(self, text: str) -> Interpretation:
        """Return the meaning of a text.

        Raises:
            InterpreterError: the text cannot be interpreted, or not now; the message is one line.
        """

    def use_domain(self, domain: Domain) -> None:  # noqa: B027
        """Take a domain that has grown; an interpreter that does not know the domain ignores it."""


class FixedFormatInterpreter(Interpreter):
    """Reader of acts in the fixed format: `/inform{"cuisine": "french"}`. See `parse_act`."""

    def __init__(self, domain: Domain | None = None) -> None:
        """Read acts; with a domain, only those with its intents and entities."""
        self.domain = domain

    def parse(self, text: str) -> Interpretation:
        """Return the meaning of an act.

        Raises:
            InterpreterError: the text is not an act, or not one of the domain.
        """
        return parse_act(text, self.domain)

    def use_domain(self, domain: Domain) -> None:
        """Read acts with the names of a domain that has grown, unless any name is read."""
        self.domain = self.domain and domain


class CombinedInterpreter(Interpreter):
    """Reader of texts that begin with `/` as acts; any other text goes to another interpreter."""

    def __init__(self, other: Interpreter, domain: Domain | None = None) -> None:
        """Pass plain text to `other`; see `FixedFormatInterpreter` for the domain."""
        self.other = other
        self.fixed = FixedFormatInterpreter(domain)

    def parse(self, text: str) -> Interpretation:
        """Return the meaning of a text.

        Raises:
            InterpreterError: the text cannot be interpreted; the message is one line.
        """
        return (self.fixed if text.lstrip().startswith("/") else self.other).parse(text)

    def use_domain(self, domain: Domain) -> None:
        """Take a domain that has grown."""
        self.fixed.use_domain(domain)
        self.other.use_domain(domain)


def understand(
    interpreter: Interpreter, text: str, domain: Domain, channel: str | None = None
) -> UserUttered:
    """Return a person's message to a bot; `/restart` and its like are understood by every interpreter.

    Raises:
        InterpreterError: the text cannot be interpreted; the message is one line.
    """
    typed = text.strip()
    is_command = typed.startswith("/") and command_of(domain, typed[1:]) is not None
    message = (parse_act(typed) if is_command else interpreter.parse(text)).message
    return dataclasses.replace(message, channel=channel)


def parse_act(text: str, domain: Domain | None = None) -> Interpretation:
    """Return the meaning of an act in the fixed format.

    The format is Rasa's, `/intent{"entity": "value"}`, with a confidence if wanted:
    `/inform@0.7{"cuisine": "french"}`. The slash and the braces are optional. A list stands for several
    entities of one name.

    >>> parse_act('/inform@0.7{"cuisine": "french"}').message.act
    'inform{"cuisine": "french"}'

    Raises:
        InterpreterError: the text is not an act, or has an intent or entity that the domain does not have.
    """
    found = _ACT.fullmatch(text.strip())
    if not found or not (intent := found["intent"].strip()):
        raise InterpreterError(f"{quoted(text)} does not name an intent; an act is written as in /greet")
    if fault := name_fault(intent):
        raise InterpreterError(f"invalid intent {quoted(intent)}: {fault}")
    if domain is not None and domain.intent_of(intent) is None and intent not in known_intents(domain):
        raise InterpreterError(f"unknown intent {quoted(intent)}; {nearest(intent, domain.intents)}")
    confidence = 1.0 if found["confidence"] is None else _confidence(found["confidence"].strip())
    values = _values(found["entities"]) if found["entities"] else {}
    for name in values:
        if domain is not None and name not in domain.known_entities:
            raise InterpreterError(f"unknown entity {quoted(name)}; {nearest(name, domain.known_entities)}")
    return Interpretation(text, intent, confidence, entities_from(values), ((intent, confidence),))


def _confidence(text: str) -> float:
    try:
        return fraction(text)
    except ValueError:
        reason = "expected a number from 0 to 1 after @"
        raise InterpreterError(f"invalid confidence {quoted(text)}: {reason}") from None


def _values(text: str) -> dict[str, Any]:
    try:
        values: dict[str, Any] = read_json(text)
    except ValueError as error:
        raise InterpreterError(f"invalid entities {quoted(text)}: {error}") from None
    for name, value in values.items():
        if fault := name_fault(name):
            raise InterpreterError(f"invalid entity {quoted(name)}: {fault}")
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, (list, dict)):
                raise InterpreterError(
                    f"the value of {quoted(name)} is not a text, a number or a list of these"
                )
    return values


def read_json(text: str) -> Any:
    """Return the content of JSON that a person wrote.

    Raises:
        ValueError: it is not valid JSON, is nested too deeply, has a duplicate key, or has a number that is
            not finite.
    """
    try:
        return json.loads(
            text,
            object_pairs_hook=_without_doubles,
            parse_constant=finite_number,
            parse_float=finite_number,
            parse_int=_whole,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON: {error.msg} at {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("it has a duplicate name")
    return values


def _whole(text: str) -> int:
    finite_number(text)  # also refuses a number that is too long for int
    return int(text)
