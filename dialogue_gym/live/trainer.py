"""Learning beside conversations: transitions come in, updates are made, checkpoints are written."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dialogue_gym.conversation.bot_state import with_user
from dialogue_gym.domain import Domain
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.journal.entry import StoreError
from dialogue_gym.live.checkpoints import CheckpointError, Checkpoints, read
from dialogue_gym.live.exploration import Explorer, Labels
from dialogue_gym.live.follower import JournalFollower
from dialogue_gym.live.learner import LiveLearner
from dialogue_gym.live.learning_figures import LearningFigures
from dialogue_gym.live.logs import StoredLogs
from dialogue_gym.live.migration import Names, load_checkpoint, migrate_arrays, schema_of
from dialogue_gym.live.promotion import LabelledQPolicy, Promotion, weights_in
from dialogue_gym.live.regression_guard import RegressionGuard
from dialogue_gym.live.transitions import Transition
from dialogue_gym.off_policy import CannotSay
from dialogue_gym.policies.agent import Agent
from dialogue_gym.version import __version__

EVERY = 500
MOST_BEHIND = 2000
"""Turns that may wait for the learner. Beyond that, transitions are taken in without their updates, which are
made later: otherwise the queue would fill the memory."""
_AT_THE_END = 50
"""Turns that are still learned before a stop, and updates that are still made: less than a second's work."""
_AT_ONCE = 20
"""Postponed updates that are made before the queue is looked at again."""


ReadLogs = Callable[[Sequence[Agent], int], StoredLogs]
"""Given agents, and the id of an entry, returns the logs of the conversations that began after it."""


@dataclass(frozen=True)
class _Task:
    transitions: tuple[Transition, ...]
    last_entry: int | None = None
    is_boundary: bool = False
    labels: Labels | None = None
    learner: LiveLearner | None = None
    """The learner that it was for, whose observations it has."""


