"""A dialogue of the fake user with a foreign bot, without input or output."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dialogue_gym._text import nearest
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.effects import declared_effects
from dialogue_gym.conversation.events import ActionExecuted, SlotSet, UserUttered
from dialogue_gym.conversation.search_state import SERVICES, asked_for, venue_on_offer
from dialogue_gym.conversation.user_act import ActReader, UserAct
from dialogue_gym.conversation.wording import Speaker, fill
from dialogue_gym.domain import Domain
from dialogue_gym.domain.observation import confidence_value
from dialogue_gym.envs.options import NO_CHOICE, fold, read_seed
from dialogue_gym.envs.settings import make_settings
from dialogue_gym.envs.simulation import Simulation
from dialogue_gym.rules import allowed, attribute_columns
from dialogue_gym.rules.tables import (
    FAILURE,
    GIVEN,
    HEARD_CONFIDENCE,
    LISTENING,
    MADE,
    NO_MATCH,
    NO_OTHER,
    ON_OFFER,
    RANDOM,
    STEP_LIMITS,
    SUCCESS,
    TURN,
    TURNS,
    USELESS,
)
from dialogue_gym.testing.reading import Deed
from dialogue_gym.text.dialogue import TEXT_SETTINGS

SENTENCES, FIXED = "sentences", "fixed"
FORMATS = (SENTENCES, FIXED)
"""The forms of the user's messages: sentences, or acts such as `/inform{"cuisine": "french"}`."""
SETTINGS = {"turn_taking": "auto"} | TEXT_SETTINGS
"""The settings of dialogues with foreign bots, with their defaults."""
_NEVER = 10**9


@dataclass(frozen=True)
class Round:
    """A message of the user, and the bot's turn after it.

    Attributes:
        message: the message as it was sent.
        act: its meaning.
        deeds: the things that the bot did.
        was_useless: whether they brought the user no closer to what they want.
        untold: the attributes that the user had asked for and was not told in an answer.
    """

    message: str
    act: UserAct
    deeds: tuple[Deed, ...]
    was_useless: bool
    untold: tuple[str, ...] = ()


def record(conversation: Conversation, deed: Deed) -> None:
    """Append a deed to a conversation: the action, its effects, the values that it says, and its messages."""
    if deed.action is not None:
        is_possible = conversation.is_possible(deed.action)
        conversation.append(ActionExecuted(deed.action))
        conversation.extend(declared_effects(deed.action, conversation.domain) if is_possible else ())
        database = conversation.domain.database
        if database and conversation.domain.action_model(deed.action).reaction in SERVICES[:2]:
            conversation.append(SlotSet(database.name, deed.venue))
    known = conversation.slots
    conversation.extend(SlotSet(slot, said) for slot, said in deed.values.items() if said != known[slot])
    conversation.extend(deed.messages)


def told_attributes(domain: Domain, deed: Deed, venue: Mapping[str, str | None]) -> frozenset[str]:
    """Return the attributes of a venue that an answer tells as they are in the database.

    Of one that the database does not know, the answer has to say so as the domain does.
    """
    told = set()
    text = " ".join(deed.text.casefold().split())
    for name in attribute_columns(domain):
        cell = venue.get(name)
        if cell is None:
            parts = domain.texts(f"{deed.action}/{name}")
            words = [fill(part, {**venue}) for part in parts if f"{{{name}}}" not in part]
        else:
            words = [cell]
        found = (" ".join(one.casefold().split()) for one in words)
        if any(re.search(rf"(?<!\w){re.escape(one)}(?!\w)", text) for one in found if one):
            told.add(name)
    return frozenset(told) if venue else frozenset()


