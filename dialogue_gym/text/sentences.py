"""Reader of a bot's sentences: the texts of the domain as patterns, or an interpreter trained on them."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator
from typing import Any

from dialogue_gym._text import PLACE, counted, whole_characters
from dialogue_gym.conversation.wording import fill
from dialogue_gym.domain import Domain
from dialogue_gym.domain.observation import slot_codes
from dialogue_gym.nlu.examples import Example, NluData
from dialogue_gym.nlu.interpreter import FALLBACK, Interpretation
from dialogue_gym.nlu.regex import MAX_PATTERN, Pattern, compile_pattern
from dialogue_gym.nlu.trained import MAX_TEXT, TrainedInterpreter
from dialogue_gym.text.replies import Call, Reply, ReplyError, ReplyReader, reply_text
from dialogue_gym.text.tools import Tool, quoted_value

_MARGIN = 0.1
"""The confidence by which one action must be likelier than the next."""
_FILLINGS = 6
"""Sentences that are made of a text with places, for the interpreter."""


class SentenceReader(ReplyReader):
    """Reader of replies that are sentences to the user.

    A sentence is one of the domain's texts, with any values in its places, or else one that an interpreter
    trained on these texts takes for an action. One that could be two actions is refused. Values that it names
    are those that the user judges; others stay as the rules have kept track of them.
    """

    mode = "free"

    def __init__(self, domain: Domain) -> None:
        """Compile the patterns (needs the extra `nlu`)."""
        super().__init__(domain)
        self._texts = [
            (tool.name, text) for tool in self.tools.values() for text in said_texts(domain, tool.name)
        ]
        if not self._texts:
            raise ValueError(f"{domain.name}: no action has a text, so that sentences cannot be understood")
        self._domain = domain
        self._patterns = [
            (action, compiled, places)
            for action, text in self._texts
            for compiled, places in [_pattern(text)]
            if compiled is not None
        ]
        self._slots = {slot.entity: slot.name for slot in domain.slots if slot.entity is not None}
        self._known = {
            code.slot.name: {value.casefold() for value in code.values}
            for code in slot_codes(domain)
            if code.values
        }
        if domain.database is not None:
            self._known[domain.database.name] = {name.casefold() for name in domain.database.names}

    @functools.cached_property
    def _interpreter(self) -> TrainedInterpreter:
        """The interpreter of sentences that are not among the texts, trained when the first one comes."""
        values = {
            argument.name: argument.values
            for tool in self.tools.values()
            for argument in tool.arguments
            if argument.values
        }
        examples = [Example(one, action) for action, text in self._texts for one in _fillings(text, values)]
        # Its name is what an action is about: the location, in utter_ask_location.
        examples += [Example(" ".join(name.split("_")[1:] or [name]), name) for name in dict(self._texts)]
        return TrainedInterpreter(self._domain, NluData(tuple(examples)))

    def read(self, reply: Reply) -> Call:
        """Return the action that a sentence stands for, with the values that it names."""
        text = reply_text(reply)
        found = self.exact(text) or self.similar(text)
        shown = quoted_value(_on_one_line(text))
        if not found:
            raise ReplyError(f"{shown} is like none of {counted(len(self.tools), 'action')}")
        if len(found) > 1:
            raise ReplyError(f"{shown} could be {' or '.join(found)}")
        ((action, said),) = found.items()
        return self._call(self.tools[action], said)

    def exact(self, text: str) -> dict[str, dict[str, str]]:
        """Return the actions that have this text, in alphabetical order, each with the values that it names.

        Values are by place, as they are written. Anything can stand in a place, so that texts without places
        precede the others, and then those whose places have values that are known.
        """
        text = _on_one_line(text)
        found: list[tuple[int, str, dict[str, str]]] = []
        for action, pattern, places in self._patterns:
            if matched := pattern.match(text):
                said = dict(zip(places, matched.groups(), strict=True))
                found.append((self._strangers(said), action, said))
        fewest = min((strangers for strangers, _, _ in found), default=0)
        nearest = {action: said for strangers, action, said in reversed(found) if strangers == fewest}
        return dict(sorted(nearest.items()))

    def _strangers(self, said: dict[str, str]) -> int:
        """Return 0 for a text without places, 1 if all values in its places are known, else 2."""
        return (
            1
            + any(
                value.casefold() not in self._known[place]
                for place, value in said.items()
                if place in self._known
            )
            if said
            else 0
        )

    def similar(self, text: str) -> dict[str, dict[str, str]]:
        """Return the actions that a text is like, the likeliest first, each with the values that it names.

        They are several if their confidences are close to each other, and none if it is low.
        """
        meaning = self._interpreter.parse(_on_one_line(text))
        if meaning.intent is None or meaning.confidence < FALLBACK:
            return {}
        likely = [name for name, confidence in meaning.ranking if confidence > meaning.confidence - _MARGIN]
        return dict.fromkeys(likely, self._named(meaning))

    def named(self, text: str) -> dict[str, str]:
        """Return the values that a text names, by slot, whatever its action is."""
        return self._named(self._interpreter.parse(_on_one_line(text)))

    def _named(self, meaning: Interpretation) -> dict[str, str]:
        return {self._slots[one.name]: str(one.value) for one in meaning.entities if one.name in self._slots}

    @staticmethod
    def _call(tool: Tool, said: dict[str, str]) -> Call:
        try:
            values: dict[str, Any] = {
                argument.name: argument.read(tool.name, said[argument.name])
                for argument in tool.arguments
                if argument.name in said
            }
        except ValueError as error:
            raise ReplyError(str(error)) from None
        return Call(tool.name, values)


def _on_one_line(text: str) -> str:
    """Return the beginning of a text with single spaces, and without halves of characters."""
    return " ".join(whole_characters(text[:MAX_TEXT]).split())


def said_texts(domain: Domain, action: str) -> list[str]:
    """Return all texts of an action, those of its answers and refusals included."""
    further = [name for name in (one.name for one in domain.responses) if name.startswith(f"{action}/")]
    return [text for name in (action, *further) for text in domain.texts(name)]


def _pattern(text: str) -> tuple[Pattern | None, list[str]]:
    """Return a text as a pattern with a group for each place, and the names of the places."""
    parts: list[str] = []
    names: list[str] = []
    at = 0
    for place in PLACE.finditer(text):
        parts.append(_literal(text[at : place.start()]))
        at = place.end()
        if place[1] is None:
            parts.append(re.escape(place[0][0]))
        else:
            parts.append("(.+?)")
            names.append(place[1])
    parts.append(_literal(text[at:].rstrip(" .!?")))
    pattern = f"^{''.join(parts)}[ .!?]*$"
    return (compile_pattern(pattern) if len(pattern) <= MAX_PATTERN else None), names


def _literal(text: str) -> str:
    """Return a pattern for a text whose spaces may be any."""
    edges = text[:1].isspace(), text[-1:].isspace()
    inner = r"\s+".join(map(re.escape, text.split()))
    return (r"\s+" if edges[0] else "") + inner + (r"\s+" if edges[1] and inner else "")


def _fillings(text: str, values: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield a text as it is and without its marks, with values in its places: several if it has any."""
    places = [place[1] for place in PLACE.finditer(text) if place[1]]
    for number in range(_FILLINGS if places else 1):
        given = {
            name: next(itertools.islice(itertools.cycle(values[name]), number, None))
            for name in places
            if name in values
        }
        filled = fill(text, dict.fromkeys(places, "something") | given)
        yield from (filled, " ".join(re.findall(r"[\w']+", filled)))
