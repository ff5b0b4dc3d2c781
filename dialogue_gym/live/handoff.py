"""Teachers in conversations with people: they take one over, decide, and give it back. No page."""

from __future__ import annotations

import dataclasses
import itertools
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialogue_gym._text import quoted
from dialogue_gym.conversation.events import BotUttered, UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.journal.history import History
from dialogue_gym.live.migration import MigrationError
from dialogue_gym.live.raters import RaterWatch
from dialogue_gym.live.sessions import Sessions
from dialogue_gym.live.trace import Trace
from dialogue_gym.live.turn import LiveError
from dialogue_gym.live.waits import finish
from dialogue_gym.policies.agent import ActionScore, Agent
from dialogue_gym.teaching.learner import right_actions, rule_book

if TYPE_CHECKING:
    from dialogue_gym.live.trainer import Trainer  # needs torch, which the pages that use this may lack

_MOST_DECIDED = 1000
"""Latest decisions that are remembered here, in case a teaching session has not read them yet."""


class StaleDecision(LiveError):
    """The state has changed since: the person has written, or somebody else has decided."""


@dataclass(frozen=True)
class OpenConversation:
    """An open conversation.

    Attributes:
        conversation: the name of the conversation.
        person: the name of the person.
        teacher: the teacher who has taken it over; None if the bot decides.
        waits: whether the person waits for the teacher.
        is_busy: whether a slow action is under way.
        idle_seconds: seconds since somebody did something.
        problem: the problem with the bot's last turn, such as a failing action; empty without one.
        last_words: the last message; empty if it has no text.
        is_from_person: whether the last message is the person's.
    """

    conversation: str
    person: str
    teacher: str | None
    waits: bool
    is_busy: bool
    idle_seconds: float
    problem: str = ""
    last_words: str = ""
    is_from_person: bool = False


