"""A search among the rules of experts: by chance with successive halving, then by the cross-entropy method.

Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization" (2016);
Rubinstein, "The Cross-Entropy Method for Combinatorial and Continuous Optimization" (1999).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from agents.search.lanes import Score, play_all
from agents.search.rule_policies import RulePolicies, RulePolicy, rules_from, rules_of
from dialogue_gym import DialogueEnv, Domain
from dialogue_gym.ontologies import ExpertFigures, expert_rules

SPACE: dict[str, tuple[Any, ...]] = {
    "known": (1, 2, 3, 4, 5),
    "matches": (0, 1, 2, 3),
    "pardon": (0, 1, 2, 3),
    "select": (0, 1, 2, 3),
    "confirm": (0, 1, 2, 3),
    "unmatched": (0, 1, 2, 3, 4),
    "clears_by": ("confirm", "ask"),
    "unclear": ("pardon", "more", "other"),
    "denied": ("ask", "confirm", "offer"),
    "offers_again": (False, True),
    "thanked": ("bye", "more"),
}
"""The values of each figure; the order of the questions is searched as well."""
FRESH = 1_000_000
"""The seed of the dialogues on which the best rules are compared: no search has seen them."""
_SMOOTHING = 0.5
_LEAST = 0.05
"""The share of chance that the cross-entropy method leaves to all values alike."""


@dataclass(frozen=True)
class Candidate:
    """Rules of the family: the figures, and the order of the questions."""

    figures: ExpertFigures
    order: tuple[str, ...]


@dataclass(frozen=True)
class Effort:
    """The size of a search.

    Attributes:
        rounds: of the halving: the rules that take part, and the dialogues of each.
        generations: of the cross-entropy method.
        population: rules of a generation.
        elite: the best of them, by which the next generation is drawn.
        dialogues: of each rule of a generation.
        fresh: dialogues of each rule in the end.
    """

    rounds: tuple[tuple[int, int], ...] = ((2000, 100), (400, 500), (80, 2000), (20, 8000))
    generations: int = 15
    population: int = 60
    elite: int = 10
    dialogues: int = 1000
    fresh: int = 20_000


@dataclass(frozen=True)
class Found:
    """The best rules of a search, with their scores on fresh dialogues, beside the expert of the domain."""

    expert: Score
    by_chance: Score
    best: Score
    candidate: Candidate
    """The best rules."""
    difference: float
    """Of the mean returns: the best rules less the expert."""


def search(domain: str | Domain, settings: Mapping[str, Any], effort: Effort, seed: int) -> Found:
    """Search the rules with the highest return in a domain under some settings."""
    env = DialogueEnv(domain, **settings)
    slots = _slots(env)
    random = np.random.default_rng(seed)

    def scores(candidates: Sequence[Candidate], dialogues: int, first: int) -> list[Score]:
        experts = [rules_from(expert_rules(one.order, one.figures)) for one in candidates]
        return play_all(domain, settings, RulePolicies(env, experts), dialogues, first)

    def ranked(candidates: Sequence[Candidate], dialogues: int, first: int) -> list[Candidate]:
        totals = [score.total for score in scores(candidates, dialogues, first)]
        return [candidates[i] for i in np.argsort(totals)[::-1]]

    candidates = [_drawn(random, slots) for _ in range(effort.rounds[0][0])]
    first = seed
    for take, dialogues in effort.rounds:
        candidates = ranked(candidates[:take], dialogues, first)
        first += dialogues
    elite = _cross_entropy(candidates, slots, effort, random, lambda some, number: ranked(
        some, effort.dialogues, first + number * effort.dialogues))  # fmt: skip
    finalists = [*candidates, *elite]
    expert = play_all(domain, settings, RulePolicies(env, [rules_of(env)]), effort.fresh, FRESH)[0]
    final = scores(finalists, effort.fresh, FRESH)
    best = max(range(len(final)), key=lambda i: final[i].total)
    by_chance = max(final[: len(candidates)], key=lambda score: score.total)
    return Found(expert, by_chance, final[best], finalists[best], final[best].total - expert.total)


def searched_rules(
    domain: Domain, settings: Mapping[str, Any], effort: Effort = Effort(), seed: int = 0
) -> RulePolicy:
    """Return the policy of the best rules that are found for one environment."""
    best = search(domain, settings, effort, seed).candidate
    return RulePolicy(DialogueEnv(domain, **settings), rules_from(expert_rules(best.order, best.figures)))


def _slots(env: DialogueEnv) -> list[str]:
    """Return the constraints, in the order in which the domain's expert asks for them."""
    asked = (rule.action.removeprefix("utter_ask_") for rule in rules_of(env) if "_ask_" in rule.action)
    return list(dict.fromkeys(asked))


def _drawn(random: np.random.Generator, slots: Sequence[str]) -> Candidate:
    drawn = {name: values[random.integers(len(values))] for name, values in SPACE.items()}
    return Candidate(ExpertFigures(**drawn), tuple(slots[i] for i in random.permutation(len(slots))))


def _cross_entropy(
    candidates: Sequence[Candidate],
    slots: Sequence[str],
    effort: Effort,
    random: np.random.Generator,
    ranked: Callable[[Sequence[Candidate], int], list[Candidate]],
) -> list[Candidate]:
    """Return the elite of the last generation; the first one is drawn after some candidates, best first.

    Each figure has a chance for each of its values, and each slot a normal distribution of its place.
    """
    shares, places = _shares(candidates), _places(candidates, slots)
    mean, deviation = places.mean(axis=0), places.std(axis=0)
    elite = list(candidates[: effort.elite])
    for number in range(effort.generations):
        population = list(elite)
        while len(population) < effort.population:
            drawn = {
                name: values[random.choice(len(values), p=shares[name])] for name, values in SPACE.items()
            }
            order = np.argsort(random.normal(mean, deviation + 0.3))
            population.append(Candidate(ExpertFigures(**drawn), tuple(slots[i] for i in order)))
        elite = ranked(population, number)[: effort.elite]
        own = _shares(elite)
        shares = {name: _SMOOTHING * shares[name] + (1 - _SMOOTHING) * own[name] for name in SPACE}
        places = _places(elite, slots)
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * places.mean(axis=0)
        deviation = _SMOOTHING * deviation + (1 - _SMOOTHING) * places.std(axis=0)
    return elite


def _shares(candidates: Sequence[Candidate]) -> dict[str, Any]:
    """Return by figure the chance of each value, after its share among candidates."""
    all_figures = [asdict(one.figures) for one in candidates]
    shares = {}
    for name, values in SPACE.items():
        counts = np.array([sum(figures[name] == value for figures in all_figures) for value in values])
        shares[name] = (1 - _LEAST) * counts / len(candidates) + _LEAST / len(values)
    return shares


def _places(candidates: Sequence[Candidate], slots: Sequence[str]) -> Any:
    """Return the places of the slots in the order of questions, shape (candidates, slots)."""
    return np.array([[one.order.index(slot) for slot in slots] for one in candidates], np.float64)
