"""The conversations with people: which go on, what the journal has of them, and how they were rated."""

from __future__ import annotations

import contextlib
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator

from dialogue_gym._text import nearest, shorten
from dialogue_gym.actions import ActionRunner
from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import DECIDES, LIVE, PENDING, PERSON, RATING, Entry
from dialogue_gym.journal.store import Store
from dialogue_gym.live.moderation import JournalModeration
from dialogue_gym.live.transitions import LiveReward, Trace, Transition, trace_of
from dialogue_gym.live.turn import Aside, LiveError, Turn, here

_PREFIX = "live"
AT_HAND = 1000
"""How many conversations are kept at hand; others that go on are read again when somebody speaks."""


class Conversations:
    """Conversations with people as they are written down. Not to be called from several threads at a time."""

    def __init__(
        self,
        domain: Domain,
        store: Store,
        runner: ActionRunner,
        turn_taking: str,
        reward: LiveReward,
        clock: Callable[[], float],
    ) -> None:
        """Take up the conversations that are open; see `Live`."""
        self.domain = domain
        self.turn_taking = turn_taking
        self.reward = reward
        self._store = store
        self._approval = JournalModeration(store)
        self._runner = runner
        self._clock = clock
        self._traces: OrderedDict[str, Trace] = OrderedDict()  # those that were asked for of late
        self._people = store.unfinished(LIVE)
        self._heard = dict.fromkeys(self._people, clock())
        self._teachers = {
            name: who for name, who in store.noted(DECIDES).items() if name in self._people and who
        }
        self._number = store.last_number(_PREFIX)
        self._found: list[Transition] = []
        self.aside: Aside = here
        """What an action is run in that reaches out of here: others may go on meanwhile."""
        self.busy: set[str] = set()
        """The conversations in which such an action is under way: nothing else may be done there."""
        self.upto = store.last_id()
        """The id of an entry: the transitions of all up to it were given out."""

    @property
    def open(self) -> dict[str, str]:
        """The conversations that go on, each with the name of its person."""
        return dict(self._people)

    @property
    def taken(self) -> dict[str, str]:
        """Those of them in which a teacher decides, each with the name of the teacher."""
        return dict(self._teachers)

    def quiet(self, conversation: str) -> float:
        """Return for how many seconds nobody has done anything in a conversation that goes on."""
        return max(0.0, self._clock() - self._heard[conversation])

    def trace(self, conversation: str) -> Trace:
        """Return a conversation that goes on.

        Raises:
            LiveError: it does not.
        """
        if conversation not in self._people:
            raise LiveError(f"{shorten(conversation)} does not go on; {nearest(conversation, self._people)}")
        if conversation not in self._traces:
            self._traces[conversation] = self.on_record(conversation)
        self._traces.move_to_end(conversation)
        for name in list(self._traces)[: max(0, len(self._traces) - AT_HAND)]:
            if name not in self.busy:
                del self._traces[name]  # the journal has it
        return self._traces[conversation]

    def begin(self, person: str = PERSON) -> str:
        """Begin a conversation with someone; return its name."""
        trace = self._new()
        with self._turn(trace) as episode:
            episode.begin(person)
        return self._enter(trace, person)

    def _new(self) -> Trace:
        self._number += 1
        return Trace(self.domain, f"{_PREFIX}{self._number}", self.reward)

    def _enter(self, trace: Trace, person: str) -> str:
        name = trace.conversation.sender_id
        self._traces[name] = trace
        self._people[name] = person
        self._heard[name] = self._clock()
        return name

    @contextlib.contextmanager
    def _turn(self, trace: Trace) -> Iterator[Turn]:
        """Write down what is said and done meanwhile."""
        episode = Turn(trace, self._store, self._runner, self.turn_taking, self._found, self._run_aside)
        yield episode
        episode.write()
        if trace.end is not None:
            for known in (self._traces, self._people, self._heard, self._teachers):
                known.pop(trace.conversation.sender_id, None)

    def _give(self) -> tuple[Transition, ...]:
        """Return what can be learned of all that was written down, and was not given out yet."""
        self.upto = self._store.last_id()
        found = tuple(self._found)
        self._found.clear()
        return found

    @contextlib.contextmanager
    def _run_aside(self, conversation: str) -> Iterator[None]:
        self.busy.add(conversation)
        try:
            with self.aside(conversation):
                yield
        finally:
            self.busy.discard(conversation)

    def rate(
        self,
        conversation: str,
        value: float,
        about: int | None = None,
        is_pending: bool = False,
        by: str = PERSON,
    ) -> tuple[Transition, ...]:
        """Take a rating, however late; return what is to be learned, or learned otherwise, now.

        Args:
            conversation: which one.
            value: 1 for good, -1 for bad, anything between or beyond.
            about: the id of the entry of a decision, or of the end; without it the end, or where the
                conversation goes on the last decision.
            is_pending: whether it waits until somebody approves of it, and teaches nothing before.
            by: who gives it.

        Raises:
            LiveError: there is nothing to rate, or the value is no finite number.
            StoreError: it could not be written down.
        """
        if not math.isfinite(value):
            raise LiveError(f"a rating is a finite number, not {value}")
        trace = self._known(conversation)
        about = _rated(trace, about)
        if about is None:
            raise LiveError(f"{shorten(conversation)}: there is nothing like that to rate")
        rating = {"value": float(value), "about": about} | ({PENDING: True} if is_pending else {})
        self._found += trace.take(self._store.append(conversation, RATING, rating, about, by))
        if conversation in self._heard:
            self._heard[conversation] = self._clock()
        return self._give()

    def can_rate(self, conversation: str, about: int | None = None) -> bool:
        """Return whether there is something to rate; arguments and errors are those of `rate`."""
        return _rated(self._known(conversation), about) is not None

    def _known(self, conversation: str) -> Trace:
        return self.trace(conversation) if conversation in self._people else self.on_record(conversation)

    def waiting(self) -> list[Entry]:
        """Return the ratings that wait until somebody approves of them, the oldest first."""
        return self._approval.waiting()

    def approve(self, rating: int) -> tuple[Transition, ...]:
        """Let a rating count; return what is to be learned, or learned otherwise, now.

        Args:
            rating: the id of its entry.

        Raises:
            LiveError: it does not wait.
            StoreError: it could not be written down.
        """
        written = self._approval.settle(rating, is_right=True)
        self._found += self._known(written.conversation).take(written)
        return self._give()

    def decline(self, rating: int) -> None:
        """Let a rating never count; arguments and errors are those of `approve`."""
        self._approval.decline(rating)

    def begun(self, most: int) -> dict[str, str]:
        """Return the newest conversations, each with the name of its person, the newest at the end."""
        return self._store.begun(LIVE, most)

    def on_record(self, conversation: str) -> Trace:
        """Return a conversation as the journal has it, whether it goes on or not.

        Raises:
            LiveError: there is no such live conversation.
        """
        entries = list(self._store.entries(conversation))
        if not entries or LIVE not in entries[0].content:
            raise LiveError(
                f"{shorten(conversation)} is no live conversation; {nearest(conversation, self._people)}"
            )
        return trace_of(self.domain, conversation, self.reward, entries)


def _rated(trace: Trace, about: int | None) -> int | None:
    """Return the entry that a rating is about, None if there is nothing like that."""
    if about is None:
        about = trace.end.id if trace.end else trace.last_decision
    return about if about is not None and trace.can_rate(about) else None