class Handoff:
    """The way of teachers into the conversations of people. All methods are thread-safe.

    Attributes:
        sessions: the sessions of the people who talk to the bot.
        raters: watches over the people who rate.
    """

    def __init__(self, sessions: Sessions, trainer: Trainer) -> None:
        """Offer the conversations of people to teachers.

        Args:
            sessions: the sessions of the people who talk to the bot.
            trainer: learns the teachers' decisions, and has the weights that make proposals.
        """
        self.sessions = sessions
        self._trainer = trainer
        self._decided: deque[tuple[int, bytes, str]] = deque(maxlen=_MOST_DECIDED)
        self._bot, self._manager = sessions.bot, sessions.manager
        self.raters = RaterWatch(self._bot.conversations.store, self._bot.domain)
        self._domain: Domain | None = None
        """The domain of the teaching sessions."""
        sessions.before_turn = self._use_domain

    def open(self, most: int) -> list[OpenConversation]:
        """Return the open conversations: first those where a person waits for a teacher, then the newest.

        Those in which the person has said nothing yet are left out.

        Args:
            most: the number of conversations that are returned.
        """
        with self.sessions.lock:
            found = [self._state(name, person) for name, person in self._bot.conversations.open.items()]
            found.sort(key=lambda talk: (not talk.waits, talk.teacher is None, talk.idle_seconds))
            spoken = filter(None, map(self._with_words, found))
            return list(itertools.islice(spoken, most))

    def _with_words(self, talk: OpenConversation) -> OpenConversation | None:
        """Return an open conversation with its last words; None if the person has said nothing."""
        events = self._bot.conversations.trace(talk.conversation).conversation.events
        if not any(isinstance(event, UserUttered) for event in events):
            return None
        last = next(event for event in reversed(events) if isinstance(event, (UserUttered, BotUttered)))
        is_from_person = isinstance(last, UserUttered)
        words = last.text or (f"/{last.act}" if isinstance(last, UserUttered) else "")
        return dataclasses.replace(talk, last_words=words, is_from_person=is_from_person)

    def _state(self, name: str, person: str) -> OpenConversation:
        known = self._bot.conversations
        # A turn that is under way may not be written down yet, and a decision would come too soon.
        waits = person not in known.holds.by_person and self._bot.awaits_teacher(name)
        idle_seconds = known.idle_seconds(name)
        is_busy, problem = known.is_busy(name), self.sessions.problem(name)
        return OpenConversation(name, person, known.teacher(name), waits, is_busy, idle_seconds, problem)

    def find(self, conversation: str) -> OpenConversation | None:
        """Return a conversation; None if it is not open."""
        with self.sessions.lock:
            person = self._bot.conversations.person(conversation)
            return None if person is None else self._state(conversation, person)

    def proposals(self, conversation: str) -> tuple[int, list[ActionScore]]:
        """Return the step to decide on, and the bot's score of each action, the best first.

        Raises:
            LiveError: the conversation is not open.
        """
        return finish(self._proposals(conversation), self.sessions.lock)

    async def _proposals(self, conversation: str) -> tuple[int, list[ActionScore]]:
        known = self._bot.conversations
        await known.look(known.person(conversation) or "")
        trace = known.trace(conversation)
        return _step(trace), self._agent().rank_actions(trace.conversation)[1]

    def _agent(self) -> Agent:
        actor = self._trainer.explorer.actor
        return Agent("live", actor.env, actor, rules=self._bot.rules)

    def version_lines(self) -> list[str]:
        """Return sentences on the version that answers; none if it is always the newest."""
        return self._trainer.version_lines()

    def take_over(self, conversation: str, teacher: str) -> None:
        """Let a teacher decide from now on, also in the place of another teacher.

        Raises:
            LiveError: the conversation is not open.
            StoreError: the journal could not be written.
        """
        self.sessions.do(conversation, lambda: self._manager.take_over(conversation, teacher))

    def give_back(self, conversation: str, teacher: str) -> None:
        """Let the bot decide again; it answers if the person waits.

        Raises:
            LiveError: the teacher has not taken it over.
            StoreError: the journal could not be written.
        """
        self.sessions.do(conversation, lambda: self._give_back(conversation, teacher))

    async def _give_back(self, conversation: str, teacher: str) -> None:
        if self._bot.conversations.teacher(conversation) != teacher:
            raise LiveError(f"{teacher} has not taken over {quoted(conversation)}")
        reply = await self._manager.give_back(conversation, teacher)
        self.sessions.keep_problem(conversation, reply.notes)

    def decide(self, conversation: str, teacher: str, action: str, step: int) -> tuple[str, ...]:
        """Execute a teacher's decision; the bot learns that it is right.

        Args:
            conversation: the name of the conversation.
            teacher: the teacher who decides.
            action: the right action.
            step: the step that they decided on: see `proposals`.

        Returns:
            A line for each problem with the action, and for a rule that contradicts it.

        Raises:
            StaleDecision: the conversation has moved on.
            LiveError: somebody else decides here, nobody waits, or the action is unknown.
            StoreError: the journal could not be written.
        """
        return self.sessions.do(conversation, lambda: self._decide(conversation, step, teacher, action))

    def say(self, conversation: str, teacher: str, text: str, step: int) -> tuple[str, ...]:
        """Answer in a teacher's own words, which can become an action later (`teaching.own_words`).

        If they are the one text of an action, this is a decision for it.

        Args:
            conversation: the name of the conversation.
            teacher: the teacher who answers.
            text: the message.
            step: the step that they answer: see `proposals`.

        Returns:
            The problems with the action, one line each.

        Raises:
            StaleDecision: the conversation has moved on.
            LiveError: somebody else decides here, nobody waits, or the text is empty.
            StoreError: the journal could not be written.
        """
        return self.sessions.do(conversation, lambda: self._say(conversation, step, teacher, text))

    async def _say(self, conversation: str, step: int, teacher: str, text: str) -> tuple[str, ...]:
        domain = self._bot.domain
        known = (name for name in domain.actions if domain.texts(name) == (text.strip(),))
        if (action := next(known, None)) is not None:
            return await self._decide(conversation, step, teacher, action)
        self._at_step(conversation, step)
        await self._manager.say(conversation, teacher, text)
        return ()

    def _at_step(self, conversation: str, step: int) -> Trace:
        """Return an open conversation, if it is still at a step."""
        trace = self._bot.conversations.trace(conversation)
        if step != _step(trace):
            raise StaleDecision("the conversation has moved on; please decide again")
        return trace

    async def _decide(self, conversation: str, step: int, teacher: str, action: str) -> tuple[str, ...]:
        trace = self._at_step(conversation, step)
        proposal, _ = self._agent().choose(trace.conversation)
        overruled = self._bot.rules.overruling(trace.conversation, action)
        observed = trace.conversation.observation().tobytes()
        version = self._trainer.explorer.actor.version
        reply = await self._manager.decide(conversation, teacher, action, version, proposal)
        self._trainer.teach({**self._trainer.taught, observed: (action,)})
        if reply.decision is not None:
            self._decided.append((reply.decision, observed, action))
        return tuple(filter(None, (overruled, *reply.notes)))

    def sync(self, history: History, domain: Domain) -> None:
        """Let the bot learn from teaching sessions: their labels, and their additions to the domain.

        While an action of the bot is under way, an addition waits until it is over.

        Args:
            history: the history of the session; it may lack the latest decisions made here.
            domain: the domain of the session.
        """
        with self.sessions.lock:
            self._sync(history, domain)

    def sync_with_journal(self, original: Domain) -> None:
        """Let the bot learn from all that was taught, in whichever process; see `sync`.

        Args:
            original: the domain without additions.

        Raises:
            StoreError: the journal cannot be read.
        """
        with self.sessions.lock:
            history = History(self._bot.conversations.store.taught())
            self._sync(history, history.extended(original))

    def go_on(self) -> None:
        """Let the bot go on with an addition that had to wait for an action, if that is over.

        Where people write, their messages do so.

        Raises:
            StoreError: the journal cannot be read.
        """
        with self.sessions.lock:
            self._use_domain()

    def _sync(self, history: History, domain: Domain) -> None:
        trainer = self._trainer
        self._domain = domain
        if domain != self._bot.domain:
            self._use_domain()
            return
        env = trainer.learner.env
        right = right_actions(history, domain, env.action_names, env.settings.turn_taking)
        for decision, observed, action in self._decided:
            if not history.knows(decision):
                right[observed] = (action,)
        if right != trainer.taught:
            trainer.teach(right)

    def grow(self, domain: Domain) -> None:
        """Let the bot go on with a domain that has grown; see `sync`."""
        with self.sessions.lock:
            self._domain = domain
            self._use_domain()

    def _use_domain(self) -> bool:
        """Let the bot and its learner go on with the domain of the teaching sessions, as soon as possible.

        Return whether that has to wait until nothing is under way.
        """
        domain, known = self._domain, self._bot.conversations
        if domain is None or domain == self._bot.domain:
            return False
        if not known.is_quiet:
            return True
        history = History(known.store.taught())
        turn_taking = self._trainer.learner.env.settings.turn_taking

        def labels(env: DialogueEnv) -> dict[bytes, tuple[str, ...]]:
            return right_actions(history, domain, env.action_names, turn_taking)

        try:
            self._trainer.use_domain(domain, labels, history.own_names)
        except MigrationError:  # the next start tells what the domain has lost
            self._domain = None
            return False
        self._decided.clear()
        self.raters.use_domain(domain)
        actions = self._trainer.learner.env.action_names
        self._bot.use_domain(domain, rule_book(history, domain, actions, turn_taking))
        return False


def _step(trace: Trace) -> int:
    return 0 if trace.latest is None else trace.latest.id
