"""Rules: the actions that always follow, as Rasa's `RulePolicy` chooses them.

Sources: https://legacy-docs-oss.rasa.com/docs/rasa/rules for their behaviour, and Rasa 3.6.21 for the order
of precedence. A rule describes the last moments of a conversation; of those that fit, the longest one holds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dialogue_gym._text import quoted
from dialogue_gym.conversation.bot_state import BotState
from dialogue_gym.conversation.conversation import Conversation, is_rejected
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
    Value,
)
from dialogue_gym.conversation.form import loop_action
from dialogue_gym.conversation.slot_filling import named_value
from dialogue_gym.conversation.turns import is_users_turn
from dialogue_gym.domain import Domain
from dialogue_gym.domain.default_names import known_actions
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.domain.slot import Slot
from dialogue_gym.rules.tables import MAX_UNHEARD
from dialogue_gym.stories.model import Either, Place, Story

_MAX_VARIANTS = 1000
"""The most combinations of one rule's alternatives that are considered."""
FALLBACK = "action_default_fallback"


@dataclass(frozen=True)
class Ruling:
    """An action that always holds here. `rule` is the rule behind it; None if the active form goes on."""

    action: str
    rule: Story | None = None

    @property
    def reason(self) -> str:
        """The reason in words."""
        return "the form goes on" if self.rule is None else f"rule {quoted(self.rule.name)}"


@dataclass(frozen=True)
class _Moment:
    """A point of a conversation at which the bot acts: the action before it, and the state."""

    previous: str | None
    message: UserUttered | None
    slots: Mapping[str, Value]
    loop: str | None


_Label = tuple[str, str, str]
"""An entity; or an entity, `"role"` or `"group"`, and its role or group."""


@dataclass(frozen=True)
class _Said:
    """A message as a rule describes it: its intent, and its entities; without any, all are allowed."""

    intent: str | None
    entities: frozenset[_Label]

    def fits(self, domain: Domain, message: UserUttered | None) -> bool:
        """Return whether a message is the one; as in Rasa, entities that the domain lacks do not count.

        The roles and groups of an entity count if the rule names any of them.
        """
        if message is None or self.intent not in (message.intent, (message.intent or "").partition("/")[0]):
            return False
        if not self.entities:
            return True
        named = {name for name, _, _ in self.entities}
        labelled = {name for name, kind, _ in self.entities if kind}
        return self.entities == {
            (name, kind, label)
            for name, kind, label in _labels(message)
            if (name in labelled or not kind) and (name in named or name in domain.known_entities)
        }


@dataclass(frozen=True)
class _Condition:
    """A point as a rule describes it; the keys of `slots`, and `loop` if `names_loop`, must be equal."""

    previous: str | None
    message: _Said | None
    slots: tuple[tuple[str, float], ...] = ()
    loop: str | None = None
    names_loop: bool = False

    def fits(self, domain: Domain, moment: _Moment) -> bool:
        """Return whether a point is as the rule says."""
        if self.previous != moment.previous or (self.names_loop and self.loop != moment.loop):
            return False
        return (self.message is None or self.message.fits(domain, moment.message)) and all(
            _feature(domain.slot(name), moment.slots[name]) == wanted for name, wanted in self.slots
        )

    @property
    def size(self) -> int:
        """The number of things that it demands."""
        entities = len(self.message.entities) if self.message else 0
        return 1 + (self.message is not None) + entities + len(self.slots) + self.names_loop


@dataclass(frozen=True)
class _Pattern:
    """The last moments before an action of a rule."""

    conditions: tuple[_Condition, ...]
    action: str
    rule: Story = field(compare=False)
    place: Place = field(compare=False)

    def fits(self, domain: Domain, moments: Sequence[_Moment]) -> bool:
        if len(moments) < len(self.conditions):
            return False
        last = moments[len(moments) - len(self.conditions) :]
        return all(one.fits(domain, moment) for one, moment in zip(self.conditions, last, strict=True))

    @property
    def rank(self) -> tuple[int, int]:
        return len(self.conditions), sum(condition.size for condition in self.conditions)


@dataclass(frozen=True)
class RuleConflict:
    """A rule that names another action than a story or rule at its place."""

    rule: Story
    action: str
    other: Story
    other_action: str
    place: Place

    def __str__(self) -> str:
        """Return the conflict as one sentence."""
        kind = "rule" if self.other.is_rule else "story"
        return (
            f"the {kind} {quoted(self.other.name)} has {self.other_action} where the rule"
            f" {quoted(self.rule.name)} ({self.rule.place}) has {self.action}; the rule holds"
        )


