"""A teacher at work: a state machine that waits for an answer and takes it. No input or output of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dialogue_gym._text import nearest, shorten
from dialogue_gym.conversation.events import UserUttered, to_json
from dialogue_gym.domain.additions import ACTION, INTENT, SLOT, Addition, extend
from dialogue_gym.journal.entry import BOT, END, EXPERT, LABEL, MEND, PERSON, USER, Entry
from dialogue_gym.teaching.driver import ConversationDriver
from dialogue_gym.teaching.navigation import (
    conversation_at,
    is_simulated,
    next_number,
    take_up_fault,
    undo_move,
)
from dialogue_gym.teaching.pending import (
    AwaitsMessage,
    Change,
    MissingResult,
    PendingContradiction,
    Proposal,
    SessionError,
)

NEW, OLD, BOTH = "new", "old", "both"
"""How a contradiction can be settled: the new answer holds, the old one does, or both are right."""


class Session(ConversationDriver):
    """One teacher, one bot, one conversation after another.

    What it waits for is `pending`; each method that answers it writes the answer down before it takes effect.
    """

    def _proposal(self) -> Proposal:
        if not isinstance(self.pending, Proposal):
            raise SessionError("the bot proposes nothing now")
        return self.pending

    def say(self, message: UserUttered, new: Sequence[Addition] = ()) -> None:
        """Say something as the user.

        Args:
            message: what is said.
            new: what the domain grows by for it, and has until it is undone.

        Raises:
            SessionError: it is not the user's turn.
            DomainError: a new name cannot be one, or is taken.
        """
        if not isinstance(self.pending, AwaitsMessage):
            raise SessionError("it is not the user's turn")
        extend(self.domain, new)
        self._record.write_answer(USER, to_json(message), new)
        if new:
            self._grow()
            self._go_to(self.id)
        else:
            self._advance()

    def confirm(self) -> None:
        """Say that the proposal is right."""
        best = self._proposal().best.action
        known = self._taught_here()
        self._decide(best, known if best in known else (best,))

    def correct(self, action: str, new: Sequence[Addition] = ()) -> None:
        """Say what is right instead of the proposal.

        Where other actions were right before, the session then waits for `settle`.

        Args:
            action: what is right.
            new: what the domain grows by for it, and has until it is undone.

        Raises:
            SessionError: nothing is proposed, or there is no such action.
            DomainError: a new name cannot be one, or is taken.
        """
        self._proposal()
        extend(self.domain, new)
        if action not in (*self.actions, *(growth.name for growth in new if growth.add == ACTION)):
            raise SessionError(f"{shorten(action)} is no action; {nearest(action, self.actions)}")
        known = self._taught_here()
        if known and action not in known:
            self.pending = PendingContradiction(action, known, tuple(new))
        else:
            self._decide(action, known or (action,), new)

    def resolve(self, which: str) -> None:
        """Say whether the new answer of a contradiction holds, the old one does, or both are right.

        Where the old one holds the bot does what was right before.

        Raises:
            SessionError: there is no contradiction.
        """
        if not isinstance(self.pending, PendingContradiction):
            raise SessionError("there is no contradiction to settle")
        action, before, new = self.pending.action, self.pending.before, self.pending.new
        if which not in (NEW, OLD, BOTH):
            raise SessionError(f"{shorten(which)} settles nothing; {nearest(which, (NEW, OLD, BOTH))}")
        self.pending = Proposal(self._options(), is_closing=self._has_outcome())
        if which == OLD:
            self._decide(before[0], before)
        else:
            self._decide(action, (action,) if which == NEW else (*before, action), new)

    def cancel(self) -> None:
        """Take back the answer that a contradiction was about, before it is settled.

        Raises:
            SessionError: there is no contradiction.
        """
        if not isinstance(self.pending, PendingContradiction):
            raise SessionError("there is no contradiction to take back")
        self._advance()

    @property
    def can_mend(self) -> bool:
        """Whether the last thing that happened is a message of the user."""
        path = self.history.path(self.id)
        return bool(path) and path[-1].kind in (USER, MEND)

    def _decide(
        self, action: str, right: Sequence[str], new: Sequence[Addition] = (), by: str | None = None
    ) -> None:
        """Write a decision down, learn from it, and do it."""
        proposal, known = self._proposal(), self._taught_here()
        content = {
            "action": action,
            "right": list(right),
            "by": by or (EXPERT if self._record.author == EXPERT else PERSON),
            "proposal": proposal.best.action,
            "probability": proposal.best.probability,
        }
        self._record.write_answer(LABEL, content, new)
        self.change = None
        if new:
            self._grow()
            self.conversation = self._before_last_action()
            if self._user is not None:
                self._user.play(self.history.path(self.id)[:-1])
        if by is None:
            self._learn()
            if action != proposal.best.action and set(right) != set(known):
                self.change = Change(proposal.best, self._options()[0], tuple(right))
        self._do(action, is_closing=proposal.is_closing)

    def run_action(self) -> None:
        """Run the action of which nothing says whether it was run."""
        if not isinstance(self.pending, MissingResult):
            raise SessionError("no action waits for its result")
        self._do(self.pending.action)

    def skip_action(self) -> None:
        """Go on as if the action had had no result."""
        if not isinstance(self.pending, MissingResult):
            raise SessionError("no action waits for its result")
        self._write_result(self.pending.action, [], is_closing=False)

    def correct_message(self, message: UserUttered, new: Sequence[Addition] = ()) -> None:
        """Say what the user's last message meant, before the bot acts on it.

        Args:
            message: what was meant.
            new: what the domain grows by for it, and has until it is undone.

        Raises:
            SessionError: there is no message, or the bot has acted on it by now.
            DomainError: a new name cannot be one, or is taken.
        """
        self._proposal()
        if not self.can_mend:
            raise SessionError("the bot has acted on the message by now: undo that first")
        extend(self.domain, new)
        self._record.write_answer(MEND, {"message": to_json(message)}, new)
        if new:
            self._grow()
        self._go_to(self.id)

    def add_action(self, name: str, texts: Iterable[str] = ()) -> None:
        """Add an action to the domain, with what it says, for good.

        What comes with an answer, and goes with it, is given to `say`, `correct` or `mend`.

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

    def _add(self, growth: Addition) -> None:
        growth.added_to(self.domain)
        self._record.grow(growth)
        self._grow()
        self._go_to(self.id)

    @property
    def can_undo(self) -> bool:
        """Whether there is anything to take back."""
        return self._undo_move() is not None

    def _undo_move(self) -> tuple[str, int | None] | None:
        return undo_move(self.history, self.id, self._record.author, self._can_take_up)

    def undo(self) -> None:
        """Take back the last thing that the teacher decided or said, in the conversation before if need be.

        Raises:
            SessionError: there is nothing to take back.
        """
        if (move := self._undo_move()) is None:
            raise SessionError("there is nothing to undo")
        self._record.id, target = move
        self._move(target)

    def redo(self) -> None:
        """Do again what was undone last.

        Raises:
            SessionError: nothing was undone.
        """
        target = self.history.redo_target(self.id)
        if target is None:
            raise SessionError("there is nothing to redo")
        self._move(target)

    def _move(self, target: int | None) -> None:
        self._record.move(target)
        self.change = None
        self._grow()
        if (conversation := conversation_at(self.history, self.id, self._can_take_up)) is None:
            self._begin()
        else:
            self._go_to(conversation)

    def can_fork(self, entry: int) -> bool:
        """Return whether the same user talks where an entry is as in this session.

        Raises:
            StoreError: there is no such entry.
        """
        return is_simulated(self.history, entry) == self.has_fake_user

    def fork(self, entry: int) -> None:
        """Begin a conversation that shares another one up to an entry of its path.

        Raises:
            SessionError: another user talks there than in this session.
            StoreError: there is no such entry.
        """
        if not self.can_fork(entry):
            raise SessionError(f"another user talks at entry {entry}")
        self._record.id = f"c{next_number(self.history)}"
        self._record.move(entry)
        self._grow()
        self._go_to(self.id)

    def resume(self, conversation: str) -> None:
        """Go on with a conversation, which is this teacher's from now on.

        Raises:
            SessionError: it is over, or others talk in it than in this session.
            StoreError: there is no such conversation.
        """
        if self.history.has_ended(conversation):
            raise SessionError(f"{shorten(conversation)} is over: fork it instead")
        if fault := take_up_fault(self.history, conversation, self.has_fake_user):
            raise SessionError(fault)
        self._record.id = conversation
        self._move(self.history.head(conversation))

    def sync(self, entries: Iterable[Entry]) -> None:
        """Take in what others wrote down meanwhile, and learn from it."""
        for entry in entries:
            self.history.add(entry)
        domain = self.domain
        self._grow()  # also where nothing was added: what they undid may be gone
        pending = self.pending
        if self.domain is not domain:
            self._go_to(self.id)
        elif isinstance(pending, Proposal) or (
            isinstance(pending, PendingContradiction) and pending.before != self._taught_here()
        ):
            self._advance()

    def restart(self) -> None:
        """Leave this conversation as it is, and begin another one."""
        self._record.write(self._record.draft(END, {"outcome": None}))
        self._begin()

    def run(self, threshold: float = 0.9, steps: int = 1) -> int:
        """Let the bot go on by itself as long as it is sure enough; return how many steps it did.

        What it does by itself is no label.
        """
        for step in range(steps):
            if not isinstance(self.pending, Proposal) or self.pending.best.probability < threshold:
                return step
            best = self.pending.best.action
            self._decide(best, (best,), by=BOT)
        return steps
