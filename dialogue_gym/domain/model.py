"""The domain: frozen values, checked when they are read; additions make copies."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dialogue_gym._files import FileError, FileKind
from dialogue_gym._text import article, name_fault, nearest, quoted, whole_characters
from dialogue_gym.domain.slot import (
    FILLED,
    FROM_ENTITY,
    NONE,
    SLOT_TYPES,
    Form,
    Slot,
    SlotMapping,
    concise_repr,
)
from dialogue_gym.domain.venues import Database

LISTEN = "action_listen"
RESTART = "action_restart"
"""The two actions that every domain has; they come first in its action list, as in Rasa's."""

CONFIDENCES = (NONE, "low", "medium", "high")
"""Labels of the confidence bins; no message, or one understood with this confidence."""
CONFIDENCE_BOUNDS = (0.5, 0.8)
"""The lowest confidences that count as medium and high."""
HEARD = ("no", FILLED, "changed")
SPOKEN = ("no", "yes")

REWARD_TERMS = ("success", "failure", "step", "turn", "useless", "invalid")
"""The terms of a reward; actions, by name, are further terms."""
DEFAULT_REWARD = (("success", 20.0), ("failure", 0.0), ("step", -1.0))

REACTIONS = ("open", "inform", "judge", "reconsider", "deny")
"""The reactions of a goal-driven user to an action."""

SEARCH_ACTS = (
    "deny",
    "request",
    "confirm",
    "select",
    "offer",
    "alternative",
    "answer",
    "more",
    "bye",
    "repeat",
    "greet",
)
"""The acts of a bot to a search-driven user; the first stands for every other action."""
SCORES = (NONE, "very low", "low", "medium", "high")
"""Labels of the confidence bins where users search."""
SCORE_BOUNDS = (0.4, 0.6, 0.85)
ATTRIBUTE = "attribute"
"""The entity of an attribute that a user asks for, as in Rasa's knowledge bases."""
NO_VENUE = ("no_match", "no_other")
"""The parts of an offer of nothing: there is no such venue, or no other one."""

MAX_NAMES = 1000


@dataclass(frozen=True)
class Variation:
    """One way to say a response, with `{slot}` in braces for a slot's value.

    Attributes:
        text: the text; None if it is only an image, say.
        condition: pairs of a slot and, as JSON, the value that it must have; None without a condition.
        channel: the only channel where it is said; None for any.
        further: an object as JSON with its other keys, such as `buttons` and `image`.
    """

    text: str | None = None
    condition: tuple[tuple[str, str], ...] | None = None
    channel: str | None = None
    further: str = "{}"

    @functools.cached_property
    def content(self) -> dict[str, Any]:
        """The keys other than the text, condition and channel; not to be changed."""
        content: dict[str, Any] = json.loads(self.further)
        return content

    @property
    def is_plain(self) -> bool:
        """Whether it is a text alone."""
        return self == Variation(self.text) and self.text is not None


@dataclass(frozen=True)
class Response:
    """A response: an action says one of several texts, with `{slot}` in braces for a slot's value.

    `variations` has all of them if one is more than a text.
    """

    name: str
    texts: tuple[str, ...]
    variations: tuple[Variation, ...] = ()

    @classmethod
    def of(cls, name: str, variations: Sequence[Variation]) -> Response:
        """Return the response with these variations."""
        texts = tuple(variation.text for variation in variations if variation.text is not None)
        is_plain = all(variation.is_plain for variation in variations)
        return cls(name, texts, () if is_plain else tuple(variations))


@dataclass(frozen=True)
class Condition:
    """A condition on an observation: each clause names a field and the labels it may have."""

    clauses: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class ActionModel:
    """The simulation's model of an action.

    `needs` is its precondition, `sets` what it stores (None empties a slot), `speaks` whether it hands the
    turn over with automatic turn taking, `reaction` the answer of a goal-driven user, about `slot` if it is
    `inform`, and `says` its texts if the domain has no response for it. `description` is for language models.
    """

    name: str
    speaks: bool = True
    needs: Condition = Condition()
    sets: tuple[tuple[str, str | None], ...] = ()
    reaction: str = "deny"
    slot: str | None = None
    says: tuple[str, ...] = ()
    description: str = dataclasses.field(default="", repr=False)


