"""A session of teaching: a state machine that waits for a teacher's answers. No input or output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy.typing as npt

from dialogue_gym._text import nearest, quoted
from dialogue_gym.actions import ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import Event, UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.domain.additions import ACTION, Addition, extend
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.journal.entry import BOT, MEND, PERSON, USER, Entry
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.stories.rulebook import RuleBook
from dialogue_gym.teaching.answers import AnswerWriter
from dialogue_gym.teaching.driver import ConversationDriver
from dialogue_gym.teaching.navigation import Navigator, is_simulated
from dialogue_gym.teaching.pending import (
    AwaitsMessage,
    Change,
    Pending,
    PendingContradiction,
    Proposal,
    SessionError,
)
from dialogue_gym.teaching.simulated_user import SimulatedUser
from dialogue_gym.teaching.taught_interpreter import TaughtInterpreter


class Session:
    """One teacher, one bot, one conversation after another.

    It waits for the answer in `pending`. Each method that answers writes to the journal before the answer
    takes effect. All state follows from the journal, so another session on it resumes where this one was.
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
        interpreter: TaughtInterpreter | None = None,
    ) -> None:
        """Resume the latest open conversation of the journal, or begin one.

        Args:
            domain: the domain to teach; the additions in the journal are applied to it.
            journal: the journal for every step.
            turn_taking: `"explicit"`, where the bot is taught to listen as well, or `"auto"`.
            settings: the arguments of the environment with the fake user; None if the teacher is the
                user as well.
            runner: runs the actions where the teacher is the user.
            author: the author of the answers: a person's name, or `"expert"` for a simulated teacher.
            seed: the seed of the fake users.
            asks_for_closing: whether the bot takes one more step after a success.
            is_mine: whether a conversation may be resumed, where several teachers share a journal.
            interpreter: understands the teacher's messages; by default it begins without examples.

        Raises:
            ValueError: the domain has no fake user, or the journal is of another domain.
        """
        history = History(journal.entries())
        self._navigator = Navigator(history, author, settings is not None, is_mine)
        self._driver = ConversationDriver(
            domain,
            journal,
            history,
            self._navigator,
            turn_taking=turn_taking,
            settings=settings,
            runner=runner,
            author=author,
            seed=seed,
            asks_for_closing=asks_for_closing,
            interpreter=interpreter,
        )
        self._answers = AnswerWriter(self._driver)
        self.interpreter = self._driver.interpreter
        """Understands the teacher's messages, and learns the corrected ones."""
        self.change: Change | None = None
        """The effect of the last correction."""
        self._driver.start()

    @property
    def history(self) -> History:
        """The entries of the journal, and which are in effect."""
        return self._driver.history

    @property
    def simulated_user(self) -> SimulatedUser | None:
        """The user who talks to the bot; None if the teacher does."""
        return self._driver.user

    @property
    def id(self) -> str:
        """The current conversation."""
        return self._driver.id

    @property
    def conversation(self) -> Conversation:
        """The current conversation's events; the session appends to it."""
        return self._driver.conversation

    @property
    def pending(self) -> Pending:
        """The answer that the session waits for."""
        return self._driver.pending

    @property
    def note(self) -> str | None:
        """The problem with the action of the last answer, for the teacher to read; None without one."""
        return self._driver.note

    @property
    def overruled(self) -> str | None:
        """The rule that holds here in the place of the last answer, in a sentence; None without one."""
        return self._driver.overruled

    @property
    def turn_taking(self) -> str:
        """`"explicit"` or `"auto"`."""
        return self._driver.turn_taking

    @property
    def domain(self) -> Domain:
        """The domain with its additions."""
        return self._driver.domain

    @property
    def rules(self) -> RuleBook:
        """The rules that hold before what was learned, as they are now."""
        rules = self._driver.model.rules
        return RuleBook(self.domain, rules.rules, dict(rules.lessons))

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions that the bot can choose; with automatic turn taking it does not choose to listen."""
        return self._driver.model.actions

    @property
    def distinct_observations(self) -> int:
        """The number of different observations with a label."""
        return len(self._driver.model.learner.memory)

    def foresee(self, proposal: Proposal, action: str) -> tuple[Event, ...] | None:
        """Return the events that an action would have now; None if code or a server would run."""
        return self._driver.foresee(action, proposal.is_closing)

    def environment(self) -> DialogueEnv:
        """Return an environment with the settings of the fake user, for an evaluation.

        Raises:
            SessionError: the teacher is the user.
        """
        return self._driver.environment()

    def proposed(self, observation: npt.NDArray[Any], possible: Sequence[bool]) -> str:
        """Return the most probable of the possible actions for an observation of shape (components,)."""
        return self._driver.model.proposed(observation, possible)

    def _proposal(self) -> Proposal:
        if not isinstance(self.pending, Proposal):
            raise SessionError("the bot proposes nothing now")
        return self.pending

    def say(self, message: UserUttered, new: Sequence[Addition] = ()) -> None:
        """Say something as the user.

        Args:
            message: the user's message.
            new: additions to the domain that the message needs; an undo of it undoes them.

        Raises:
            SessionError: it is not the user's turn.
            DomainError: a new name cannot be one, or is taken.
        """
        if not isinstance(self.pending, AwaitsMessage):
            raise SessionError("it is not the user's turn")
        self._answers.message(message, new)
        self._driver.advance()

    def confirm(self) -> None:
        """Approve the proposal.

        Raises:
            SessionError: nothing is proposed.
        """
        best = self._proposal().best.action
        known = self._driver.taught_here()
        self._decide(best, known if best in known else (best,))

    def correct(self, action: str, new: Sequence[Addition] = ()) -> None:
        """Choose another action than the proposed one.

        If other actions were right before, a contradiction is pending (see `resolve`).

        Args:
            action: the right action.
            new: additions to the domain that the action needs; its undo removes them as well.

        Raises:
            SessionError: nothing is proposed, or the action is unknown.
            DomainError: a new name is invalid, or taken.
        """
        self._proposal()
        extend(self.domain, new)
        if action not in (*self.actions, *(addition.name for addition in new if addition.add == ACTION)):
            raise SessionError(f"unknown action {quoted(action)}; {nearest(action, self.actions)}")
        known = self._driver.taught_here()
        if known and action not in known:
            self._driver.pending = PendingContradiction(action, known, tuple(new))
        else:
            self._decide(action, known or (action,), new)

    def resolve(self, which: str) -> None:
        """Resolve a contradiction; see `PendingContradiction.resolved`.

        Raises:
            SessionError: no contradiction is pending.
        """
        action, right, new = self._pending_contradiction().resolved(which)
        self.cancel()
        self._decide(action, right, new)

    def cancel(self) -> None:
        """Take back the answer that contradicts an earlier one.

        Raises:
            SessionError: no contradiction is pending.
        """
        self._pending_contradiction()
        self._driver.advance()

    def _pending_contradiction(self) -> PendingContradiction:
        if not isinstance(self.pending, PendingContradiction):
            raise SessionError("no contradiction is pending")
        return self.pending

    @property
    def can_correct_message(self) -> bool:
        """Whether the last step is a message of the user, on which the bot has not acted yet."""
        path = self.history.path(self.id)
        return isinstance(self.pending, Proposal) and bool(path) and path[-1].kind in (USER, MEND)

    def message_to_correct(self) -> UserUttered:
        """Return the user's last message; `SessionError` if the bot has acted on it, or there is none."""
        if (message := self.conversation.latest_message) is None or not self.can_correct_message:
            raise SessionError("the bot has already acted on this message; undo that first")
        return message

    def _decide(
        self, action: str, right: Sequence[str], new: Sequence[Addition] = (), by: str | None = None
    ) -> None:
        """Decide as the teacher, or as `by`."""
        proposal = self._proposal()
        self.change = None
        self.change = self._answers.decision(proposal, action, right, new, by)

    def run_action(self) -> None:
        """Run the decided action that has no result.

        Raises:
            SessionError: no action waits for its result.
        """
        self._driver.run_missing()

    def skip_action(self) -> None:
        """Go on as if the decided action had returned nothing.

        Raises:
            SessionError: no action waits for its result.
        """
        self._driver.skip_missing()

    def correct_message(self, message: UserUttered, new: Sequence[Addition] = ()) -> None:
        """Correct the meaning of the user's last message, before the bot acts on it.

        Args:
            message: the message with the right meaning.
            new: additions to the domain that it needs; an undo of it undoes them.

        Raises:
            SessionError: no message can be corrected, or the bot has acted on it already.
            DomainError: a new name is invalid, or taken.
        """
        self.message_to_correct()
        self._answers.corrected_message(message, new)
        self._driver.go_to(self.id)

    def add(self, addition: Addition) -> None:
        """Add an action, an intent or a slot to the domain for good.

        Additions that an undo of an answer undoes are given to `say`, `correct` or `correct_message`.

        Raises:
            DomainError: the name cannot be one, or is taken.
        """
        self._driver.add(addition)
        self._driver.go_to(self.id)

    # Moving among conversations.

    @property
    def can_undo(self) -> bool:
        """Whether there is anything to undo."""
        return self._navigator.undo_move(self.id) is not None

    def undo(self) -> None:
        """Undo the teacher's last decision or message, in the conversation before if need be.

        Raises:
            SessionError: there is nothing to undo.
        """
        if not (move := self._navigator.undo_move(self.id)):
            raise SessionError("there is nothing to undo")
        self._move(*move)

    @property
    def can_redo(self) -> bool:
        """Whether anything was undone last."""
        return self.history.redo_target(self.id) is not None

    def redo(self) -> None:
        """Redo the last undone step.

        Raises:
            SessionError: nothing was undone.
        """
        if not self.can_redo:
            raise SessionError("there is nothing to redo")
        self._move(self.id, self.history.redo_target(self.id))

    def _move(self, conversation: str, target: int | None) -> None:
        """Move a conversation's head, and continue there or in the next open conversation."""
        self.change = None
        self._driver.move(conversation, target)

    def can_fork(self, entry: int) -> bool:
        """Return whether an entry's conversation has the same kind of user as this session.

        Raises:
            StoreError: the entry does not exist.
        """
        return is_simulated(self.history, entry) == (self.simulated_user is not None)

    def fork(self, entry: int) -> None:
        """Begin a conversation that shares another one's steps up to an entry.

        Raises:
            SessionError: another user talks there than in this session.
            StoreError: the entry does not exist.
        """
        if not self.can_fork(entry):
            raise SessionError(f"another user talks at entry {entry}")
        self._driver.fork(entry)

    def resume(self, conversation: str) -> None:
        """Go on with a conversation, which belongs to this teacher from now on.

        Raises:
            SessionError: the conversation has ended, or another user talks there than in this session.
            StoreError: the conversation does not exist.
        """
        if self.history.has_ended(conversation):
            raise SessionError(f"{quoted(conversation)} has ended: fork it instead")
        if fault := self._navigator.fault(conversation):
            raise SessionError(fault)
        self._move(conversation, self.history.head(conversation))

    def sync(self, entries: Iterable[Entry]) -> None:
        """Take in entries that others wrote, and learn from them."""
        if self._driver.sync(entries):
            self._driver.go_to(self.id)
        elif isinstance(self.pending, PendingContradiction):
            if self.pending.before != self._driver.taught_here():
                self.cancel()
        elif isinstance(self.pending, Proposal):
            self._driver.advance()

    def restart(self) -> None:
        """End this conversation without an outcome, and begin another one."""
        self._answers.end()
        self._driver.begin()

    def begin_with(self, seed: int) -> None:
        """Begin a conversation with the fake user of a seed, such as that of a failed dialogue.

        The user says the same as in that dialogue as long as the bot does the same. The current conversation
        stays open.

        Raises:
            SessionError: the teacher is the user.
        """
        self.change = None
        self._driver.begin_with(seed)

    def run(self, threshold: float = 0.9, steps: int = 1) -> int:
        """Let the bot act on its own while it is confident; return the number of steps.

        None of them is a label.

        Args:
            threshold: the least probability of the proposal.
            steps: the most steps.
        """
        for step in range(steps):
            if not isinstance(self.pending, Proposal) or self.pending.best.probability < threshold:
                return step
            best = self.pending.best.action
            self._decide(best, (best,), by=BOT)
        return steps
