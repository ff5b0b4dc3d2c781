"""Teachers who look after people's conversations: they take one over, decide, and give it back. No page."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialogue_gym._text import shorten
from dialogue_gym.domain import Domain
from dialogue_gym.journal.history import History
from dialogue_gym.live.sessions import Sessions
from dialogue_gym.live.transitions import Trace
from dialogue_gym.live.turn import LiveError
from dialogue_gym.policies.agent import ActionScore, Agent
from dialogue_gym.teaching.learner import right_actions

if TYPE_CHECKING:
    from dialogue_gym.live.trainer import Trainer  # needs torch, which the pages that use this may lack

_MOST_DECIDED = 1000
"""How many of the last decisions are known here, before all that teach have read of them."""


class StaleDecision(LiveError):
    """What was decided on has changed since: the person has said something, or somebody else has decided."""


@dataclass(frozen=True)
class OpenConversation:
    """A conversation that goes on.

    Attributes:
        conversation: its name.
        person: who talks to the bot.
        teacher: who has taken it over; None where the bot decides.
        waits: whether the person waits for the teacher.
        is_busy: whether an action is under way that takes long.
        idle_seconds: seconds since somebody did something.
    """

    conversation: str
    person: str
    teacher: str | None
    waits: bool
    is_busy: bool
    idle_seconds: float


class Handoff:
    """What teachers do in the conversations of people. All methods may be called from any thread."""

    def __init__(self, sessions: Sessions, trainer: Trainer) -> None:
        """Look after people.

        Args:
            sessions: of the people who talk to the bot.
            trainer: learns what teachers decide, and has the weights that make proposals.
        """
        self.sessions = sessions
        self._trainer = trainer
        self._decided: deque[tuple[int, bytes, str]] = deque(maxlen=_MOST_DECIDED)
        self._bot = sessions.bot

    def open(self, most: int) -> list[OpenConversation]:
        """Return what goes on: first where a person waits for a teacher, then what is the newest.

        Args:
            most: how many there are to be.
        """
        with self.sessions.lock:
            found = [self._state(name, person) for name, person in self._bot.conversations.open.items()]
        found.sort(key=lambda talk: (not talk.waits, talk.teacher is None, talk.idle_seconds))
        return found[:most]

    def _state(self, name: str, person: str) -> OpenConversation:
        known = self._bot.conversations
        waits, idle_seconds = self._bot.waits(name), known.idle_seconds(name)
        return OpenConversation(name, person, known.teacher(name), waits, name in known.busy, idle_seconds)

    def find(self, conversation: str) -> OpenConversation | None:
        """Return a conversation; None if it does not go on."""
        with self.sessions.lock:
            person = self._bot.conversations.open.get(conversation)
            return None if person is None else self._state(conversation, person)

    def proposals(self, conversation: str) -> tuple[int, list[ActionScore]]:
        """Return what is to be decided on, and what the bot makes of each action, the best first.

        Raises:
            LiveError: the conversation does not go on.
        """
        with self.sessions.lock:
            trace = self._bot.conversations.trace(conversation)
            return _step(trace), self._agent().rank_actions(trace.conversation)[1]

    def _agent(self) -> Agent:
        actor = self._trainer.explorer.actor
        return Agent("live", actor.env, actor)

    def take_over(self, conversation: str, teacher: str) -> None:
        """Let a teacher decide from now on what the bot does, also in the place of another teacher.

        Raises:
            LiveError: the conversation does not go on.
            StoreError: it could not be written down.
        """
        with self.sessions.lock:
            self.sessions.wait_for_turn(conversation)
            self._bot.take_over(conversation, teacher)

    def give_back(self, conversation: str, teacher: str) -> None:
        """Let the bot decide again; it answers if the person waits.

        Raises:
            LiveError: the teacher has not taken it over.
            StoreError: it could not be written down.
        """
        with self.sessions.lock:
            self.sessions.wait_for_turn(conversation)
            if self._bot.conversations.teacher(conversation) != teacher:
                raise LiveError(f"{teacher} has not taken over {shorten(conversation)}")
            self._bot.give_back(conversation, teacher)

    def decide(self, conversation: str, teacher: str, action: str, step: int) -> tuple[str, ...]:
        """Do what a teacher decided; the bot learns that it is right.

        Args:
            conversation: which one.
            teacher: who decides.
            action: what the bot does.
            step: what they decided on: see `proposals`.

        Returns:
            What went wrong with the action, one line each.

        Raises:
            StaleDecision: something else is to be decided on by now.
            LiveError: somebody else decides here, nobody waits, or there is no such action.
            StoreError: it could not be written down.
        """
        with self.sessions.lock:
            self.sessions.wait_for_turn(conversation)
            trace = self._bot.conversations.trace(conversation)
            if step != _step(trace):
                raise StaleDecision("something else is to be decided on by now")
            agent = self._agent()
            proposal, _ = agent.choose(trace.conversation)
            observed = trace.conversation.observation().tobytes()
            version = self._trainer.explorer.actor.version
            reply = self._bot.decide(conversation, teacher, action, version, proposal)
            self._trainer.teach({**self._trainer.taught, observed: (action,)})
            if reply.decision is not None:
                self._decided.append((reply.decision, observed, action))
            return reply.notes

    def sync(self, history: History, domain: Domain) -> None:
        """Let the bot learn what was taught beside it.

        Once the domain has grown there, it learns what is taught from then on at the next start.

        Args:
            history: of what was taught; what was decided here last need not be in it yet.
            domain: as that has it.
        """
        trainer = self._trainer
        if domain != self._bot.domain:
            return
        env = trainer.learner.env
        right = right_actions(history, domain, env.action_names, env.settings.turn_taking)
        with self.sessions.lock:
            for decision, observed, action in self._decided:
                if not history.knows(decision):
                    right[observed] = (action,)
            if right != trainer.taught:
                trainer.teach(right)


def _step(trace: Trace) -> int:
    return 0 if trace.latest is None else trace.latest.id
