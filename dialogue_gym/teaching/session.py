"""A teacher at work: a state machine that waits for an answer and takes it. No input or output of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.actions import ActionRunner
from dialogue_gym.bot import has_ended, is_users_turn
from dialogue_gym.conversation import Conversation
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.domain.reader import nearest, shorten
from dialogue_gym.entries import (
    BOT,
    DOMAIN,
    END,
    EVENT,
    EXPERT,
    FAKE_USER,
    HEAD,
    LABEL,
    LIVE,
    MEND,
    PERSON,
    RESULT,
    USER,
    Draft,
    Entry,
)
from dialogue_gym.envs import DialogueEnv
from dialogue_gym.events import Event, SessionStarted, UserUttered, to_json
from dialogue_gym.history import History
from dialogue_gym.teaching.fake import SEED, FakeUser
from dialogue_gym.teaching.journal import Journal
from dialogue_gym.teaching.learner import Learner
from dialogue_gym.teaching.pending import (
    AwaitsMessage,
    Change,
    Contradiction,
    MissingResult,
    Option,
    Pending,
    Proposal,
    SessionError,
)

NEW, OLD, BOTH = "new", "old", "both"
"""How a contradiction can be settled: the new answer holds, the old one does, or both are right."""


class Session:
    """One teacher, one bot, one conversation after another.

    What it waits for is `pending`; each method that answers it writes the answer down before it takes effect.
    Everything that it knows follows from the journal, so a session on the same journal goes on where this one
    was.
    """

    def __init__(
        self,
        domain: Domain,
        journal: Journal,
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
        self._journal = journal
        self._original = domain
        self._settings = None if settings is None else settings | {"turn_taking": turn_taking}
        self._runner = runner or ActionRunner(domain)
        self.turn_taking = turn_taking
        self._author = author
        self._seed = seed
        self._asks_for_closing = asks_for_closing
        self._is_mine = is_mine
        self.history = History(journal.entries())
        self.change: Change | None = None
        """What the last correction changed."""
        self.note: str | None = None
        """What went wrong with the last action, for the teacher to read."""
        self._grow()
        self._learn()
        known = self.history.conversations
        is_open = {name: not self.history.has_ended(name) and self._can_take_up(name) for name in known}
        latest = self.history.latest
        if latest is not None and is_open[latest]:
            self._go_to(latest)
        elif mine := [name for name in known if is_open[name]]:
            self._go_to(mine[-1])
        else:
            self._begin()

    @property
    def actions(self) -> tuple[str, ...]:
        """What the bot can do: with automatic turn taking listening is not chosen."""
        return self.domain.actions if self.turn_taking == "explicit" else self.domain.actions[1:]

    @property
    def distinct_observations(self) -> int:
        """How many different observations have a label."""
        return len(self._learner.memory)

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

    # What happens without an answer.

    def _grow(self) -> None:
        self.domain = self.history.grown(self._original)
        self._learner = Learner(self.domain, self.actions)
        self._user = None if self._settings is None else FakeUser(self.domain, self._settings)

    def _learn(self) -> None:
        self._learner.learn(self.history.labels(self.domain, self.turn_taking))

    def _write(self, *drafts: Draft) -> None:
        """Write down entries, each following the one before, and take them in."""
        for entry in self._journal.append_all(drafts):
            self.history.add(entry)

    def _draft(
        self, kind: str, content: dict[str, Any], author: str = "", after: Draft | None = None
    ) -> Draft:
        return Draft(self.id, kind, content, after or self.history.head(self.id), author or self._author)

    def _can_take_up(self, conversation: str) -> bool:
        """Return whether this session can go on with a conversation: a fake user needs its own beginning."""
        if not self._is_mine(conversation):
            return False
        path = self.history.path(conversation)
        if path and LIVE in path[0].content and path[0].conversation == conversation:
            return False  # people talk there, and nobody teaches
        return not path or (SEED in path[0].content) == (self._user is not None)

    def _is_unused(self, conversation: str) -> bool:
        path = self.history.path(conversation)
        is_new = all(entry.kind == EVENT or entry.author == FAKE_USER for entry in path)
        return is_new and bool(path) and path[0].author == BOT

    def _next_number(self) -> int:
        """Return the number of the next conversation; forgotten ones leave gaps."""
        names = (re.fullmatch(r"c(\d+)", name) for name in self.history.conversations)
        return 1 + max((int(name[1]) for name in names if name), default=0)

    def _begin(self) -> None:
        """Begin the next conversation; a fake user opens it. One that nothing was decided in is taken up."""
        for known in reversed(self.history.conversations):
            is_open = not self.history.has_ended(known)
            if is_open and self._is_unused(known) and self._can_take_up(known):
                self._go_to(known)
                return
        number = self._next_number()
        self.id = f"c{number}"
        begins = to_json(SessionStarted())
        if self._user is None:
            self._write(Draft(self.id, EVENT, begins, None, BOT))
        else:
            seed = self._seed + number - 1
            start = Draft(self.id, EVENT, begins | {SEED: seed}, None, BOT)
            (message,) = self._user.begin(seed)
            self._write(start, Draft(self.id, USER, to_json(message), start, FAKE_USER))
        self._advance()

    def _go_to(self, conversation: str) -> None:
        """Take up a conversation where its head is."""
        self.id = conversation
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
        possible = [self.conversation.is_possible(name) for name in self.actions]
        chances = self._learner.probabilities(self.conversation.observation(), possible)
        order = np.argsort(-chances, kind="stable")
        return tuple(Option(self.actions[i], float(chances[i]), possible[i]) for i in order)

    # Answers.

    def _proposal(self) -> Proposal:
        if not isinstance(self.pending, Proposal):
            raise SessionError("the bot proposes nothing now")
        return self.pending

    def say(self, message: UserUttered) -> None:
        """Say something as the user."""
        if not isinstance(self.pending, AwaitsMessage):
            raise SessionError("it is not the user's turn")
        self._write(self._draft(USER, to_json(message)))
        self._advance()

    def confirm(self) -> None:
        """Say that the proposal is right."""
        best = self._proposal().best.action
        known = self._taught_here()
        self._decide(best, known if best in known else (best,))

    def correct(self, action: str) -> None:
        """Say what is right instead of the proposal.

        Where other actions were right before, the session then waits for `settle`.

        Raises:
            SessionError: nothing is proposed, or there is no such action.
        """
        self._proposal()
        if action not in self.actions:
            raise SessionError(f"{shorten(action)} is no action; {nearest(action, self.actions)}")
        known = self._taught_here()
        if known and action not in known:
            self.pending = Contradiction(action, known)
        else:
            self._decide(action, known or (action,))

    def settle(self, which: str) -> None:
        """Say whether the new answer of a contradiction holds, the old one does, or both are right.

        Where the old one holds the bot does what was right before.

        Raises:
            SessionError: there is no contradiction.
        """
        if not isinstance(self.pending, Contradiction):
            raise SessionError("there is no contradiction to settle")
        new, before = self.pending.action, self.pending.before
        if which not in (NEW, OLD, BOTH):
            raise SessionError(f"{shorten(which)} settles nothing; {nearest(which, (NEW, OLD, BOTH))}")
        right = {NEW: (new,), OLD: before, BOTH: (*before, new)}[which]
        self.pending = Proposal(self._options(), is_closing=self._has_outcome())
        self._decide(before[0] if which == OLD else new, right)

    def reconsider(self) -> None:
        """Take back the answer that a contradiction was about, before it is settled.

        Raises:
            SessionError: there is no contradiction.
        """
        if not isinstance(self.pending, Contradiction):
            raise SessionError("there is no contradiction to take back")
        self._advance()

    @property
    def can_mend(self) -> bool:
        """Whether the last thing that happened is a message of the user."""
        path = self.history.path(self.id)
        return bool(path) and path[-1].kind in (USER, MEND)

    def _taught_here(self) -> tuple[str, ...]:
        return self._learner.taught(self.conversation.observation())

    def _decide(self, action: str, right: Iterable[str], by: str | None = None) -> None:
        """Write a decision down, learn from it, and do it."""
        proposal = self._proposal()
        content = {
            "action": action,
            "right": list(right),
            "by": by or (EXPERT if self._author == EXPERT else PERSON),
            "proposal": proposal.best.action,
            "probability": proposal.best.probability,
        }
        before = self.conversation
        self._write(self._draft(LABEL, content))
        self.change = None
        if by is None:
            self._learn()
            if action != proposal.best.action:
                self.conversation = before
                self.change = Change(proposal.best, self._options()[0])
        self._do(action, is_closing=proposal.is_closing)

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
        result = self._draft(RESULT, {"events": [to_json(event) for event in events]})
        drafts = [result]
        if message is not None:
            drafts.append(self._draft(USER, to_json(message), FAKE_USER, drafts[-1]))
        outcome = self._user.outcome if self._user else None
        wants_closing = outcome == "success" and message is not None and self._asks_for_closing
        ends = is_closing or (outcome is not None and not wants_closing)
        if ends:
            drafts.append(self._draft(END, {"outcome": outcome or "success"}, BOT, drafts[-1]))
        self._write(*drafts)
        self.conversation = self.history.conversation(self.domain, self.id)
        is_left = self._user is None and is_users_turn(self.conversation, self.turn_taking)
        if not ends and is_left and self._has_outcome():
            self._write(self._draft(END, {"outcome": "success"}, BOT))
            ends = True
        if ends:
            self._begin()
        else:
            self._advance()

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

    def mend(self, message: UserUttered) -> None:
        """Say what the user's last message meant, before the bot acts on it.

        Raises:
            SessionError: there is no message, or the bot has acted on it by now.
        """
        self._proposal()
        if not self.can_mend:
            raise SessionError("the bot has acted on the message by now: undo that first")
        self._write(self._draft(MEND, {"message": to_json(message)}))
        self._go_to(self.id)

    def add_action(self, name: str, texts: Iterable[str] = ()) -> None:
        """Add an action to the domain, with what it says.

        Raises:
            DomainError: the name cannot be one, or is taken.
        """
        self.domain.with_action(name, tuple(texts))
        self._add({"add": "action", "name": name, "texts": list(texts)})

    def add_intent(self, name: str) -> None:
        """Add an intent to the domain.

        Raises:
            DomainError: the name cannot be one, or is taken.
        """
        self.domain.with_intent(name)
        self._add({"add": "intent", "name": name})

    def add_slot(self, name: str) -> None:
        """Add a text slot to the domain, which the entity of its name fills.

        Raises:
            DomainError: the name cannot be one, or is taken.
        """
        self.domain.with_slot(name)
        self._add({"add": "slot", "name": name})

    def _add(self, content: dict[str, Any]) -> None:
        self._write(Draft("", DOMAIN, content, None, self._author))
        self._grow()
        self._learn()
        self._go_to(self.id)

    @property
    def can_undo(self) -> bool:
        """Whether there is anything to take back."""
        return self._to_undo() is not None

    def _to_undo(self) -> tuple[str, int | None] | None:
        """Return in which conversation the last thing is that can be taken back, and what is before it."""
        known = self.history.conversations
        for conversation in reversed(known[: known.index(self.id) + 1]):
            last = self.history.path(conversation)[-1:]
            was_left = bool(last) and last[0].kind == END and last[0].author == self._author
            can_undo = was_left or self.history.can_undo(conversation)
            if can_undo and self._can_take_up(conversation):
                return conversation, last[0].parent if was_left else self.history.undo_target(conversation)
        return None

    def undo(self) -> None:
        """Take back the last thing that the teacher decided or said, in the conversation before if need be.

        Raises:
            SessionError: there is nothing to take back.
        """
        found = self._to_undo()
        if found is None:
            raise SessionError("there is nothing to undo")
        self.id, target = found
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
        self._write(Draft(self.id, HEAD, {"to": target}, None, self._author))
        self.change = None
        self._learn()
        if not self.history.has_ended(self.id):
            self._go_to(self.id)
            return
        known = self.history.conversations
        later = (name for name in known[known.index(self.id) + 1 :] if not self.history.has_ended(name))
        if (following := next(filter(self._can_take_up, later), None)) is not None:
            self._go_to(following)
        else:
            self._begin()

    def fork(self, entry: int) -> None:
        """Begin a conversation that shares another one up to an entry of its path.

        Raises:
            StoreError: there is no such entry.
        """
        self.history.entry(entry)
        self.id = f"c{self._next_number()}"
        self._write(Draft(self.id, HEAD, {"to": entry}, None, self._author))
        self._go_to(self.id)

    def take_up(self, conversation: str) -> None:
        """Go on with a conversation, which is this teacher's from now on.

        Raises:
            SessionError: it is over, or its user is another one than this session's.
            StoreError: there is no such conversation.
        """
        head = self.history.head(conversation)
        if self.history.has_ended(conversation):
            raise SessionError(f"{shorten(conversation)} is over: fork it instead")
        if head is not None:
            begins = self._beginning(head)
            if LIVE in begins.content and begins.conversation == conversation:
                raise SessionError(f"people talk in {shorten(conversation)}: fork it instead")
            if (SEED in begins.content) != (self._user is not None):
                raise SessionError(f"another user talks in {shorten(conversation)}")
        self.id = conversation
        self._move(head)

    def has_fake_user(self, entry: int) -> bool:
        """Return whether a fake user talks in the conversation that an entry is part of.

        Raises:
            StoreError: there is no such entry.
        """
        return SEED in self._beginning(entry).content

    def _beginning(self, entry: int) -> Entry:
        step = self.history.entry(entry)
        while step.parent is not None:
            step = self.history.entry(step.parent)
        return step

    def take_in(self, entries: Iterable[Entry]) -> None:
        """Take in what others wrote down meanwhile, and learn from it."""
        has_grown = False
        for entry in entries:
            self.history.add(entry)
            has_grown |= entry.kind == DOMAIN
        if has_grown:
            self._grow()
        self._learn()
        is_settled = isinstance(self.pending, Contradiction) and self.pending.before != self._taught_here()
        if has_grown:
            self._go_to(self.id)
        elif isinstance(self.pending, Proposal) or is_settled:
            self._advance()

    def restart(self) -> None:
        """Leave this conversation as it is, and begin another one."""
        self._write(self._draft(END, {"outcome": None}))
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
