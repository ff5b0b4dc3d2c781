"""Contradictions between stories: different actions after the same observation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from dialogue_gym._text import nearest, quoted
from dialogue_gym.conversation.conversation import Conversation, decisions
from dialogue_gym.conversation.events import ActionExecuted, UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.domain.default_names import known_actions, with_used
from dialogue_gym.domain.model import DomainError
from dialogue_gym.domain.observation import describe, observation_dtype, observation_fields
from dialogue_gym.domain.slot import EMPTY, NONE
from dialogue_gym.stories.expansion import expand
from dialogue_gym.stories.model import Either, OtherEvent, Place, Story, StoryCheckpoint

_LEFT_OUT = ("confidence", "intent_confidence", "spoken")


@dataclass(frozen=True)
class StoryAnswer:
    """The action of a story at one place."""

    action: str
    story: str
    place: Place

    def __str__(self) -> str:
        """Return the action with its story and place, for messages."""
        return f"{self.action} ({quoted(self.story)}, {self.place})"


@dataclass(frozen=True)
class Contradiction:
    """Two different actions after the same observation, which `observation` has in words."""

    observation: str
    first: StoryAnswer
    second: StoryAnswer

    def __str__(self) -> str:
        """Return the contradiction as one sentence."""
        actions = f"{self.first} and {self.second}"
        return f"different actions after the same observation ({self.observation}): {actions}"


def with_names_of(domain: Domain, stories: Iterable[Story]) -> Domain:
    """Return a copy of a domain that lists the names of Rasa's, and of single responses, that stories use."""
    steps = [step for story in stories for step in story.steps]
    events = [
        event
        for step in steps
        for option in (step.options if isinstance(step, Either) else ((step,),))
        for event in option
    ]
    return with_used(
        domain,
        (event.name for event in events if isinstance(event, ActionExecuted)),
        (event.intent for event in events if isinstance(event, UserUttered) and event.intent),
    )


def unknown_actions(domain: Domain, story: Story) -> Iterator[tuple[str, Place]]:
    """Yield the actions of a story or rule that a domain does not have, with their places."""
    known = known_actions(domain)
    for index, step in enumerate(story.steps):
        if isinstance(step, ActionExecuted) and step.name not in known:
            yield step.name, story.place_of(index)


def check_actions(domain: Domain, stories: Iterable[Story]) -> None:
    """Check that a domain has all actions of stories and rules.

    Raises:
        StoryError: it lacks one.
    """
    for name, place in (unknown for story in stories for unknown in unknown_actions(domain, story)):
        raise place.error(f"unknown action {quoted(name)}; {nearest(name, domain.actions)}")


def replay(domain: Domain, story: Story) -> Conversation:
    """Return the conversation of a plain story.

    Raises:
        StoryError: the domain has no such action or slot, or the story is not plain (see `expand`).
    """
    conversation = Conversation(domain)
    for index, step in enumerate(story.steps):
        if isinstance(step, (StoryCheckpoint, Either, OtherEvent)):
            raise story.place_of(index).error("only a plain story can be replayed: expand it first")
        try:
            conversation.append(step)
        except DomainError as error:
            raise story.place_of(index).error(str(error)) from None
    return conversation


def answers(
    domain: Domain, story: Story, turn_taking: str = "explicit"
) -> Iterator[tuple[bytes, StoryAnswer]]:
    """Yield every observation of a plain story, as bytes, with the action that follows.

    Raises:
        StoryError: see `replay`.
    """
    for decision in decisions(replay(domain, story), turn_taking):
        answer = StoryAnswer(decision.action, story.name, story.place_of(decision.event))
        yield decision.observation.tobytes(), answer


def contradictions(
    domain: Domain, stories: Iterable[Story], turn_taking: str = "explicit"
) -> list[Contradiction]:
    """Return the contradictions between stories, in the order of the stories.

    Each action that differs from the first one is named once. The stories are expanded first; rules are
    ignored.

    Raises:
        StoryError: a story has an action or slot that the domain does not have.
    """
    expanded = expand(stories, domain)
    return contradictions_of_plain(with_names_of(domain, expanded), expanded, turn_taking)


def contradictions_of_plain(
    domain: Domain, stories: Iterable[Story], turn_taking: str = "explicit"
) -> list[Contradiction]:
    """Return the contradictions between stories that are already expanded."""
    first: dict[bytes, StoryAnswer] = {}
    named: set[tuple[bytes, str]] = set()
    found = []
    for story in stories:
        for observation, answer in answers(domain, story, turn_taking):
            known = first.setdefault(observation, answer)
            if answer.action != known.action and (observation, answer.action) not in named:
                named.add((observation, answer.action))
                found.append(Contradiction(_in_words(domain, observation), known, answer))
    return found


def _in_words(domain: Domain, observation: bytes) -> str:
    """Return an observation in words, without empty and derived fields."""
    fields = observation_fields(domain)
    labels = describe(fields, np.frombuffer(observation, observation_dtype(fields)))
    said = [
        f"{name} {label}"
        for name, label in labels.items()
        if label not in (EMPTY, NONE, "no") and name.split(".")[0] not in _LEFT_OUT
    ]
    return ", ".join(said) or "nothing yet"
