"""From text to what was meant: the interface of interpreters, and the fixed format."""

from __future__ import annotations

import abc
import json
import re
from dataclasses import dataclass
from typing import Any

from dialogue_gym._text import finite, name_fault, nearest, printable, shorten
from dialogue_gym.conversation.events import Entity, UserUttered, entities_from
from dialogue_gym.domain.model import Domain

_ACT = re.compile(r"/?(?P<intent>[^@{]*)(?:@(?P<confidence>[^{]*))?(?P<entities>\{.*)?", re.DOTALL)


class InterpreterError(ValueError):
    """A message that cannot be interpreted. The error is one line."""

    def __init__(self, message: str) -> None:
        """Keep the message, with what cannot be printed escaped."""
        super().__init__(printable(message))


@dataclass(frozen=True, slots=True)
class Interpretation:
    """What a text was taken to mean.

    `intent` is None where nothing was understood; of a retrieval intent it is the full name, `faq/hours`.
    `ranking` pairs intents and confidences, best first.
    """

    text: str
    intent: str | None = None
    confidence: float = 0.0
    entities: tuple[Entity, ...] = ()
    ranking: tuple[tuple[str, float], ...] = ()

    @property
    def message(self) -> UserUttered:
        """The event that the user said this."""
        return UserUttered(self.text, self.intent, self.entities, self.confidence)


class Interpreter(abc.ABC):
    """Says what a text means. A subclass can ask any other service:

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
        """Return what a text means.

        Raises:
            InterpreterError: it cannot be interpreted, or not now; one line says why.
        """


class FixedFormatInterpreter(Interpreter):
    """Reads acts in the fixed format: `/inform{"cuisine": "french"}`. See `parse_act`."""

    def __init__(self, domain: Domain | None = None) -> None:
        """Read acts; with a domain, those with its intents and entities alone."""
        self.domain = domain

    def parse(self, text: str) -> Interpretation:
        """Return what an act means.

        Raises:
            InterpreterError: this is no act, or not one of the domain.
        """
        return parse_act(text, self.domain)


class CombinedInterpreter(Interpreter):
    """Reads a text that begins with `/` as an act in the fixed format, and leaves any other to another."""

    def __init__(self, other: Interpreter, domain: Domain | None = None) -> None:
        """Leave words to `other`; see `FixedFormatInterpreter` for the domain."""
        self.other = other
        self.fixed = FixedFormatInterpreter(domain)

    def parse(self, text: str) -> Interpretation:
        """Return what a text means.

        Raises:
            InterpreterError: it cannot be interpreted; one line says why.
        """
        return (self.fixed if text.lstrip().startswith("/") else self.other).parse(text)


def parse_act(text: str, domain: Domain | None = None) -> Interpretation:
    """Return what an act in the fixed format means.

    The format is Rasa's: `/intent{"entity": "value"}`, here also without the slash, without braces and with a
    confidence after the intent, `/inform@0.7{"cuisine": "french"}`. A list is several entities of one name.

    >>> parse_act('/inform@0.7{"cuisine": "french"}').message.act
    'inform{"cuisine": "french"}'

    Raises:
        InterpreterError: this is no act, or one with an intent or entity that the domain does not have.
    """
    found = _ACT.fullmatch(text.strip())
    if not found or not (intent := found["intent"].strip()):
        raise InterpreterError(f"{shorten(text)} names no intent, as /greet does")
    if fault := name_fault(intent):
        raise InterpreterError(f"{shorten(intent)} is no intent: {fault}")
    if domain is not None and domain.intent_of(intent) is None:
        raise InterpreterError(f"{shorten(intent)} is no intent; {nearest(intent, domain.intents)}")
    confidence = 1.0 if found["confidence"] is None else _confidence(found["confidence"].strip())
    values = _values(found["entities"]) if found["entities"] else {}
    for name in values:
        if domain is not None and name not in domain.entities:
            raise InterpreterError(f"{shorten(name)} is no entity; {nearest(name, domain.entities)}")
    return Interpretation(text, intent, confidence, entities_from(values), ((intent, confidence),))


def _confidence(text: str) -> float:
    try:
        confidence = float(text)
    except ValueError:
        confidence = -1.0
    if not 0 <= confidence <= 1:
        raise InterpreterError(f"{shorten(text)} is no confidence: a number from 0 to 1 stands after @")
    return confidence


def _values(text: str) -> dict[str, Any]:
    try:
        values: dict[str, Any] = read_json(text)
    except ValueError as error:
        raise InterpreterError(f"{shorten(text)} names no entities: {error}") from None
    for name, value in values.items():
        if fault := name_fault(name):
            raise InterpreterError(f"{shorten(name)} is no entity: {fault}")
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, (list, dict)):
                raise InterpreterError(f"the value of {shorten(name)} is neither text nor number nor a list")
    return values


def read_json(text: str) -> Any:
    """Return what JSON that a person wrote says.

    Raises:
        ValueError: it is none or nested too deep, has the same key twice, or a number that is not finite.
    """
    try:
        return json.loads(
            text,
            object_pairs_hook=_without_doubles,
            parse_constant=finite,
            parse_float=finite,
            parse_int=_whole,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON: {error.msg} at {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("nested too deep") from None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("the same name stands there twice")
    return values


def _whole(text: str) -> int:
    finite(text)  # of any length, which int is not
    return int(text)
