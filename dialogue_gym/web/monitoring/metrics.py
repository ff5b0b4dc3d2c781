"""Figures of the running server for Prometheus: messages, latency, conversations and the learner.

Each server has a registry of its own. Labels come from fixed lists, so that nobody's name can become one.
Several processes of one server share their figures in a folder that their parent has made, in the way of
prometheus_client (https://prometheus.github.io/client_python/multiprocess).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from dialogue_gym._threads import repeating
from dialogue_gym.live.exploration import Explorer
from dialogue_gym.live.request_limits import Rejected
from dialogue_gym.live.sessions import Sessions
from dialogue_gym.live.transitions import FAILURE, SUCCESS, TRUNCATED
from dialogue_gym.version import __version__

if TYPE_CHECKING:
    from dialogue_gym.live.trainer import Trainer  # needs torch, which other servers lack

ANSWERED, REFUSED, FAILED = "answered", "refused", "failed"
"""The outcomes of a message: answered; over a limit or invalid; not written down, or an error here."""
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""The upper bounds of the histogram of latencies, in seconds."""
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable with the folder in which the processes of a server share their figures."""
_EVERY = 1.0
_Mode = Literal["livemax", "livemin", "livesum"]
"""The figure of several processes: the largest one, the smallest one, or the sum, of those that run."""
_LIVE = re.compile(r"gauge_live[a-z]+_(\d+)\.db")
"""The files of processes that run; the parent removes those of others."""


class ServerMetrics:
    """The figures of one server, all of which begin with `dialogue_gym_`.

    Counters begin at 0 with the process, as Prometheus expects. Those of several servers can be added.
    """

    def __init__(self) -> None:
        """Begin with the figures of the process alone."""
        self.registry = CollectorRegistry()
        self._folder = os.environ.get(FOLDER)
        self._gauges: list[tuple[Gauge, Callable[[], float]]] = []
        build = Gauge(
            "dialogue_gym_build_info",
            "The version of dialogue_gym.",
            ["version"],
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        build.labels(__version__).set(1)
        if self._folder is None:
            ProcessCollector(registry=self.registry)
        self._messages = Counter(
            "dialogue_gym_messages",
            "Messages of people, by channel and outcome: answered, refused or failed.",
            ["channel", "outcome"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "dialogue_gym_answer_seconds",
            "Seconds from a message to its answer, which is on the disk by then.",
            ["channel"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._deliveries = Counter(
            "dialogue_gym_deliveries",
            "Messages that the server posts itself, by channel and outcome: delivered or lost.",
            ["channel", "outcome"],
            registry=self.registry,
        )
        self._ended = Counter(
            "dialogue_gym_conversations_ended",
            "Conversations that have ended, by outcome: success, failure or truncated.",
            ["outcome"],
            registry=self.registry,
        )
        for outcome in (SUCCESS, FAILURE, TRUNCATED):
            self._ended.labels(outcome)  # a rate of successes is 0 rather than unknown before the first

    def count_ends(self, people: Sessions) -> None:
        """Count the conversations that end in this process."""
        people.bot.conversations.on_end = lambda outcome: self._ended.labels(outcome).inc()

    def watch_people(self, people: Sessions, explorer: Explorer) -> None:
        """Add the figures of the conversations with people, and of the weights that decide there."""
        bot = people.bot
        self.count_ends(people)
        self._watch("conversations_open", "Open conversations.", lambda: len(bot.conversations))
        self._watch(
            "conversations_with_teacher",
            "Open conversations that a teacher has taken over.",
            lambda: len(bot.conversations.teachers),
        )
        self._watch(
            "weights_version",
            "The version of the weights that decide: the updates that made them.",
            lambda: explorer.actor.version,
            "livemin",
        )

    def watch_learner(self, trainer: Trainer) -> None:
        """Add the figures of the learner."""
        self._watch(
            "learner_backlog",
            "Turns that are written down and wait for the learner.",
            lambda: trainer.backlog,
        )
        self._watch(
            "learner_transitions",
            "Transitions that the learner has learned from, since it began.",
            lambda: trainer.learner.transitions,
        )
        self._watch(
            "learner_failed",
            "1 if the learner has stopped with an error; the bot still answers.",
            lambda: trainer.fault is not None,
        )

    def _watch(self, name: str, text: str, value: Callable[[], float], mode: _Mode = "livemax") -> None:
        gauge = Gauge(f"dialogue_gym_{name}", text, registry=self.registry, multiprocess_mode=mode)
        gauge.set(value())  # rather than 0 until the first refresh
        self._gauges.append((gauge, value))

    def refresh(self) -> None:
        """Set the figures of the present."""
        for gauge, value in self._gauges:
            gauge.set(value())

    @contextmanager
    def refreshing(self) -> Iterator[None]:
        """Set the figures of the present every second, in a thread: other processes may be asked for them."""
        with repeating(self.refresh, _EVERY, "figures"):
            yield

    @contextmanager
    def message(self, channel: str) -> Iterator[None]:
        """Count a message that is taken within the context, and the seconds that it takes."""
        began, outcome = time.perf_counter(), FAILED
        try:
            yield
            outcome = ANSWERED
        except Rejected:
            outcome = REFUSED
            raise
        finally:
            self._messages.labels(channel, outcome).inc()
            if outcome == ANSWERED:
                self._seconds.labels(channel).observe(time.perf_counter() - began)

    def delivered(self, channel: str, is_lost: bool = False) -> None:
        """Count a message that was posted, or that did not arrive."""
        self._deliveries.labels(channel, "lost" if is_lost else "delivered").inc()

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return the figures as Prometheus reads them, and their media type.

        Args:
            accept: the `Accept` header of the request.
        """
        encode, kind = choose_encoder(accept)
        self.refresh()
        registry = self.registry
        if self._folder is not None:
            registry = CollectorRegistry()
            registry.register(_SharedFigures(Path(self._folder)))
            registry.register(_Processes(Path(self._folder)))
        return encode(registry), kind


class _SharedFigures(Collector):
    """The figures of all processes together, of those that have died as well where they are counts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        files = [str(path) for path in self._folder.glob("*.db") if _size(path)]
        return MultiProcessCollector.merge(files, accumulate=True)  # type: ignore[no-any-return,no-untyped-call]


def _size(path: Path) -> int:
    """Return the size of a file: 0 while a process makes it, or if that was killed meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


class _Processes(Collector):
    """The memory, CPU time and open files of each process, by its number."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        found = (_LIVE.fullmatch(path.name) for path in self._folder.iterdir())
        families: dict[str, Metric] = {}
        for pid in sorted({match[1] for match in found if match}):
            for metric in ProcessCollector(pid=partial(str, pid), registry=None).collect():
                family = families.setdefault(
                    metric.name, Metric(metric.name, metric.documentation, metric.type)
                )
                for sample in metric.samples:
                    family.add_sample(sample.name, {**sample.labels, "pid": pid}, sample.value)
        return families.values()
