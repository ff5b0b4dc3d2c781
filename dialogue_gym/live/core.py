"""Conversations with people as they happen: what is said in them, and what is to be learned of it.

Event-driven, for any number of conversations: whoever carries the messages calls `hear`, and nothing here
waits. What is said is on record before it is answered. No input or output but the journal.
"""

from __future__ import annotations

import dataclasses
import heapq
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dialogue_gym.actions import ActionRunner
from dialogue_gym.bot import has_ended, is_users_turn
from dialogue_gym.chatting import RESTART_COMMAND
from dialogue_gym.conversation import Conversation
from dialogue_gym.domain import Domain
from dialogue_gym.domain.reader import nearest, shorten
from dialogue_gym.entries import BOT, END, EVENT, LABEL, PERSON, RATING, RESULT, USER, Draft, Entry
from dialogue_gym.events import ActionExecuted, BotUttered, SessionStarted, UserUttered, to_json
from dialogue_gym.interpreter import Interpreter, InterpreterError
from dialogue_gym.live.transitions import (
    FAILURE,
    SUCCESS,
    TRUNCATED,
    LiveReward,
    Trace,
    Transition,
    trace_of,
)
from dialogue_gym.store import Store

PERSON_KEY = "live"
"""The key under which the beginning of a conversation says whose it is: that it is a live one."""
_PREFIX = "live"


class LiveError(ValueError):
    """Something that cannot be done to a live conversation. The message is one line."""


class Decider(Protocol):
    """Who decides what the bot does."""

    def decide(self, observation: npt.NDArray[Any], possible: npt.NDArray[np.bool_]) -> tuple[str, int]:
        """Return an action, and the version of what decided it."""


