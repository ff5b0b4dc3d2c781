"""Teachers at work on one store: a workspace each, every conversation in one workspace at a time. No page.

Each command carries the step that it answers, and a step is answered once: a second click, a command sent
again after a broken connection, and a second tab meet another step, and change nothing.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dialogue_gym._files import FileError
from dialogue_gym._text import counted, quoted, visible
from dialogue_gym.conversation.transcripts import OUTCOMES
from dialogue_gym.domain import Domain
from dialogue_gym.journal.activity import ActivityKind, ActivityLog
from dialogue_gym.journal.entry import LIVE, NOTE, RATING, USER, StoreError
from dialogue_gym.journal.store import Store
from dialogue_gym.live.handoff import Handoff
from dialogue_gym.live.moderation import JournalModeration, Moderation
from dialogue_gym.nlu.interpreter import InterpreterError
from dialogue_gym.reports import FailedDialogue
from dialogue_gym.teaching.driver import MOST_STEPS, THRESHOLD
from dialogue_gym.teaching.lesson import GOAL, Lesson
from dialogue_gym.teaching.mode import FAKE, ME
from dialogue_gym.teaching.navigation import is_live
from dialogue_gym.teaching.pending import Proposal, SessionError
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.taught_interpreter import TaughtInterpreter
from dialogue_gym.web.accounts import NOT_TEACHERS, RoleError, TeacherRole, teacher_fault
from dialogue_gym.web.domain_desk import DomainDesk
from dialogue_gym.web.taught_success import TaughtSuccess, begin_failed
from dialogue_gym.web.teaching_config import TeachingConfig
from dialogue_gym.web.view import Json, Note, UnknownNames, tally_of, view_of


class StaleCommand(Exception):
    """A command for a step that is no longer shown. The message is for the teacher to read."""


class Workspaces:
    """The workspaces of all teachers. Each teacher's bot learns from the entries of all.

    There is one lock: the store has one writer, and conversations are numbered across all teachers.
    """

    def __init__(
        self,
        store: Store,
        config: TeachingConfig,
        handoff: Handoff | None = None,
        desk: DomainDesk | None = None,
        allows: Callable[[str, TeacherRole], bool] = lambda teacher, role: True,
        log: ActivityLog | None = None,
    ) -> None:
        """Begin without any workspace; each is made when its teacher comes.

        Args:
            store: the store for everything that is taught.
            config: the settings that all teachers share.
            handoff: gives access to the conversations of visitors, if there are any.
            desk: edits the domain; by default a new one.
            allows: returns whether a teacher has the rights of a role now.
            log: the activity log; None for none.
        """
        self.store = store
        self.allows = allows
        self.log = log
        self.config = config
        self.handoff = handoff
        self.moderation: Moderation = handoff.sessions.moderation if handoff else JournalModeration(store)
        """The ratings of visitors that await approval."""
        self.lock = threading.RLock()
        self._workspaces: dict[str, Workspace] = {}
        self._owners: dict[str, str] = {}
        self._live: set[str] = set()
        self._noted = 0
        self.success = TaughtSuccess()
        """The success of what all teachers have taught."""
        self.interpreter = config.interpreter or TaughtInterpreter(config.domain)
        """Understands all teachers' messages, and learns the corrected ones."""
        self.desk = desk or DomainDesk(config.domain, store, self.interpreter, handoff, log)

    def of(self, teacher: str) -> Workspace:
        """Return the workspace of a teacher.

        Raises:
            SessionError: the name cannot be a teacher's.
            StoreError: the store cannot be read or written.
        """
        if fault := teacher_fault(teacher):
            raise SessionError(f"{quoted(teacher)} cannot be a teacher's name: {fault}")
        if (known := self._workspaces.get(teacher)) is not None:
            return known  # also while somebody's slow action has the lock
        with self.lock:
            if teacher not in self._workspaces:
                self._workspaces[teacher] = Workspace(self, teacher)
            return self._workspaces[teacher]

    def __iter__(self) -> Iterator[Workspace]:
        """Iterate over the workspaces made so far."""
        return iter(list(self._workspaces.values()))

    def owner(self, conversation: str) -> str | None:
        """Return the teacher whose conversation this is; None for an untouched one."""
        with self.lock:
            self._note_owners()
            if owner := self._owners.get(conversation):
                return owner
            return next(
                (workspace.teacher for workspace in self if workspace.conversation == conversation), None
            )

    def _note_owners(self) -> None:
        """Read the entries written since the last call."""
        for entry in self.store.entries(after=self._noted) if self.written > self._noted else ():
            self._noted = entry.id
            if LIVE in entry.content:
                self._live.add(entry.conversation)
            is_theirs = entry.kind == USER and entry.conversation in self._live
            is_act = entry.kind not in (NOTE, RATING) and not is_theirs
            has_acted = is_act and entry.author not in ("", *NOT_TEACHERS)
            if entry.conversation and has_acted:
                self._owners[entry.conversation] = entry.author

    @property
    def written(self) -> int:
        """The id of the last entry: it changes with every new one."""
        return self.store.last_id()


