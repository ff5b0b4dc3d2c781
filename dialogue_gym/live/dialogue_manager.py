"""The dialogue manager: it conducts a bot's conversations with people, any number of them at the same time.

Event-driven: the carrier of the messages calls it, and its coroutines await the disk and slow actions alone
(see `waits`). A message is in the journal before it is answered. No input or output but the journal.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from dialogue_gym._text import nearest, quoted
from dialogue_gym.actions import ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import Event, SlotSet, UserUttered
from dialogue_gym.conversation.turns import before_last_turn, new_session
from dialogue_gym.domain import Domain
from dialogue_gym.domain.default_names import BACK, command_of
from dialogue_gym.domain.model import RESTART
from dialogue_gym.journal.entry import BOT, PERSON
from dialogue_gym.live.conversations import Conversations
from dialogue_gym.live.decision import Decider, LiveDecision
from dialogue_gym.live.trace import Trace
from dialogue_gym.live.transitions import FAILURE, TRUNCATED
from dialogue_gym.live.turn import LiveError, Reply, Turn, carry_out
from dialogue_gym.nlu.interpreter import Interpreter, InterpreterError, understand
from dialogue_gym.stories.rulebook import RuleBook


class DialogueManager:
    """The conduct of a bot's conversations, in coroutines for `waits.finish` and `waits.finish_later`.

    Whoever runs several at the same time holds the person of each (`Conversations.hold`), and runs one at a
    time between two waits.

    Attributes:
        domain: the domain of the bot.
        conversations: open and ended ones, with their traces.
        rules: the rules that hold before the choices of the decider.
    """

    def __init__(
        self,
        conversations: Conversations,
        decider: Decider,
        interpreter: Interpreter,
        runner: ActionRunner,
        rules: RuleBook,
        silence: float | None,
        patience: float,
    ) -> None:
        """Conduct conversations; arguments are those of `LiveBot`."""
        self.domain = conversations.domain
        self.conversations = conversations
        self.rules = rules
        self._turn_taking = conversations.turn_taking
        self._actions = self._choices(self.domain)
        self._decider = decider
        self._runner = runner
        runner.choose_steadily()
        self._interpreter = interpreter
        self._silence = silence
        self._patience = patience

    def _choices(self, domain: Domain) -> tuple[str, ...]:
        return domain.actions if self._turn_taking == "explicit" else domain.actions[1:]

    def use_domain(self, domain: Domain, rules: RuleBook) -> None:
        """Go on with a domain that has grown, and its rules; no action is under way.

        The decider must know the domain already.
        """
        self.domain, self.rules = domain, rules
        self._actions = self._choices(domain)
        self._runner.use_domain(domain)
        self._interpreter.use_domain(domain)
        self.conversations.use_domain(domain)

    def foresee(self, action: str, conversation: Conversation) -> tuple[Event, ...] | None:
        """Return the events that an action would have now; None if code or a server would run."""
        return self._runner.foresee(action, conversation)

    async def begin(self, person: str = PERSON) -> str:
        """Begin a conversation with a person; return its name.

        Raises:
            StoreError: the journal could not be written.
        """
        return await self.conversations.begin(person)

    async def reply(self, conversation: str, text: str, channel: str | None = None) -> Reply:
        """Answer a text that a person typed, and that came through a channel.

        `/restart` and `/session_start` end the conversation and begin another one, which has the slots so far
        after `/session_start`; `/back` takes the last turn back.

        Raises:
            LiveError: the conversation is not open.
            StoreError: the message could not be written down, and is not answered.
        """
        return await self.understand(text, channel)(conversation)

    def understand(
        self, text: str, channel: str | None = None, key: str | None = None
    ) -> Callable[[str], Awaitable[Reply]]:
        """Return a function that answers a typed text, given its conversation: `reply` in two steps.

        A key by which the sender knows the message is written down with it; see `Trace.answered`.

        Understanding can take long and touches no conversation: this alone may be called meanwhile, from one
        thread at a time.
        """
        try:
            message = understand(self._interpreter, text, self.domain, channel)
        except InterpreterError as error:
            return partial(self._not_understood, note=str(error))
        if (command := command_of(self.domain, message.intent)) is not None:
            return partial(self._obey, command=command, message=message, key=key)
        return partial(self.take, message=message, key=key)

    async def _obey(self, conversation: str, command: str, message: UserUttered, key: str | None) -> Reply:
        """Do a default action: start over, go back by a turn, or begin a session with the slots so far.

        The last turn stays on record: after going back, the slots are as they were before it.
        """
        trace = self.conversations.trace(conversation)
        late, before = tuple(trace.late), trace.conversation
        asked = Conversation(self.domain, (*before.events, message), conversation)
        acting = partial(self.conversations.holds.acting, trace.person)
        result = await carry_out(self._runner, command, asked, acting)
        said, notes = result.events, (result.note,) if result.note else ()
        if command == BACK:
            slots = Conversation(self.domain, before_last_turn(before)).slots
            undone = [SlotSet(name, slots[name]) for name in slots if slots[name] != before.slots[name]]
            async with self.conversations.turn(trace) as turn:
                turn.add_command(message.text or "", key)
                turn.add_events((*undone, *said))
            return Reply.at(trace, said, notes, late)
        outcome = FAILURE if command == RESTART else TRUNCATED
        first = () if command == RESTART else new_session(before)[1:]
        text = message.text or ""
        name = await self.conversations.restart(conversation, outcome, said, first, text, key)
        return Reply(name, said, notes, conversation, outcome, person=trace.person, late=late)

    async def _not_understood(self, conversation: str, note: str) -> Reply:
        trace = self.conversations.trace(conversation)
        self.conversations.touch(conversation)
        return Reply(conversation, notes=(note,), person=trace.person)

    async def take(self, conversation: str, message: UserUttered, key: str | None = None) -> Reply:
        """Answer an understood message, perhaps with its sender's key; errors are those of `reply`."""
        trace = self.conversations.trace(conversation)
        late = tuple(trace.late)
        async with self.conversations.turn(trace) as turn:
            if key is not None:
                turn.add_key(key)
            turn.add_message(message)
            is_unruled = self.rules.decide(turn.conversation) is None
            if message.intent is None and trace.teacher is None and is_unruled:
                result = await turn.fall_back()
                events, notes = result.events, tuple(filter(None, [result.note]))
            else:
                events, notes = await self._act(trace, turn)
        return Reply.at(trace, events, notes, late)

    async def resume(self, conversation: str) -> Reply:
        """Let the bot act where it was about to act when the process ended; otherwise do nothing.

        Raises:
            LiveError: the conversation is not open.
            StoreError: the journal could not be written.
        """
        trace = self.conversations.trace(conversation)
        if not trace.is_cut_off:  # a rule that is new does not let the bot speak unasked
            return Reply.at(trace)
        async with self.conversations.turn(trace) as turn:
            has_to_act = not self._waits(turn.conversation) and trace.teacher is None
            if has_to_act and not turn.is_over and not trace.is_late:
                turn.add_lateness()
            events, notes = await self._act(trace, turn)
        return Reply.at(trace, events, notes)

    async def _act(self, trace: Trace, turn: Turn) -> tuple[tuple[Event, ...], tuple[str, ...]]:
        """Let the bot act until it listens, or a teacher is to act; return its events, and notes."""
        notes: list[str] = []
        conversation = turn.conversation
        first = len(conversation)
        while not (is_over := turn.is_over) and not self._waits(conversation) and trace.teacher is None:
            possible = conversation.action_mask(self._actions)
            if ruling := self.rules.decide(conversation):
                result = await turn.do(LiveDecision.certain(ruling.action))
            else:
                result = await turn.do(self._decider.decide(conversation.observation(), possible))
            notes += [result.note] if result.note else []
        if is_over:
            turn.end()
        return conversation.events[first:], tuple(notes)

    def _waits(self, conversation: Conversation) -> bool:
        return self.rules.waits(conversation, self._turn_taking)

    async def leave(self, conversation: str) -> Reply:
        """End a conversation whose person has left, before they had what they wanted.

        Raises:
            LiveError: the conversation is not open.
            StoreError: the journal could not be written.
        """
        return await self._end(conversation, FAILURE)

    async def _end(self, conversation: str, outcome: str) -> Reply:
        trace = self.conversations.trace(conversation)
        async with self.conversations.turn(trace) as turn:
            turn.end(outcome)
        return Reply.at(trace)

    def expired(self) -> list[str]:
        """Return the conversations in which people have left, or wait for a teacher in vain."""
        return [name for name in self.conversations.open if self._is_in_vain(name) or self._is_silent(name)]

    async def expire_one(self, conversation: str) -> Reply | None:
        """End a conversation that is due, or give it back; None if it is not due any more.

        Raises:
            StoreError: the journal could not be written.
        """
        if self._is_in_vain(conversation):
            return await self.give_back(conversation)
        return await self._end(conversation, TRUNCATED) if self._is_silent(conversation) else None

    def _is_in_vain(self, conversation: str) -> bool:
        return self._is_idle(conversation, self._patience) and self.awaits_teacher(conversation)

    def _is_silent(self, conversation: str) -> bool:
        if self._silence is None or not self._is_idle(conversation, self._silence):
            return False
        return not self.awaits_teacher(conversation)

    def _is_idle(self, conversation: str, seconds: float) -> bool:
        is_long = self.conversations.idle_seconds(conversation) >= seconds
        return is_long and not self.conversations.is_busy(conversation)

    def awaits_teacher(self, conversation: str) -> bool:
        """Return whether the user waits for a teacher.

        Raises:
            LiveError: the conversation is not open.
        """
        known = self.conversations
        # Without a teacher the bot has answered already: no need to read a trace that is not at hand.
        has_bot = known.teacher(conversation) is None
        if known.is_open(conversation) and (has_bot or known.is_busy(conversation)):
            return False
        return not self._waits(known.trace(conversation).conversation)

    async def take_over(self, conversation: str, teacher: str) -> None:
        """Let a teacher decide from now on, also in the place of another teacher.

        Raises:
            LiveError: the conversation is not open.
            StoreError: the journal could not be written.
        """
        await self.conversations.let_decide(conversation, teacher, teacher)

    async def give_back(self, conversation: str, by: str = BOT) -> Reply:
        """Let the bot decide again, by itself; it answers if the user waits.

        Args:
            conversation: the name of the conversation.
            by: the teacher who gives it back.

        Raises:
            LiveError: the conversation is not open, or no teacher has taken it over.
            StoreError: the journal could not be written.
        """
        if self.conversations.trace(conversation).teacher is None:
            raise LiveError(f"nobody has taken over {quoted(conversation)}")
        await self.conversations.let_decide(conversation, None, by)
        return await self.resume(conversation)

    async def decide(
        self, conversation: str, teacher: str, action: str, version: int, proposal: str
    ) -> Reply:
        """Do one action that a teacher decided on; the next one is theirs to decide on as well.

        Args:
            conversation: the name of the conversation.
            teacher: the teacher who has taken it over.
            action: the right action.
            version: the version of the weights that made the proposal.
            proposal: the bot's choice.

        Raises:
            LiveError: somebody else decides here, nobody waits for the bot, or the action is unknown.
            StoreError: the journal could not be written.
        """
        trace = self._handed_over(conversation, teacher)
        if action not in self._actions:
            raise LiveError(f"unknown action {quoted(action)}; {nearest(action, self._actions)}")
        async with self.conversations.turn(trace) as turn:
            first = len(turn.conversation)
            result = await turn.do(LiveDecision(action, version), teacher, proposal)
            if turn.is_over:
                turn.end()
            events = turn.conversation.events[first:]
        return Reply.at(trace, events, (result.note,) if result.note else ())

    async def say(self, conversation: str, teacher: str, text: str) -> Reply:
        """Let a teacher answer in their own words.

        Args:
            conversation: the name of the conversation.
            teacher: the teacher who has taken it over.
            text: the message.

        Raises:
            LiveError: somebody else decides here, nobody waits for the bot, or the text is empty.
            StoreError: the journal could not be written.
        """
        trace = self._handed_over(conversation, teacher)
        if not text.strip():
            raise LiveError("the message is empty")
        async with self.conversations.turn(trace) as turn:
            turn.say(text.strip(), teacher)
        return Reply.at(trace, turn.conversation.events[-1:])

    def _handed_over(self, conversation: str, teacher: str) -> Trace:
        """Return a conversation in which the user waits for this teacher; errors are those of `say`."""
        trace = self.conversations.trace(conversation)
        if trace.teacher != teacher:
            raise LiveError(f"{trace.teacher or 'the bot'} decides in {quoted(conversation)}")
        if not self.awaits_teacher(conversation):
            raise LiveError(f"{quoted(conversation)}: it is the user's turn")
        return trace
