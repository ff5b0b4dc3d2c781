"""How teaching goes on by itself, to what a person has to answer next. No input or output of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy.typing as npt

from dialogue_gym.actions import ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import (
    Event,
    SessionStarted,
    UserUttered,
    to_json,
)
from dialogue_gym.conversation.turns import has_ended, is_users_turn
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.journal.entry import (
    BOT,
    END,
    EVENT,
    FAKE_USER,
    LABEL,
    PERSON,
    RESULT,
    USER,
    Draft,
)
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.journal.writer import ConversationWriter
from dialogue_gym.teaching.learner import Learner, TaughtModel
from dialogue_gym.teaching.navigation import latest_open, next_number, take_up_fault, unused_conversation
from dialogue_gym.teaching.pending import (
    AwaitsMessage,
    Change,
    MissingResult,
    Option,
    Pending,
    Proposal,
    SessionError,
)
from dialogue_gym.teaching.simulated_user import SEED, SimulatedUser


class ConversationDriver:
    """Conversations of one bot, each up to where it waits for an answer, which is `pending`.

    Everything that it knows follows from the journal, so that a course on the same journal goes on where this
    one was.
    """

    def __init__(
        self,
        domain: Domain,
        journal: Store,
        *,
        turn_taking: str = "explicit",
        settings: dict[str, Any] | None = None,
        runner: ActionRunner | None = None,
        author: str = PERSON,
        seed: int = 0,
        asks_for_closing: bool = True,
        is_mine: Callable[[str], bool] = lambda conversation: True,
    ) -> None:
        """Begin, or go on where the journal ends.

        Args:
            domain: what is taught; what was added to it in the journal is added again.
            journal: where everything is written down.
            turn_taking: `"explicit"`, where the bot is taught to listen as well, or `"auto"`.
            settings: of the environment whose fake user talks; None if the teacher is the user as well.
            runner: what does the actions where the teacher is the user.
            author: who answers: the name of a person, or `"expert"` for a simulated teacher.
            seed: of the fake users.
            asks_for_closing: whether the bot is to do one thing more after a success.
            is_mine: whether a conversation may be gone on with, where several teachers share a journal.

        Raises:
            ValueError: the domain has no fake user to talk, or the journal is of another domain.
        """
        self._settings = None if settings is None else settings | {"turn_taking": turn_taking}
        self._runner = runner or ActionRunner(domain)
        self._seed = seed
        self._asks_for_closing = asks_for_closing
        self._is_mine = is_mine
        self._record = ConversationWriter(journal, author)
        self._knowledge = TaughtModel(domain, turn_taking)
        self._user: SimulatedUser | None = None
        self.turn_taking = turn_taking
        self.change: Change | None = None
        """What the last correction changed."""
        self.note: str | None = None
        """What went wrong with the last action, for the teacher to read."""
        self._grow()
        if (latest := latest_open(self.history, self._can_take_up)) is None:
            self._begin()
        else:
            self._go_to(latest)

    @property
    def history(self) -> History:
        """What is in effect of the journal."""
        return self._record.history

    @property
    def id(self) -> str:
        """The conversation that is gone on with."""
        return self._record.id

    @property
    def domain(self) -> Domain:
        """What is taught, with all that was added to it."""
        return self._knowledge.domain

    @property
    def actions(self) -> tuple[str, ...]:
        """What the bot can do: with automatic turn taking listening is not chosen."""
        return self._knowledge.actions

    @property
    def has_fake_user(self) -> bool:
        """Whether a fake user talks to the bot, and not the teacher."""
        return self._settings is not None

    @property
    def distinct_observations(self) -> int:
        """How many different observations have a label."""
        return len(self._learner.memory)

    @property
    def _learner(self) -> Learner:
        return self._knowledge.learner

    def environment(self) -> DialogueEnv:
        """Return an environment like the one whose fake user talks, to try what was learned.

        Raises:
            SessionError: no fake user talks.
        """
        if self._settings is None:
            raise SessionError("no fake user talks in this session")
        return DialogueEnv(self.domain, **self._settings)

    def proposed(self, observation: npt.NDArray[Any], possible: Sequence[bool]) -> str:
        """Return what the bot would do for an observation, given for each action whether it is possible."""
        return self.actions[int(self._learner.probabilities(observation, possible).argmax())]

    def _grow(self) -> None:
        """Take in what the domain is now."""
        before = self.domain
        self._knowledge.grow(self.history)
        if self._settings is not None and (self._user is None or self.domain is not before):
            self._user = SimulatedUser(self.domain, self._settings)

    def _learn(self) -> None:
        self._knowledge.learn(self.history)

    def _can_take_up(self, conversation: str) -> bool:
        fits = self._is_mine(conversation)
        return fits and take_up_fault(self.history, conversation, self.has_fake_user) is None

    def _begin(self) -> None:
        """Begin the next conversation; a fake user opens it. One that nothing was decided in is taken up."""
        if (unused := unused_conversation(self.history, self._can_take_up)) is not None:
            self._go_to(unused)
            return
        number = next_number(self.history)
        self._record.id = f"c{number}"
        begins = to_json(SessionStarted())
        if self._user is None:
            self._record.write(Draft(self.id, EVENT, begins, None, BOT))
        else:
            seed = self._seed + number - 1
            start = Draft(self.id, EVENT, begins | {SEED: seed}, None, BOT)
            (message,) = self._user.begin(seed)
            self._record.write(start, Draft(self.id, USER, to_json(message), start, FAKE_USER))
        self._advance()

    def _go_to(self, conversation: str) -> None:
        """Take up a conversation where its head is."""
        self._record.id = conversation
        path = self.history.path(conversation)
        if self._user is not None and path and path[-1].kind == LABEL:  # the process died before its result
            self._user.play(path[:-1])
            is_closing = self._user.outcome is not None
            self._do(path[-1].content["action"], is_closing)  # a simulation can be run again
            return
        if self._user is not None:
            self._user.play(path)
        open_label = self.history.pending_result(conversation)
        if open_label is None:
            self._advance()
        else:
            self.conversation = self.history.conversation(self.domain, conversation)
            self.pending: Pending = MissingResult(open_label.content["action"])

    def _advance(self) -> None:
        """Find out what is to be answered next."""
        self.conversation = self.history.conversation(self.domain, self.id)
        if is_users_turn(self.conversation, self.turn_taking):
            self.pending = AwaitsMessage()
            return
        self.pending = Proposal(self._options(), is_closing=self._has_outcome())

    def _has_outcome(self) -> bool:
        if self._user is not None:
            return self._user.outcome is not None
        return has_ended(self.conversation, self.turn_taking)

    def _options(self) -> tuple[Option, ...]:
        return self._learner.options(self.conversation)

    def _taught_here(self) -> tuple[str, ...]:
        return self._learner.taught(self.conversation.observation())

    def _do(self, action: str, is_closing: bool = False) -> None:
        """Do what was decided, and write down what came of it, and what the user said then."""
        self.note = None
        if self._user is not None and not is_closing:
            events = self._user.answer(action)
        elif action == LISTEN:
            events = []
        else:
            result = self._runner.run(action, self._before_last_action())
            events, self.note = list(result.events), result.note
        self._write_result(action, events, is_closing)

    def _before_last_action(self) -> Conversation:
        events = self.history.events(self.id)
        return Conversation(self.domain, events[:-1], self.id)

    def _write_result(self, action: str, events: list[Event], is_closing: bool) -> None:
        message = events.pop() if events and isinstance(events[-1], UserUttered) else None
        result = self._record.draft(RESULT, {"events": [to_json(event) for event in events]})
        drafts = [result]
        if message is not None:
            drafts.append(self._record.draft(USER, to_json(message), FAKE_USER, drafts[-1]))
        outcome = self._user.outcome if self._user else None
        wants_closing = outcome == "success" and message is not None and self._asks_for_closing
        ends = is_closing or (outcome is not None and not wants_closing)
        if ends:
            drafts.append(self._record.draft(END, {"outcome": outcome or "success"}, BOT, drafts[-1]))
        self._record.write(*drafts)
        self.conversation = self.history.conversation(self.domain, self.id)
        is_left = self._user is None and is_users_turn(self.conversation, self.turn_taking)
        if not ends and is_left and self._has_outcome():
            self._record.write(self._record.draft(END, {"outcome": "success"}, BOT))
            ends = True
        if ends:
            self._begin()
        else:
            self._advance()


THRESHOLD = 0.9
"""How sure the bot is to be, without other wishes, to go on by itself."""
MOST_STEPS = 200
"""How many steps the bot goes on by itself at most before it asks again."""
