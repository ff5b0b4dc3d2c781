"""Conversations with people as they happen: what is said in them, and what is to be learned of it.

Event-driven, for any number of conversations: whoever carries the messages calls `hear`, and nothing here
waits. What is said is on record before it is answered. No input or output but the journal.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator

import numpy as np

from dialogue_gym._text import nearest, shorten
from dialogue_gym.actions import ActionRunner
from dialogue_gym.chat import RESTART_COMMAND
from dialogue_gym.conversation.events import Event, UserUttered
from dialogue_gym.conversation.turns import is_users_turn
from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import BOT, DECIDES, LABEL, NOTE
from dialogue_gym.journal.store import Store
from dialogue_gym.live.conversations import Conversations
from dialogue_gym.live.transitions import (
    FAILURE,
    TRUNCATED,
    LiveReward,
    Trace,
)
from dialogue_gym.live.turn import Decider, LiveError, Reply, Turn
from dialogue_gym.nlu.interpreter import Interpreter, InterpreterError

PATIENCE = 300.0
"""For how many seconds people wait for a teacher who has taken over."""


class LiveBot(Conversations):
    """A bot in conversations with people. Not to be called from several threads at a time.

    A conversation ends

    - in success, when the user has what they wanted (`has_ended` says so);
    - in failure, when they leave before that, or begin anew with `/restart`;
    - truncated, when they have been silent for too long: nobody knows what came of it.

    The end counts as what somebody rates it; see `LiveReward`. A teacher can take a conversation over: the
    bot then does what they decide, until they give it back.
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
        patience: float = PATIENCE,
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
            patience: seconds for which someone waits for a teacher; then the bot answers.
            clock: seconds from any beginning.

        Raises:
            StoreError: the journal cannot be read.
            DomainError: it is of another domain.
        """
        super().__init__(domain, store, runner, turn_taking, reward or LiveReward.of(domain), clock)
        self._actions = domain.actions if turn_taking == "explicit" else domain.actions[1:]
        self._decider = decider
        self._interpreter = interpreter
        self._silence = silence
        self._patience = patience

    def _restart(self, conversation: str) -> Reply:
        """Leave a conversation and begin another one: both or, if it cannot be written down, neither."""
        trace, new = self.trace(conversation), self._new()
        person, late = self._people[conversation], tuple(trace.late)
        with self._turn(trace) as left, self._turn(new) as begun:
            left.end(FAILURE)
            begun.begin(person)
            left.write(begun)
        name = self._enter(new, person)
        return Reply(name, (), self._give(), (), conversation, FAILURE, person=person, late=late)

    def reply(self, conversation: str, text: str) -> Reply:
        """Take in what someone typed; the bot answers.

        `/restart` leaves the conversation, and another one begins.

        Raises:
            LiveError: the conversation does not go on.
            StoreError: it could not be written down, and is not answered.
        """
        return self.understand(text)(conversation)

    def understand(self, text: str) -> Callable[[str], Reply]:
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

    def _wonder(self, conversation: str, note: str) -> Reply:
        self.trace(conversation)
        self._heard[conversation] = self._clock()
        return Reply(conversation, notes=(note,), person=self._people[conversation])

    def take(self, conversation: str, message: UserUttered) -> Reply:
        """Take in what someone meant; the bot answers. Errors are those of `hear`."""
        trace = self.trace(conversation)
        self._heard[conversation] = self._clock()
        late = tuple(trace.late)
        with self._turn(trace) as episode:
            _skip_result(trace, episode)
            episode.hear(message)
            events, notes = self._answer(trace, episode)
        return dataclasses.replace(self._heard_of(trace, events, notes), late=late)

    def go_on(self, conversation: str) -> Reply:
        """Let the bot do what it was about to do when the process ended; nothing if it was to listen.

        Raises:
            LiveError: the conversation does not go on.
            StoreError: it could not be written down.
        """
        trace = self.trace(conversation)
        trace.is_late = True
        with self._turn(trace) as episode:
            _skip_result(trace, episode)
            events, notes = self._answer(trace, episode)
        return self._heard_of(trace, events, notes)

    def _answer(self, trace: Trace, episode: Turn) -> tuple[tuple[Event, ...], tuple[str, ...]]:
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

    def _heard_of(self, trace: Trace, events: tuple[Event, ...] = (), notes: tuple[str, ...] = ()) -> Reply:
        name, outcome = trace.conversation.sender_id, trace.conversation.outcome
        ended = name if outcome else None
        return Reply(name, events, self._give(), notes, ended, outcome, trace.last_decision, trace.person)

    def leave(self, conversation: str) -> Reply:
        """End a conversation whose person has left, before they had what they wanted.

        Raises:
            LiveError: the conversation does not go on.
            StoreError: it could not be written down.
        """
        return self._heard_of(self._end(conversation, FAILURE))

    def expire(self, most: int | None = None) -> Iterator[Reply]:
        """End the conversations whose people have been silent for too long; yield what comes of each.

        And give back those in which a teacher has let someone wait for too long.

        Args:
            most: how many are treated now; None for all.
        """
        for name in self.due()[:most]:
            if (heard := self.lapse(name)) is not None:
                yield heard

    def due(self) -> list[str]:
        """Return the conversations in which people have left, or wait for a teacher in vain."""
        now = self._clock()
        for name, heard in self._heard.items():
            self._heard[name] = min(heard, now)  # it may have gone back
        return [name for name in self._heard if self._is_in_vain(name) or self._is_silent(name)]

    def lapse(self, conversation: str) -> Reply | None:
        """End a conversation that is due, or give it back; None if it is not due any more.

        Raises:
            StoreError: it could not be written down.
        """
        if self._is_in_vain(conversation):
            return self.give_back(conversation)
        return self._heard_of(self._end(conversation, TRUNCATED)) if self._is_silent(conversation) else None

    def _is_in_vain(self, conversation: str) -> bool:
        return self._is_left(conversation, self._patience) and self.waits(conversation)

    def _is_silent(self, conversation: str) -> bool:
        if self._silence is None or not self._is_left(conversation, self._silence):
            return False
        return not self.waits(conversation)

    def _is_left(self, conversation: str, seconds: float) -> bool:
        """Return whether nobody has done anything for so long in a conversation that goes on."""
        heard = self._heard.get(conversation, math.inf)
        return self._clock() - heard >= seconds and conversation not in self.busy

    def waits(self, conversation: str) -> bool:
        """Return whether the user waits for a teacher.

        Raises:
            LiveError: the conversation does not go on.
        """
        if conversation in self._people and (conversation not in self._teachers or conversation in self.busy):
            return False
        return not is_users_turn(self.trace(conversation).conversation, self.turn_taking)

    def take_over(self, conversation: str, teacher: str) -> None:
        """Let a teacher decide from now on what the bot does, also in the place of another teacher.

        Raises:
            LiveError: the conversation does not go on.
            StoreError: it could not be written down.
        """
        self._let_decide(self.trace(conversation), teacher, teacher)

    def give_back(self, conversation: str, by: str = BOT) -> Reply:
        """Let the bot decide again, by itself; it answers if the user waits.

        Args:
            conversation: which one.
            by: the teacher who gives it back.

        Raises:
            LiveError: the conversation does not go on, or no teacher has taken it over.
            StoreError: it could not be written down.
        """
        trace = self.trace(conversation)
        if trace.teacher is None:
            raise LiveError(f"nobody has taken over {shorten(conversation)}")
        self._let_decide(trace, None, by)
        self._heard[conversation] = self._clock()
        return self.go_on(conversation)

    def _let_decide(self, trace: Trace, teacher: str | None, by: str) -> None:
        name, last = trace.conversation.sender_id, trace.latest.id if trace.latest else None
        trace.take(self._store.append(name, NOTE, {DECIDES: teacher}, last, by))
        self._teachers.pop(name, None)
        if teacher is not None:
            self._teachers[name] = teacher

    def decide(self, conversation: str, teacher: str, action: str, version: int, proposal: str) -> Reply:
        """Do what a teacher decided, which is what is right. One action: they decide on the next one as well.

        Args:
            conversation: which one.
            teacher: who has taken it over.
            action: what the bot does.
            version: of the weights that made the proposal.
            proposal: what the bot would have done.

        Raises:
            LiveError: somebody else decides here, nobody waits for the bot, or there is no such action.
            StoreError: it could not be written down.
        """
        trace = self.trace(conversation)
        if trace.teacher != teacher:
            raise LiveError(f"{trace.teacher or 'the bot'} decides in {shorten(conversation)}")
        if not self.waits(conversation):
            raise LiveError(f"{shorten(conversation)}: it is the user's turn")
        if action not in self._actions:
            raise LiveError(f"{shorten(action)} is no action; {nearest(action, self._actions)}")
        self._heard[conversation] = self._clock()
        with self._turn(trace) as episode:
            _skip_result(trace, episode)
            first = len(episode.conversation)
            result = episode.do(action, version, teacher, proposal)
            if episode.is_over:
                episode.end()
            events = episode.conversation.events[first:]
        return self._heard_of(trace, events, (result.note,) if result.note else ())

    def _end(self, conversation: str, outcome: str) -> Trace:
        trace = self.trace(conversation)
        with self._turn(trace) as episode:
            episode.end(outcome)
        return trace


def _skip_result(trace: Trace, episode: Turn) -> None:
    """Go on after an action whose process was killed before its result was on record."""
    if trace.latest is not None and trace.latest.kind == LABEL:
        episode.skip_result()
