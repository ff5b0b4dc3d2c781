"""The terms of a reward: an array of numbers that knows their names."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from dialogue_gym.domain import Domain
from dialogue_gym.rules import reward_terms
from dialogue_gym.rules.tables import TRUNCATED, Settings, Tables


class NamedTerms(np.ndarray[Any, np.dtype[np.float64]]):
    """Terms of rewards, float64, shape `(..., terms)`, which can be read by name as those of a dict.

    `terms["step"]` has shape `(...)`. Arrays, unlike dicts, are the `info` that other libraries store.
    """

    names: ClassVar[tuple[str, ...]] = ()
    """The names of the last axis, in order."""

    def __getitem__(self, index: Any) -> Any:
        """Return a term by its name, or index the array."""
        if isinstance(index, str):
            if index not in self.names:
                raise KeyError(index)
            return np.asarray(self)[..., self.names.index(index)]
        return super().__getitem__(index)

    def keys(self) -> tuple[str, ...]:
        """Return the names of the terms."""
        return self.names

    def values(self) -> Iterator[Any]:
        """Return the terms, in order."""
        return (self[name] for name in self.names)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Return the names and terms, in order."""
        return ((name, self[name]) for name in self.names)

    def __contains__(self, value: object) -> bool:
        """Return whether there is a term of this name, or as in an array."""
        return value in self.names if isinstance(value, str) else bool(super().__contains__(value))

    def __reduce__(self) -> Any:
        """Pickle the numbers and their names."""
        return _restored, (self.names, np.asarray(self))


@functools.cache
def _named(names: tuple[str, ...]) -> type[NamedTerms]:
    """Return the class of arrays with these names: as a property of the class they cost no step any time."""
    return type("NamedTerms", (NamedTerms,), {"names": names, "__module__": __name__})


def _restored(names: tuple[str, ...], numbers: npt.NDArray[np.float64]) -> NamedTerms:
    return numbers.view(_named(names))


class RewardTerms:
    """Every term of the reward of a domain under given settings: of events, of actions, and of shaping last.

    Attributes:
        names: of the terms, in order.
        none: the terms of no step, all 0.
        by_events: the terms for each combination of events (as bits, without truncation), shape
            `(combinations, terms)`; those of actions are 0.
        by_action: for each action of the environment, the place of its own term, or -1, and its weight.
    """

    def __init__(self, domain: Domain, settings: Settings, actions: Sequence[str], tables: Tables) -> None:
        """Tabulate the terms for an environment with these actions, the last ones of the domain's."""
        weights = dict(domain.reward) | dict(settings.reward)
        rows = [reward_terms(domain, settings, events) for events in range(TRUNCATED)]
        own = [name for name in actions if weights.get(name)]
        further = (*own, *(["shaping"] if settings.shaping else []))
        self.names = (*rows[0], *further)
        table = np.array([[*row.values(), *[0.0] * len(further)] for row in rows]) + 0.0  # no -0.0
        self.by_events: NamedTerms = table.view(_named(self.names))
        self.by_action = tuple(
            (self.names.index(name) if name in own else -1, weights.get(name, 0.0)) for name in actions
        )
        self.none: NamedTerms = np.zeros_like(self.by_events[0])
        first = len(domain.actions) - len(actions)
        rows_of = {own: self._by_events_and(*own) for own in set(self.by_action)}
        self._steps = [
            [
                (reward + tables.action_reward[first + action], terms)
                for reward, terms in zip(tables.event_reward, rows_of[own], strict=True)
            ]
            for action, own in enumerate(self.by_action)
        ]

    def _by_events_and(self, place: int, weight: float) -> list[NamedTerms]:
        """Return the terms of an action's steps by their events, with truncation or without."""
        table = self.by_events
        if place >= 0:
            table = table.copy()
            table[:, place] = weight
        return 2 * list(table)

    def earned(self, events: int, action: int) -> tuple[float, NamedTerms]:
        """Return the reward of a step, from its events and action, and its terms, which may be changed."""
        reward, terms = self._steps[action][events]
        return reward, terms.copy()
