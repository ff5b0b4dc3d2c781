"""The distance of simulated dialogues from logged ones, by behaviour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dialogue_gym._text import counted
from dialogue_gym.domain import Domain
from dialogue_gym.fitting.dialogues import Heard, LoggedDialogue

SPLITS = 200
LONGEST = 15
"""Dialogues with so many messages and longer ones are one kind."""
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BehaviourDistance:
    """The total variation distance between the shares of a behaviour in two sets of dialogues.

    It is the least share of one set that must change to have the shares of the other.

    Attributes:
        behaviour: what is compared, such as `user acts`.
        value: the distance, from 0 to 1.
        by_chance: the distance that two random halves of all of these dialogues stay under in 95% of cases.
        item: the item whose shares differ most.
        logged: its share in the logged dialogues.
        simulated: its share in the simulated ones.
    """

    behaviour: str
    value: float
    by_chance: float
    item: str
    logged: float
    simulated: float


def distances(
    domain: Domain, logged: Sequence[LoggedDialogue], simulated: Sequence[LoggedDialogue], seed: int = 0
) -> list[BehaviourDistance]:
    """Return the distances by user acts, by acts after each action, by length and by outcome."""
    random = np.random.default_rng(seed)
    found = []
    for behaviour, items_of in _BEHAVIOURS.items():
        items: dict[Hashable, int] = {}
        rows = [Counter(items_of(domain, dialogue)) for dialogue in (*logged, *simulated)]
        for row in rows:
            for item in row:
                items.setdefault(item, len(items))
        table = np.zeros((len(rows), len(items)))
        for number, row in enumerate(rows):
            for item, count in row.items():
                table[number, items[item]] = count
        found.append(_distance(behaviour, [str(item) for item in items], table, len(logged), random))
    return found


def _distance(
    behaviour: str, items: Sequence[str], table: _Floats, logged: int, random: np.random.Generator
) -> BehaviourDistance:
    one, other = _shares(table[:logged]), _shares(table[logged:])
    by_chance = []
    order = np.arange(len(table))
    for _ in range(SPLITS):
        random.shuffle(order)
        halves = _shares(table[order[:logged]]), _shares(table[order[logged:]])
        by_chance.append(np.abs(halves[0] - halves[1]).sum() / 2)
    worst = int(np.argmax(np.abs(one - other)))
    return BehaviourDistance(
        behaviour,
        float(np.abs(one - other).sum() / 2),
        float(np.quantile(by_chance, 0.95)),
        items[worst],
        float(one[worst]),
        float(other[worst]),
    )


def _shares(table: _Floats) -> _Floats:
    sums = table.sum(axis=0)
    return np.asarray(sums / max(sums.sum(), 1.0))


def _acts(domain: Domain, dialogue: LoggedDialogue) -> Iterator[str]:
    yield _named(domain, dialogue.opening)
    for step in dialogue.steps:
        if step.heard is not None:
            yield _named(domain, step.heard)


def _acts_after_actions(domain: Domain, dialogue: LoggedDialogue) -> Iterator[str]:
    yield f"at first: {_named(domain, dialogue.opening)}"
    for step in dialogue.steps:
        if step.heard is not None:
            yield f"after {domain.actions[step.action]}: {_named(domain, step.heard)}"


def _named(domain: Domain, heard: Heard) -> str:
    """Return an act without its values, as `inform cuisine, price`."""
    intent, told, _ = heard
    name = domain.intents[intent - 1] if intent else "not understood"
    slots = [slot.name for slot, code in zip(domain.slots, told, strict=True) if code]
    return f"{name} {', '.join(slots)}".strip()


def _lengths(domain: Domain, dialogue: LoggedDialogue) -> Iterator[str]:
    messages = 1 + sum(step.heard is not None for step in dialogue.steps)
    yield f"{LONGEST} messages or more" if messages >= LONGEST else counted(messages, "message")


def _outcomes(domain: Domain, dialogue: LoggedDialogue) -> Iterator[str]:
    yield dialogue.outcome or "unknown"


_BEHAVIOURS: Mapping[str, Callable[[Domain, LoggedDialogue], Iterator[str]]] = {
    "user acts": _acts,
    "acts after actions": _acts_after_actions,
    "messages": _lengths,
    "outcomes": _outcomes,
}
