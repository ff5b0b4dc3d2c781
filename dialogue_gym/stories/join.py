"""Joining of short stories into longer dialogues, since people want one thing after another."""

from __future__ import annotations

import operator
import random
from collections.abc import Iterable

from dialogue_gym.conversation.events import ActionExecuted, UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.stories.contradictions import answers, with_names_of
from dialogue_gym.stories.expansion import expand
from dialogue_gym.stories.model import Story

MAX_JOINED = 10_000


def join(
    stories: Iterable[Story],
    domain: Domain,
    rounds: int = 1,
    seed: int = 0,
    limit: int = MAX_JOINED,
    turn_taking: str = "explicit",
) -> list[Story]:
    """Return the expanded stories, followed by longer dialogues made of them.

    In each round, every story so far, in random order, is continued by a random one of the given stories.
    Duplicates are left out, and so are dialogues that contradict earlier ones, as slots that the first story
    filled can change the second. The same seed gives the same dialogues; at most `limit` are added.

    Raises:
        StoryError: a story has an action or slot that the domain does not have.
    """
    generator = random.Random(operator.index(seed))
    known: dict[bytes, set[str]] = {}
    seen: set[str] = set()
    joined: list[Story] = []
    expanded = expand(stories, domain)
    domain = with_names_of(domain, expanded)
    for story in expanded:
        if (key := repr(story.steps)) not in seen:
            seen.add(key)
            joined.append(story)
            for observation, answer in answers(domain, story, turn_taking):
                known.setdefault(observation, set()).add(answer.action)
    # A story that begins with the bot would follow another without a turn of the user.
    followers = [story for story in joined if _begins_with_user(story)]
    most = len(joined) + limit
    for _ in range(rounds if followers else 0):
        for first in generator.sample(joined, len(joined)):
            if len(joined) >= most:
                return joined
            story = _appended(first, generator.choice(followers))
            if (key := repr(story.steps)) in seen:
                continue
            seen.add(key)
            given: dict[bytes, set[str]] = {}
            for observation, answer in answers(domain, story, turn_taking):
                given.setdefault(observation, set()).add(answer.action)
            if all(
                actions <= known.get(observation, _one(actions)) for observation, actions in given.items()
            ):
                joined.append(story)
                known |= {
                    observation: known.get(observation, actions) for observation, actions in given.items()
                }
    return joined


def _one(actions: set[str]) -> set[str]:
    """Return the actions allowed after a new observation: any, if it is a single one."""
    return actions if len(actions) == 1 else set()


def _begins_with_user(story: Story) -> bool:
    turns = (step for step in story.steps if isinstance(step, (UserUttered, ActionExecuted)))
    return isinstance(next(turns, None), UserUttered)


def _appended(first: Story, second: Story) -> Story:
    places = tuple(story.place_of(index) for story in (first, second) for index in range(len(story.steps)))
    return Story(
        f"{first.name} + {second.name}", (*first.steps, *second.steps), first.file, first.line, places
    )
