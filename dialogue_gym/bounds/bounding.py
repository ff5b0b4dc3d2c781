"""The bound of an environment, computed on another core while an agent trains."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection
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
        self._process: Any = None
        self._may_be_exact = False
        self._exact: Future[float | None] = Future()
        self._sample: Future[SampledBound | None] = Future()

    def __enter__(self) -> Bounding:
        """Start."""
        if self._method is BoundMethod.NONE:
            return self
        is_search = tables_of(make_env(*self._environment)).is_search
        self._assumes = TOLD if is_search else ""
        self._may_be_exact = self._method is BoundMethod.EXACT or (
            self._method is BoundMethod.AUTO and not is_search
        )
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe(duplex=False)
        most = {BoundMethod.AUTO: AUTO_STATES, BoundMethod.EXACT: MAX_STATES}.get(self._method, 0)
        arguments = (
            theirs, *self._environment, most if self._may_be_exact else 0,
            self._method is not BoundMethod.EXACT, self._seed, SECONDS,
        )  # fmt: skip
        self._process = spawn.Process(target=_compute, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        threading.Thread(target=self._listen, args=(ours,), name="bound", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what still runs."""
        if self._process:
            self._process.kill()
            self._process.join()

    def _listen(self, news: Connection) -> None:
        """Take the results from the other process; without a result it was killed."""
        waiting: list[Future[Any]] = [self._exact, self._sample] if self._may_be_exact else [self._sample]
        with news:
            try:
                while waiting and not isinstance(found := news.recv(), Exception):
                    waiting.pop(0).set_result(found)
                    if waiting and found is None:
                        self._tell(self._too_large())
                    if waiting and (found is not None or self._method is BoundMethod.EXACT):
                        waiting.pop(0).set_result(None)
            except EOFError:
                found = RuntimeError("the computation of the bound was killed")
        for future in waiting:
            future.set_exception(found)

    def _too_large(self) -> str:
        if self._method is BoundMethod.EXACT:
            return "this environment is too large for an exact bound; --bound sample samples one"
        return (
            f"this environment is too large for an exact bound ({AUTO_STATES:,} states): it is sampled,"
            f" for {SECONDS:.0f} seconds; --bound none leaves it out"
        )

    @property
    def is_ready(self) -> bool:
        """Whether `result` returns at once."""
        return self._process is None or self._sample.done()

    def result(self) -> Bound | None:
        """Return the bound, or None if there is none.

        Raises:
            ImportError: SciPy, which samples need, is missing.
            RuntimeError: the other process was killed.
        """
        if self._process is None:
            return None
        if self._may_be_exact:
            try:
                exact = self._exact.result(WAIT_SECONDS if self._method is BoundMethod.AUTO else None)
            except TimeoutError:
                self._tell(f"the exact bound takes too long, so it is sampled, for {SECONDS:.0f} seconds")
                sampled = _sampled(*self._environment, self._seed, SECONDS)
                return Bound(sampled.mean, sampled, self._assumes)
            if exact is not None:
                return Bound(exact, assumes=self._assumes)
        found = self._sample.result()
        return None if found is None else Bound(found.mean, found, self._assumes)


def _compute(
    results: Connection,
    env_id: str,
    settings: dict[str, Any],
    most_states: int,
    may_sample: bool,
    seed: int,
    seconds: float,
) -> None:
    """Send the exact bound, or None if it has too many states (unless they may be none), and then samples."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both processes, and one says enough of it
    with results:
        try:
            exact = None
            if most_states:
                results.send(exact := _exact(env_id, settings, most_states))
            if exact is None and may_sample:
                results.send(_sampled(env_id, settings, seed, seconds))
        except Exception as error:  # raised where the result is asked for
            results.send(error)


def _exact(env_id: str, settings: dict[str, Any], most_states: int) -> float | None:
    try:
        return bound(make_env(env_id, settings), most_states)
    except TooLarge:
        return None


def _sampled(env_id: str, settings: dict[str, Any], seed: int, seconds: float) -> SampledBound:
    return sample_bound(make_env(env_id, settings), seconds=seconds, seed=seed)