@dataclass(frozen=True)
class Profile:
    """A profile of a fake user: how patient and how helpful they are.

    Attributes:
        patience: useless turns until the user hangs up.
        informativeness: mean number of slots that the opening gives: 1 + Poisson(informativeness - 1), or at
            most one with that chance where it is below 1.
        indecisiveness: chance, at each of the user's turns, to change one preference.
        correction_rate: the key `corrects`: chance to name a right value, not only deny, when a suggestion is
            wrong.
    """

    patience: int = 10
    informativeness: float = 1.1
    indecisiveness: float = 0.01
    correction_rate: float = 0.5


@dataclass(frozen=True)
class Noise:
    """The errors with which a bot understands a user, and its confidence.

    Attributes:
        error_rate: chance that an utterance is misheard.
        right: shares of high, medium and low confidence where it is heard right.
        wrong: the same where it is misheard.
        faults: shares of the faults of an utterance that tells slots: another intent, another value of a
            slot, a slot that is lost.
    """

    error_rate: float = 0.0
    right: tuple[float, float, float] = (0.65, 0.3, 0.05)
    wrong: tuple[float, float, float] = (0.1, 0.25, 0.65)
    faults: tuple[float, float, float] = (0.15, 0.7, 0.15)


@dataclass(frozen=True)
class AgendaItem:
    """A message of an agenda-driven user, and the actions that answer it."""

    intent: str
    tells: tuple[str, ...]
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Agenda:
    """A whole plan of an agenda-driven user, and the chance to have it.

    `way` is the index of the choice that was taken at each part of the agenda in the file.
    """

    chance: float
    items: tuple[AgendaItem, ...]
    way: tuple[int, ...] = dataclasses.field(default=(), repr=False, compare=False)


@dataclass(frozen=True)
class Behaviour:
    """The behaviour of a search-driven user: for each figure the lowest and the highest of its range.

    Each dialogue draws one of four levels of a chance, and any number of patience.

    Attributes:
        patience: useless turns until the user hangs up.
        combine: chance to tell one more constraint.
        relax: chance to give a constraint up, not change it, when there is no such venue.
        wants_other: chance to refuse the first good venue.
        changes: chance to change a constraint at the first good venue.
        tells: chance to say at once that it has changed.
        corrects: chance to name a right value, not only deny.
        asks_more: chance to ask for one more attribute at once.
        leaves: chance to leave without thanks.
        greets: chance to open with a greeting.
        new_wish: chance, once, of a further wish when asked for one.
    """

    patience: tuple[int, int] = (4, 5)
    combine: tuple[float, float] = (0.2, 0.7)
    relax: tuple[float, float] = (0.5, 0.8)
    wants_other: tuple[float, float] = (0.01, 0.3)
    changes: tuple[float, float] = (0.01, 0.3)
    tells: tuple[float, float] = (0.2, 0.8)
    corrects: tuple[float, float] = (0.5, 0.9)
    asks_more: tuple[float, float] = (0.2, 0.4)
    leaves: tuple[float, float] = (0.3, 0.7)
    greets: tuple[float, float] = (0.3, 0.7)
    new_wish: tuple[float, float] = (0.1, 0.5)


Figures = tuple[tuple[str, tuple[float, float]], ...]
"""Figures of behaviour that differ from others: names with ranges."""


@dataclass(frozen=True)
class SearchGoal:
    """The wishes of search-driven users, and their behaviour.

    Attributes:
        constraints: the slots that a venue can be chosen by.
        counts: the lowest and the highest number of them that a user cares about.
        unmet: chance that one value is drawn anew, so that there may be no such venue.
        attributes: the attributes that users ask for.
        wishes: the lowest and the highest number of attributes that a user asks for.
        users: the behaviour of users by name.
        personas: of a mixture: name, chance, and the figures in which it differs from the user's.
    """

    constraints: tuple[str, ...]
    counts: tuple[int, int]
    unmet: float
    attributes: tuple[str, ...]
    wishes: tuple[int, int]
    users: tuple[tuple[str, Behaviour], ...]
    personas: tuple[tuple[str, float, Figures], ...] = ()


