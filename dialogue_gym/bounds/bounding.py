"""The bound of an environment, computed on another core while an agent trains."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any

from dialogue_gym.bounds.enumeration import MAX_STATES, TooLarge, tables_of
from dialogue_gym.bounds.interval import SampledBound
from dialogue_gym.bounds.sampled_bound import SECONDS, sample_bound
from dialogue_gym.bounds.upper_bound import bound
from dialogue_gym.training.environments import make_env


class BoundMethod(StrEnum):
    """The way to the bound of an environment."""

    AUTO = "auto"
    """Exact for up to `AUTO_STATES` states, sampled for more, and where users search a database."""
    EXACT = "exact"
    """Exact, however long it takes."""
    SAMPLE = "sample"
    NONE = "none"


AUTO_STATES = 10_000
"""States up to which `auto` gives the exact bound: some ten seconds."""
TOLD = "of a bot that is told the constraints"
"""The assumption of a bound where users search a database."""
WAIT_SECONDS = 60
"""Longest wait of `auto` for the exact bound once all else is done; then it samples."""


@dataclass(frozen=True)
class Bound:
    """A bound of the mean return; a sampled one has an interval.

    `assumes` says in short what is made easier for the bot, other than that it knows the user's half.
    """

    value: float
    sampled: SampledBound | None = None
    assumes: str = ""

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of a sampled bound; None for an exact one."""
        return (self.sampled.low, self.sampled.high) if self.sampled else None

    def __str__(self) -> str:
        """The bound in short."""
        figure = str(self.sampled) if self.sampled else f"{self.value:.2f}"
        return f"{figure}, {self.assumes}" if self.assumes else figure


def known_bound(env: Any, seed: int = 0) -> Bound:
    """Return the bound of a dialogue environment: exact where it has few enough states, else sampled.

    Args:
        env: a dialogue environment; its domain and settings are used, and it is not stepped.
        seed: seed of the samples.
    """
    is_search = tables_of(env).is_search
    if not is_search:
        try:
            return Bound(bound(env))
        except TooLarge:
            pass
    sampled = sample_bound(env, seed=seed)
    return Bound(sampled.mean, sampled, TOLD if is_search else "")


def _exact(env_id: str, settings: dict[str, Any], most_states: int) -> float | None:
    try:
        return bound(make_env(env_id, settings), most_states)
    except TooLarge:
        return None


def _sampled(env_id: str, settings: dict[str, Any], seed: int, seconds: float) -> SampledBound:
    return sample_bound(make_env(env_id, settings), seconds=seconds, seed=seed)


class Bounding:
    """Computes the bound in another process, from the `with` statement on."""

    def __init__(
        self,
        env_id: str,
        settings: dict[str, Any],
        method: BoundMethod,
        seed: int,
        tell: Callable[[str], None],
    ) -> None:
        """Prepare the computation.

        Args:
            env_id: the id of the environment.
            settings: its settings.
            method: the way to it.
            seed: seed of the samples.
            tell: called with one line as soon as it is known that there is no exact bound.
        """
        self._environment = env_id, settings
        self._method, self._seed, self._tell = method, seed, tell
        self._assumes = ""
        self._pool: Any = None
        self._exact: Any = None
        self._sample: Any = None

    def __enter__(self) -> Bounding:
        """Start."""
        if self._method is BoundMethod.NONE:
            return self
        is_search = tables_of(make_env(*self._environment)).is_search
        self._assumes = TOLD if is_search else ""
        # Ctrl-C reaches both processes, and one says enough about it.
        ignored = signal.SIGINT, signal.SIG_IGN
        self._pool = multiprocessing.get_context("spawn").Pool(1, signal.signal, ignored)
        if self._method is BoundMethod.EXACT or (self._method is BoundMethod.AUTO and not is_search):
            most = AUTO_STATES if self._method is BoundMethod.AUTO else MAX_STATES
            arguments = (*self._environment, most)
            self._exact = self._pool.apply_async(_exact, arguments, callback=self._on_exact)
        else:
            self._start_sample()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what still runs."""
        if self._pool:
            self._pool.terminate()
            self._pool.join()

    def _on_exact(self, found: float | None) -> None:
        """Go on without the exact bound; this runs before `get` returns, in a thread of the pool."""
        if found is not None:
            return
        if self._method is BoundMethod.EXACT:
            self._tell("this environment is too large for an exact bound; --bound sample samples one")
            return
        self._tell(
            f"this environment is too large for an exact bound ({AUTO_STATES:,} states): it is sampled,"
            f" for {SECONDS:.0f} seconds; --bound none leaves it out"
        )
        self._start_sample()

    def _start_sample(self) -> None:
        self._sample = self._pool.apply_async(_sampled, (*self._environment, self._seed, SECONDS))

    @property
    def is_ready(self) -> bool:
        """Whether `result` returns at once."""
        if self._sample:
            return bool(self._sample.ready())
        return not self._exact or bool(self._exact.ready() and self._exact.get() is not None)

    def result(self) -> Bound | None:
        """Return the bound, or None if there is none."""
        if self._exact:
            try:
                found = self._exact.get(WAIT_SECONDS if self._method is BoundMethod.AUTO else None)
            except multiprocessing.TimeoutError:
                self._tell(f"the exact bound takes too long, so it is sampled, for {SECONDS:.0f} seconds")
                sampled = _sampled(*self._environment, self._seed, SECONDS)
                return Bound(sampled.mean, sampled, self._assumes)
            if found is not None:
                return Bound(found, assumes=self._assumes)
        if not self._sample:
            return None
        sampled = self._sample.get()
        return Bound(sampled.mean, sampled, self._assumes)
