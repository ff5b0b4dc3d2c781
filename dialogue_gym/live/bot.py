"""The bot in conversations with people: it answers, and passes on the transitions to learn from."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from dialogue_gym.actions import ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import Event, UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import BOT, PERSON
from dialogue_gym.journal.store import Store
from dialogue_gym.live.conversations import Conversations
from dialogue_gym.live.decision import Decider
from dialogue_gym.live.dialogue_manager import DialogueManager
from dialogue_gym.live.ratings import Ratings
from dialogue_gym.live.reward import LiveReward
from dialogue_gym.live.turn import OnTransitions, Reply, no_listener
from dialogue_gym.live.waits import Wait, finish
from dialogue_gym.nlu.interpreter import Interpreter
from dialogue_gym.stories.rulebook import RuleBook

T = TypeVar("T")
PATIENCE = 300.0
"""The number of seconds that people wait for a teacher who has taken over."""


class LiveBot:
    """A bot in conversations with people. Not thread-safe.

    A conversation ends

    - in success, when the user has what they wanted (`has_ended` says so);
    - in failure, when they leave before that, or begin anew with `/restart`;
    - truncated, when they have been silent for too long, so that the outcome is unknown.

    The reward of the end is its rating; see `LiveReward`. A teacher can take a conversation over, and
    decides on the bot's actions until they give it back.

    Transitions go to `on_transitions`, usually `Trainer.submit`, as soon as their entries are written: after
    a reply, a rating, the end of a conversation. The caller need not do anything.

    Attributes:
        domain: the domain of the bot.
        conversations: open and ended ones, with their traces.
        ratings: what people and teachers think of them.
        rules: the rules that hold before the choices of the decider.
    """

    def __init__(
        self,
        domain: Domain,
        store: Store,
        decider: Decider,
        interpreter: Interpreter,
        runner: ActionRunner,
        *,
        on_transitions: OnTransitions = no_listener,
        turn_taking: str = "auto",
        reward: LiveReward | None = None,
        silence: float | None = None,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
        rules: RuleBook | None = None,
    ) -> None:
        """Take up the conversations that are open.

        Args:
            domain: the domain of the bot.
            store: the store for everything that happens.
            decider: chooses the actions.
            interpreter: understands the messages.
            runner: runs the actions.
            on_transitions: called after each write with the transitions that can be learned now, the id of
                the last entry that they follow from, and whether a conversation has ended with it. By
                default they wait in the journal for a learner that starts later.
            turn_taking: `"auto"` or `"explicit"`.
            reward: the reward of the steps; by default the domain's.
            silence: seconds of silence after which a person counts as gone; None for never.
            patience: seconds for which a person waits for a teacher; then the bot answers.
            clock: the time in seconds.
            rules: the rules that hold before the decider's choice; None without any.

        Raises:
            StoreError: the journal cannot be read.
            DomainError: the journal is of another domain.
        """
        conversations = Conversations(
            domain, store, runner, turn_taking, reward or LiveReward.of(domain), on_transitions, clock
        )
        self.manager = DialogueManager(
            conversations, decider, interpreter, runner, rules or RuleBook(domain), silence, patience
        )
        self.ratings = Ratings(conversations)

    @property
    def domain(self) -> Domain:
        """The domain of the bot."""
        return self.manager.domain

    @property
    def conversations(self) -> Conversations:
        """Open and ended conversations, with their traces."""
        return self.manager.conversations

    @property
    def rules(self) -> RuleBook:
        """The rules that hold before the choices of the decider."""
        return self.manager.rules

    def use_domain(self, domain: Domain, rules: RuleBook) -> None:
        """Go on with a domain that has grown, and its rules; no action is under way.

        The decider must know the domain already.
        """
        self.manager.use_domain(domain, rules)

    def foresee(self, action: str, conversation: Conversation) -> tuple[Event, ...] | None:
        """Return the events that an action would have now; None if code or a server would run."""
        return self.manager.foresee(action, conversation)

    def begin(self, person: str = PERSON) -> str:
        """Begin a conversation with a person; return its name.

        Raises:
            StoreError: the journal could not be written.
        """
        return finish(self._alone(person, self.manager.begin(person)))

    def reply(self, conversation: str, text: str, channel: str | None = None) -> Reply:
        """Answer a text that a person typed, and that came through a channel.

        `/restart` and `/session_start` end the conversation and begin another one, which has the slots so far
        after `/session_start`; `/back` takes the last turn back.

        Raises:
            LiveError: the conversation is not open.
            StoreError: the message could not be written down, and is not answered.
        """
        return finish(self._in(conversation, self.manager.reply(conversation, text, channel)))

    def take(self, conversation: str, message: UserUttered, key: str | None = None) -> Reply:
        """Answer an understood message, perhaps with its sender's key; errors are those of `reply`."""
        return finish(self._in(conversation, self.manager.take(conversation, message, key)))

    def resume(self, conversation: str) -> Reply:
        """Let the bot act where it was about to act when the process ended; otherwise do nothing.

        Raises:
            LiveError: the conversation is not open.
            StoreError: the journal could not be written.
        """
        return finish(self._in(conversation, self.manager.resume(conversation)))

    def rate(self, conversation: str, value: float, about: int | None = None) -> None:
        """Take a person's rating, however late; see `Ratings.take`."""
        finish(self.ratings.take(conversation, value, about))

    def leave(self, conversation: str) -> Reply:
        """End a conversation whose person has left, before they had what they wanted.

        Raises:
            LiveError: the conversation is not open.
            StoreError: the journal could not be written.
        """
        return finish(self._in(conversation, self.manager.leave(conversation)))

    def expire(self, most: int | None = None) -> Iterator[Reply]:
        """End the conversations whose people have been silent for too long; yield the reply of each.

        Conversations in which a teacher has kept the person waiting for too long go back to the bot.

        Args:
            most: the number of conversations that are treated now; None for all.
        """
        for name in self.manager.expired()[:most]:
            if (reply := finish(self._in(name, self.manager.expire_one(name)))) is not None:
                yield reply

    def awaits_teacher(self, conversation: str) -> bool:
        """Return whether the user waits for a teacher.

        Raises:
            LiveError: the conversation is not open.
        """
        return self.manager.awaits_teacher(conversation)

    def take_over(self, conversation: str, teacher: str) -> None:
        """Let a teacher decide from now on, also in the place of another teacher.

        Raises:
            LiveError: the conversation is not open.
            StoreError: the journal could not be written.
        """
        finish(self._in(conversation, self.manager.take_over(conversation, teacher)))

    def give_back(self, conversation: str, by: str = BOT) -> Reply:
        """Let the bot decide again, by itself; it answers if the user waits.

        Args:
            conversation: the name of the conversation.
            by: the teacher who gives it back.

        Raises:
            LiveError: the conversation is not open, or no teacher has taken it over.
            StoreError: the journal could not be written.
        """
        return finish(self._in(conversation, self.manager.give_back(conversation, by)))

    def decide(self, conversation: str, teacher: str, action: str, version: int, proposal: str) -> Reply:
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
        return finish(
            self._in(conversation, self.manager.decide(conversation, teacher, action, version, proposal))
        )

    def say(self, conversation: str, teacher: str, text: str) -> Reply:
        """Let a teacher answer in their own words.

        Args:
            conversation: the name of the conversation.
            teacher: the teacher who has taken it over.
            text: the message.

        Raises:
            LiveError: somebody else decides here, nobody waits for the bot, or the text is empty.
            StoreError: the journal could not be written.
        """
        return finish(self._in(conversation, self.manager.say(conversation, teacher, text)))

    async def _alone(self, person: str, turn: Coroutine[Wait[Any], Any, T]) -> T:
        async with self.conversations.holds.hold(person):  # other processes may have the same store
            return await turn

    async def _in(self, conversation: str, turn: Coroutine[Wait[Any], Any, T]) -> T:
        return await self._alone(self.conversations.person(conversation) or "", turn)
