"""The actions of a foreign bot, read from its tracker or from its texts."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dialogue_gym._text import counted
from dialogue_gym.conversation.events import BotUttered
from dialogue_gym.conversation.search_state import SERVICES
from dialogue_gym.conversation.transcripts import message_lines
from dialogue_gym.domain import Domain
from dialogue_gym.domain.default_names import DEFAULT_ACTIONS, FALLBACK_ACTION
from dialogue_gym.domain.model import LISTEN, NO_VENUE, Condition
from dialogue_gym.domain.observation import SlotCodes, slot_codes
from dialogue_gym.domain.slot import DONT_CARE
from dialogue_gym.text.tools import quoted_value

_NOTHING = frozenset(("", "?", "none", "null", "nil", "unknown", "undefined", "nan"))
"""Words in the place of a value that a bot does not know."""
_MAX_JOINED = 4
"""Messages that are read as one text: a channel sends each paragraph on its own."""


@dataclass(frozen=True)
class Deed:
    """One thing that a bot did in its turn.

    Attributes:
        action: the action; None if it is not known.
        messages: the messages that it sent.
        values: the values that the user was told, by slot; None for one that the bot does not know.
        fault: the reason why the action is not known.
        unnamed: slots that texts of the domain name in this action, and these messages do not.
        guesses: the actions, or the venues, that a text could be about, if they are several.
        venue: the venue that it offers to a user who searches; None if it says that there is none.
    """

    action: str | None
    messages: tuple[BotUttered, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    fault: str | None = None
    unnamed: tuple[str, ...] = ()
    guesses: tuple[str, ...] = ()
    venue: str | None = None

    @property
    def text(self) -> str:
        """Its messages on one line."""
        return " ".join(line for message in self.messages for line in message_lines(message))


class DeedReader:
    """Reader of the actions of bots with a domain."""

    def __init__(self, domain: Domain) -> None:
        """Prepare to read.

        Raises:
            ValueError: no action of the domain has a text.
            ImportError: a package of the extra `nlu` is missing.
        """
        from dialogue_gym.text.sentences import SentenceReader  # needs the extra nlu

        self._domain = domain
        self._sentences = SentenceReader(domain)
        self._codes = {code.slot.name: code for code in slot_codes(domain)}
        self._alike = {name: _reactions_to(domain, name) for name in domain.actions}
        self._forms = {form.name for form in domain.forms}
        self._venues = {name.casefold(): name for name in domain.database.names} if domain.database else {}
        names = "|".join(map(re.escape, sorted(self._venues, key=len, reverse=True)))
        self._venue_pattern = re.compile(rf"(?<!\w)(?:{names})(?!\w)", re.IGNORECASE)

    def read(self, messages: Sequence[BotUttered], done: Sequence[str] | None = None) -> list[Deed]:
        """Return the bot's deeds in one turn, in order.

        Args:
            messages: the messages that the user got.
            done: the actions by the bot's tracker; None without one, and the texts are read.
        """
        if done is not None:
            return self._tracked(messages, done)
        deeds: list[Deed] = []
        start = 0
        while start < len(messages):
            deed = self._first(messages[start : start + _MAX_JOINED])
            start += len(deed.messages)
            if deeds and self._is_continued(deeds[-1], deed):
                deed = dataclasses.replace(deed, messages=(*deeds.pop().messages, *deed.messages))
            deeds.append(deed)
        return deeds

    def _is_continued(self, deed: Deed, following: Deed) -> bool:
        """Return whether two deeds are parts of one answer about several attributes."""
        if deed.action is None or deed.action != following.action:
            return False
        return self._domain.action_model(deed.action).reaction == SERVICES[2]

    def _first(self, messages: Sequence[BotUttered]) -> Deed:
        """Return the deed of the first of some messages, and of those after it that belong to it."""
        for count in range(len(messages), 0, -1):
            if found := self._sentences.exact(_joined(messages[:count])):
                return self._deed(found, tuple(messages[:count]), is_exact=True)
        first = (messages[0],)
        if not (text := _joined(first)):
            return Deed(None, first, fault="a message without a text")
        if found := self._sentences.similar(text):
            return self._deed(found, first, is_exact=False)
        number = counted(len(self._domain.actions) - 1, "action")
        return Deed(None, first, fault=f"{quoted_value(text)} is like none of {number}")

    def _deed(
        self, found: Mapping[str, Mapping[str, str]], messages: tuple[BotUttered, ...], is_exact: bool
    ) -> Deed:
        names = tuple(found)
        if len({self._alike[name] for name in names}) > 1:
            fault = f"{quoted_value(_joined(messages))} could be {' or '.join(names)}"
            return Deed(None, messages, fault=fault, guesses=names)
        return self._told(names[0], messages, found[names[0]], is_exact)

    def _told(
        self, name: str, messages: tuple[BotUttered, ...], said: Mapping[str, str], is_exact: bool
    ) -> Deed:
        model = self._domain.action_model(name)
        if model.reaction == "confirm" and model.slot and is_exact and model.slot not in said:
            said = {model.slot: DONT_CARE}  # as in "any price will do?"
        arguments = self._sentences.tools[name].arguments
        values = {
            one.name: _value(self._codes[one.name], said[one.name]) for one in arguments if one.name in said
        }
        unnamed = tuple(one.name for one in arguments if one.is_required and one.name not in said)
        if model.reaction in SERVICES[:2]:
            return self._offer(Deed(name, messages, values, unnamed=unnamed), said)
        return Deed(name, messages, values, unnamed=unnamed)

    def _venue_of(self, found: str) -> str:
        """Return the venue that a text has named."""
        if (name := self._venues.get(found.casefold())) is not None:
            return name
        # Patterns take I, i and the Turkish i without a dot for one letter, and lower case does not.
        return next(name for name in self._venues.values() if re.fullmatch(re.escape(name), found, re.I))

    def _offer(self, deed: Deed, said: Mapping[str, str]) -> Deed:
        """Return a deed that offers a venue, or says that there is none."""
        database = self._domain.database
        assert database is not None and deed.action is not None
        text = _joined(deed.messages)
        named = list(dict.fromkeys(map(self._venue_of, self._venue_pattern.findall(text))))
        if len(named) > 1:
            fault = f"{quoted_value(text)} could be about {' or '.join(named[:3])}"
            return Deed(None, deed.messages, fault=fault, guesses=tuple(named))
        if named:
            return dataclasses.replace(deed, venue=named[0])
        if database.name in said:
            fault = f"there is no {database.name} {quoted_value(said[database.name])}"
            return Deed(None, deed.messages, fault=fault)
        none = (one for part in NO_VENUE for one in self._domain.texts(f"{deed.action}/{part}"))
        words = database.name.replace("_", " ")
        plain = (f"I know of no such {words}.", f"I know of no other {words}.")
        if any(one.casefold() in text.casefold() for one in (*none, *plain)):
            return deed
        return Deed(None, deed.messages, fault=f"{quoted_value(text)} names no {words}")

    def _tracked(self, messages: Sequence[BotUttered], done: Sequence[str]) -> list[Deed]:
        if not self._forms.isdisjoint(done):  # no event of Rasa's says for what a form asks
            others = [Deed(name) for name in done if name in self._sentences.tools and not self._speaks(name)]
            return [*others, *self.read(messages)]
        if FALLBACK_ACTION in done:
            return [Deed(None, tuple(messages), fault=NOT_UNDERSTOOD)]
        deeds = [self._named(name, messages) for name in done if name not in _UNSEEN]
        speaking = [place for place, deed in enumerate(deeds) if deed.action and self._speaks(deed.action)]
        if not messages:
            for place in speaking:
                fault = f"{deeds[place].action} was done, and the user was told nothing"
                deeds[place] = Deed(None, fault=fault)
        elif speaking:
            own: list[tuple[BotUttered, ...]] = [()] * (len(speaking) - 1) + [tuple(messages)]
            if len(messages) == len(speaking):
                own = [(message,) for message in messages]
            for place, said in zip(speaking, own, strict=True):
                deeds[place] = dataclasses.replace(deeds[place], messages=said)
        elif texts := " ".join(filter(None, map(_joined, [messages]))):
            fault = f"{quoted_value(texts)} was said, and no action that speaks was done"
            deeds.append(Deed(None, tuple(messages), fault=fault))
        return deeds

    def _speaks(self, name: str) -> bool:
        return self._domain.action_model(name).speaks

    def _named(self, name: str, messages: Sequence[BotUttered]) -> Deed:
        """Return the deed of an action with a name, which some of the messages belong to."""
        if name not in self._sentences.tools:
            return Deed(None, fault=f"the domain has no action {quoted_value(name)}")
        if not self._speaks(name):
            return Deed(name)
        given = tuple(messages)
        is_offer = self._domain.action_model(name).reaction in SERVICES[:2]
        if not self._sentences.tools[name].arguments and not is_offer:
            return Deed(name, given)
        for start in range(len(given)):
            for end in range(len(given), start, -1):
                found = self._sentences.exact(_joined(given[start:end]))
                if name in found:
                    return self._told(name, given, found[name], is_exact=True)
        said = {} if is_offer else self._sentences.named(_joined(given))
        return self._told(name, given, said, is_exact=False)


NOT_UNDERSTOOD = "the bot did not understand the user"
"""The fault of a bot that falls back."""
_UNSEEN = frozenset((LISTEN, *DEFAULT_ACTIONS)) - {"action_restart"}
"""Actions of a tracker that no user notices."""


def _joined(messages: Sequence[BotUttered]) -> str:
    return " ".join(message.text for message in messages if message.text)


def _value(code: SlotCodes, said: str) -> Any:
    """Return the value of a slot that a text names; None if it stands for not knowing it."""
    word = said.strip()
    if word.casefold() in _NOTHING:
        return None
    if word == DONT_CARE and code.slot.is_constraint:
        return DONT_CARE
    for value in code.values:
        if value.casefold() == word.casefold():
            return value
    if code.slot.type == "float":
        try:
            return float(word)
        except ValueError:
            return word
    if code.slot.type == "bool" and word.casefold() in ("true", "yes", "false", "no"):
        return word.casefold() in ("true", "yes")
    return word


def _reactions_to(domain: Domain, name: str) -> object:
    """Return a value that is the same for actions to which every user reacts alike."""
    user = domain.fake_user
    items = [item for agenda in user.agendas for item in agenda.items] if user else []
    answered = tuple(name in item.answers for item in items)
    model = dataclasses.replace(domain.action_model(name), name="", says=(), description="")
    if model.reaction in SERVICES[:2]:  # one that there is none is the same, whether others were offered
        model = dataclasses.replace(model, reaction=SERVICES[0], needs=Condition())
    return model, answered