class ForeignDialogue:
    """Dialogues with a bot of which only the messages are known, one after the other.

    The user, the rewards and the endings are those of `DialogueEnv` with the same seed. The user answers the
    last thing that the bot said before it waits. The values that the bot's messages name are those that the
    user judges. With automatic turn taking, handing the turn over is not a step.

    Attributes:
        user: the user profile.
        goal: the values that the user wants at the beginning, by slot.
        conversation: the dialogue in words, with the texts of the bot.
        rounds: the user's messages with the bot's turns.
        steps: the number of steps so far.
        total: the return so far.
        outcome: `"success"`, `"failure"` or `"truncated"`; None until the dialogue is over.
    """

    def __init__(self, domain: Domain, form: str = SENTENCES, **settings: Any) -> None:
        """Prepare dialogues.

        Args:
            domain: the domain of the bot, with a fake user.
            form: `"sentences"` or `"fixed"`, the form of the user's messages.
            **settings: those of `DialogueEnv` that concern the user, the reward and the turns.

        Raises:
            DomainError: the domain has no fake user.
            ValueError: an argument is out of bounds; the message names the argument.
        """
        if form not in FORMATS:
            raise ValueError(f"format {form!r}: unknown; {nearest(str(form), FORMATS)}")
        for name in settings:
            if name not in SETTINGS:
                raise ValueError(f"unknown setting {name!r}; {nearest(name, SETTINGS)}")
        self._domain = domain
        self._form = form
        checked = make_settings(domain, shaping=0.0, **SETTINGS | settings)
        self._limit = checked.max_episode_steps or STEP_LIMITS[checked.turn_taking]
        self._is_auto = checked.turn_taking == "auto"
        # A bot's turn can have several actions that speak, so that listening is an action here.
        explicit = dataclasses.replace(checked, turn_taking="explicit", max_episode_steps=None)
        self._simulation = Simulation(domain, explicit)
        self._simulation.step_limit = _NEVER
        self._tables = self._simulation.tables
        self._acts = ActReader(domain, self._tables)
        self._index = {name: index for index, name in enumerate(domain.actions)}
        self.user = checked.user
        self.begin(0)

    def begin(self, seed: int, chance: int | None = None) -> str:
        """Begin the dialogue of a seed; return the user's first message.

        With `chance`, another seed, the user and the first message are the same, and the rest is not.

        Raises:
            ValueError: a seed is negative.
            TypeError: it is not an integer.
        """
        self._simulation.set_chance(fold(read_seed(seed)))
        self._simulation.begin(NO_CHOICE)
        self._speaker = Speaker(self._domain, self._simulation.row[RANDOM])
        if chance is not None:
            self._simulation.set_chance(fold(read_seed(chance)))
        self.conversation = Conversation(self._domain)
        self.rounds: list[Round] = []
        self.total, self.steps = 0.0, 0
        self.outcome: str | None = None
        self.goal: Mapping[str, str] = self._simulation.goal()
        return self._say()

    @property
    def turns(self) -> int:
        """The number of the user's messages so far."""
        return self._simulation.row[TURNS]

    def answer(self, deeds: Sequence[Deed]) -> str | None:
        """Take the bot's turn; return the user's next message, or None if they say nothing more to the bot.

        Raises:
            RuntimeError: the dialogue is over.
        """
        if self.outcome:
            raise RuntimeError("the dialogue is over: call begin() first")
        message, act = self._message, self._act
        events = 0
        has_acted = hands_over = False
        self._untold: tuple[str, ...] = ()
        for deed in deeds:
            if deed.action is None:
                record(self.conversation, deed)
                continue
            events |= self._do(deed.action, deed)
            has_acted = True
            hands_over = self._is_auto and self._domain.action_model(deed.action).speaks
            if events & TURN or self._is_cut_off():
                break
        if not events & TURN and (not self._is_cut_off() or hands_over):
            events |= self._step(LISTENING, is_free=self._is_auto and has_acted)
        self.rounds.append(Round(message, act, tuple(deeds), events & USELESS != 0, self._untold))
        if events & SUCCESS:
            self.outcome = "success"
        elif events & FAILURE:
            self.outcome = "failure"
        elif self._is_cut_off():
            self.outcome = "truncated"
        self.conversation.outcome = self.outcome
        has_left = events & SUCCESS and (self._tables.is_agenda or self._tables.is_search)
        following = self._say() if events & TURN and not has_left else None
        return following if self.outcome in (None, "success") else None

    def _is_cut_off(self) -> bool:
        return self.steps >= self._limit

    def _do(self, name: str, deed: Deed) -> int:
        """Do an action, and return the events."""
        if deed.values:
            self._simulation.store(deed.values)
        record(self.conversation, deed)
        row, tables = self._simulation.row, self._simulation.tables
        asked = asked_for(row, tables, self._domain)
        given = row[tables.search + GIVEN] if tables.is_search else 0
        is_possible = allowed(row, tables, self._index[name])
        events = self._step(self._index[name])
        if is_possible and not events & TURN:
            self._serve(deed, self._domain.action_model(name).reaction, asked, given)
        return events

    def _serve(self, deed: Deed, reaction: str, asked: tuple[str, ...], given: int) -> None:
        """Let the user judge the venue and attributes that they were told, not those that the rules found."""
        row, tables, database = self._simulation.row, self._simulation.tables, self._domain.database
        if database is None or reaction not in SERVICES:
            return
        if reaction in SERVICES[:2]:
            venue = None if deed.venue is None else database.venue(deed.venue)
            row[tables.search + ON_OFFER] = 0 if venue is None else venue + 1
            if venue is not None:
                row[tables.offer] = MADE
            elif row[tables.offer] not in (NO_MATCH, NO_OTHER):
                row[tables.offer] = NO_MATCH
            return
        told = told_attributes(self._domain, deed, venue_on_offer(row, tables, self._domain))
        columns = enumerate(attribute_columns(self._domain))
        row[tables.search + GIVEN] = given | sum(1 << bit for bit, name in columns if name in told)
        self._untold = tuple(name for name in asked if name not in told)

    def _step(self, index: int, is_free: bool = False) -> int:
        tables = self._simulation.tables
        events, _ = self._simulation.step(index)
        self.total += tables.event_reward[events] + tables.action_reward[index]
        if is_free:  # the weight of a step alone
            self.total -= tables.event_reward[0] + tables.action_reward[index]
        else:
            self.steps += 1
        return events

    def _say(self) -> str:
        """Let the user say their message; return it as it is sent."""
        row = self._simulation.row
        is_noisy = self._tables.is_noisy
        meant = self._acts.said(row)
        heard = self._acts.heard(row) if is_noisy else meant
        confidence = 1.0
        if is_noisy:
            heard_with = row[HEARD_CONFIDENCE]
            confidence = heard_with / 100 if self._tables.is_search else confidence_value(heard_with)
        if self._form == FIXED:
            text = f"/{heard}"
            if is_noisy:
                text = f"/{heard.intent}@{confidence:g}{str(heard)[len(heard.intent) :]}"
        else:
            text = self._speaker.user(heard.intent, heard.told, heard, heard.asked)
        self._message, self._act = text, heard
        self.conversation.append(
            UserUttered(text, heard.intent, heard.entities, confidence, str(meant) if is_noisy else None)
        )
        return text
