"""A session of teaching: a state machine that waits for a teacher's answers. No input or output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy.typing as npt

from dialogue_gym._text import nearest, shorten
from dialogue_gym.actions import ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.domain.additions import ACTION, INTENT, SLOT, Addition, extend
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.journal.entry import BOT, EXPERT, MEND, PERSON, USER, Entry
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.journal.writer import ConversationWriter
from dialogue_gym.teaching.driver import ConversationDriver
from dialogue_gym.teaching.navigation import Navigator, is_simulated
from dialogue_gym.teaching.pending import (
    AwaitsMessage,
    Change,
    MissingResult,
    Pending,
    PendingContradiction,
    Proposal,
    SessionError,
)

NEW, OLD, BOTH = "new", "old", "both"
"""Ways to resolve a contradiction: the new answer is right, the old one is, or both are."""


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
    ) -> None:
        """Resume the latest open conversation of the journal, or begin one.

        Args:
            domain: the domain to teach; the additions in the journal are applied to it.
            journal: the journal for every step.
            turn_taking: `"explicit"`, where the bot is taught to listen as well, or `"auto"`.
            settings: the arguments of the environment with the simulated user; None if the teacher is the
                user as well.
            runner: runs the actions where the teacher is the user.
            author: the author of the answers: a person's name, or `"expert"` for a simulated teacher.
            seed: the seed of the simulated users.
            asks_for_closing: whether the bot takes one more step after a success.
            is_mine: whether a conversation may be resumed, where several teachers share a journal.

        Raises:
            ValueError: the domain has no simulated user, or the journal is of another domain.
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
        )
        self._contradiction: PendingContradiction | None = None
        self.has_fake_user = settings is not None
        """Whether a simulated user talks to the bot, rather than the teacher."""
        self.change: Change | None = None
        """The effect of the last correction."""
        self._driver.start()

    @property
    def history(self) -> History:
        """The entries of the journal, and which are in effect."""
        return self._driver.history

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
        return self._contradiction or self._driver.pending

    @property
    def note(self) -> str | None:
        """The problem with the action of the last answer, for the teacher to read; None without one."""
        return self._driver.note

    @property
    def turn_taking(self) -> str:
        """`"explicit"` or `"auto"`."""
        return self._driver.turn_taking

    @property
    def domain(self) -> Domain:
        """The domain with its additions."""
        return self._driver.domain

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions that the bot can choose; with automatic turn taking it does not choose to listen."""
        return self._driver.model.actions

    @property
    def distinct_observations(self) -> int:
        """The number of different observations with a label."""
        return len(self._driver.model.learner.memory)

    def runs_code(self, proposal: Proposal, action: str) -> bool:
        """Return whether an action runs code or calls a server here; a simulation only shows its effects."""
        return self._driver.runs_code(action, proposal.is_closing)

    def environment(self) -> DialogueEnv:
        """Return an environment with the settings of the simulated user, for an evaluation.

        Raises:
            SessionError: the teacher is the user.
        """
        return self._driver.environment()

    def proposed(self, observation: npt.NDArray[Any], possible: Sequence[bool]) -> str:
        """Return the most probable action for an observation.

        Args:
            observation: shape (components,).
            possible: whether the precondition of each action holds.
        """
        return self.actions[int(self._driver.model.learner.probabilities(observation, possible).argmax())]

    # Answers.

    def _proposal(self) -> Proposal:
        if not isinstance(self.pending, Proposal):
            raise SessionError("the bot proposes nothing now")
        return self.pending

    def _writer(self, additions: Iterable[Addition]) -> ConversationWriter:
        """Return a writer for an answer; its additions come first, so that an undo of it undoes them."""
        self._driver.note = None
        writer = self._driver.writer()
        for addition in additions:
            writer.addition(addition)
        return writer

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
        extend(self.domain, new)
        writer = self._writer(new)
        writer.message(message)
        self._driver.write(writer.take())
        if new:
            self._driver.update_domain()
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
            raise SessionError(f"unknown action {shorten(action)}; {nearest(action, self.actions)}")
        known = self._driver.taught_here()
        if known and action not in known:
            self._contradiction = PendingContradiction(action, known, tuple(new))
        else:
            self._decide(action, known or (action,), new)

    def resolve(self, which: str) -> None:
        """Resolve a contradiction: the new answer is right, the old one is, or both are.

        If the old one is right, the bot chooses the first of its actions.

        Raises:
            SessionError: no contradiction is pending.
        """
        if (contradiction := self._contradiction) is None:
            raise SessionError("no contradiction to resolve")
        action, before, new = contradiction.action, contradiction.before, contradiction.new
        if which not in (NEW, OLD, BOTH):
            raise SessionError(f"unknown resolution {shorten(which)}; {nearest(which, (NEW, OLD, BOTH))}")
        self.cancel()
        if which == OLD:
            self._decide(before[0], before)
        else:
            self._decide(action, (action,) if which == NEW else (*before, action), new)

    def cancel(self) -> None:
        """Take back the answer that contradicts an earlier one.

        Raises:
            SessionError: no contradiction is pending.
        """
        if self._contradiction is None:
            raise SessionError("no contradiction to cancel")
        self._contradiction = None
        self._driver.advance()

    @property
    def can_correct_message(self) -> bool:
        """Whether the last step is a message of the user."""
        path = self.history.path(self.id)
        return bool(path) and path[-1].kind in (USER, MEND)

    def _decide(
        self, action: str, right: Sequence[str], new: Sequence[Addition] = (), by: str | None = None
    ) -> None:
        """Write a decision, learn from it, and execute it; `by` is the teacher if it is not given."""
        driver, proposal, known = self._driver, self._proposal(), self._driver.taught_here()
        writer = self._writer(new)
        details = {"proposal": proposal.best.action, "probability": proposal.best.probability}
        teacher = EXPERT if driver.author == EXPERT else PERSON
        writer.decision(action, by or teacher, right, details=details)
        driver.write(writer.take())
        self.change = None
        if new:
            driver.update_domain()
            driver.rewind_decision()
        if by is None:
            driver.model.learn(self.history)
            if action != proposal.best.action and set(right) != set(known):
                self.change = Change(proposal.best, driver.options()[0], tuple(right))
        driver.execute(action, proposal.is_closing)

    def run_action(self) -> None:
        """Run the decided action that has no result.

        Raises:
            SessionError: no action waits for its result.
        """
        action = self._missing().action
        self._driver.rewind_decision()
        self._driver.execute(action)

    def skip_action(self) -> None:
        """Go on as if the decided action had returned nothing.

        Raises:
            SessionError: no action waits for its result.
        """
        self._missing()
        self._driver.note = None
        self._driver.write_result([])

    def _missing(self) -> MissingResult:
        if not isinstance(self.pending, MissingResult):
            raise SessionError("no action waits for its result")
        return self.pending

    def correct_message(self, message: UserUttered, new: Sequence[Addition] = ()) -> None:
        """Correct the meaning of the user's last message, before the bot acts on it.

        Args:
            message: the message with the right meaning.
            new: additions to the domain that it needs; an undo of it undoes them.

        Raises:
            SessionError: no message can be corrected, or the bot has acted on it already.
            DomainError: a new name is invalid, or taken.
        """
        self._proposal()
        if not self.can_correct_message:
            raise SessionError("the bot has already acted on this message; undo that first")
        extend(self.domain, new)
        writer = self._writer(new)
        writer.corrected_message(message)
        self._driver.write(writer.take())
        if new:
            self._driver.update_domain()
        self._go_to(self.id)

    # The domain.

    def add_action(self, name: str, texts: Iterable[str] = ()) -> None:
        """Add an action, with the texts that it utters, to the domain for good.

        Additions that an undo of an answer undoes are given to `say`, `correct` or `correct_message`.

        Raises:
            DomainError: the name cannot be one, or is taken.
        """
        self._add(Addition(ACTION, name, tuple(texts)))

    def add_intent(self, name: str) -> None:
        """Add an intent to the domain; see `add_action`."""
        self._add(Addition(INTENT, name))

    def add_slot(self, name: str) -> None:
        """Add a text slot to the domain, which the entity of its name fills; see `add_action`."""
        self._add(Addition(SLOT, name))

    def _add(self, addition: Addition) -> None:
        addition.added_to(self.domain)
        self._driver.write_addition(addition)
        self._driver.update_domain()
        self._go_to(self.id)

    # Moving among conversations.

    def _go_to(self, conversation: str) -> None:
        self._contradiction = None
        self._driver.go_to(conversation)

    @property
    def can_undo(self) -> bool:
        """Whether there is anything to undo."""
        return self._navigator.undo_move(self.id) is not None

    def undo(self) -> None:
        """Undo the teacher's last decision or message, in the conversation before if need be.

        Raises:
            SessionError: there is nothing to undo.
        """
        if (move := self._navigator.undo_move(self.id)) is None:
            raise SessionError("there is nothing to undo")
        self._move(*move)

    def redo(self) -> None:
        """Redo the last undone step.

        Raises:
            SessionError: nothing was undone.
        """
        target = self.history.redo_target(self.id)
        if target is None:
            raise SessionError("there is nothing to redo")
        self._move(self.id, target)

    def _move(self, conversation: str, target: int | None) -> None:
        """Move a conversation's head, and continue there or in the next open conversation."""
        driver = self._driver
        driver.id = conversation
        driver.move_head(target)
        driver.note = self._contradiction = self.change = None
        driver.update_domain()
        if (open_one := self._navigator.open_from(conversation)) is None:
            driver.begin()
        else:
            driver.go_to(open_one)

    def can_fork(self, entry: int) -> bool:
        """Return whether an entry's conversation has the same kind of user as this session.

        Raises:
            StoreError: the entry does not exist.
        """
        return is_simulated(self.history, entry) == self.has_fake_user

    def fork(self, entry: int) -> None:
        """Begin a conversation that shares another one's steps up to an entry.

        Raises:
            SessionError: another user talks there than in this session.
            StoreError: the entry does not exist.
        """
        if not self.can_fork(entry):
            raise SessionError(f"another user talks at entry {entry}")
        self._driver.note = None
        self._driver.id = f"c{self._navigator.next_number()}"
        self._driver.move_head(entry)
        self._driver.update_domain()
        self._go_to(self.id)

    def resume(self, conversation: str) -> None:
        """Go on with a conversation, which belongs to this teacher from now on.

        Raises:
            SessionError: the conversation has ended, or another user talks there than in this session.
            StoreError: the conversation does not exist.
        """
        if self.history.has_ended(conversation):
            raise SessionError(f"{shorten(conversation)} has ended: fork it instead")
        if fault := self._navigator.fault(conversation):
            raise SessionError(fault)
        self._move(conversation, self.history.head(conversation))

    def sync(self, entries: Iterable[Entry]) -> None:
        """Take in entries that others wrote, and learn from them."""
        for entry in entries:
            self.history.add(entry)
        driver, domain = self._driver, self.domain
        driver.update_domain()  # even without additions: an undo by others may have removed one
        if self.domain is not domain:
            self._go_to(self.id)
        elif self._contradiction is None:
            if isinstance(self.pending, Proposal):
                driver.advance()
        elif self._contradiction.before != driver.taught_here():
            self.cancel()

    def restart(self) -> None:
        """End this conversation without an outcome, and begin another one."""
        writer = self._writer(())
        writer.end(None)
        self._driver.write(writer.take())
        self._contradiction = None
        self._driver.begin()

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
