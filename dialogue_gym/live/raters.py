"""The raters of a store: their opinions, the report on them, and weights that are learned on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import LIVE, PENDING, RATING, Entry
from dialogue_gym.journal.store import Store
from dialogue_gym.live.moderation import BURSTS, chosen, waiting
from dialogue_gym.live.reward import LiveReward
from dialogue_gym.live.trace import Trace, trace_of
from dialogue_gym.live.transitions import Transition
from dialogue_gym.raters import Opinion, Rater, RaterReport, RaterVerdict, judge_raters, weigh_raters

EVERY = 20
"""Ratings after which the weights of raters are learned anew."""
_STEPS = 10
"""Steps between the weights 0 and 1. A smaller change changes no reward."""


class OpinionLog:
    """The opinions of people in the conversations of a store. Ratings that await approval are left out.

    Attributes:
        ratings: the number of ratings that were added; a changed mind is one more.
        last_entry: the id of the last one; 0 before the first.
    """

    def __init__(self, store: Store, domain: Domain) -> None:
        """Begin without any opinion.

        Args:
            store: the store with the conversations.
            domain: the domain, with the additions of the store.
        """
        self.ratings = self.last_entry = 0
        self._store, self._domain = store, domain
        self._opinions: dict[str, tuple[Opinion, ...]] = {}
        self._outcomes: dict[Hashable, bool] = {}
        self._changed: dict[str, None] = {}

    def add(self, ratings: Iterable[Entry]) -> None:
        """Add ratings, in their order. Those that are known, or await approval, are left out."""
        for entry in ratings:
            if entry.kind == RATING and entry.id > self.last_entry and not entry.content.get(PENDING):
                self.ratings += 1
                self.last_entry = entry.id
                self._changed[entry.conversation] = None

    def report(self) -> RaterReport:
        """Return the report on all raters; errors are those of `trace`."""
        self._read()
        return judge_raters(self._all(), self._outcomes)

    def weights(self) -> dict[Rater, float]:
        """Return the weight of each rater, from 0 to 1; errors are those of `trace`."""
        self._read()
        return weigh_raters(self._all(), self._outcomes)

    def conversations_of(self, raters: Iterable[Rater]) -> list[str]:
        """Return the conversations with opinions of some raters; errors are those of `trace`."""
        self._read()
        wanted = {*raters}
        return [name for name, some in self._opinions.items() if any(one.rater in wanted for one in some)]

    def trace(self, conversation: str, reward: LiveReward) -> Trace | None:
        """Return a conversation up to the last rating that was added; None if no person talked there.

        Raises:
            StoreError: the journal cannot be read.
            DomainError: the journal is of another domain.
        """
        entries = [one for one in self._store.entries(conversation) if one.id <= self.last_entry]
        is_live = any(LIVE in one.content for one in entries)
        return trace_of(self._domain, conversation, reward, entries) if is_live else None

    def _all(self) -> list[Opinion]:
        return [one for some in self._opinions.values() for one in some]

    def _read(self) -> None:
        """Read the conversations again that have new ratings."""
        for name in self._changed:
            trace = self.trace(name, LiveReward())
            if trace is None:
                continue
            self._opinions[name] = tuple(trace.opinions())
            if trace.is_success is not None:
                self._outcomes[name] = trace.is_success
        self._changed.clear()


@dataclass(frozen=True)
class RaterNews:
    """The news of raters that teachers should know.

    Attributes:
        contrary: the verdicts on raters who mostly contradict the others, or the outcomes.
        burst: the number of ratings of bursts that await approval.
    """

    contrary: tuple[RaterVerdict, ...] = ()
    burst: int = 0


class RaterWatch:
    """Watch over the raters of a store, for pages that ask often. Thread-safe."""

    def __init__(
        self, store: Store, domain: Domain, seconds: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin without a look at the store.

        Args:
            store: the store with the conversations.
            domain: the domain, with the additions of the store.
            seconds: the seconds between two looks.
            clock: the time in seconds.
        """
        self._store, self._seconds, self._clock = store, seconds, clock
        self._lock = threading.Lock()
        self._news = RaterNews()
        self.use_domain(domain)

    def use_domain(self, domain: Domain) -> None:
        """Go on with a domain that has grown."""
        with self._lock:
            self._log, self._due = OpinionLog(self._store, domain), self._clock()

    def news(self) -> RaterNews:
        """Return the news, as of at most some seconds ago; errors are those of `OpinionLog.trace`."""
        with self._lock:
            if self._clock() >= self._due:
                ratings = self._store.ratings()
                self._log.add(ratings)
                self._news = RaterNews(self._log.report().contrary, len(chosen(waiting(ratings), BURSTS)))
                self._due = self._clock() + self._seconds
            return self._news


class RaterWeights:
    """Weights of raters, learned anew after every so many ratings, in tenths. Those of teachers are 1.

    They follow from the journal alone: a resumed learner has the same.
    """

    def __init__(self, store: Store, domain: Domain, every: int = EVERY) -> None:
        """Begin with full weights.

        Args:
            store: the store with the conversations.
            domain: the domain, with the additions of the store.
            every: the number of ratings after which the weights are learned anew.
        """
        self._store, self._domain, self._every = store, domain, every
        self._log = OpinionLog(store, domain)
        self._weights: dict[Rater, float] = {}

    def of(self, rater: Rater) -> float:
        """Return the present weight of a rater."""
        return self._weights.get(rater, 1.0)

    def use_domain(self, domain: Domain) -> None:
        """Go on with a domain that has grown; `begin` follows."""
        self._domain = domain

    def begin(self, after: int, reward: LiveReward) -> list[Transition]:
        """Take in the journal up to an entry; return the transitions that count less by it.

        Raises:
            StoreError: the journal cannot be read.
            DomainError: the journal is of another domain.
        """
        self._log = OpinionLog(self._store, self._domain)
        counted = [one for one in self._store.ratings() if one.id <= after and not one.content.get(PENDING)]
        learned = len(counted) - len(counted) % self._every
        self._log.add(counted[:learned])
        self._weights = self._learned()
        self._log.add(counted[learned:])
        return self._transitions(self._weights, reward)

    def take(self, rating: Entry, reward: LiveReward) -> list[Transition]:
        """Take in the next rating; return the transitions whose rewards change; errors as in `begin`."""
        before = self._log.ratings
        self._log.add([rating])
        if self._log.ratings == before or self._log.ratings % self._every:
            return []
        old, self._weights = self._weights, self._learned()
        changed = {one for one in {*old, *self._weights} if old.get(one, 1.0) != self.of(one)}
        return self._transitions(changed, reward)

    def _learned(self) -> dict[Rater, float]:
        """Return the weights below 1."""
        found = {rater: round(weight * _STEPS) / _STEPS for rater, weight in self._log.weights().items()}
        return {rater: weight for rater, weight in found.items() if weight < 1 and not rater.is_teacher}

    def _transitions(self, raters: Iterable[Rater], reward: LiveReward) -> list[Transition]:
        raters = {*raters}
        traces = (self._log.trace(name, reward) for name in self._log.conversations_of(raters))
        return [one for trace in traces if trace is not None for one in trace.rated_by(raters)]
