"""Statistics of a set of stories."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dialogue_gym.conversation.events import ActionExecuted, Event, SlotSet, UserUttered
from dialogue_gym.conversation.form import form_actions
from dialogue_gym.domain import Domain
from dialogue_gym.domain.default_names import DEFAULT_ACTIONS
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.stories.model import Either, Story, StoryCheckpoint

NameCounts = tuple[tuple[str, int], ...]
"""Names with their counts, the most frequent first."""


@dataclass(frozen=True)
class Statistics:
    """The statistics of a set of stories.

    Attributes:
        stories: the number of stories, without rules.
        rules: the number of rules.
        user_turns: messages of the user; an OR counts as one.
        actions: actions of the bot, listening left out.
        checkpoints: distinct names of checkpoints.
        shortest: user turns of the shortest story.
        longest: user turns of the longest story.
        mean: the mean number of user turns of a story.
        by_intent: the count of each intent, with every alternative of an OR.
        by_entity: the count of each entity.
        by_action: the count of each action.
        by_slot: the count of events that set each slot.
        unused_intents: intents of the domain that no story has.
        unused_actions: actions of the domain that no story has, no form of them, and no action of
            Rasa's own does.
    """

    stories: int
    rules: int
    user_turns: int
    actions: int
    checkpoints: int
    shortest: int
    longest: int
    mean: float
    by_intent: NameCounts
    by_entity: NameCounts
    by_action: NameCounts
    by_slot: NameCounts
    unused_intents: tuple[str, ...] = ()
    unused_actions: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the statistics as JSON: counts by name, lists of names, and numbers."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {
            name: dict(value)
            if name.startswith("by_")
            else list(value)
            if name.startswith("unused_")
            else value
            for name, value in values.items()
        }


def statistics(stories: Iterable[Story], domain: Domain | None = None) -> Statistics:
    """Return the statistics of stories as they are written, not expanded."""
    intents: Counter[str] = Counter()
    entities: Counter[str] = Counter()
    actions: Counter[str] = Counter()
    slots: Counter[str] = Counter()
    checkpoints: set[str] = set()
    lengths: list[int] = []
    rules = 0

    def count(event: Event) -> None:
        if isinstance(event, UserUttered):
            intents[event.intent or "?"] += 1
            entities.update(entity.name for entity in event.entities)
        elif isinstance(event, ActionExecuted) and event.name != LISTEN:
            actions[event.name] += 1
        elif isinstance(event, SlotSet):
            slots[event.name] += 1

    user_turns = 0
    for story in stories:
        turns = 0
        for step in story.steps:
            if isinstance(step, StoryCheckpoint):
                checkpoints.add(step.name)
                continue
            options = step.options if isinstance(step, Either) else ((step,),)
            turns += any(isinstance(event, UserUttered) for event in options[0])
            for option in options:
                for event in option:
                    count(event)  # type: ignore[arg-type]  # other events are none of these
        user_turns += turns
        if story.is_rule:
            rules += 1
        else:
            lengths.append(turns)
    return Statistics(
        stories=len(lengths),
        rules=rules,
        user_turns=user_turns,
        actions=actions.total(),
        checkpoints=len(checkpoints),
        shortest=min(lengths, default=0),
        longest=max(lengths, default=0),
        mean=sum(lengths) / len(lengths) if lengths else 0.0,
        by_intent=_sorted(intents),
        by_entity=_sorted(entities),
        by_action=_sorted(actions),
        by_slot=_sorted(slots),
        unused_intents=tuple(name for name in domain.intents if name not in intents) if domain else (),
        unused_actions=tuple(_unused(domain, actions)) if domain else (),
    )


def _unused(domain: Domain, actions: Counter[str]) -> Iterator[str]:
    """Yield the actions of a domain that are not among those of stories, and that nothing else does."""
    forms = (form for form in domain.forms if form.name in actions)
    run = {action for form in forms for action in form_actions(domain, form)}
    run |= set(filter(None, DEFAULT_ACTIONS.values()))
    # Every domain has the first two.
    yield from (name for name in domain.actions[2:] if name not in actions and name not in run)


def _sorted(counts: Counter[str]) -> NameCounts:
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