@dataclass
class WorkspaceSettings:
    """Settings of one teacher.

    Attributes:
        user: `"fake"` or `"me"`.
        is_wizard: whether the teacher picks every action.
        threshold: the confidence from which on the bot continues by itself.
    """

    user: str
    is_wizard: bool = False
    threshold: float = THRESHOLD


@dataclass
class Workspace:
    """One teacher's session, shown by any number of tabs.

    All methods may be called from any thread, and last as long as learning and actions do.
    """

    shared: Workspaces
    teacher: str
    conversation: str = ""
    unknown: UnknownNames | None = None
    """The message whose names are asked about."""

    def __post_init__(self) -> None:
        """Resume the teacher's last conversation."""
        self.settings = WorkspaceSettings(self.shared.config.user)
        self.is_running = False
        self._has_learned = False
        self.notes: list[Note] = []
        self._steps = 0
        self._changes = 0
        self._seen_entry = 0
        self._life, self._count = secrets.token_hex(4), 0
        self._seen: Json = {}
        self.view: Json = {}
        """The page's content, with the `step` for commands; replaced as a whole, so read it once."""
        self.open()

    def require(self, role: TeacherRole) -> None:
        """Check that the teacher has the rights of a role now.

        Raises:
            RoleError: they have not.
        """
        if not self.shared.allows(self.teacher, role):
            raise RoleError(role)

    def record(self, what: ActivityKind, about: str) -> None:
        """Write down that the teacher has done something."""
        if self.shared.log:
            self.shared.log.record(self.teacher, what, about)

    def open(self) -> None:
        """Open a session at the teacher's last conversation with the current user."""
        config = self.shared.config
        self._seen_entry = self.shared.written
        self.session = Session(
            config.domain,
            self.shared.store,
            turn_taking=config.turn_taking,
            settings={} if self.settings.user == FAKE else None,
            runner=config.runner,
            author=self.teacher,
            seed=config.seed,
            is_mine=lambda name: self.shared.owner(name) in (None, self.teacher),
            interpreter=self.shared.interpreter,
        )
        self._lesson = Lesson(self.session.history, config.has_fake_user)
        self._was_reached = self._lesson.progress().is_reached
        self.conversation = self.session.id
        self._look()

    def refresh(self) -> None:
        """Take in entries written beside the session."""
        with self.shared.lock:
            self.catch_up()
            self._look()

    @property
    def step(self) -> str:
        """The step that is shown; a command given now carries it."""
        return str(self.view["step"])

    @contextlib.contextmanager
    def change(self, step: str) -> Iterator[None]:
        """Change the session within this context; an error becomes a note.

        Args:
            step: the step that was shown when the command was given.

        Raises:
            StaleCommand: another step is shown by now.
        """
        with self.shared.lock:
            self.catch_up()
            if step != self.step:
                raise StaleCommand("Not applied: the question has changed. Please look again.")
            self.notes = []
            self.is_running = False
            change, names = self.session.change, _names(self.session.domain)
            try:
                yield
            except StoreError as error:  # the store may hold half of the entries
                self.open()
                self.notes.append(Note(visible(str(error), 2000), "bad"))
            except (FileError, InterpreterError, SessionError) as error:
                self.notes.append(Note(visible(str(error), 2000), "bad"))
            for name in sorted(names ^ _names(self.session.domain)):
                self.record(ActivityKind.EDITED, name)
            self._has_learned = self.session.change is not change
            self._look()
            if self.shared.handoff:
                self.shared.handoff.sync(self.session.history, self.session.domain)

    def catch_up(self) -> bool:
        """Take in the entries of others; return whether the view has changed."""
        with self.shared.lock:
            if self.shared.written == self._seen_entry:
                return False
            history, before = self.session.history, self.view
            entries = []
            for entry in self.shared.store.entries(after=self._seen_entry):
                self._seen_entry = entry.id
                entries += [] if entry in history else [entry]
            if not entries:
                return False
            if self.shared.owner(self.session.id) in (None, self.teacher):
                proposed = self._proposed
                self.session.sync(entries)
                if self._proposed not in (None, proposed) and proposed is not None:
                    authors = {entry.author for entry in entries} - {"", *NOT_TEACHERS}
                    names = " and ".join(sorted(authors)) or "Another teacher"
                    self.notes = [Note(f"{names} taught the bot something: it proposes another step now.")]
                    self._changes += 1
                self._look()
            else:
                self.notes = [Note(f"{self.shared.owner(self.session.id)} has taken over {self.session.id}.")]
                self.open()
            return self.view != before

    @property
    def _proposed(self) -> str | None:
        pending = self.session.pending
        return pending.best.action if isinstance(pending, Proposal) else None

    def begin_run(self) -> None:
        """Let the bot continue by itself; `run_on` takes each step."""
        self.is_running, self._steps = True, 0

    def stop(self) -> None:
        """Stop the bot from continuing by itself."""
        with self.shared.lock:
            self.is_running = False
            self._look()

    def run_on(self) -> bool:
        """Let the bot take one step if it is confident enough; return whether it may take another."""
        with self.shared.lock:
            if not self.is_running:
                return False
            self.catch_up()
            self.notes = []
            try:
                self.is_running = bool(self.session.run(self.settings.threshold))
            except FileError as error:
                self.is_running = False
                self.notes.append(Note(visible(str(error), 2000), "bad"))
            self._steps += self.is_running
            if not self.is_running and isinstance(self.session.pending, Proposal):
                self.notes.append(Note(f"The bot is unsure after {counted(self._steps, 'step')}."))
            elif self.session.note:
                self.is_running = False
                self.notes.append(Note("Stopped, because an action failed."))
            elif self._steps >= MOST_STEPS:
                self.is_running = False
                self.notes.append(Note(f"Stopped after {MOST_STEPS} steps."))
            self._look()
            return self.is_running

    def replay(self, failed: FailedDialogue) -> None:
        """Begin a conversation with the fake user of a failed dialogue, up to the bot's first wrong step."""
        with self.shared.lock:
            self.catch_up()
            with self.change(self.step):
                self.use(FAKE)
                self.notes.append(Note(*begin_failed(self.session, failed)))

    def use(self, user: str) -> None:
        """Change the user.

        Raises:
            SessionError: the domain lacks this user.
        """
        if user not in (FAKE, ME) or (user == FAKE and not self.shared.config.has_fake_user):
            raise SessionError("this domain has no fake user")
        if user != self.settings.user:
            self.settings.user = user
            self.open()

    def rate(self, conversation: str, value: float) -> None:
        """Record the teacher's rating of a conversation: 1 if all of it is right, 0 to take that back.

        Raises:
            RoleError: the teacher may not approve.
            StoreError: the conversation does not exist, or cannot be written.
            LiveError: the conversation is a visitor's, and has nothing to rate yet.
        """
        self.require(TeacherRole.APPROVE)
        with self.shared.lock:
            self.catch_up()
            head = self.session.history.head(conversation)
            is_theirs = is_live(self.session.history, conversation)
            moderation = self.shared.moderation if is_theirs else JournalModeration(self.shared.store)
            moderation.give(conversation, head, value, self.teacher)
            self.record(ActivityKind.APPROVED if value > 0 else ActivityKind.UNAPPROVED, conversation)
            self.refresh()

    def _look(self) -> None:
        """Update the view; a change of more than the lesson's count makes earlier commands stale."""
        if self.session.id != self.conversation:
            self._report_end(self.conversation)
            self.conversation = self.session.id
        config, settings, lesson = self.shared.config, self.settings, self._tell_lesson()
        seen = view_of(self.session, settings.is_wizard, self._has_learned) | {
            "teacher": self.teacher,
            "user": settings.user,
            "has_fake_user": config.has_fake_user,
            "has_visitors": self.shared.handoff is not None,
            "is_wizard": settings.is_wizard,
            "threshold": settings.threshold,
            "is_running": self.is_running,
            "changes": self._changes,
            "notes": [[note.text, note.style] for note in self.notes],
            "unknown": self.unknown.to_json() if self.unknown else None,
        }
        self._count += seen != self._seen
        self._seen = seen
        self.view = seen | {"lesson": lesson, "step": f"{self._life}.{self._count}"}

    def _tell_lesson(self) -> Json:
        """Return the count of the lesson for the page; note it when the goal is reached."""
        progress = self._lesson.progress()
        if progress.is_reached and not self._was_reached:
            self.notes.append(Note(f"{progress} Open \u201cWhat next?\u201d to go on.", "good"))
        self._was_reached = progress.is_reached
        return {"goal": GOAL, "in_a_row": progress.in_a_row, "is_reached": progress.is_reached}

    def _report_end(self, conversation: str) -> None:
        history = self.session.history
        outcome = history.outcome(conversation) if conversation in history.conversations else None
        if outcome in OUTCOMES:
            style = "good" if outcome == "success" else "bad"
            tally = tally_of(history, conversation)
            count = f"{counted(tally['corrections'], 'correction')} in {counted(tally['answers'], 'answer')}"
            self.notes.append(Note(f"{conversation} has ended: {OUTCOMES[outcome]}. {count}.", style))


def _names(domain: Domain) -> set[str]:
    """Return the names that teaching adds to a domain."""
    kinds = {"action": domain.actions, "intent": domain.intents, "slot": [slot.name for slot in domain.slots]}
    return {f"{kind} {name}" for kind, names in kinds.items() for name in names}