class Trainer:
    """Training of a learner, when it is asked to, or in a thread of its own.

    It alone touches the learner. One transition after the other is learned, so that the result depends on
    their order alone, not on the time of their submission. Checkpoints are written at the end of a dialogue,
    when enough transitions have come since the last one.

    Attributes:
        learner: the learner to train.
        explorer: acts by the learner's weights, or by those in use.
        last_entry: the id of the last entry of the journal whose transitions the learner has.
        taught: the labels of teachers.
        promotion: the weights in use, and the candidate; None if the newest weights are always in use.
        fault: the error that has ended the thread, if it has failed.
    """

    def __init__(
        self,
        learner: LiveLearner,
        explorer: Explorer,
        checkpoints: Checkpoints,
        last_entry: int,
        *,
        every: int = EVERY,
        guard: RegressionGuard | None = None,
        report: Callable[[str], None] = print,
        others: Callable[[], dict[str, Any]] = dict,
        taught: Labels | None = None,
        own: Names = frozenset(),
        promotion: Promotion | None = None,
        read: ReadLogs | None = None,
        follower: JournalFollower | None = None,
        figures: LearningFigures | None = None,
    ) -> None:
        """Prepare to learn.

        Args:
            learner: the learner to train.
            explorer: acts by the learner's weights.
            checkpoints: the folder for checkpoints.
            last_entry: the id of the last entry whose transitions the learner has.
            every: the number of transitions between two checkpoints.
            guard: watches the success rate of the checkpoints.
            report: called with one line that a person should read, in the thread that learns.
            others: returns further parts of a checkpoint, as JSON-serializable values.
            taught: the labels of teachers that the learner has.
            own: the names that teachers added or edited; see `migrate_arrays`.
            promotion: the weights in use, and the candidate; None for the newest weights always.
            read: returns the logs after an entry, by which candidates are compared.
            follower: reads the journal after the last entry; None if nothing is ever read again.
            figures: given the figures of the learning at the end of each dialogue.
        """
        self._figures = figures
        self.learner = learner
        self.explorer = explorer
        self.last_entry = last_entry
        self._checkpoints = checkpoints
        self._every = every
        self._guard = guard
        self._report = report
        self._others = others
        self._due = learner.transitions + every
        self._saved = last_entry
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_leaving = threading.Event()
        self._learning = threading.RLock()  # held while the learner learns, or another one takes its place
        self._own = own
        self._most_waiting = math.inf
        self.promotion = promotion
        self._promotes_after: int | None = None
        self._read = read
        self._follower = follower
        self._reading = threading.Lock()  # held while the journal is read, before `_learning`
        self._set_taught(taught or {})
        self._hand_out()
        self.fault: BaseException | None = None

    def promote_after(self, entry: int) -> None:
        """Begin safe promotion once all up to an entry of the journal is learned.

        Until then the newest weights decide: a learner that begins anew, because checkpoints were lost or
        erased, is at first worse than what people had.
        """
        self._promotes_after = entry
        self._begin_promotion()

    def _begin_promotion(self) -> bool:
        after = self._promotes_after
        if after is None or self.last_entry < after or self.learner.owed:
            return False
        self._promotes_after = None
        self.promotion = Promotion.begin(self.learner.actor(), self.last_entry, time.time())
        self._set_taught(self.taught)
        return True

    def version_lines(self) -> list[str]:
        """Return sentences on the version that answers; none if it is always the newest."""
        if self._promotes_after is not None:
            return ["The newest version answers until the journal is learned; safe promotion begins with it."]
        return [] if self.promotion is None else self.promotion.lines(self.learner.updates)

    def submit(self, transitions: Iterable[Transition], last_entry: int, is_boundary: bool = False) -> None:
        """Hand over transitions to be learned; see `LiveBot(on_transitions=)`.

        Args:
            transitions: the transitions, in their order.
            last_entry: the id of the last entry of the journal that they follow from.
            is_boundary: whether a dialogue has ended, so that a checkpoint may follow.
        """
        self._hand_over(_Task(tuple(transitions), last_entry, is_boundary, learner=self.learner))

    def read_on(self) -> int:
        """Hand over all that was written since the last call, by whichever process; see `JournalFollower`.

        This is for a learner whose bots are in other processes: what the bots here hand over themselves would
        be learned twice.

        Returns:
            The id of the last entry that teaches: see `JournalFollower.taught`.

        Raises:
            StoreError: the journal cannot be read.
        """
        with self._reading:
            return self._read_on()

    def _read_on(self) -> int:
        if self._follower is None:
            return 0
        for news in self._follower.news():
            self.submit(news.transitions, news.entry, news.is_boundary)
        return self._follower.taught

    @property
    def backlog(self) -> int:
        """The number of turns that wait to be learned."""
        return self._tasks.qsize()

    def teach(self, labels: Labels) -> None:
        """Hand over all labels of teachers, in the place of those before."""
        self._set_taught(labels)
        self._hand_over(_Task((), labels=labels, learner=self.learner))

    def use_domain(self, domain: Domain, labels: Callable[[DialogueEnv], Labels], own: Names) -> None:
        """Go on with a domain that has grown, or from which a teacher's own names have gone.

        Transitions that wait are forgotten, and read again from the journal.

        Args:
            domain: the domain as it is now.
            labels: returns the labels of teachers in an environment of that domain.
            own: the names that teachers added or edited; see `migrate_arrays`.

        Raises:
            MigrationError: the domain has lost something else. All is as it was.
            StoreError: the journal cannot be read.
        """
        with self._reading, self._learning:
            old, turn_taking = self.learner, self.learner.env.settings.turn_taking
            learner = LiveLearner(with_user(domain), turn_taking, old.settings)
            before = schema_of(old.env)
            versions = {} if self.promotion is None else self.promotion.arrays()
            arrays = migrate_arrays({**old.arrays(), **versions}, before, learner.arrays(), learner.env, own)
            learner.load(arrays, old.state())
            while not self._tasks.empty():
                self._tasks.get()
            if self._is_leaving.is_set():
                self._tasks.put(None)  # the thread may wait for that of `stop`
            self.learner, self._own = learner, own
            newest = learner.actor()
            if self.promotion is not None:
                weights = weights_in(arrays)
                self.promotion = self.promotion.grown(learner.env, weights, newest, self.last_entry)
            self.explorer.use_actor(newest, has_grown=schema_of(learner.env) != before)
            if self._guard is not None:
                self._guard.env = DialogueEnv(domain, turn_taking=turn_taking)
            taught = labels(learner.env)
            learner.teach(taught)
            self._set_taught(taught)
            self._hand_out()
            if self._follower is not None:
                self._follower.use_domain(domain, self.last_entry)
                self._read_on()

    def _set_taught(self, labels: Labels) -> None:
        self.taught = dict(labels)
        self.explorer.taught = self.taught
        if (now := self.promotion) is not None:
            self.explorer.actor = LabelledQPolicy(now.talking, self.taught)
            self.explorer.candidate = None if now.is_same else now.candidate

    def _hand_over(self, task: _Task) -> None:
        if self.fault is None:  # otherwise the journal has it for the next start
            self._tasks.put(task)

    def work(self) -> None:
        """Learn everything that was submitted, here and now."""
        self.learner.learn()
        self._hand_out()
        while not self._tasks.empty():
            self._take(self._tasks.get())

    def _take(self, task: _Task | None) -> None:
        if task is None:
            return
        with self._learning:
            if task.learner is not self.learner:
                return  # the domain has grown since it was taken from the queue; it is read again
            self._take_one(task)
        if task.is_boundary:
            self._try_promotion()

    def _take_one(self, task: _Task) -> None:
        if task.labels is not None:
            self.learner.teach(task.labels)
        is_behind = self._tasks.qsize() > self._most_waiting
        for transition in task.transitions:
            if transition.satisfaction is not None:
                self.explorer.add_satisfaction(transition.satisfaction)
            self.learner.add((transition,))
            if not is_behind:
                self._make_updates()
        if task.last_entry is not None:
            self.last_entry = task.last_entry
        if task.is_boundary and self.promotion is not None:
            self.promotion = self.promotion.with_ended()
        self._hand_out()
        if task.is_boundary and self.learner.transitions >= self._due:
            self._try_checkpoint()
        if task.is_boundary and self._figures is not None:
            figures = {
                "satisfaction": self.explorer.satisfaction,
                "exploration_rate": self.explorer.chance,
                "updates": self.learner.updates,
                "waiting_turns": self.backlog,
            }
            self._figures.end_dialogue(figures, self.learner.transitions)

    def _make_updates(self) -> None:
        """Make the updates that are owed. In a stop, many are left: the checkpoint has their number."""
        while self.learner.owed and not (self._is_leaving.is_set() and self.learner.owed > _AT_THE_END):
            self.learner.learn(_AT_ONCE)

    def _hand_out(self) -> None:
        if self._begin_promotion():
            self._try_checkpoint()  # what it began with is not learned again
            for line in self.version_lines():
                self._report(line)
        if self.promotion is None and self.explorer.actor.version != self.learner.updates:
            self.explorer.actor = self.learner.actor()

    def _try_promotion(self) -> None:
        """Compare the candidate with the weights in use, if it is time, and set a newer one aside."""
        before = self.promotion
        if before is None or not before.is_due or self._read is None:
            return
        comparison = None
        if not before.is_same:
            try:  # reading takes a while, and is not in the way of a domain that grows
                stored = self._read(before.agents(self.taught), before.after)
                comparison = before.judge(stored, time.time())
            except CannotSay as error:
                comparison = before.cannot_say(str(error), time.time())
            except (StoreError, ValueError) as error:
                self._report(f"no comparison of versions: {error}")
        with self._learning:
            now = self.promotion
            if now is None or now.candidate is not before.candidate:
                return  # the domain has grown meanwhile
            self.promotion = now.next(self.learner.actor(), self.last_entry, comparison)
            if self.promotion.talking is not before.talking:
                self._try_checkpoint()  # before it talks
            self._set_taught(self.taught)
            if comparison is None:
                return
        for line in (*self.version_lines(), *filter(None, [comparison.problem])):
            self._report(line)

    def start(self) -> None:
        """Learn in a thread of its own until `stop`."""
        self._is_leaving.clear()
        # Transitions from the time without a learner are learned one by one, as if there had been one.
        self._most_waiting = self._tasks.qsize() + MOST_BEHIND
        self._thread = threading.Thread(target=self._run, name="learning", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and write a checkpoint.

        The last turns are still learned. If there are more, as after a long absence, these are left in the
        journal for the next time.

        Raises:
            OSError: the checkpoint cannot be written.
            RuntimeError: the thread has failed.
        """
        if self._thread is not None:
            self._is_leaving.set()
            self._tasks.put(None)  # wakes it
            self._thread.join()
            self._thread = None
        if self.fault is not None:
            raise RuntimeError("the learning has failed") from self.fault
        for _ in range(min(self._tasks.qsize(), 0 if self.learner.owed else _AT_THE_END)):
            self._take(self._tasks.get())
        if self.last_entry != self._saved:
            self.checkpoint()
        if self._figures is not None:
            self._figures.flush()

    def _run(self) -> None:
        try:
            self._catch_up(lambda: True)
            while not self._is_leaving.is_set():
                self._take(self._tasks.get())
                self._catch_up(self._tasks.empty)
        except BaseException as error:  # `stop` raises it again
            self.fault = error
            what = "the bot still answers, and the journal keeps everything for the next start"
            self._report(f"the learning has failed ({type(error).__name__}: {error}); {what}")

    def _catch_up(self, has_time: Callable[[], bool]) -> None:
        """Make updates that were put off, while there is time."""
        while self.learner.owed and has_time() and not self._is_leaving.is_set():
            with self._learning:
                self.learner.learn(_AT_ONCE)
                self._hand_out()

    def _try_checkpoint(self) -> None:
        try:
            self.checkpoint()
        except OSError as error:
            reason = error.strerror or str(error)
            self._report(
                f"no checkpoint could be written ({reason}); everything is in the journal all the same"
            )

    def checkpoint(self) -> None:
        """Write a checkpoint, and let the guard check it.

        Raises:
            OSError: it cannot be written.
        """
        success_rate, is_best = None, True
        if self._guard is not None:
            success_rate = self._guard.success_rate(self.learner.actor())
            if self._guard.has_fallen(success_rate):
                self._fell(self._guard, success_rate)
            if self._figures is not None:
                self._figures.note({"success_with_fake_user": success_rate})
            is_best = success_rate >= self._guard.best
            self._guard.best = max(success_rate, self._guard.best)
        self._due = self.learner.transitions + self._every
        versions = {} if self.promotion is None else self.promotion.arrays()
        self._checkpoints.write({**self.learner.arrays(), **versions}, self.state(success_rate), is_best)
        self._saved = self.last_entry

    def _fell(self, guard: RegressionGuard, success_rate: float) -> None:
        what = f"success with the fake user has fallen from {guard.best:.0%} to {success_rate:.0%}"
        if not guard.rolls_back:
            command = "dialogue-gym store rollback best --store STORE"
            self._report(f"{what}; `{command}` goes back to the best checkpoint")
            return
        try:
            load_checkpoint(self.learner, read(self._checkpoints.best), self._own)
        except CheckpointError as error:
            self._report(f"{what}; {error}")
            return
        self._hand_out()
        self._report(f"{what}: the best checkpoint was restored")

    def state(self, success_rate: float | None = None) -> dict[str, Any]:
        """Return the parts of a checkpoint beside the arrays."""
        return {
            "version": __version__,
            "time": time.time(),
            "upto": self.last_entry,
            "learner": self.learner.state(),
            "explorer": self.explorer.state(),
            "success_rate": success_rate,
            "best": self._guard.best if self._guard else None,
            "others": self._others(),
            "knows": schema_of(self.learner.env),
            "promotion": None if self.promotion is None else self.promotion.state(),
        }
