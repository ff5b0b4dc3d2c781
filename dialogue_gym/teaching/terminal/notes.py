"""The notes of a dialog: news since the last screen, shown above the next one. No input or output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dialogue_gym._text import as_sentence, visible
from dialogue_gym.conversation.transcripts import OUTCOMES
from dialogue_gym.teaching.lesson import Lesson
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.terminal.screens import Line, Table

_STYLES = {"success": "good", "failure": "bad"}


class Notes:
    """Lines to show once: the added ones, and the news of the session.

    News are a failing action, the end of a conversation with the count of the lesson, and the beginning of
    the next conversation.
    """

    def __init__(
        self, session: Session, first: Iterable[Line | Table] = (), next_steps: Sequence[str] = ()
    ) -> None:
        """Begin with some lines.

        Args:
            session: the session that has the news.
            first: the lines.
            next_steps: lines to show once the goal of the lesson is reached.
        """
        self._session = session
        self._lines = list(first)
        self._next_steps = next_steps
        self._lesson = Lesson(session.history, has_endings=session.domain.fake_user is not None)
        self._was_reached = self._lesson.progress().is_reached
        self._conversation = session.id
        self._told: tuple[str, int | None, str] | None = None
        """The last failure that was told: conversation, its head, and the problem."""
        self._told_rule: str | None = None

    def __bool__(self) -> bool:
        """Return whether lines were added."""
        return bool(self._lines)

    def add(self, text: str, style: str = "") -> None:
        """Add a line of text."""
        self._lines.append(Line(visible(text, 2000), style))

    def extend(self, lines: Iterable[Line | Table]) -> None:
        """Add lines and tables."""
        self._lines += lines

    def take(self) -> tuple[Line | Table, ...]:
        """Return the notes; the next call begins without them."""
        session = self._session
        if session.overruled != self._told_rule:
            self._told_rule = session.overruled
            if session.overruled:
                self.add(as_sentence(session.overruled), "bad")
        self.tell_failure()
        if session.id != self._conversation:
            outcome = session.history.outcome(self._conversation)
            if outcome in OUTCOMES:
                self._lines.append(Line(f"--- {OUTCOMES[outcome]} ---", _STYLES[outcome]))
            if session.history.has_ended(self._conversation):
                self.tell_goal()
            self._lines.append(Line(f"--- conversation {session.id} ---", "strong"))
            self._conversation = session.id
        notes, self._lines = tuple(self._lines), []
        return notes

    def tell_failure(self) -> bool:
        """Add the problem with the last action, once; return whether there was one."""
        session = self._session
        if session.note is None:
            return False
        failure = (session.id, session.history.head(session.id), session.note)
        if failure == self._told:
            return False
        self._told = failure
        self.add(f"The action failed. {session.note}", "bad")
        return True

    def tell_goal(self, is_asked: bool = False) -> None:
        """Add the count of the lesson, with the next steps where the goal was reached just now."""
        progress = self._lesson.progress()
        self._lines.append(Line(str(progress), "good" if progress.is_reached else ""))
        if progress.is_reached and (is_asked or not self._was_reached):
            self._lines += [Line(step, indent=2) for step in self._next_steps]
        self._was_reached = progress.is_reached
