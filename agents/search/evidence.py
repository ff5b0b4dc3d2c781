"""Figures of the expert of users who search: its dialogues, its acts, and the behaviour of the users."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agents.search.lanes import Score, play_all
from agents.search.rule_policies import RulePolicies, rules_of
from dialogue_gym import DialogueEnv, Domain, ExpertPolicy

ACTS = {
    "all acts": (),
    "no confirm, no select": ("utter_confirm_", "utter_select_"),
    "no pardon": ("utter_pardon",),
    "none of the three": ("utter_confirm_", "utter_select_", "utter_pardon"),
    "no alternative": ("utter_other",),
    "no more": ("utter_more",),
    "no answer": ("utter_tell",),
    "no bye": ("utter_bye",),
}
"""By name, the beginnings of the actions that an expert does without; the rules for them are left out."""
DONT_CARE = "dontcare"


def without_acts(domain: str, settings: Mapping[str, Any], dialogues: int) -> dict[str, Score]:
    """Return the scores of the expert, and of what is left of it without kinds of acts."""
    env = DialogueEnv(domain, **settings)
    experts = [[rule for rule in rules_of(env) if not rule.action.startswith(acts)] for acts in ACTS.values()]
    scores = play_all(domain, settings, RulePolicies(env, experts), dialogues, 0)
    return dict(zip(ACTS, scores, strict=True))


def by_behaviour(
    domain: Domain, settings: Mapping[str, Any], dialogues: int
) -> Iterator[tuple[str, tuple[float, float], tuple[Score, Score]]]:
    """Yield each figure of the users' behaviour, its ends, and the expert's scores if all users are there."""
    expert = RulePolicies(DialogueEnv(domain), [rules_of(DialogueEnv(domain))])
    for name, ends in _behaviour(domain, str(settings.get("user", "standard"))).items():
        low, high = (
            play_all(_with_behaviour(domain, name, end), settings, expert, dialogues, 0)[0] for end in ends
        )
        yield name, ends, (low, high)


def _behaviour(domain: Domain, user: str) -> dict[str, tuple[float, float]]:
    assert domain.fake_user and domain.fake_user.search
    own = dict(domain.fake_user.search.users)[user]
    return {field.name: getattr(own, field.name) for field in dataclasses.fields(own)}


def _with_behaviour(domain: Domain, name: str, value: float) -> Domain:
    """Return a domain where a figure of all users has one value."""
    assert domain.fake_user and domain.fake_user.search
    search = domain.fake_user.search
    both: Any = {name: (value, value)}
    users = tuple((user, dataclasses.replace(behaviour, **both)) for user, behaviour in search.users)
    search = dataclasses.replace(search, users=users)
    return dataclasses.replace(domain, fake_user=dataclasses.replace(domain.fake_user, search=search))


@dataclass(frozen=True)
class Portrait:
    """Shares of dialogues with the expert, from 0 to 1."""

    unmet: float
    """No venue fits the goal that the user begins with."""
    alternatives: float
    """The bot offers an alternative at least once, since the user wants one."""


def portrait(domain: str, settings: Mapping[str, Any], dialogues: int) -> Portrait:
    """Return shares of dialogues, which are played one by one."""
    env = DialogueEnv(domain, **settings)
    expert = ExpertPolicy(env)
    other = env.action_names.index("utter_other")
    unmet = alternatives = 0
    for seed in range(dialogues):
        observation, _ = env.reset(seed=seed)
        unmet += not _has_venue(env)
        actions, is_over = [], False
        while not is_over:
            actions.append(int(expert.predict(observation, deterministic=True)[0]))
            observation, _, terminated, truncated, _ = env.step(actions[-1])
            is_over = terminated or truncated
        alternatives += other in actions
    return Portrait(unmet / dialogues, alternatives / dialogues)


def _has_venue(env: DialogueEnv) -> bool:
    """Return whether a venue has all values of the user's goal."""
    database = env.domain.database
    assert database
    wanted = [(slot, value) for slot, value in env.goal.items() if value != DONT_CARE]
    return any(
        all(database.value(venue, slot) == value for slot, value in wanted)
        for venue in range(len(database.rows))
    )