class RuleBook:
    """The rules of a bot, and the precedence of its active form.

    The active form goes first, except in situations for which a teacher has said something else, and for
    messages that it declines. Then the rules hold, before everything that was learned.
    """

    def __init__(
        self,
        domain: Domain,
        stories: Iterable[Story] = (),
        lessons: Mapping[bytes, tuple[str, ...]] | None = None,
    ) -> None:
        """Take the rules among stories; an action that the domain does not have never follows from them.

        Args:
            domain: the domain of the conversations.
            stories: rules, and stories, which are left out.
            lessons: the right actions by observation in bytes, as a teacher gave them.
        """
        self.domain = domain
        self.rules = tuple({repr(story): story for story in stories if story.is_rule}.values())
        self.lessons = lessons or {}
        known = known_actions(domain)
        # The domain may have lost an action since a rule was imported.
        self._patterns = [
            pattern for rule in self.rules for pattern in _patterns(domain, rule) if pattern.action in known
        ]

    def decide(self, conversation: Conversation) -> Ruling | None:
        """Return the action that holds at the end of a conversation; None if the bot decides freely."""
        if forced := loop_action(conversation):
            taught = self.lessons.get(conversation.observation().tobytes(), ()) if self.lessons else ()
            if not taught or forced in taught:
                return Ruling(forced)
            return None
        if not self._patterns:
            return None
        found = self._best(_moments(conversation))
        if found is None:
            return None
        if found.action == LISTEN and conversation.loop.name and not found.conditions[-1].loop:
            return Ruling(conversation.loop.name, found.rule)  # after an interruption the form asks again
        return Ruling(found.action, found.rule)

    def overruling(self, conversation: Conversation, action: str) -> str | None:
        """Return a sentence if a rule contradicts an action that a teacher called right; None if not."""
        ruling = self.decide(conversation)
        if ruling is None or ruling.rule is None or ruling.action == action:
            return None
        return (
            f"the rule {quoted(ruling.rule.name)} says {ruling.action} here and still holds: to teach"
            f" {action}, change the rule"
        )

    def fallback(self, conversation: Conversation) -> str:
        """Return the action of a bot that knows rules alone, where none of them holds."""
        return FALLBACK if self.rules and _has_heard(conversation) else LISTEN

    def waits(self, conversation: Conversation, turn_taking: str) -> bool:
        """Return whether it is the user's turn: `is_users_turn`, but a rule or form has the last word."""
        acted = _acted(conversation)
        has_listened = acted > 0 and conversation.latest_action == LISTEN
        if turn_taking == "explicit" or has_listened or not 0 < acted < MAX_UNHEARD:
            return is_users_turn(conversation, turn_taking)
        ruling = self.decide(conversation)
        if ruling is None:
            return is_users_turn(conversation, turn_taking)
        return ruling.action == LISTEN

    def _best(self, moments: Sequence[_Moment]) -> _Pattern | None:
        fitting = (pattern for pattern in self._patterns if pattern.fits(self.domain, moments))
        return max(fitting, key=lambda pattern: pattern.rank, default=None)

    def conflicts(self, stories: Iterable[Story]) -> Iterator[RuleConflict]:
        """Yield the actions of plain stories, and of the rules themselves, that a rule contradicts.

        Raises:
            DomainError: a story has an action or slot that the domain does not have.
        """
        yield from self._between_rules()
        for story in stories if self._patterns else ():
            yield from self._with_story(story)

    def _between_rules(self) -> Iterator[RuleConflict]:
        first: dict[tuple[_Condition, ...], _Pattern] = {}
        for pattern in self._patterns:
            known = first.setdefault(pattern.conditions, pattern)
            if known.action != pattern.action:
                yield RuleConflict(known.rule, known.action, pattern.rule, pattern.action, pattern.place)

    def _with_story(self, story: Story) -> Iterator[RuleConflict]:
        record = Conversation(self.domain)
        for index, step in enumerate(story.steps):
            if isinstance(step, (ActionExecuted, UserUttered)) and len(record) and record.last_action:
                action = step.name if isinstance(step, ActionExecuted) else LISTEN
                found = self._best(_moments(record)) if action != record.last_action else None
                is_listening = found is not None and found.action == LISTEN and bool(record.loop.name)
                is_answer = action == record.loop.name  # the active form goes before all rules
                if found and found.action != action and not is_listening and not is_answer:
                    yield RuleConflict(found.rule, found.action, story, action, story.place_of(index))
            record.append(step)  # type: ignore[arg-type]


