"""One turn of a conversation with a person, applied at once and written down as a whole, and its reply."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from dialogue_gym.actions import ActionResult, ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import (
    WRITER,
    ActionExecuted,
    BotUttered,
    Event,
    SessionStarted,
    UserUttered,
)
from dialogue_gym.conversation.turns import has_ended, is_users_turn
from dialogue_gym.domain.default_names import FALLBACK_ACTION
from dialogue_gym.journal.entry import BOT, COMMAND, END, KEY, LABEL, LATE, LIVE, PERSON, PROCESS
from dialogue_gym.journal.store import Store
from dialogue_gym.journal.writer import ConversationWriter
from dialogue_gym.live.decision import LiveDecision
from dialogue_gym.live.trace import Trace
from dialogue_gym.live.transitions import SUCCESS, Transition
from dialogue_gym.live.waits import Act, Flush, Signal
from dialogue_gym.nlu.indifference import with_question

OnTransitions = Callable[[Sequence[Transition], int, bool], object]
"""Called whenever something is written down, with the transitions that can be learned now (perhaps none), the
id of the last entry that they follow from, and whether a conversation has ended with it."""

Acting = Callable[[], AbstractContextManager[None]]
"""Returns the context in which an action runs that may take long."""


class LiveError(ValueError):
    """Something that cannot be done to a live conversation. The message is one line."""


def no_listener(transitions: Sequence[Transition], last_entry: int, is_boundary: bool) -> None:
    """Ignore transitions: they stay in the journal for a learner that starts later."""


async def carry_out(
    runner: ActionRunner, action: str, conversation: Conversation, acting: Acting
) -> ActionResult:
    """Run an action, and return its result: one that may take long keeps nobody else waiting.

    Args:
        runner: runs the action.
        action: the name of the action.
        conversation: the conversation, to which nobody adds anything meanwhile.
        acting: returns the context for actions that may take long.
    """
    if not runner.reaches_out(action):
        return runner.run(action, conversation)
    with acting():
        return await Act(runner, action, conversation)


class OrderedDelivery:
    """Delivery of what was written to a listener, in the order in which it was submitted to the store.

    That is the order of the entries, in which a learner has to have them. Entries are taken in by their
    conversations in that order as well (`Parcel.reached`), whichever turn could go on first: the reward of a
    step with a rating would otherwise be followed by the reward without it.
    """

    def __init__(self, listener: OnTransitions = no_listener) -> None:
        """Deliver to a listener."""
        self.listener = listener
        self._expected: deque[Parcel] = deque()

    @property
    def is_pending(self) -> bool:
        """Whether something was submitted that is not on the disk yet."""
        return bool(self._expected)

    def expect(self) -> Parcel:
        """Return a place in the order, for what is submitted to the store now."""
        parcel = Parcel(self._expected[-1].over if self._expected else None)
        self._expected.append(parcel)
        return parcel

    def fill(self, parcel: Parcel, content: tuple[Sequence[Transition], int, bool] | None) -> None:
        """Deliver something at its place; None if nothing came of it."""
        parcel.content, parcel.is_filled = content, True
        while self._expected and self._expected[0].is_filled:
            first = self._expected.popleft()
            try:
                if first.content is not None:
                    self.listener(*first.content)
            finally:
                first.over.tell()


@dataclass(eq=False)
class Parcel:
    """A place in the order of an `OrderedDelivery`: what the listener is told, once it is known.

    Attributes:
        before: tells when everything before it was delivered; None if that is so already.
        over: tells when it was delivered.
    """

    before: Signal | None = None
    over: Signal = field(default_factory=Signal)
    content: tuple[Sequence[Transition], int, bool] | None = None
    is_filled: bool = False

    async def reached(self) -> None:
        """Wait until everything before it was taken in and delivered."""
        if self.before is not None:
            await self.before


@dataclass(frozen=True)
class Reply:
    """The bot's answer to a message, and the state of the conversation after it.

    Attributes:
        conversation: the person's conversation from now on.
        events: the bot's actions and messages.
        notes: the problems, one line each.
        ended: the conversation that has ended, if one has; it can be rated now.
        outcome: the outcome of the ended conversation: `"success"`, `"failure"` or `"truncated"`.
        decision: the id of the entry of the bot's last decision, by which it can be rated later.
        person: the name of the person there.
        late: messages that a teacher sent since the message before, which the person may not have seen.
        is_repeated: whether the message was answered before, and this is the same answer.
        is_elsewhere: whether another process that still runs gave it, and sends it on where need be.
    """

    conversation: str
    events: tuple[Event, ...] = ()
    notes: tuple[str, ...] = ()
    ended: str | None = None
    outcome: str | None = None
    decision: int | None = None
    person: str = ""
    late: tuple[BotUttered, ...] = ()
    is_repeated: bool = False
    is_elsewhere: bool = False

    @classmethod
    def at(
        cls,
        trace: Trace,
        events: tuple[Event, ...] = (),
        notes: tuple[str, ...] = (),
        late: tuple[BotUttered, ...] = (),
    ) -> Reply:
        """Return a reply at the end of a conversation so far."""
        name, outcome = trace.conversation.sender_id, trace.conversation.outcome
        ended = name if outcome else None
        return cls(name, events, notes, ended, outcome, trace.last_decision, trace.person, late)

    @property
    def messages(self) -> list[BotUttered]:
        """The bot's messages."""
        return [event for event in self.events if isinstance(event, BotUttered)]


