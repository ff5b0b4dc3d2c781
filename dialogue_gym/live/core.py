"""Conversations with people as they happen: what is said in them, and what is to be learned of it.

Event-driven, for any number of conversations: whoever carries the messages calls `hear`, and nothing here
waits. What is said is on record before it is answered. No input or output but the journal.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

import numpy as np

from dialogue_gym.actions import ActionRunner
from dialogue_gym.bot import is_users_turn
from dialogue_gym.chatting import RESTART_COMMAND
from dialogue_gym.domain import Domain
from dialogue_gym.domain.reader import nearest, shorten
from dialogue_gym.entries import LABEL, LIVE, PENDING, PERSON, RATING, Entry
from dialogue_gym.events import Event, UserUttered
from dialogue_gym.interpreter import Interpreter, InterpreterError
from dialogue_gym.live.approval import approved, waiting
from dialogue_gym.live.episode import Episode
from dialogue_gym.live.heard import Decider, Heard, LiveError
from dialogue_gym.live.transitions import (
    FAILURE,
    TRUNCATED,
    LiveReward,
    Trace,
    Transition,
    trace_of,
)
from dialogue_gym.store import Store

_PREFIX = "live"
AT_HAND = 1000
"""How many conversations are kept at hand; others that go on are read again when somebody speaks."""


class Live:
    """A bot in conversations with people. Not to be called from several threads at a time.

    A conversation ends

    - in success, when the user has what they wanted (`has_ended` says so);
    - in failure, when they leave before that, or begin anew with `/restart`;
    - truncated, when they have been silent for too long: nobody knows what came of it.

    The end counts as what somebody rates it; see `LiveReward`.
    """

    def __init__(
        self,
        domain: Domain,
        store: Store,
        decider: Decider,
        interpreter: Interpreter,
        runner: ActionRunner,
        *,
        turn_taking: str = "auto",
        reward: LiveReward | None = None,
        silence: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take up the conversations that are open.

        Args:
            domain: of the bot.
            store: where everything is written down.
            decider: who chooses the actions.
            interpreter: says what a text means.
            runner: does the actions.
            turn_taking: `"auto"` or `"explicit"`.
            reward: what the steps are worth; the domain's without it.
            silence: seconds after which someone who says nothing has left; None for never.
            clock: seconds from any beginning.

        Raises:
            StoreError: the journal cannot be read.
            DomainError: it is of another domain.
        """
        self.domain = domain
        self.turn_taking = turn_taking
        self.reward = reward or LiveReward.of(domain)
        self._actions = domain.actions if turn_taking == "explicit" else domain.actions[1:]
        self._store = store
        self._decider = decider
        self._interpreter = interpreter
        self._runner = runner
        self._silence = silence
        self._clock = clock
        self._traces: OrderedDict[str, Trace] = OrderedDict()  # those that were asked for of late
        self._people = store.unfinished(LIVE)
        self._heard = dict.fromkeys(self._people, clock())
        self._number = store.last_number(_PREFIX)
        self._found: list[Transition] = []
        self.upto = store.last_id()
        """The id of an entry: the transitions of all up to it were given out."""

    @property
    def open(self) -> dict[str, str]:
        """The conversations that go on, each with the name of its person."""
        return dict(self._people)

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
        while len(self._traces) > AT_HAND:
            self._traces.popitem(last=False)  # the journal has it
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

    def _restart(self, conversation: str) -> Heard:
        """Leave a conversation and begin another one: both or, if it cannot be written down, neither."""
        trace, new = self.trace(conversation), self._new()
        person, late = self._people[conversation], tuple(trace.late)
        with self._turn(trace) as left, self._turn(new) as begun:
            left.end(FAILURE)
            begun.begin(person)
            left.write(begun)
        name = self._enter(new, person)
        return Heard(name, (), self._give(), (), conversation, FAILURE, late=late)

    @contextlib.contextmanager
    def _turn(self, trace: Trace) -> Iterator[Episode]:
        """Write down what is said and done meanwhile."""
        episode = Episode(trace, self._store, self._runner, self.turn_taking)
        try:
            yield episode
            episode.write()
        finally:
            self._found += episode.transitions  # also of what stands there before an error
        if trace.end is not None:
            for known in (self._traces, self._people, self._heard):
                known.pop(trace.conversation.sender_id, None)

    def _give(self) -> tuple[Transition, ...]:
        """Return what can be learned of all that was written down, and was not given out yet."""
        self.upto = self._store.last_id()
        found, self._found = tuple(self._found), []
        return found

    def hear(self, conversation: str, text: str) -> Heard:
        """Take in what someone typed; the bot answers.

        `/restart` leaves the conversation, and another one begins.

        Raises:
            LiveError: the conversation does not go on.
            StoreError: it could not be written down, and is not answered.
        """
        return self.understand(text)(conversation)

    def understand(self, text: str) -> Callable[[str], Heard]:
        """Return what takes in what someone typed, given their conversation; `hear` is both in one.

        Understanding can take long and touches no conversation: this alone may be called meanwhile, from one
        thread at a time.
        """
        if text.strip() == RESTART_COMMAND and "restart" not in self.domain.intents:
            return self._restart
        try:
            message = self._interpreter.parse(text).message
        except InterpreterError as error:
            note = str(error)
            return lambda conversation: self._wonder(conversation, note)
        return lambda conversation: self.take(conversation, message)

    def _wonder(self, conversation: str, note: str) -> Heard:
        self.trace(conversation)
        self._heard[conversation] = self._clock()
        return Heard(conversation, notes=(note,))

    def take(self, conversation: str, message: UserUttered) -> Heard:
        """Take in what someone meant; the bot answers. Errors are those of `hear`."""
        trace = self.trace(conversation)
        self._heard[conversation] = self._clock()
        late = tuple(trace.late)
        with self._turn(trace) as episode:
            _skip_result(trace, episode)
            episode.hear(message)
            events, notes = self._answer(trace, episode)
        return dataclasses.replace(self._heard_of(trace, events, notes), late=late)

    def go_on(self, conversation: str) -> Heard:
        """Let the bot do what it was about to do when the process ended; nothing if it was to listen.

        Raises:
            LiveError: the conversation does not go on.
            StoreError: it could not be written down.
        """
        trace = self.trace(conversation)
        with self._turn(trace) as episode:
            _skip_result(trace, episode)
            events, notes = self._answer(trace, episode)
        return self._heard_of(trace, events, notes)

    def _answer(self, trace: Trace, episode: Episode) -> tuple[tuple[Event, ...], tuple[str, ...]]:
        """Let the bot act until it listens, or a teacher is to act; return what it did, and notes."""
        notes: list[str] = []
        conversation = episode.conversation
        first = len(conversation)
        while not (is_over := episode.is_over) and not episode.is_users_turn and trace.teacher is None:
            possible = np.array([conversation.is_possible(action) for action in self._actions])
            result = episode.do(*self._decider.decide(conversation.observation(), possible))
            notes += [result.note] if result.note else []
        if is_over:
            episode.end()
        return conversation.events[first:], tuple(notes)

    def _heard_of(self, trace: Trace, events: tuple[Event, ...] = (), notes: tuple[str, ...] = ()) -> Heard:
        name, outcome = trace.conversation.sender_id, trace.conversation.outcome
        ended = name if outcome else None
        return Heard(name, events, self._give(), notes, ended, outcome, trace.last_decision)

    def leave(self, conversation: str) -> Heard:
        """End a conversation whose person has left, before they had what they wanted.

        Raises:
            LiveError: the conversation does not go on.
            StoreError: it could not be written down.
        """
        return self._heard_of(self._end(conversation, FAILURE))

    def expire(self, most: int | None = None) -> list[Heard]:
        """End the conversations whose people have been silent for too long; return what comes of each.

        Args:
            most: how many are ended now; None for all.
        """
        if self._silence is None:
            return []
        silent = [name for name in self._quiet_for(self._silence) if not self.waits(name)]
        return [self._heard_of(self._end(name, TRUNCATED)) for name in silent[:most]]

    def _quiet_for(self, seconds: float) -> list[str]:
        """Return the conversations in which nobody has said anything for so long."""
        now = self._clock()
        self._heard = {name: min(heard, now) for name, heard in self._heard.items()}  # it may have gone back
        return [name for name, heard in self._heard.items() if now - heard >= seconds]

    def waits(self, conversation: str) -> bool:
        """Return whether the user waits for a teacher.

        Raises:
            LiveError: the conversation does not go on.
        """
        trace = self.trace(conversation)
        return trace.teacher is not None and not is_users_turn(trace.conversation, self.turn_taking)

    def _end(self, conversation: str, outcome: str) -> Trace:
        trace = self.trace(conversation)
        with self._turn(trace) as episode:
            episode.end(outcome)
        return trace

    def rate(
        self, conversation: str, value: float, about: int | None = None, is_pending: bool = False
    ) -> tuple[Transition, ...]:
        """Take a rating, however late; return what is to be learned, or learned otherwise, now.

        Args:
            conversation: which one.
            value: 1 for good, -1 for bad, anything between or beyond.
            about: the id of the entry of a decision, or of the end; without it the end, or where the
                conversation goes on the last decision.
            is_pending: whether it waits until somebody approves of it, and teaches nothing before.

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
        self._found += trace.take(self._store.append(conversation, RATING, rating, about, PERSON))
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
        return waiting(self._store.ratings())

    def approve(self, rating: int) -> tuple[Transition, ...]:
        """Let a rating count; return what is to be learned, or learned otherwise, now.

        Args:
            rating: the id of its entry.

        Raises:
            LiveError: it does not wait.
            StoreError: it could not be written down.
        """
        entry = next((entry for entry in self.waiting() if entry.id == rating), None)
        if entry is None:
            raise LiveError(f"no rating {rating} waits to be approved")
        trace = self._known(entry.conversation)
        for written in self._store.append_all([approved(entry)]):
            self._found += trace.take(written)
        return self._give()

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


def _skip_result(trace: Trace, episode: Episode) -> None:
    """Go on after an action whose process was killed before its result was on record."""
    if trace.latest is not None and trace.latest.kind == LABEL:
        episode.skip_result()
