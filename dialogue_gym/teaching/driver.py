"""Advances conversations until the teacher must answer. No input or output of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dialogue_gym.actions import ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import Event, UserUttered
from dialogue_gym.conversation.turns import has_ended, is_users_turn
from dialogue_gym.domain import Domain
from dialogue_gym.domain.additions import EXAMPLE, Addition
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.journal.entry import BOT, DOMAIN, FAKE_USER, HEAD, LABEL, MEND, Draft, Entry, entry_events
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.journal.writer import ConversationWriter
from dialogue_gym.teaching.learner import TaughtModel
from dialogue_gym.teaching.navigation import PREFIX, Navigator
from dialogue_gym.teaching.pending import (
    AwaitsMessage,
    MissingResult,
    Option,
    Pending,
    Proposal,
    SessionError,
)
from dialogue_gym.teaching.simulated_user import SEED, SimulatedUser
from dialogue_gym.teaching.taught_interpreter import TaughtInterpreter

THRESHOLD = 0.9
"""The probability above which the bot continues by itself, unless the teacher wishes otherwise."""
MOST_STEPS = 200
"""The most steps that the bot takes by itself before it asks again."""


class ConversationDriver:
    """Driver of the current conversation, by the bot and the fake user, until a person must answer.

    Every step is written to the journal before it takes effect, and all state follows from the journal.

    Attributes:
        history: the entries of the journal, and which are in effect.
        id: the current conversation.
        conversation: the conversation, with the events that are in effect.
        pending: the answer that it waits for.
        user: the fake user; None if the teacher is the user.
        note: the problem with the last action, for the teacher to read; None without one.
        overruled: the rule that overrules the last answer, in a sentence; None without one.
        author: the author of the answers.
        turn_taking: `"explicit"` or `"auto"`.
        model: the domain with its additions, and the learner.
        interpreter: understands the teacher's messages.
    """

    def __init__(
        self,
        domain: Domain,
        journal: Store,
        history: History,
        navigator: Navigator,
        *,
        turn_taking: str,
        settings: dict[str, Any] | None,
        runner: ActionRunner | None,
        author: str,
        seed: int,
        asks_for_closing: bool,
        interpreter: TaughtInterpreter | None = None,
    ) -> None:
        """Prepare; `start` takes up a conversation. See `Session` for the arguments."""
        self._journal = journal
        self._navigator = navigator
        self._settings = None if settings is None else settings | {"turn_taking": turn_taking}
        self._runner = runner.copy() if runner else ActionRunner(domain)  # others draw texts from it, too
        self._seed = seed
        self._asks_for_closing = asks_for_closing
        self.user: SimulatedUser | None = None
        self.interpreter = interpreter or TaughtInterpreter(domain)
        self.history = history
        self.author = author
        self.turn_taking = turn_taking
        self.model = TaughtModel(domain, turn_taking)
        self.id = ""
        self.conversation = Conversation(domain)
        self._latest: int | None = None
        """The last entry that `conversation` has."""
        self.pending: Pending = AwaitsMessage()
        self.note: str | None = None
        self.overruled: str | None = None

    def start(self) -> None:
        """Resume the latest open conversation, or begin one.

        Raises:
            ValueError: the domain has no fake user, or the journal is of another domain.
        """
        self.update_domain()
        self.interpreter.learn(self.history, self.domain)
        if (latest := self._navigator.latest_open()) is None:
            self.begin()
        else:
            self.go_to(latest)

    @property
    def domain(self) -> Domain:
        """The domain with its additions."""
        return self.model.domain

    def environment(self) -> DialogueEnv:
        """Return an environment with the settings of the fake user.

        Raises:
            SessionError: the teacher is the user.
        """
        if self._settings is None:
            raise SessionError("this session has no fake user")
        return DialogueEnv(self.domain, **self._settings)

    # The state at the current point of the conversation.

    def foresee(self, action: str, is_closing: bool = False) -> tuple[Event, ...] | None:
        """Return the events that an action would have now; None if code or a server would run.

        With a fake user an action only shows its declared effects.
        """
        if self.user is not None and not is_closing:
            return self.user.foresee(action)
        return self._runner.foresee(action, self.conversation)

    def options(self) -> tuple[Option, ...]:
        """Return every action, the most probable one first."""
        return self.model.options(self.conversation)

    def overruling(self, action: str) -> str | None:
        """Return a sentence if a rule contradicts an action that a teacher called right; None if not."""
        return self.model.rules.overruling(self.conversation, action)

    def forget_notes(self) -> None:
        """Forget what there was to say about the last answer."""
        self.note = self.overruled = None

    def taught_here(self) -> tuple[str, ...]:
        """Return the actions that a teacher called right here; empty if none did."""
        return self.model.learner.taught(self.conversation.observation())

    def has_outcome(self) -> bool:
        """Return whether the user has reached their goal, or given up."""
        if self.user is not None:
            return self.user.outcome is not None
        return has_ended(self.conversation, self.turn_taking)

    def _is_users_turn(self) -> bool:
        if self.user is not None:
            return is_users_turn(self.conversation, self.turn_taking)
        return self.model.rules.waits(self.conversation, self.turn_taking)

    # Writing.

    def writer(self) -> ConversationWriter:
        """Return a writer whose steps follow the head of the current conversation."""
        return ConversationWriter(self.id, self.history.head(self.id), self.author)

    def write(self, drafts: Sequence[Draft]) -> None:
        """Write entries, all or none.

        Raises:
            StoreError: they cannot be written.
        """
        for entry in self._journal.append_all(drafts):
            self.history.add(entry)
        self._learn_words(drafts)

    def _learn_words(self, written: Iterable[Draft | Entry]) -> None:
        """Let the interpreter learn after a correction, an undo or redo of one, and an edit of examples."""
        if any(one.kind in (MEND, HEAD) or one.content.get("add") == EXAMPLE for one in written):
            self.interpreter.learn(self.history, self.domain)

    def add(self, addition: Addition) -> None:
        """Write an addition to the domain that holds for good, apart from any answer, and apply it.

        Raises:
            DomainError: the name cannot be one, or is taken.
        """
        addition.added_to(self.domain)
        self.write([Draft("", DOMAIN, addition.content(), None, self.author)])
        self.update_domain()

    def sync(self, entries: Iterable[Entry]) -> bool:
        """Take in entries that others wrote; return whether they changed the domain."""
        entries = list(entries)
        for entry in entries:
            self.history.add(entry)
        self._learn_words(entries)
        before = self.domain
        self.update_domain()  # even without additions: an undo by others may have removed one
        return self.domain is not before

    def _move_head(self, conversation: str, target: int | None) -> None:
        """Move the head of a conversation, which becomes the current one; nothing else follows it yet."""
        self.forget_notes()
        self.id = conversation
        self.write([Draft(self.id, HEAD, {"to": target}, None, self.author)])

    # Advancing.

    def update_domain(self) -> None:
        """Apply the additions in effect to the domain, and learn the labels in effect."""
        before = self.domain
        self.model.update(self.history)
        if self.domain is not before:
            self._runner.use_domain(self.domain)
            self.interpreter.learn(self.history, self.domain)
        if self._settings is not None and (self.user is None or self.domain is not before):
            self.user = SimulatedUser(self.domain, self._settings)

    def begin(self) -> None:
        """Begin the next conversation, which a fake user opens; one without a decision is resumed."""
        if (unused := self._navigator.unused()) is not None:
            self.go_to(unused)
            return
        number = self._next_number()
        self._begin(f"{PREFIX}{number}", self._seed + number - 1)

    def begin_with(self, seed: int) -> None:
        """Begin a conversation with the fake user of a seed; the current one stays open.

        Raises:
            SessionError: the teacher is the user.
        """
        if self.user is None:
            raise SessionError("this session has no fake user")
        self.forget_notes()
        self._begin(f"{PREFIX}{self._next_number()}", seed)

    def _next_number(self) -> int:
        """Return the number of the next conversation; those that were erased are not used again."""
        return self._journal.last_number(PREFIX) + 1

    def _begin(self, conversation: str, seed: int) -> None:
        """Begin a conversation; a fake user opens it with the words of a seed."""
        self.id = conversation
        writer = ConversationWriter(self.id, author=BOT)
        if self.user is None:
            writer.begin()
        else:
            writer.begin({SEED: seed})
            (message,) = self.user.begin(seed)
            assert isinstance(message, UserUttered)
            writer.message(message, FAKE_USER)
        self.write(writer.take())
        self.advance()

    def go_to(self, conversation: str) -> None:
        """Make a conversation the current one, where its head is."""
        self.id = conversation
        path = self.history.path(conversation)
        open_label = self.history.pending_result(conversation)
        if self.user is None:
            if open_label is None:
                self.advance()
            else:
                self._update_conversation()
                self.pending = MissingResult(open_label.content["action"])
        elif path and path[-1].kind == LABEL:
            # The process ended before the result. A simulation can be run again without harm.
            self.rewind_decision()
            self.execute(path[-1].content["action"], is_closing=self.user.outcome is not None)
        else:
            self.user.play(path)
            self.advance()

    def move(self, conversation: str, target: int | None) -> None:
        """Move a conversation's head, and continue there or in the next open conversation."""
        self._move_head(conversation, target)
        self.update_domain()
        if (open_one := self._navigator.open_from(conversation)) is None:
            self.begin()
        else:
            self.go_to(open_one)

    def fork(self, entry: int) -> None:
        """Begin a conversation that shares another one's steps up to an entry."""
        self._move_head(f"{PREFIX}{self._next_number()}", entry)
        self.update_domain()
        self.go_to(self.id)

    def advance(self) -> None:
        """Set `pending` to the next thing that the teacher must answer."""
        self._update_conversation()
        if self._is_users_turn():
            self.pending = AwaitsMessage()
        else:
            self.pending = Proposal(self.options(), is_closing=self.has_outcome())

    def _update_conversation(self) -> None:
        """Append the steps since the last time; replay all of them where some have been undone or changed."""
        current = self.conversation
        steps = None
        if (current.sender_id, current.domain) == (self.id, self.domain):
            steps = self.history.steps_after(self.id, self._latest)
        if steps is None or any(step.kind == MEND for step in steps):
            self.conversation = self.history.conversation(self.domain, self.id)
        else:
            for step in steps:
                current.extend(entry_events(step))
            current.outcome = self.history.outcome(self.id)
        self._latest = self.history.head(self.id)

    def rewind_decision(self) -> None:
        """Take the conversation, and the fake user, to the point before the decision at the head."""
        *path, decision = self.history.path(self.id)
        self.conversation = Conversation(self.domain, self.history.events(self.id)[:-1], self.id)
        self._latest = self.history.entry(decision.id).parent
        if self.user is not None:
            self.user.play(path)

    def execute(self, action: str, is_closing: bool = False) -> None:
        """Execute the decision at the head, and write its result and the fake user's message.

        Args:
            action: the chosen action, which `conversation` must not contain yet.
            is_closing: the user has reached their goal; this is the bot's last action.
        """
        self.note = None
        events: list[Event] = []
        if self.user is not None and not is_closing:
            events = self.user.answer(action)
        elif action != LISTEN:
            result = self._runner.run(action, self.conversation)
            events, self.note = list(result.events), result.note
        self.write_result(events, is_closing)

    def run_missing(self) -> None:
        """Execute the decision at the head, which has no result; see `Session.run_action`."""
        action = self._missing().action
        self.rewind_decision()
        self.execute(action)

    def skip_missing(self) -> None:
        """Write an empty result for the decision at the head; see `Session.skip_action`."""
        self._missing()
        self.note = None
        self.write_result([])

    def _missing(self) -> MissingResult:
        if not isinstance(self.pending, MissingResult):
            raise SessionError("no action waits for its result")
        return self.pending

    def write_result(self, events: Sequence[Event], is_closing: bool = False) -> None:
        """Write the result of the decision at the head, and advance to the next answer.

        Args:
            events: the events of the action, and the fake user's message at their end.
            is_closing: see `execute`.
        """
        message = events[-1] if events else None
        is_answered = isinstance(message, UserUttered)
        writer = self.writer()
        writer.result(events[:-1] if is_answered else events)
        if isinstance(message, UserUttered):
            writer.message(message, FAKE_USER)
        outcome = self.user.outcome if self.user else None
        wants_closing = outcome == "success" and is_answered and self._asks_for_closing
        ends = is_closing or (outcome is not None and not wants_closing)
        if ends:
            writer.end(outcome or "success", BOT)
        self.write(writer.take())
        self._update_conversation()
        is_left = self.user is None and self._is_users_turn()
        if not ends and is_left and self.has_outcome():
            writer = self.writer()
            writer.end("success", BOT)
            self.write(writer.take())
            ends = True
        if ends:
            self.begin()
        else:
            self.advance()