@dataclass(frozen=True)
class Heard:
    """What comes of a message.

    Attributes:
        conversation: the one that goes on; another one if the message began it.
        messages: what the bot says.
        transitions: what can be learned by now.
        notes: what went wrong, one line each.
        outcome: how the conversation ended, if it has: `"success"`, `"failure"` or `"truncated"`. What it
            is rated goes to `rate` then, with the name that it had.
    """

    conversation: str
    messages: tuple[BotUttered, ...] = ()
    transitions: tuple[Transition, ...] = ()
    notes: tuple[str, ...] = ()
    outcome: str | None = None


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
            clock: seconds from any beginning, which never go back.

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
        self._traces: dict[str, Trace] = {}
        self._people: dict[str, str] = {}
        self._heard: dict[str, float] = {}
        self._number = store.last_number(_PREFIX)
        self.upto = store.last_id()
        """The id of the last entry that was written: the transitions of all up to it were given out."""
        for name in store.unfinished(PERSON_KEY):
            self._take_up(name)

    def _take_up(self, name: str) -> None:
        entries = list(self._store.entries(name))
        self._traces[name] = trace_of(self.domain, name, self.reward, entries)
        self._people[name] = str(entries[0].content[PERSON_KEY])
        self._heard[name] = self._clock()

    @property
    def open(self) -> dict[str, str]:
        """The conversations that go on, each with the name of its person."""
        return dict(self._people)

    def trace(self, conversation: str) -> Trace:
        """Return a conversation that goes on.

        Raises:
            LiveError: it does not.
        """
        if conversation not in self._traces:
            raise LiveError(f"{shorten(conversation)} does not go on; {nearest(conversation, self._traces)}")
        return self._traces[conversation]

    def begin(self, person: str = PERSON) -> str:
        """Begin a conversation with someone; return its name."""
        self._number += 1
        name = f"{_PREFIX}{self._number}"
        trace = Trace(self.domain, name, self.reward)
        self._write(trace, [Draft(name, EVENT, to_json(SessionStarted()) | {PERSON_KEY: person}, None, BOT)])
        self._traces[name] = trace
        self._people[name] = person
        self._heard[name] = self._clock()
        return name

    def hear(self, conversation: str, text: str) -> Heard:
        """Take in what someone typed; the bot answers.

        Where the conversation is over, or is left by `/restart`, another one begins.

        Raises:
            LiveError: the conversation does not go on.
            StoreError: it could not be written down, and is not answered.
        """
        person = self._people.get(conversation, PERSON)
        if text.strip() == RESTART_COMMAND and "restart" not in self.domain.intents:
            left = self.leave(conversation)
            return dataclasses.replace(left, conversation=self.begin(person))
        self.trace(conversation)
        try:
            message = self._interpreter.parse(text).message
        except InterpreterError as error:
            return Heard(conversation, notes=(str(error),))
        return self.take(conversation, message)

    def take(self, conversation: str, message: UserUttered) -> Heard:
        """Take in what someone meant; the bot answers. Errors are those of `hear`."""
        trace = self.trace(conversation)
        self._heard[conversation] = self._clock()
        said = Draft(conversation, USER, to_json(message), _id(trace.latest), PERSON)
        return self._answer(trace, message, [said])

    def go_on(self, conversation: str) -> Heard:
        """Let the bot do what it was about to do when the process ended; nothing if it was to listen.

        An action of which nobody knows whether it was run is not run again.
        """
        trace = self.trace(conversation)
        unknown = trace.latest is not None and trace.latest.kind == LABEL
        nothing = Draft(conversation, RESULT, {"events": []}, _id(trace.latest), BOT)
        return self._answer(trace, None, [nothing] if unknown else [])

    def _answer(self, trace: Trace, message: UserUttered | None, drafts: list[Draft]) -> Heard:
        """Write down what was said, and let the bot act until it listens.

        All of it is written at once, but for actions that reach out of here: what is run must be on record
        before, or it could be run twice.
        """
        name = trace.conversation.sender_id
        said = (message,) if message else ()
        conversation = Conversation(self.domain, (*trace.conversation.events, *said), name)
        transitions: list[Transition] = []
        messages: list[BotUttered] = []
        notes: list[str] = []
        while not (is_over := has_ended(conversation, self.turn_taking)) and not is_users_turn(
            conversation, self.turn_taking
        ):
            possible = np.array([conversation.is_possible(action) for action in self._actions])
            action, version = self._decider.decide(conversation.observation(), possible)
            label = {"action": action, "right": [action], "by": BOT, "version": version}
            drafts.append(_after(drafts, trace, LABEL, label))
            if self._runner.reaches_out(action):
                transitions += self._write(trace, drafts)
                drafts = []
            result = self._runner.run(action, conversation)
            conversation.extend((ActionExecuted(action), *result.events))
            drafts.append(_after(drafts, trace, RESULT, {"events": [to_json(one) for one in result.events]}))
            messages += [event for event in result.events if isinstance(event, BotUttered)]
            notes += [result.note] if result.note else []
        if is_over:
            drafts.append(_after(drafts, trace, END, {"outcome": SUCCESS}))
        transitions += self._write(trace, drafts)
        outcome = SUCCESS if is_over else None
        return Heard(name, tuple(messages), tuple(transitions), tuple(notes), outcome)

    def _write(self, trace: Trace, drafts: list[Draft]) -> list[Transition]:
        found: list[Transition] = []
        for entry in self._store.append_all(drafts):
            found += trace.take(entry)
            self.upto = entry.id
        if trace.end is not None:
            for known in (self._traces, self._people, self._heard):
                known.pop(trace.conversation.sender_id, None)
        return found

    def leave(self, conversation: str) -> Heard:
        """End a conversation whose person has left, before they had what they wanted.

        Raises:
            LiveError: the conversation does not go on.
            StoreError: it could not be written down.
        """
        return self._end(self.trace(conversation), FAILURE)

    def expire(self) -> list[Heard]:
        """End the conversations whose people have been silent for too long; return what comes of each."""
        if self._silence is None:
            return []
        before = self._clock() - self._silence
        silent = [name for name, heard in self._heard.items() if heard <= before]
        return [self._end(self._traces[name], TRUNCATED) for name in silent]

    def _end(self, trace: Trace, outcome: str) -> Heard:
        transitions = self._write(trace, [_after([], trace, END, {"outcome": outcome})])
        return Heard(trace.conversation.sender_id, (), tuple(transitions), (), outcome)

    def rate(self, conversation: str, value: float, about: int | None = None) -> tuple[Transition, ...]:
        """Take a rating, however late; return what is to be learned, or learned otherwise, now.

        Args:
            conversation: which one.
            value: 1 for good, -1 for bad, anything between or beyond.
            about: the id of the entry of a decision, or of the end; without it the end, or where the
                conversation goes on the last decision.

        Raises:
            LiveError: there is nothing to rate, or the value is no finite number.
            StoreError: it could not be written down.
        """
        if not math.isfinite(value):
            raise LiveError(f"a rating is a finite number, not {value}")
        trace = self._traces.get(conversation) or self._on_record(conversation)
        if about is None:
            about = trace.end.id if trace.end else trace.last_decision
        if about is None or not trace.can_rate(about):
            raise LiveError(f"{shorten(conversation)}: there is nothing like that to rate")
        return tuple(
            self._write(
                trace, [Draft(conversation, RATING, {"value": float(value), "about": about}, about, PERSON)]
            )
        )

    def _on_record(self, conversation: str) -> Trace:
        entries = list(self._store.entries(conversation))
        if not entries or PERSON_KEY not in entries[0].content:
            raise LiveError(
                f"{shorten(conversation)} is no live conversation; {nearest(conversation, self._traces)}"
            )
        return trace_of(self.domain, conversation, self.reward, entries)


def _id(entry: Entry | None) -> int | None:
    return None if entry is None else entry.id


def _after(drafts: list[Draft], trace: Trace, kind: str, content: dict[str, Any]) -> Draft:
    """Return what the bot does next, after what is to be written or was written last."""
    parent = drafts[-1] if drafts else _id(trace.latest)
    return Draft(trace.conversation.sender_id, kind, content, parent, BOT)


def missed(store: Store, domain: Domain, reward: LiveReward, after: int) -> Iterator[Transition]:
    """Yield the transitions of all that was written down after an entry, in their order.

    Raises:
        StoreError: the journal cannot be read.
        DomainError: it is of another domain.
    """
    names = dict.fromkeys(entry.conversation for entry in store.entries(after=after) if entry.conversation)
    entries = heapq.merge(*(store.entries(name) for name in names), key=lambda entry: entry.id)
    traces: dict[str, Trace] = {}
    for entry in entries:
        name = entry.conversation
        if name not in traces and PERSON_KEY in entry.content:
            traces[name] = Trace(domain, name, reward)
        if name in traces:
            found = traces[name].take(entry)
            if entry.id > after:
                yield from found
