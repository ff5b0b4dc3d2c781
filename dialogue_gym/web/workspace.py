"""Teachers at work on one store: a room for each, and each conversation in one room at a time. No page.

What a room is asked to do carries the step that it answers. A step is answered once: a second click, what is
sent again after a broken connection, and a second tab find another step, and nothing happens.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dialogue_gym._files import FileError
from dialogue_gym._text import name_fault, shorten, visible
from dialogue_gym.actions import ActionRunner
from dialogue_gym.conversation.transcript import OUTCOMES
from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import BOT, EXPERT, FAKE_USER, LIVE, NOTE, RATING, STORY, USER, StoreError
from dialogue_gym.journal.store import Store
from dialogue_gym.live.handoff import Handoff
from dialogue_gym.live.moderation import JournalModeration, Moderation
from dialogue_gym.nlu.interpreter import Interpreter, InterpreterError
from dialogue_gym.teaching.driver import MOST_STEPS, THRESHOLD
from dialogue_gym.teaching.mode import FAKE, ME
from dialogue_gym.teaching.navigation import is_live
from dialogue_gym.teaching.pending import Proposal, SessionError
from dialogue_gym.teaching.session import Session
from dialogue_gym.web.commands import ANSWERS, Unknown
from dialogue_gym.web.view import Json, Note, tally_of, view_of

_NOT_TEACHERS = (BOT, FAKE_USER, STORY, EXPERT)
_NAME_CHARACTERS = 40


class StaleAnswer(Exception):
    """What an answer was given to is not what is asked any more."""


@dataclass(frozen=True)
class TeachingConfig:
    """What is taught, and how.

    Attributes:
        domain: as its file says.
        user: `"fake"` or `"me"`: who talks to the bot at first.
        turn_taking: `"explicit"`, where the bot is taught to listen as well, or `"auto"`.
        runner: what does the actions where the teacher is the user.
        words: makes what understands text that is no act in the fixed format, if anything does.
        seed: of the fake users.
    """

    domain: Domain
    user: str = FAKE
    turn_taking: str = "explicit"
    runner: ActionRunner | None = None
    words: Callable[[], Interpreter | None] = lambda: None
    seed: int = 0

    @property
    def has_fake_user(self) -> bool:
        """Whether there is somebody to talk in the teacher's place."""
        return self.domain.fake_user is not None


def teacher_fault(name: str) -> str | None:
    """Say why a name cannot be that of a teacher; None if it can."""
    if name in _NOT_TEACHERS:
        return f"{name!r} stands for somebody else"
    if len(name) > _NAME_CHARACTERS:
        return f"it has more than {_NAME_CHARACTERS} characters"
    return name_fault(name)