class Turn:
    """The messages and actions of one turn, until they are written down (`write`).

    They are written at once at the end of the turn, with one exception: before an action that acts on the
    world is run, so that it cannot be run twice. Its coroutines await the disk and such actions; see `waits`.

    If writing fails, the conversation is ahead of the journal, and its trace has to be read again. The turn
    keeps no draft of it.

    Attributes:
        conversation: the conversation, including the events that are not written down yet.
    """

    def __init__(
        self,
        trace: Trace,
        journal: Store,
        runner: ActionRunner,
        turn_taking: str,
        delivery: OrderedDelivery | None = None,
        acting: Acting = nullcontext,
        person: str | None = None,
    ) -> None:
        """Go on with a conversation.

        Args:
            trace: the trace of the conversation.
            journal: the store for its entries.
            runner: runs the actions.
            turn_taking: `"auto"` or `"explicit"`.
            delivery: receives the transitions of each write.
            acting: returns the context for actions that act on the world, which may take long.
            person: the person, if the conversation has not begun.
        """
        self.conversation = trace.conversation
        self._trace = trace
        self._journal = journal
        self._runner = runner
        self._turn_taking = turn_taking
        self._delivery = delivery or OrderedDelivery()
        self._acting = acting
        self._person = trace.person if person is None else person
        self._writer = ConversationWriter(trace.conversation.sender_id)
        self._observations: list[npt.NDArray[Any]] = []
        """The observation of each decision among the drafts."""

    def begin(self, person: str) -> None:
        """Begin a conversation with a person."""
        self.conversation.append(SessionStarted())
        self._steps.begin({LIVE: person})

    def add_key(self, key: str) -> None:
        """Note a sender's own key of the next message."""
        self._steps.note(self._marked(key))

    def add_command(self, text: str, key: str | None = None) -> None:
        """Note a command, which is not a message on record, perhaps with its sender's own key."""
        self._steps.note({COMMAND: text} | ({} if key is None else self._marked(key)))

    def _marked(self, key: str) -> dict[str, str]:
        leases = self._journal.leases
        return {KEY: key} | ({} if leases is None else {PROCESS: leases.process})

    def add_lateness(self) -> None:
        """Note that what follows comes late: nobody waits for the reply to this turn."""
        self._steps.note({LATE: True})

    def add_message(self, message: UserUttered) -> None:
        """Add a message of the person, who may answer a question of the bot."""
        message = with_question(message, self.conversation)
        self.conversation.append(message)
        self._steps.message(message, PERSON)

    def add_events(self, events: Sequence[Event]) -> None:
        """Add events that no decision of the bot's has led to."""
        self.conversation.extend(events)
        self._steps.add_events(events)

    @property
    def is_over(self) -> bool:
        """Whether the user has what they wanted."""
        return has_ended(self.conversation, self._turn_taking)

    @property
    def is_users_turn(self) -> bool:
        """Whether the bot listens."""
        return is_users_turn(self.conversation, self._turn_taking)

    async def do(
        self, decision: LiveDecision, teacher: str | None = None, proposal: str | None = None
    ) -> ActionResult:
        """Let the bot do an action, and return its result.

        Args:
            decision: the action, with the version of the weights that decided on it, or made the proposal.
            teacher: the teacher who decided on it; None for the bot. A teacher's decision is a label too.
            proposal: the bot's choice, where a teacher decided.

        Raises:
            StoreError: the action acts on the world, and could not be written down; it was not run.
        """
        action, details = decision.action, decision.details()
        if teacher is not None:
            details["proposal"] = proposal
        by = BOT if teacher is None else PERSON
        self._observations.append(self.conversation.observation())
        self._steps.decision(action, by, author=teacher or BOT, details=details)
        if self._runner.reaches_out(action):
            await self.write()
        result = await self._run(action)
        self.conversation.extend((ActionExecuted(action), *result.events))
        self._steps.result(result.events)
        return result

    def say(self, text: str, teacher: str) -> None:
        """Let a teacher say something in their own words, which no action stands for."""
        message = BotUttered(text, {WRITER: teacher})
        self.conversation.append(message)
        self._steps.utterance(message, teacher)

    async def _run(self, action: str) -> ActionResult:
        return await carry_out(self._runner, action, self.conversation, self._acting)

    async def fall_back(self) -> ActionResult:
        """Answer a message that was not understood; no decision of the bot's leads to that."""
        result = self._runner.as_fallback(await self._run(FALLBACK_ACTION), self.conversation)
        self.add_events(result.events)
        return result

    def skip_missing_result(self) -> None:
        """Go on after an action that was killed before its result was on record; it may have acted."""
        latest = self._trace.latest
        if latest is not None and latest.kind == LABEL:
            self._steps.result(())

    def end(self, outcome: str = SUCCESS) -> None:
        """End the conversation."""
        self.conversation.outcome = outcome
        self._steps.end(outcome)

    @property
    def _steps(self) -> ConversationWriter:
        if not self._writer.drafts and self._trace.latest is not None:
            self._writer.head = self._trace.latest.id  # others may have added to the conversation
        return self._writer

    async def write(self, *others: Turn) -> None:
        """Write everything that is new, together with other turns all or nothing, and pass transitions on.

        Raises:
            StoreError: the journal cannot be written.
        """
        turns = {turn.conversation.sender_id: turn for turn in (self, *others)}
        drafts, observations = [], {}
        for name, turn in turns.items():
            drafts += turn._writer.take()
            # Taken together, so that after a failure neither is left for another step of this turn.
            observations[name], turn._observations = turn._observations, []
        if not drafts:
            return
        held = [turn._person for turn in turns.values()]
        pending, parcel = self._journal.submit(drafts, held), self._delivery.expect()
        content = None
        try:
            written = await Flush(pending)
            await parcel.reached()
            found: list[Transition] = []
            for entry in written:
                turn = turns[entry.conversation]
                observation = observations[entry.conversation].pop(0) if entry.kind == LABEL else None
                found += turn._trace.record(entry, observation)
            content = found, written[-1].id, any(entry.kind == END for entry in written)
        finally:
            self._delivery.fill(parcel, content)
