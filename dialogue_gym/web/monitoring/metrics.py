"""Figures of the running server for Prometheus: messages, latency, conversations and the learner.

Each server has a registry of its own. Labels come from fixed lists, so that nobody's name can become one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.exposition import choose_encoder

from dialogue_gym.live.sessions import Rejected, Sessions
from dialogue_gym.live.transitions import FAILURE, SUCCESS, TRUNCATED
from dialogue_gym.version import __version__

if TYPE_CHECKING:
    from dialogue_gym.live.trainer import Trainer  # needs torch, which other servers lack

ANSWERED, REFUSED, FAILED = "answered", "refused", "failed"
"""The outcomes of a message: answered; over a limit or invalid; not written down, or an error here."""
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""The upper bounds of the histogram of latencies, in seconds."""


class ServerMetrics:
    """The figures of one server, all of which begin with `dialogue_gym_`.

    Counters begin at 0 with the process, as Prometheus expects. Those of several servers can be added.
    """

    def __init__(self) -> None:
        """Begin with the figures of the process alone."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        Info("dialogue_gym_build", "The version of dialogue_gym.", registry=self.registry).info(
            {"version": __version__}
        )
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

    def watch(self, people: Sessions, trainer: Trainer) -> None:
        """Add the figures of the conversations with people, and of the learner."""
        bot = people.bot
        bot.conversations.on_end = lambda outcome: self._ended.labels(outcome).inc()
        for name, text, value in (
            ("conversations_open", "Open conversations.", lambda: len(bot.conversations)),
            (
                "conversations_with_teacher",
                "Open conversations that a teacher has taken over.",
                lambda: len(bot.conversations.teachers),
            ),
            (
                "learner_backlog",
                "Turns that are written down and wait for the learner.",
                lambda: trainer.backlog,
            ),
            (
                "learner_transitions",
                "Transitions that the learner has learned from, since it began.",
                lambda: trainer.learner.transitions,
            ),
            (
                "learner_failed",
                "1 if the learner has stopped with an error; the bot still answers.",
                lambda: trainer.fault is not None,
            ),
            (
                "weights_version",
                "The version of the weights that decide: the updates that made them.",
                lambda: trainer.explorer.actor.version,
            ),
        ):
            Gauge(f"dialogue_gym_{name}", text, registry=self.registry).set_function(value)

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
        return encode(self.registry), kind