class Workspaces:
    """The rooms of all teachers; what one of them writes down the others learn from.

    One lock for all: the store has one writer, and conversations are numbered across all teachers.
    """

    def __init__(self, store: Store, lesson: TeachingConfig, attendance: Handoff | None = None) -> None:
        """Open the doors; a room is made when its teacher comes.

        Args:
            store: where everything is kept.
            lesson: what is taught.
            attendance: lets teachers look after the people who talk to the bot meanwhile, if any do.
        """
        self.store = store
        self.lesson = lesson
        self.attendance = attendance
        self.approval: Moderation = attendance.people if attendance else JournalModeration(store)
        """Where ratings of strangers wait."""
        self.lock = threading.RLock()
        self._rooms: dict[str, Workspace] = {}
        self._owners: dict[str, str] = {}
        self._live: set[str] = set()
        self._noted = 0
        self._words: Interpreter | None = None
        self._has_words = False

    def room(self, teacher: str) -> Workspace:
        """Return the room of a teacher.

        Raises:
            SessionError: this can be no teacher's name.
            StoreError: the store cannot be read or written.
        """
        if fault := teacher_fault(teacher):
            raise SessionError(f"{shorten(teacher)} is no name for a teacher: {fault}")
        with self.lock:
            if teacher not in self._rooms:
                self._rooms[teacher] = Workspace(self, teacher)
            return self._rooms[teacher]

    def __iter__(self) -> Iterator[Workspace]:
        """Go through the rooms that were made."""
        return iter(list(self._rooms.values()))

    def words(self) -> Interpreter | None:
        """Return what understands words; the first call may take seconds."""
        with self.lock:
            if not self._has_words:
                self._words, self._has_words = self.lesson.words(), True
            return self._words

    def forget_words(self) -> None:
        """Learn to understand words anew, when they are needed next."""
        with self.lock:
            self._has_words = False

    def owner(self, conversation: str) -> str | None:
        """Return the teacher whose conversation this is; None if nobody has done anything in it."""
        with self.lock:
            self._note_owners()
            if owner := self._owners.get(conversation):
                return owner
            return next((room.teacher for room in self if room.conversation == conversation), None)

    def _note_owners(self) -> None:
        """Look at what was written down since the last time."""
        for entry in self.store.entries(after=self._noted) if self.written > self._noted else ():
            self._noted = entry.id
            if LIVE in entry.content:
                self._live.add(entry.conversation)
            is_theirs = entry.kind == USER and entry.conversation in self._live
            is_act = entry.kind not in (NOTE, RATING) and not is_theirs
            has_acted = is_act and entry.author not in ("", *_NOT_TEACHERS)
            if entry.conversation and has_acted:
                self._owners[entry.conversation] = entry.author

    @property
    def written(self) -> int:
        """The id of the last entry, for those who look for news."""
        return self.store.last_id()


@dataclass
class WorkspaceSettings:
    """How a teacher works: see `TeachingConfig.user`; whether they pick every action; how sure is sure."""

    user: str
    is_wizard: bool = False
    threshold: float = THRESHOLD