@dataclass(frozen=True)
class FakeUser:
    """The fake user of a domain: goal-driven, agenda-driven if it has agendas, or search-driven."""

    kind: Literal["goal", "agenda", "search"]
    goal: tuple[tuple[str, tuple[str, ...]], ...]
    profiles: tuple[tuple[str, Profile], ...]
    intents: tuple[tuple[str, str], ...] = ()
    actions: tuple[ActionModel, ...] = ()
    agendas: tuple[Agenda, ...] = ()
    phrases: tuple[tuple[str, tuple[str, ...]], ...] = ()
    search: SearchGoal | None = None
    noise: Noise = Noise()

    def __repr__(self) -> str:
        """Return the fields; the search and the noise only where a file has them."""
        return concise_repr(self, ("search", "noise"))

    def profile(self, name: str) -> Profile:
        """Return a profile by name; ValueError names the nearest one."""
        for known, profile in self.profiles:
            if known == name:
                return profile
        valid = nearest(str(name), [known for known, _ in self.profiles])
        raise ValueError(f"unknown user {name!r}; {valid}")


@dataclass(frozen=True)
class ExpertChoice:
    """A right action, provided that its own condition holds as well."""

    action: str
    when: Condition = Condition()


@dataclass(frozen=True)
class ExpertRule:
    """A rule of the hand-written policy: under `when`, every choice that applies is equally good."""

    when: Condition
    then: tuple[ExpertChoice, ...]


