"""A learner for bots in other processes: it follows the journal, and publishes what they act by."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import StoreError
from dialogue_gym.journal.seat import LearnerSeat
from dialogue_gym.live.checkpoints import checkpoints_in
from dialogue_gym.live.handoff import Handoff
from dialogue_gym.live.publication import Publication
from dialogue_gym.live.trainer import Trainer

_READS_EVERY, _PUBLISHES_EVERY = 0.2, 1.0
"""Seconds between two looks at the journal, and between two publications."""


class SharedLearner:
    """The work of the process that has the seat of the learner, in a thread of its own beside the trainer.

    It ends by itself when the seat is lost, or the trainer has failed: then another process takes its place.
    """

    def __init__(
        self,
        trainer: Trainer,
        seat: LearnerSeat,
        handoff: Handoff,
        original: Domain,
        on_end: Callable[[str], object],
    ) -> None:
        """Prepare to learn.

        Args:
            trainer: learns what is read.
            seat: the seat, held.
            handoff: passes on what teachers taught in other processes.
            original: the domain without additions.
            on_end: called with the reason, in one line, when it ends by itself.
        """
        self._trainer, self._seat, self._handoff = trainer, seat, handoff
        self._original = original
        self._on_end = on_end
        self._file = checkpoints_in(seat.data).published
        self._taught = 0
        self._published: Publication | None = None
        self._is_leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="following", daemon=True)

    def start(self) -> None:
        """Follow the journal and publish, until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._is_leaving.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            due = time.monotonic()
            while True:
                taught = self._trainer.read_on()
                if time.monotonic() >= due:
                    self._seat.check()
                    self._follow_teachers(taught)
                    self._publish()
                    due = time.monotonic() + _PUBLISHES_EVERY
                if self._trainer.fault is not None:
                    self._on_end("the learner has failed, and another one takes its place")
                    return
                if self._is_leaving.wait(_READS_EVERY):
                    return
        except (OSError, StoreError) as error:
            self._on_end(str(error))
        except BaseException as error:
            self._on_end(f"the learner has failed ({type(error).__name__}: {error})")
            raise

    def _follow_teachers(self, taught: int) -> None:
        if taught > self._taught:
            self._handoff.sync_with_journal(self._original)
            self._taught = taught
        else:
            self._handoff.go_on()  # people write to other processes

    def _publish(self) -> None:
        found = Publication.of(self._trainer, self._taught)
        if self._published is None or not found.is_like(self._published):
            found.write(self._file)
            self._published = found
