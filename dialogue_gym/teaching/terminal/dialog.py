"""The dialog with a teacher: shows the pending question of a session, and turns answers into calls.

No input or output: the dialog yields screens, and is sent the answers.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dialogue_gym._files import FileError
from dialogue_gym._text import article, counted, fraction, visible
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.conversation.transcripts import either
from dialogue_gym.domain.additions import Addition, extend
from dialogue_gym.domain.doubts import place_faults
from dialogue_gym.nlu.indifference import with_question
from dialogue_gym.nlu.interpreter import Interpretation, InterpreterError
from dialogue_gym.outline.names import spoken_name
from dialogue_gym.teaching.driver import MOST_STEPS, THRESHOLD
from dialogue_gym.teaching.interpreter import (
    correction_text,
    default_names,
    entities_text,
    entity_hints,
    meant_name,
    new_action,
    new_intent,
    new_name,
    notes_on_values,
    obeyed,
    parse_entities,
    unknown_names,
    with_name,
    with_written_names,
)
from dialogue_gym.teaching.pending import (
    BOTH,
    NEW,
    OLD,
    AwaitsMessage,
    MissingResult,
    PendingContradiction,
    Proposal,
    SessionError,
)
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.terminal import views
from dialogue_gym.teaching.terminal.notes import Notes
from dialogue_gym.teaching.terminal.prompts import (
    GOAL,
    KeyCommand,
    Picked,
    ask_key,
    choose,
    pick,
    pick_number,
    typed,
)
from dialogue_gym.teaching.terminal.screens import STOP, Dialog, Line, Row, Screen, Table
from dialogue_gym.teaching.wish import wish_of

if TYPE_CHECKING:
    from dialogue_gym.teaching.export_rasa import Exported


class TeachingDialog:
    """Dialog with a teacher from the first prompt until they leave."""

    def __init__(
        self,
        session: Session,
        export: Callable[[], Exported],
        is_wizard: bool = False,
        next_steps: Sequence[str] = (),
    ) -> None:
        """Prepare to teach.

        Args:
            session: the session to teach.
            export: writes the taught conversations.
            is_wizard: whether the teacher picks every action, without seeing proposals.
            next_steps: lines to show once the goal of the lesson is reached.
        """
        self._session = session
        self._export = export
        self._is_wizard = is_wizard
        self._threshold = THRESHOLD
        self._is_over = False
        self._notes = Notes(session, views.first_lines(session, is_wizard), next_steps)

    def teach(self) -> Dialog[None]:
        """Ask the pending questions of the session, until the teacher leaves."""
        command: str | None = None
        while not self._is_over:
            given, command = command, None
            try:
                yield from self._do(given) if given else self._step()
            except KeyCommand as other:
                command = other.key
            except (FileError, InterpreterError, SessionError) as error:
                self._notes.add(f"({error})", "bad")
        if self._notes:
            yield Screen(self._notes.take())

    def _situation(self) -> tuple[Line | Table, ...]:
        conversation = self._session.conversation
        blank = Line("")
        return (
            *self._notes.take(),
            blank,
            *views.wish_lines(self._session),
            *views.chat_so_far(conversation),
            views.slot_line(conversation.slots),
            *views.search_lines(conversation),
            blank,
        )

    # Pending questions.

    def _step(self) -> Dialog[None]:
        pending = self._session.pending
        if isinstance(pending, AwaitsMessage):
            yield from self._say()
        elif isinstance(pending, PendingContradiction):
            yield from self._resolve(pending)
        elif isinstance(pending, MissingResult):
            yield from self._find_result(pending)
        elif self._is_wizard:
            yield from self._correct(pending)
        else:
            shown = (*self._situation(), *views.proposal_lines(self._session, pending))
            key = yield from ask_key(shown, "answer > ", views.answer_keys(self._session))
            if key == "1":
                self._session.confirm()
            elif key == "2":
                yield from self._correct(pending)
            elif key == "3":
                yield from self._correct_message()
            else:
                raise KeyCommand(key)

    def _say(self) -> Dialog[None]:
        text = yield from typed(self._situation(), "you > ")
        if text.strip():
            understood = self._session.interpreter.parse(text.strip()).message
            message = with_question(understood, self._session.conversation)
            if obeyed(self._session, message):
                return
            message = with_written_names(self._session.domain, message)
            if named := (yield from self._named(message)):
                said, new = named
                self._take(said, lambda: self._session.say(said, new))

    def _take(self, message: UserUttered, take: Callable[[], None]) -> None:
        """Let the session take a message, and note the values that its slots do not list."""
        notes = notes_on_values(self._session, message)
        take()
        for note in notes:
            self._notes.add(f"({note})")

    def _named(
        self, message: UserUttered, new: Sequence[Addition] = ()
    ) -> Dialog[tuple[UserUttered, list[Addition]] | None]:
        """Ask about the unknown names of a message: a slip is mended, any other is added to the domain.

        Returns:
            The message and all additions, `new` first; None if the person cancels.
        """
        domain = extend(self._session.domain, new)
        additions = [*new, *default_names(domain, message)]
        for kind, name, near in unknown_names(domain, message):
            becomes, meant = new_name(kind, name), meant_name(domain, kind, name)
            problem = Line(visible(f"Unknown {kind} {name!r} ({near}).", 2000), "bad")
            answers = [f"use {visible(meant)}"] if meant else []
            answers += [f"add it as {article(becomes.add)}", "cancel"]
            which = answers[(yield from choose((problem,), *answers)) - 1]
            if which == "cancel":
                return None
            if meant and which == answers[0]:
                message = with_name(message, kind, name, meant)
            else:
                additions.append(becomes)
        return message, additions

    def _correct(self, proposal: Proposal) -> Dialog[None]:
        session, with_probabilities = self._session, not self._is_wizard
        picked = yield from pick(
            "action",
            views.action_titles(with_probabilities),
            views.action_rows(session, proposal, with_probabilities),
            (*self._situation(), *views.wizard_lines(session)) if self._is_wizard else (),
        )
        if picked is None:
            return
        action, new = picked.name, list[Addition]()
        if picked.is_new:
            text = yield from typed((), f"text of {visible(action, 40)} (Enter for none) > ")
            name = spoken_name(action) if text.strip() else action
            if name in session.domain.actions:
                raise SessionError(f"{visible(name, 40)} is there already: pick it, or another name")
            action, addition = new_action(session.domain, name, text)
            new.append(addition)
            for fault in place_faults(text, [slot.name for slot in session.domain.slots]):
                self._notes.add(fault)
        before = session.change
        session.correct(action, new)
        self._note_change(before)

    def _note_change(self, before: object) -> None:
        change = self._session.change
        if change is not None and change is not before and not self._is_wizard:
            self._notes.extend([views.change_line(change)])

    def _resolve(self, pending: PendingContradiction) -> Dialog[None]:
        old, new = either(pending.before), visible(pending.action)
        which = yield from choose(
            (Line(f"You chose {old} in this same situation before. Which is right?", "strong"),),
            new,
            old,
            "both",
            "undo this answer",
        )
        if which == 4:
            self._session.cancel()
            return
        before = self._session.change
        self._session.resolve((NEW, OLD, BOTH)[which - 1])
        self._note_change(before)

    def _find_result(self, pending: MissingResult) -> Dialog[None]:
        problem = Line(f"The result of {visible(pending.action)} is missing.", "strong")
        if (yield from choose((*self._situation(), problem), "run it now", "continue without it")) == 1:
            self._session.run_action()
        else:
            self._session.skip_action()

    def _correct_message(self) -> Dialog[None]:
        message = self._session.message_to_correct()
        rows = views.intent_rows(self._session.domain, self._ranking(message))
        picked = yield from pick("intent", ("intent", "confidence"), rows)
        if picked is None:
            return
        meant = yield from self._with_entities(message, picked)
        added = new_intent(self._session.domain, picked.name) if picked.is_new else []
        if named := (yield from self._named(meant, added)):
            mended, new = named
            self._take(mended, lambda: self._session.correct_message(mended, new))
            self._notes.add(correction_text(self._session, mended), "good")

    def _ranking(self, message: UserUttered) -> Sequence[tuple[str, float]]:
        understood = Interpretation("")
        if message.text:
            with contextlib.suppress(InterpreterError):  # then all intents are equally probable
                understood = self._session.interpreter.parse(message.text)
        return understood.ranking or ((message.intent or "", message.confidence),)

    def _with_entities(self, message: UserUttered, picked: Picked) -> Dialog[UserUttered]:
        domain = self._session.domain
        shown = [
            Line(visible(f"entities: {entities_text(message)}")),
            *(Line(visible(line, 200), "faint") for line in entity_hints(domain)),
        ]
        while True:
            answer = yield from typed(tuple(shown), "entities > ")
            try:
                entities = message.entities if not answer.strip() else parse_entities(answer, message.text)
                meant = dataclasses.replace(message, intent=picked.name, entities=entities, confidence=1.0)
                return with_written_names(domain, meant)
            except InterpreterError as error:
                shown = [Line(f"({visible(str(error), 200)})", "bad")]

    # Commands.

    def _commands(self) -> tuple[str, ...]:
        """Return the commands that are available now."""
        here = "g" * isinstance(self._session.pending, Proposal) + "m" * self._session.can_correct_message
        return (*f"urfn{here}{'p' if self._is_wizard else ''}ts", GOAL, *"?0q")

    def _do(self, key: str) -> Dialog[None]:
        session = self._session
        if key not in (here := self._commands()):
            self._notes.add(
                f"(:{key} is not available here; try {' '.join(f':{one}' for one in here)})", "bad"
            )
        elif key == "u":
            session.undo()
            self._notes.add("(undone)")
        elif key == "r":
            session.redo()
            self._notes.add("(redone)")
        elif key == "n":
            if not session.conversation.events[1:]:
                raise SessionError("this conversation is still empty")
            session.restart()
        elif key == "f":
            yield from self._fork()
        elif key == "m":
            yield from self._correct_message()
        elif key == "p":
            yield from self._leave_wizard()
        elif key == "g":
            yield from self._go_on()
        elif key == "t":
            yield from self._set_threshold()
        elif key in ("s", GOAL):
            self._tell(key)
        else:
            self._is_over = True
            if key == "0":
                self._write_all()

    def _tell(self, key: str) -> None:
        if key == "s":
            self._notes.extend([views.figures_table(self._session)])
            return
        if not views.wish_lines(self._session):  # otherwise the question shows it
            self._notes.add(str(wish_of(self._session)))
        self._notes.tell_goal(is_asked=True)

    def _leave_wizard(self) -> Dialog[None]:
        """Ask how to go on before the bot picks any action."""
        question = Line("The bot proposes its actions from now on. How do you want to go on?", "strong")
        ways = (
            "answer each proposal",
            "let the bot continue until it is unsure",
            "go on picking every action",
        )
        way = yield from choose((question,), *ways)
        self._is_wizard = way == 3
        if way == 2:
            yield from self._go_on()

    def _write_all(self) -> None:
        try:
            exported = self._export()
        except OSError as error:
            self._is_over = False
            self._notes.add(
                f"({error.filename}: {error.strerror})" if error.filename else f"({error})", "bad"
            )
            return
        except FileError:
            self._is_over = False
            raise
        self._notes.extend(Line(f"Wrote {visible(str(path))}") for path in exported.files)
        self._notes.extend(Line(f"({visible(note)})") for note in exported.notes)
        if not exported.files:
            self._notes.add("(nothing new to export)")

    def _fork(self) -> Dialog[None]:
        conversations = views.conversation_rows(self._session)
        if not conversations:
            raise SessionError("nothing to fork from yet")
        picked: Picked | None = Picked(conversations[0].name)
        if len(conversations) > 1:
            titles = views.CONVERSATION_TITLES
            picked = yield from pick("conversation", titles, conversations, can_be_new=False)
        if picked is None:
            return
        places = views.points(self._session.history, picked.name)
        rows = [Row(what) for _, what in places]
        prompt = "fork after (number, Enter to cancel) > "
        number = yield from pick_number(("step",), rows, prompt)
        if number is not None:
            self._session.fork(places[number][0])

    def _set_threshold(self) -> Dialog[None]:
        answer = yield from typed(
            (), f"confidence needed to continue, from 0 to 1 (now {self._threshold:g}) > "
        )
        if not answer.strip():
            return
        try:
            self._threshold = fraction(answer)
        except ValueError:
            raise SessionError(f"{visible(answer, 40)} is not a number from 0 to 1") from None

    def _go_on(self) -> Dialog[None]:
        """Let the bot continue by itself and show its steps, until it is unsure or the person stops it."""
        session = self._session
        for step in range(MOST_STEPS):
            conversation, shown = session.id, len(session.conversation.events)
            if not session.run(self._threshold):
                if isinstance(session.pending, Proposal):
                    self._notes.add(f"(the bot is unsure after {counted(step, 'step')})")
                return
            has_failed = self._notes.tell_failure()
            notes = self._notes.take()
            new = session.conversation.events[shown if session.id == conversation else 0 :]
            if (yield Screen((*notes, *views.chat_lines(new)))) == STOP:
                self._notes.add("(stopped)")
                return
            if has_failed:
                self._notes.add("(stopped, because an action failed)")
                return
        self._notes.add(f"(stopped after {MOST_STEPS} steps)")