@dataclass(frozen=True)
class Domain:
    """A domain file, read, checked and frozen. Read one with `load_domain`; additions make copies.

    `actions` begins with `action_listen` and `action_restart`. `reward` pairs terms and weights.
    `fake_user` and `expert` are None and empty in a plain Rasa domain. `forms` describes those of the actions
    that are forms. `unsafe` actions are never tried out on people; simulations ignore that, so it is not part
    of the representation. `database` has the venues among which users search, if there is one. `description`
    is for language models.
    """

    name: str
    intents: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    slots: tuple[Slot, ...] = ()
    responses: tuple[Response, ...] = ()
    actions: tuple[str, ...] = (LISTEN, RESTART)
    fake_user: FakeUser | None = None
    reward: tuple[tuple[str, float], ...] = DEFAULT_REWARD
    expert: tuple[ExpertRule, ...] = ()
    forms: tuple[Form, ...] = ()
    unsafe: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    database: Database | None = None
    description: str = dataclasses.field(default="", repr=False)

    def __repr__(self) -> str:
        """Return the fields that matter to simulations; forms and a database only where there are any."""
        return concise_repr(self, ("forms", "database"))

    def __hash__(self) -> int:
        """Return a hash that is computed once: everything derived from a domain is cached by it."""
        return self._hash

    @functools.cached_property
    def _hash(self) -> int:
        return hash(tuple(getattr(self, field.name) for field in dataclasses.fields(self)))

    def __getstate__(self) -> dict[str, Any]:
        """Return the state to pickle, without the hash, which differs between processes."""
        return {key: value for key, value in vars(self).items() if key not in ("_hash", "known_entities")}

    @functools.cached_property
    def known_entities(self) -> tuple[str, ...]:
        """The entities, and those that fill slots without being listed, as in domains of Rasa 0 to 2."""
        filling = (slot.entity for slot in self.slots if slot.entity is not None)
        return tuple(dict.fromkeys((*self.entities, *filling)))

    def intent_of(self, name: str | None) -> str | None:
        """Return the intent that a name is of: itself, or of a retrieval intent, `faq/hours`, its group.

        None if the domain has neither.
        """
        for known in (name, (name or "").partition("/")[0]):
            if known in self.intents:
                return known
        return None

    def action_model(self, name: str) -> ActionModel:
        """Return the simulation's model of an action; an undeclared one is a useless turn."""
        declared = self.fake_user.actions if self.fake_user else ()
        for model in declared:
            if model.name == name:
                return model
        return ActionModel(name)

    def slot(self, name: str) -> Slot:
        """Return a slot by name.

        Raises:
            DomainError: the slot is unknown.
        """
        for slot in self.slots:
            if slot.name == name:
                return slot
        valid = nearest(str(name), [slot.name for slot in self.slots])
        raise DomainError(f"{self.name}: unknown slot {quoted(str(name))}; {valid}")

    def texts(self, action: str) -> tuple[str, ...]:
        """Return the texts of an action: its response, or those that the simulation declares."""
        for response in self.responses:
            if response.name == action and response.texts:
                return response.texts
        return self.action_model(action).says

    def variations(self, action: str) -> tuple[Variation, ...]:
        """Return the ways to say an action: those of its response, or the texts of the simulation."""
        for response in self.responses:
            if response.name == action and response.variations:
                return response.variations
        return tuple(map(Variation, self.texts(action)))

    def with_action(self, name: str, texts: str | Sequence[str] = ()) -> Domain:
        """Return a copy with an action appended, and its response, if any.

        Raises:
            DomainError: the name is invalid or taken.
        """
        self._refuse("action", name, self.actions)
        if self.fake_user and name in REWARD_TERMS:
            raise DomainError(f"{self.name}: an action cannot be called {name!r}, like a term of the reward")
        responses = self.responses
        if texts and "/" in name:
            raise DomainError(
                f"{self.name}: an action that says something has no / in its name: {quoted(name)}"
            )
        if texts:
            given = (texts,) if isinstance(texts, str) else texts
            responses = (*responses, Response(name, tuple(map(whole_characters, given))))
        return dataclasses.replace(self, actions=(*self.actions, name), responses=responses)

    def with_intent(self, name: str) -> Domain:
        """Return a copy with an intent appended.

        Raises:
            DomainError: the name is invalid or taken.
        """
        self._refuse("intent", name, self.intents)
        return dataclasses.replace(self, intents=(*self.intents, name))

    def with_slot(self, name: str, type: str = "text", values: str | Sequence[str] = ()) -> Domain:
        """Return a copy with a slot appended that the entity of the same name fills.

        Raises:
            DomainError: the name is invalid or taken, or the type or its values are invalid.
        """
        is_search = self.fake_user is not None and self.fake_user.search is not None
        on_offer = [self.database.name] if self.database and is_search else []  # set like a slot
        self._refuse("slot", name, [*(slot.name for slot in self.slots), *on_offer])
        if type not in SLOT_TYPES:
            raise DomainError(f"{self.name}: unknown slot type {quoted(type)}; {nearest(type, SLOT_TYPES)}")
        if bool(values) != (type == "categorical"):
            raise DomainError(f"{self.name}: a categorical slot needs values, and no other slot has any")
        distinct: dict[str, str] = {}
        for value in [values] if isinstance(values, str) else map(str, values):
            self._refuse("value", value.lower(), list(distinct))
            distinct[value.lower()] = value
        entities = self.entities if name in self.entities else (*self.entities, name)
        has_mappings = any(slot.mappings for slot in self.slots)
        mappings = (SlotMapping(FROM_ENTITY, name),) if has_mappings else ()
        slot = Slot(name, type, values=tuple(distinct.values()), entity=name, mappings=mappings)
        return dataclasses.replace(self, entities=entities, slots=(*self.slots, slot))

    def _refuse(self, what: str, name: str, taken: Sequence[str]) -> None:
        if fault := name_fault(name):
            raise DomainError(f"{self.name}: {quoted(name)} is not a valid name for {article(what)}: {fault}")
        if name in taken:
            raise DomainError(f"{self.name}: there is {article(what)} {quoted(name)} already")
        if len(taken) >= MAX_NAMES:
            raise DomainError(f"{self.name}: there are {MAX_NAMES} already, more are not supported")


class DomainError(FileError):
    """A domain that cannot be used."""


DOMAIN_FILE = FileKind("domain file", DomainError)