def _acted(conversation: Conversation) -> int:
    """Return the number of actions since the last message; 0 if there is none."""
    acted = 0
    for event in reversed(conversation.events):
        if isinstance(event, UserUttered):
            return acted
        if isinstance(event, (Restarted, SessionStarted)):
            return 0
        acted += isinstance(event, ActionExecuted)
    return 0


def _has_heard(conversation: Conversation) -> bool:
    return bool(conversation.events) and isinstance(conversation.events[-1], UserUttered)


def _labels(message: UserUttered) -> frozenset[_Label]:
    """Return the entities of a message by name, and those with a role or group by that as well."""
    return frozenset(
        (entity.name, kind, label or "")
        for entity in message.entities
        for kind, label in (("", None), ("role", entity.role), ("group", entity.group))
        if label or not kind
    )


def _feature(slot: Slot, value: Value) -> float:
    """Return a value as rules compare it: its label, and of a float the number itself, within its bounds."""
    label = slot.label(value)
    if slot.type != "float" or not label:
        return label
    return min(slot.max_value, max(slot.min_value, float(str(slot.text_of(value))))) - slot.min_value + 1


def _moments(conversation: Conversation) -> list[_Moment]:
    """Return the points at which the bot has acted, listening included, and the present one."""
    state = BotState(conversation.domain)
    made: list[_Moment] = []
    message: UserUttered | None = None
    previous: str | None = None
    for index, event in enumerate(conversation.events):
        now = _Moment(previous, message, dict(state.slots), state.loop.name)
        if isinstance(event, ActionExecuted) and not is_rejected(conversation.events, index):
            made.append(now)
            previous = event.name
        elif isinstance(event, UserUttered):
            if previous != LISTEN:
                made.append(now)
            previous, message = LISTEN, event
        elif isinstance(event, (Restarted, SessionStarted)):
            made, previous, message = [], None, None
        state.apply(event)
    return [*made, _Moment(previous, message, dict(state.slots), state.loop.name)]


def _patterns(domain: Domain, rule: Story) -> Iterator[_Pattern]:
    """Yield the patterns of a rule, for each combination of its alternatives."""
    parts = [
        [tuple((event, rule.place_of(index)) for event in option) for option in step.options]
        if isinstance(step, Either)
        else [((step, rule.place_of(index)),)]
        for index, step in enumerate(rule.steps)
    ]
    given = [[event for event, _ in options[0]] for options in parts[: rule.conditions]]
    for chosen in itertools.islice(itertools.product(*parts[rule.conditions :]), _MAX_VARIANTS):
        yield from _along(domain, rule, itertools.chain(*given), list(itertools.chain(*chosen)))


def _along(
    domain: Domain, rule: Story, given: Iterable[Any], steps: Sequence[tuple[Any, Place]]
) -> Iterator[_Pattern]:
    """Yield a pattern for each action of a rule without alternatives."""
    observed = {slot.name: slot for slot in domain.slots if slot.is_observed}
    slots: dict[str, float] = {}
    loop: str | None = None
    names_loop = False
    message: _Said | None = None
    previous: str | None = None
    made: list[_Condition] = []

    def take(event: Event) -> None:
        nonlocal loop, names_loop
        if isinstance(event, SlotSet) and event.name in observed:
            slot = observed[event.name]
            slots[event.name] = _feature(slot, named_value(slot) if event.is_named_only else event.value)
        elif isinstance(event, ActiveLoop):
            loop, names_loop = event.name, True

    def now() -> _Condition:
        return _Condition(previous, message, tuple(sorted(slots.items())), loop, names_loop)

    for event in given:
        take(event)
    if rule.conversation_start:
        made.append(_Condition(None, None))
        previous = LISTEN
    is_begun = rule.conversation_start
    for event, place in steps:
        if isinstance(event, UserUttered):
            if is_begun and previous != LISTEN:
                made.append(now())
                yield _Pattern(tuple(made), LISTEN, rule, place)
            previous, message, is_begun = LISTEN, _Said(event.intent, _labels(event)), True
        elif isinstance(event, ActionExecuted):
            if is_begun:  # else the rule tells what follows its first action
                made.append(now())
                yield _Pattern(tuple(made), event.name, rule, place)
            previous, is_begun = event.name, True
        else:
            take(event)
    if rule.wait_for_user_input and is_begun and previous not in (None, LISTEN):
        yield _Pattern((*made, now()), LISTEN, rule, rule.place_of(len(rule.steps)))