@dataclass
class Workspace:
    """One teacher with their session, however many tabs show it.

    All methods may be called from any thread, and take as long as learning and actions take.
    """

    rooms: Workspaces
    teacher: str
    conversation: str = ""
    unknown: Unknown | None = None
    """What was said and has names that the domain does not have."""

    def __post_init__(self) -> None:
        """Take up what this teacher was at last."""
        self.settings = WorkspaceSettings(self.rooms.lesson.user)
        self.is_running = False
        self._has_learned = False
        self.notes: list[Note] = []
        self._steps = 0
        self._seen_entry = 0
        self._life, self._count = secrets.token_hex(4), 0
        self._seen: Json = {}
        self.view: Json = {}
        """What is shown, with what an answer has to carry as `step`; a new one each time, so read it once."""
        self.open()

    def open(self) -> None:
        """Begin a session where this teacher's conversations have come to, with the user of the settings."""
        lesson = self.rooms.lesson
        self._seen_entry = self.rooms.written
        self.session = Session(
            lesson.domain,
            self.rooms.store,
            turn_taking=lesson.turn_taking,
            settings={} if self.settings.user == FAKE else None,
            runner=lesson.runner,
            author=self.teacher,
            seed=lesson.seed,
            is_mine=lambda name: self.rooms.owner(name) in (None, self.teacher),
        )
        self.conversation = self.session.id
        self._look()

    def refresh(self) -> None:
        """Take in what was written down beside the session."""
        with self.rooms.lock:
            self.catch_up()
            self._look()

    @property
    def step(self) -> str:
        """What an answer that is given now has to carry."""
        return str(self.view["step"])

    def answer(self, step: str, do: str, given: Json) -> None:
        """Do what a teacher answered; what is wrong with it becomes a note.

        Args:
            step: what was shown when they answered.
            do: which answer, one of `ANSWERS`.
            given: what belongs to it.

        Raises:
            StaleAnswer: something else is shown by now.
        """
        with self.rooms.lock:
            self.catch_up()
            if step != self.step:
                raise StaleAnswer
            self.notes = []
            self.is_running = False
            change = self.session.change
            try:
                ANSWERS[do].call(self, given) if do in ANSWERS else self._refuse(do)
            except StoreError as error:  # half of what was to be written may be there
                self.open()
                self.notes.append(Note(visible(str(error), 2000), "bad"))
            except (FileError, InterpreterError, SessionError) as error:
                self.notes.append(Note(visible(str(error), 2000), "bad"))
            self._has_learned = self.session.change is not change
            self._look()
            if self.rooms.attendance:
                self.rooms.attendance.sync(self.session.history, self.session.domain)

    def _refuse(self, do: str) -> None:
        raise SessionError(f"{shorten(do)} is no answer")

    def catch_up(self) -> bool:
        """Take in what others wrote down; return whether something else is shown now."""
        with self.rooms.lock:
            if self.rooms.written == self._seen_entry:
                return False
            history, before = self.session.history, self.step
            entries = []
            for entry in self.rooms.store.entries(after=self._seen_entry):
                self._seen_entry = entry.id
                entries += [] if entry in history else [entry]
            if not entries:
                return False
            if self.rooms.owner(self.session.id) in (None, self.teacher):
                self.session.sync(entries)
                self._look()
            else:
                self.notes = [Note(f"{self.rooms.owner(self.session.id)} has taken over {self.session.id}.")]
                self.open()
            return self.step != before

    def begin_run(self) -> None:
        """Let the bot go on by itself, step by step: see `run_on`."""
        self.is_running, self._steps = True, 0

    def stop(self) -> None:
        """Let the bot not go on by itself any more."""
        with self.rooms.lock:
            self.is_running = False
            self._look()

    def run_on(self) -> bool:
        """Let the bot do one step by itself, if it is sure enough; return whether it may do another."""
        with self.rooms.lock:
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
                self.notes.append(Note(f"The bot is not sure any more, after {_count(self._steps, 'step')}."))
            elif self._steps >= MOST_STEPS:
                self.is_running = False
                self.notes.append(Note(f"Stopped after {MOST_STEPS} steps."))
            self._look()
            return self.is_running

    def use(self, user: str) -> None:
        """Let somebody else talk to the bot.

        Raises:
            SessionError: there is nobody like that.
        """
        if user not in (FAKE, ME) or (user == FAKE and not self.rooms.lesson.has_fake_user):
            raise SessionError("this domain has no simulated user")
        if user != self.settings.user:
            self.settings.user = user
            self.open()

    def rate(self, conversation: str, value: float) -> None:
        """Write down what a teacher thinks of a conversation: 1 if all of it is right, 0 to take that back.

        Raises:
            StoreError: there is no such conversation, or it cannot be written.
            LiveError: it goes on with a person, and there is nothing to rate.
        """
        with self.rooms.lock:
            self.catch_up()
            head = self.session.history.head(conversation)
            is_theirs = is_live(self.session.history, conversation)
            approval = self.rooms.approval if is_theirs else JournalModeration(self.rooms.store)
            approval.give(conversation, head, value, self.teacher)
            self.refresh()

    def _look(self) -> None:
        """Find out what is shown; where that is something new, earlier answers do not fit it."""
        if self.session.id != self.conversation:
            self._tell_end(self.conversation)
            self.conversation = self.session.id
        lesson, settings = self.rooms.lesson, self.settings
        seen = view_of(self.session, settings.is_wizard, self._has_learned) | {
            "teacher": self.teacher,
            "user": settings.user,
            "has_fake_user": lesson.has_fake_user,
            "is_wizard": settings.is_wizard,
            "threshold": settings.threshold,
            "is_running": self.is_running,
            "notes": [[note.text, note.style] for note in self.notes],
            "unknown": self.unknown.to_json() if self.unknown else None,
        }
        if seen != self._seen:
            self._seen = seen
            self._count += 1
            self.view = seen | {"step": f"{self._life}.{self._count}"}

    def _tell_end(self, conversation: str) -> None:
        history = self.session.history
        outcome = history.outcome(conversation) if conversation in history.conversations else None
        if outcome in OUTCOMES:
            style = "good" if outcome == "success" else "bad"
            tally = tally_of(history, conversation)
            count = f"{_count(tally['corrections'], 'correction')} in {_count(tally['answers'], 'answer')}"
            self.notes.append(Note(f"{conversation} is over: {OUTCOMES[outcome]}. {count}.", style))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
